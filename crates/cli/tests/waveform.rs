//! `busprobe import` reads the link in a waveform of Icarus Verilog that has two, in either format.

use std::fs;

use assert_cmd::Command;

const WAVEFORM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../logs/tests/icarus-11/sim.vcd");

/// Runs `busprobe import WAVEFORM ARGUMENTS` and returns its exit status and what it said.
fn import(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("busprobe")
        .unwrap()
        .args(["import", WAVEFORM])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_link_in_a_waveform_is_a_trace_at_the_level_of_the_bus() {
    let (status, out, error) = import(&["--link", "link"]);
    assert_eq!(status, 0, "{error}");
    assert!(out.starts_with(r#"{"t":"trace","version":1,"level":"bus","capture":"import""#));
    assert_eq!(out.matches(r#""t":"access""#).count(), 9);
    assert!(error.ends_with("sim.vcd: vcd, 9 accesses kept\n"), "{error}");
}

#[test]
fn the_same_waveform_in_fst_is_the_same_trace() {
    let (_, from_vcd, _) = import(&["--link", "link"]);
    let fst = WAVEFORM.replace("sim.vcd", "sim-lz4.fst");
    let mut command = Command::cargo_bin("busprobe").unwrap();
    let output = command.args(["import", &fst, "--link", "link"]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), from_vcd);
    assert!(output.stderr.ends_with(b"sim-lz4.fst: fst, 9 accesses kept\n"));
}

#[test]
fn a_damaged_fst_is_trouble_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = fs::read(WAVEFORM.replace("sim.vcd", "sim-lz4.fst")).unwrap();
    let middle = file.len() / 2;
    file[middle..middle + 40].fill(0xEE);
    fs::write(folder.path().join("sim.fst"), file).unwrap();
    let mut command = Command::cargo_bin("busprobe").unwrap();
    let output = command
        .current_dir(&folder)
        .args(["import", "sim.fst", "--link", "link"])
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
    assert!(error.starts_with("busprobe: sim.fst: byte "), "{error}");
}

#[test]
fn a_waveform_cut_off_ends_with_2_and_keeps_what_came_before() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read_to_string(WAVEFORM).unwrap();
    let cut = whole.rfind("\n#").unwrap() + 2;
    fs::write(folder.path().join("cut.vcd"), &whole[..cut]).unwrap();
    let mut command = Command::cargo_bin("busprobe").unwrap();
    let output =
        command.current_dir(&folder).args(["import", "cut.vcd", "--link", "link"]).output();
    let output = output.unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    let line = whole[..cut].lines().count();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert_eq!(
        error,
        format!("busprobe: cut.vcd: vcd, 9 accesses kept; the file was cut off in line {line}\n")
    );
}

#[test]
fn what_was_exported_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let busprobe = |arguments: &[&str]| {
        let mut command = Command::cargo_bin("busprobe").unwrap();
        let output = command.current_dir(&folder).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    busprobe(&["import", WAVEFORM, "--link", "link", "-o", "a.parquet"]);
    for drawn in ["b.vcd", "b.fst"] {
        busprobe(&["export", "a.parquet", "-o", drawn]);
        busprobe(&["import", drawn, "-o", "c.jsonl"]);
        assert_eq!(busprobe(&["diff", "a.parquet", "c.jsonl"]), "", "{drawn}");
    }
}

#[test]
fn a_window_keeps_its_own_accesses() {
    let (status, out, _) = import(&["--link", "link", "--window", "0x1000+4K"]);
    assert_eq!(status, 0);
    assert!(out.contains(r#""base":4096,"length":4096"#), "{out}");
    assert!(out.contains(r#""offset":0,"size":4,"data":"0x00000007""#), "{out}");
    assert_eq!(out.matches(r#""t":"access""#).count(), 1);
}

#[test]
fn of_two_links_one_has_to_be_named() {
    let (status, out, error) = import(&[]);
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(
        error.ends_with("2 links: axil_bench.ctrl, axil_bench.link; say which with --link\n"),
        "{error}"
    );
}

#[test]
fn what_does_not_go_with_a_waveform_is_refused() {
    for (arguments, said) in [
        (&["--link", "link", "--window", "0+4", "--window", "8+4"][..], "give one --window"),
        (&["--link", "link", "--mark", "0x10"], "--mark is for logs"),
        (&["--link", "link", "--window", "0x2000+4"], "nothing in the given window"),
        (&["--link", "nowhere"], "no link \"nowhere\"; there is axil_bench.ctrl, axil_bench.link"),
    ] {
        let (status, _, error) = import(arguments);
        assert_eq!(status, 2, "{arguments:?}");
        assert!(error.contains(said), "{error}");
    }
}
