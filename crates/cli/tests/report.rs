//! `busprobe report` makes one page that needs nothing else.

use std::fs;

use assert_cmd::Command;

const HEADER: &str = r#"{"t":"trace","version":1,"level":"instruction","capture":"native","machine":"aarch64","command":["python3","<poke>.py"]}"#;
const SITE: &str = r#"{"t":"site","id":0,"pc":4096,"module":"/lib/libc.so.6","symbol":"fill","symbol_offset":88,"text":"stp x6, x7, [x0]"}"#;

fn mark(text: &str) -> String {
    format!(r#"{{"t":"mark","seq":0,"text":"{text}"}}"#)
}

fn write(offset: u64) -> String {
    format!(r#"{{"t":"access","seq":0,"dir":"W","window":0,"offset":{offset},"size":4,"site":0}}"#)
}

fn trace(lines: &[String]) -> String {
    format!("{HEADER}\n{SITE}\n{}\n", lines.join("\n"))
}

fn report(trace: &str) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("t.jsonl"), trace).unwrap();
    let mut command = Command::cargo_bin("busprobe").unwrap();
    let output = command.current_dir(&folder).args(["report", "t.jsonl"]).output().unwrap();
    let page = fs::read_to_string(folder.path().join("report.html")).unwrap_or_default();
    (output.status.code().unwrap(), page, String::from_utf8(output.stderr).unwrap())
}

fn count(page: &str, what: &str) -> usize {
    page.matches(what).count()
}

#[test]
fn the_page_says_the_verdict_the_cause_and_what_to_write_instead() {
    let (status, page, error) = report(&trace(&[write(0), write(4), write(0), write(4)]));
    assert_eq!((status, error.as_str()), (0, ""));
    for text in [
        "4 writes for 2 words: every word written twice",
        "<span class=\"chip bad\">doubled</span>",
        "libc.so.6 fill+0x58",
        "stp x6, x7, [x0]",
        "busprobe.view(mm, &quot;I&quot;)[0:2] = data",
        "python3 &lt;poke&gt;.py",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
}

#[test]
fn a_compiled_program_is_told_what_to_write_in_its_own_words() {
    let compiled = trace(&[write(0), write(4), write(0), write(4)]).replace("python3", "./poke");
    let (_, page, _) = report(&compiled);
    assert!(page.contains("window.write_block(0x0, &amp;words, Mode::Incr)?"), "{page}");
}

#[test]
fn what_was_not_seen_is_not_called_wrong() {
    let loss = r#"{"t":"loss","seq":1,"kind":"missed","detail":"3 lost"}"#.to_owned();
    let (_, page, _) = report(&trace(&[write(0), loss]));
    assert!(page.contains("Nothing was wrong in what was seen, but not all was seen."), "{page}");
    assert!(page.contains("<li>3 lost</li>"), "{page}");
}

#[test]
fn the_picture_has_one_mark_a_beat_and_tells_what_each_is() {
    let lines = [write(8), write(0), write(4), write(4)];
    let (_, page, _) = report(&trace(&lines));
    assert_eq!(count(&page, "<title>beat "), 4);
    assert_eq!(count(&page, "first time, in order</title>"), 1);
    assert_eq!(count(&page, "out of order: a later address came first</title>"), 2);
    assert_eq!(count(&page, "again: it had been put before</title>"), 1);
}

#[test]
fn each_operation_has_a_section_and_a_row() {
    let lines = [mark("one"), write(0), mark("<b>two</b>"), write(0), write(4), write(0)];
    let (_, page, _) = report(&trace(&lines));
    assert_eq!(count(&page, "<section "), 2);
    assert!(page.contains("<a href=\"#op1\">&lt;b&gt;two&lt;/b&gt;</a>"), "{page}");
    assert!(page.contains("1 of 2 operations did not put what was meant on the bus."));
}

#[test]
fn the_page_asks_nothing_of_the_network_and_runs_no_script() {
    let (_, page, _) = report(&trace(&[write(0)]));
    for foreign in ["http:", "https:", "<script", "<link", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn a_long_trace_makes_a_page_of_bounded_size() {
    let lines: Vec<String> = (0..20_000).map(|index| write(index * 4)).collect();
    let (status, page, _) = report(&trace(&lines));
    assert_eq!((status, count(&page, "<title>beat ")), (0, 2000));
    assert!(page.contains("18000 more beats are not drawn"));
}

#[test]
fn addresses_at_the_end_of_all_addresses_are_drawn() {
    let (status, page, _) = report(&trace(&[write(u64::MAX - 3), write(0), write(u64::MAX - 1)]));
    assert_eq!((status, count(&page, "<title>beat ")), (0, 3));
}

#[test]
fn a_damaged_trace_is_reported_up_to_the_damage() {
    let (status, page, error) = report(&trace(&[write(0), "rubbish".to_owned()]));
    assert_eq!((status, count(&page, "<title>beat ")), (2, 1));
    assert!(error.contains("line 4") && error.contains("reported is what came before"), "{error}");
}

#[test]
fn a_trace_of_nothing_is_a_page_that_says_so() {
    let (status, page, _) = report(&format!("{HEADER}\n"));
    assert_eq!((status, count(&page, "No access was recorded.")), (0, 1));
}
