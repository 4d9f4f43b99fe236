//! The explanations in docs/explain.md are what the commands shown there say.
//!
//! What belongs to a build of Python or of the C library and not to the explanation is left out of
//! the comparison: build ids, places within a function, the copy routine's variant, the
//! interpreter's own functions and what they tell. `BUSPROBE_WRITE_DOCS=1 cargo test -p busprobe --test
//! explain_documented` writes the page anew.

use std::path::{Path, PathBuf};
use std::process::Command;

mod qemu_parts;
use qemu_parts::{build_plugin, guest};

/// The last of glibc's copies for x86-64, which every such CPU can run.
const SSE2: &str = "glibc.cpu.hwcaps=\
                    -AVX512F,-AVX512VL,-AVX2,-AVX_Fast_Unaligned_Load,-SSSE3";

const EXPLAIN: &str = "$ busprobe explain block.jsonl";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A folder as the page takes it to be: with the program and a window.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(root().join("examples/seed.py"), folder.path().join("seed.py")).unwrap();
    std::fs::write(folder.path().join("window.bin"), vec![0; 4096]).unwrap();
    folder
}

/// Traces `python3 seed.py window.bin WORDS` with these options, and explains the trace.
fn explanation(options: &[&str], words: &str) -> String {
    let folder = folder();
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_busprobe"))
            .current_dir(folder.path())
            .args(arguments)
            .env("GLIBC_TUNABLES", SSE2)
            .output()
            .unwrap()
    };
    let program = ["--", "python3", "seed.py", "window.bin", words];
    let traced =
        run(&[&["trace", "--watch", "window.bin", "-o", "block.jsonl"], options, &program[..]]
            .concat());
    let error = String::from_utf8_lossy(&traced.stderr);
    assert_eq!(traced.status.code(), Some(0), "{error}");
    let explained = run(&["explain", "block.jsonl"]);
    assert_eq!(explained.status.code(), Some(1), "{}", String::from_utf8_lossy(&explained.stderr));
    let here = format!("{}/", folder.path().display());
    String::from_utf8(explained.stdout).unwrap().replace(&here, "")
}

/// Without what belongs to a build.
fn kept(text: &str) -> String {
    let mut rest = String::new();
    let mut of_interpreter = false;
    for line in text.lines() {
        let label = line.get(..10).unwrap_or("").trim();
        of_interpreter =
            ["through", "called by"].contains(&label) || (of_interpreter && label.is_empty());
        if of_interpreter || is_bytecode(line) {
            continue;
        }
        let words = line.split(' ').map(|word| {
            let is_id = word.len() == 40 && word.bytes().all(|b| b.is_ascii_hexdigit());
            let is_copy = word.contains("memcpy") || word.contains("memmove");
            match word {
                _ if is_id => "BUILD-ID".to_owned(),
                _ if is_copy && !word.ends_with("'s") => "COPY".to_owned(),
                _ if word.starts_with("+0x") => "+PLACE".to_owned(),
                word => word.to_owned(),
            }
        });
        rest += &words.collect::<Vec<_>>().join(" ");
        rest.push('\n');
    }
    rest
}

/// `--> 438 STORE_SUBSCR`, with or without the arrow: each version of Python has its own.
fn is_bytecode(line: &str) -> bool {
    let mut words = line.split_whitespace().skip_while(|word| *word == "-->");
    let is_offset = words.next().is_some_and(|word| word.parse::<u32>().is_ok());
    let is_opcode = |name: &str| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    is_offset && words.next().is_some_and(|name| name.len() > 1 && is_opcode(name))
}

/// Holds what was said against the page's block of that number, or puts it there.
fn compare(number: usize, said: &str) {
    let path = root().join("docs/explain.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let fence = "\n```\n";
    // Between the fences: the page's text and its blocks, by turns.
    let mut parts: Vec<String> = page.split(fence).map(str::to_owned).collect();
    let block = &mut parts[2 * number + 1];
    let (command, shown) = block.split_once(EXPLAIN).unwrap();
    if std::env::var_os("BUSPROBE_WRITE_DOCS").is_some() {
        *block = format!("{command}{EXPLAIN}\n{}", said.trim_end());
        std::fs::write(&path, parts.join(fence)).unwrap();
        return;
    }
    assert_eq!(kept(shown).trim(), kept(said).trim());
}

#[test]
#[cfg(target_arch = "x86_64")]
fn on_this_machine() {
    compare(0, &explanation(&["--stack"], "5"));
}

#[test]
fn of_an_aarch64_python_under_qemu() {
    build_plugin();
    let parts = ["qemu-aarch64", "sysroot", "libc6-dbg"].map(guest);
    let [Some(qemu), Some(sysroot), Some(symbols)] = parts else { return };
    let options = ["--cpu", "cortex-a57", "--qemu", &qemu, "--sysroot", &sysroot];
    compare(1, &explanation(&[&options[..], &["--symbols", &symbols]].concat(), "4"));
}
