//! `busprobe diagnose` answers the question that began it, and the document shows what it says.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// The source tree, whose examples the document runs.
fn tree() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn diagnose(arguments: &[&str], input: &str) -> (i32, String, String) {
    let output = Command::cargo_bin("busprobe")
        .unwrap()
        .current_dir(tree())
        .arg("diagnose")
        .args(arguments)
        .write_stdin(input)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_document_shows_what_the_command_says() {
    let document = std::fs::read_to_string(tree().join("docs/diagnose.md")).unwrap();
    let mut shown = 0;
    for block in document.split("```\n$ ").skip(1) {
        let (command, rest) = block.split_once('\n').unwrap();
        let (expected, _) = rest.split_once("```").unwrap();
        let arguments: Vec<&str> = command.split(' ').skip(2).collect();
        let (status, out, error) = diagnose(&arguments, "");
        assert_eq!((status, error.as_str()), (1, ""), "{command}");
        assert_eq!(out, expected, "{command}");
        shown += 1;
    }
    assert_eq!(shown, 2);
}

#[test]
fn a_log_of_another_tool_is_read_from_standard_input() {
    let line = |offset: u64| {
        format!(
            "memory_region_ops_write cpu 0 mr 0x55f2 addr {offset:#x} value 0x1 size 4 name 'dev'\n"
        )
    };
    let log: String = [0x0a00_0000, 0x0a00_0004].map(line).concat();
    let (status, out, _) = diagnose(&["-"], &log);
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("2 writes for 2 words: exact") && !out.contains("instead"), "{out}");
    let (status, out, _) = diagnose(&["-", "--window", "0x0a000004+4"], &log);
    assert!(status == 0 && out.contains("1 write for 1 word: exact"), "{out}");
}

#[test]
fn json_has_the_builds_of_the_routines_that_fit() {
    let line = "qemu_ram_write: addr 0x0, data 0x1, size 0x4\n";
    let (status, out, _) = diagnose(&["-", "--json"], &line.repeat(2));
    assert_eq!(status, 1);
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    let block = &found["blocks"][0];
    assert_eq!(block["verdicts"][0]["classes"][0], "doubled");
    assert_eq!(block["remedy"], "busprobe.view(mm, \"I\")[0] = value");
    let combining =
        block["causes"].as_array().unwrap().iter().find(|cause| cause["kind"] == "write-combining");
    assert_eq!(combining.unwrap()["fits"], false);
    let builds = found["builds"]["glibc-generic"].as_array().unwrap();
    assert!(builds.iter().any(|build| build["build_id"].as_str().unwrap().len() == 40));
}

#[test]
fn blank_lines_set_operations_apart() {
    let line = "qemu_ram_write: addr 0x0, data 0x1, size 0x4\n";
    let (_, out, _) = diagnose(&["-"], &format!("{line}\n{line}"));
    assert!(out.starts_with("line 1: 1 write") && out.contains("\nline 3: 1 write"), "{out}");
}

#[test]
fn trouble_ends_with_2() {
    for (arguments, input, expected) in [
        (&["-"][..], "", "the log is empty"),
        (&["-"], "hello\n", "no line of the first 1 is of a format that is known"),
        (&["-", "--counts"], "hello\n", "no row in it"),
        (&["no-such-file"], "", "No such file"),
    ] {
        let (status, out, error) = diagnose(arguments, input);
        assert_eq!((status, out.as_str()), (2, ""), "{arguments:?}");
        assert!(error.contains(expected), "{error}");
    }
    let good = "qemu_ram_write: addr 0x0, data 0x1, size 0x4\n";
    let (status, out, error) = diagnose(&["-"], &format!("{good}qemu_ram_write: addr\n"));
    assert_eq!(status, 2);
    assert!(out.contains("1 write for 1 word") && error.contains("line 2"), "{out}{error}");
}
