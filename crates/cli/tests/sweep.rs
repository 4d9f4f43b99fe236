//! The sweep shows what real interpreters do, on this machine.

use assert_cmd::Command;
use serde_json::Value;

/// Keeps glibc to its SSE2 copy, which every x86-64 CPU has, so that the figures are the same on
/// all of them. An Intel CPU gets there without the AVX2 and AVX512VL ones; an AMD CPU has two
/// more to choose from before it, for AVX512F and SSSE3.
const SSE2: &str = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX_Fast_Unaligned_Load,-SSSE3";

const WORDS: [u64; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 230, 256];

fn sweep(options: &[&str]) -> Vec<Value> {
    let output = Command::cargo_bin("busprobe")
        .unwrap()
        .args(["sweep", "--on", "native", "--json"])
        .args(options)
        .env("GLIBC_TUNABLES", SSE2)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn column(cells: &[Value], key: &str) -> Vec<u64> {
    cells.iter().map(|cell| cell[key].as_u64().unwrap()).collect()
}

/// Offsets of the accesses of 16 bytes that make up a sequence of beats.
fn blocks(cell: &Value) -> Vec<u64> {
    let beats = cell["sequence"].as_array().unwrap();
    let offset = |beat: &Value| beat[0].as_u64().unwrap();
    beats.chunks(4).map(|four| offset(&four[0])).collect()
}

/// As measured with another tracer, on `CPython` 3.11.7 and glibc 2.36.
#[test]
#[cfg(target_arch = "x86_64")]
fn memoryview_by_the_sse2_copy_puts_these_beats() {
    let cells = sweep(&["--via", "memoryview"]);
    assert_eq!(column(&cells, "words"), WORDS);
    assert_eq!(column(&cells, "beats"), [2, 4, 8, 8, 16, 32, 68, 132, 244, 260]);

    let verdicts: Vec<String> = cells.iter().map(|cell| cell["verdict"].to_string()).collect();
    assert_eq!(
        verdicts[..4],
        [r#"["doubled"]"#, r#"["doubled"]"#, r#"["doubled"]"#, r#"["exact"]"#]
    );
    assert_eq!(verdicts[4], r#"["out of order"]"#);
    assert_eq!(verdicts[5], r#"["out of order"]"#);

    assert_eq!(cells[0]["sequence"].to_string(), "[[0,4],[0,4]]");
    assert_eq!(cells[1]["sequence"].to_string(), "[[0,4],[4,4],[0,4],[4,4]]");
    assert_eq!(blocks(&cells[2]), [0, 0]);
    assert_eq!(blocks(&cells[3]), [0, 0x10]);
    assert_eq!(blocks(&cells[4]), [0, 0x10, 0x30, 0x20]);
    assert_eq!(blocks(&cells[5]), [0, 0x10, 0x20, 0x30, 0x70, 0x60, 0x50, 0x40]);
    for (index, accesses) in [(6, 17), (7, 33), (8, 61), (9, 65)] {
        assert_eq!(cells[index]["accesses"], accesses);
    }
}

#[test]
fn a_loop_and_busprobe_are_exact_at_every_size() {
    for cell in sweep(&["--via", "loop,busprobe"]) {
        assert_eq!(cell["verdict"].to_string(), r#"["exact"]"#, "{cell}");
        assert_eq!(cell["beats"], cell["words"]);
        assert_eq!(cell["accesses"], cell["words"]);
    }
}

#[test]
fn ctypes_reads_each_word_before_it_writes_it() {
    let [cell] = &sweep(&["--via", "ctypes", "--words", "4"])[..] else { panic!("one cell") };
    assert_eq!(cell["verdict"].to_string(), r#"["extra"]"#);
    assert_eq!(cell["beats"], 8);
}

#[test]
fn the_table_has_a_row_a_size_and_a_column_a_way() {
    let output = Command::cargo_bin("busprobe")
        .unwrap()
        .args(["sweep", "--via", "memoryview,loop", "--words", "1,4"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for expected in ["memoryview", "loop", "doubled", "exact", "accesses > beats"] {
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn trouble_is_one_line_and_ends_with_2() {
    for (options, expected) in [
        (&["--via", "telepathy"][..], "invalid value 'telepathy'"),
        (&["--words", "0"], "invalid value '0'"),
        (&["--python", "/no/such/python"], "/no/such/python: No such file"),
        (&["--python", "/bin/true"], "/bin/true: this is no Python 3"),
    ] {
        let output =
            Command::cargo_bin("busprobe").unwrap().arg("sweep").args(options).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{options:?}: {error}");
        assert!(error.contains(expected), "{options:?}: {error}");
    }
}
