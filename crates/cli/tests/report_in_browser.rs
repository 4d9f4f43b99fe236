//! The page of `busprobe report`, as a browser shows it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const HEADER: &str = r#"{"t":"trace","version":1,"level":"bus","capture":"guest","machine":"aarch64","command":["python3","seed.py"]}"#;
const SITE: &str = r#"{"t":"site","id":0,"pc":4096,"module":"/lib/libc.so.6","symbol":"memcpy","symbol_offset":88,"text":"stp x6, x7, [x0]"}"#;

/// Offsets of words, in the order of their writes: exact, doubled, out of order, and with 4 extra.
fn operations() -> Vec<(&'static str, Vec<u64>)> {
    let words = |range: std::ops::Range<u64>| range.map(|word| word * 4);
    vec![
        ("exact", words(0..8).collect()),
        ("doubled", words(0..4).chain(words(0..4)).collect()),
        ("out of order", words(16..24).chain(words(0..16)).chain(words(24..32)).collect()),
        ("extra <words>", words(0..52).chain(words(48..64)).collect()),
    ]
}

/// Makes the page of a trace of these operations.
fn page(folder: &Path) -> String {
    let mut trace = format!("{HEADER}\n{SITE}\n");
    for (name, offsets) in operations() {
        writeln!(trace, r#"{{"t":"mark","seq":0,"text":"{name}"}}"#).unwrap();
        for offset in offsets {
            let place = format!(r#""dir":"W","window":0,"offset":{offset},"size":4"#);
            writeln!(trace, r#"{{"t":"access","seq":0,{place},"site":0}}"#).unwrap();
        }
    }
    fs::write(folder.join("t.jsonl"), trace).unwrap();
    let mut busprobe = assert_cmd::Command::cargo_bin("busprobe").unwrap();
    busprobe.current_dir(folder).args(["report", "t.jsonl", "-o", "t.html"]).assert().success();
    fs::read_to_string(folder.join("t.html")).unwrap()
}

/// Opens a page without a screen, without a network, and with nothing kept of it.
fn open(folder: &Path, page: &str, arguments: &[&str]) -> Output {
    let profile = format!("--user-data-dir={}", folder.join("profile").display());
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update"])
        .args(["--disable-sync", "--disable-quic", "--enable-logging=stderr", &profile])
        .args(arguments)
        .arg(format!("file://{}", folder.join(page).display()))
        .output();
    output.expect("this test needs a browser: apt-get install chromium")
}

/// The page as it stands when its scripts have run, and what it wrote to the console.
fn opened(folder: &Path, page: &str) -> (String, Vec<String>) {
    let output = open(folder, page, &["--dump-dom"]);
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    let console = log.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned);
    (String::from_utf8(output.stdout).unwrap(), console.collect())
}

#[test]
fn the_page_opens_with_nothing_to_say_on_the_console() {
    let folder = tempfile::tempdir().unwrap();
    let page = page(folder.path());
    let (shown, console) = opened(folder.path(), "t.html");
    assert!(shown.contains("68 writes for 64 words: 4 words written twice"), "{shown}");
    assert_eq!(console, [""; 0]);

    // A page that has something to say is heard.
    fs::write(folder.path().join("bad.html"), page + "<script>missing()</script>").unwrap();
    let (_, console) = opened(folder.path(), "bad.html");
    assert!(console[0].contains("missing is not defined"), "{console:?}");
}

/// What a browser finds of each picture: its marks, those that lie within it and have a size, and
/// their colours.
const LOOK: &str = r"<script>
document.body.textContent = [...document.querySelectorAll('figure > svg')].map(picture => {
  const frame = picture.getBoundingClientRect();
  const marks = [...picture.querySelectorAll('rect')];
  const visible = marks.filter(mark => {
    const box = mark.getBoundingClientRect();
    return box.width >= 1 && box.height >= 1 && box.left >= frame.left && box.right <= frame.right
      && box.top >= frame.top && box.bottom <= frame.bottom;
  });
  const colours = new Set(marks.map(mark => getComputedStyle(mark).fill));
  return `${marks.length} marks, ${visible.length} visible, ${colours.size} colours`;
}).join('; ');
</script>";

#[test]
fn every_beat_has_a_mark_that_can_be_seen() {
    let folder = tempfile::tempdir().unwrap();
    let page = page(folder.path());
    fs::write(folder.path().join("looked.html"), page + LOOK).unwrap();
    let (shown, console) = opened(folder.path(), "looked.html");
    assert_eq!(console, [""; 0]);
    let expected = [(8, 1), (8, 2), (32, 2), (68, 2)]
        .map(|(beats, colours)| format!("{beats} marks, {beats} visible, {colours} colours"))
        .join("; ");
    assert!(shown.contains(&expected), "{shown}");
}

#[test]
fn the_page_can_be_printed() {
    let folder = tempfile::tempdir().unwrap();
    page(folder.path());
    let pdf = folder.path().join("t.pdf");
    open(folder.path(), "t.html", &[&format!("--print-to-pdf={}", pdf.display())]);
    assert!(fs::read(pdf).unwrap().starts_with(b"%PDF-"));
}
