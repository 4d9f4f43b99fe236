//! Programs of another machine on the command line, run under QEMU.

use std::path::Path;
use std::process::Command;

mod qemu_parts;
use qemu_parts::{build_plugin, guest};

/// Exit status and what was said.
fn busprobe(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_busprobe"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_slice_assignment_of_an_aarch64_python_is_shown_with_its_cause() {
    build_plugin();
    let parts = ["qemu-aarch64", "sysroot", "libc6-dbg"].map(guest);
    let [Some(qemu), Some(sysroot), Some(symbols)] = parts else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("window"), vec![0; 4096]).unwrap();
    let program = "import mmap, os\nmm = mmap.mmap(os.open('window', os.O_RDWR), 4096)\n\
                   memoryview(mm).cast('I')[0:64] = memoryview(bytearray(256)).cast('I')";
    let options = ["--cpu", "cortex-a57", "--qemu", &qemu, "--sysroot", &sysroot];
    let watch = ["--symbols", &symbols, "--watch", "window", "--", "python3", "-c", program];
    let (status, _, error) =
        busprobe(folder.path(), &[&["trace"], &options[..], &watch[..]].concat());
    assert_eq!(status, 0, "{error}");
    let first = error.lines().next().unwrap();
    assert!(first.starts_with("W addr 0x0 data 0x0 size "), "{first}");
    assert!(first.contains("   libc.so.6 __memcpy_generic+0x"), "{first}");
    assert!(error.contains("68 writes for 64 words"), "{error}");
    assert!(
        error.contains("made by libc.so.6 __memcpy_generic from <string>:3 in <module>: "),
        "{error}"
    );
    assert!(error.contains("stp q"), "{error}");
}

#[test]
fn the_sweep_of_an_aarch64_python_counts_what_was_published() {
    build_plugin();
    let [Some(qemu), Some(sysroot)] = ["qemu-aarch64", "sysroot"].map(guest) else { return };
    let published = include_str!("../../lab/tests/golden/seed.txt");
    let (_, table) = published.split_once("[table]\n").unwrap();
    let options = ["--on", "qemu", "--qemu", &qemu, "--sysroot", &sysroot, "--json"];
    let sweep = [&["sweep", "--via", "memoryview,loop"], &options[..]].concat();
    let (status, out, error) = busprobe(Path::new("/"), &sweep);
    assert_eq!((status, error.as_str()), (0, ""));
    let cells: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    let (memoryview, scalar) = cells.split_at(cells.len() / 2);
    let counted: Vec<String> =
        memoryview.iter().map(|cell| format!("{} {}", cell["words"], cell["beats"])).collect();
    assert_eq!(counted, table.lines().collect::<Vec<_>>());
    for cell in scalar {
        assert_eq!((&cell["way"], &cell["beats"]), (&"loop".into(), &cell["words"]));
        assert_eq!(cell["verdict"].to_string(), r#"["exact"]"#);
    }
}

#[test]
fn options_of_another_place_are_told_where_they_belong() {
    for (arguments, said) in [
        (&["--cpu", "cortex-a57"][..], "add --on qemu"),
        (&["--on", "qemu", "--libc", "libc.so.6"][..], "add --on lab"),
        (&["--on", "lab", "--libc", "x", "--sysroot", "y"][..], "are for --on qemu"),
    ] {
        let (status, _, error) = busprobe(Path::new("/"), &[&["sweep"], arguments].concat());
        assert_eq!((status, error.lines().count()), (2, 1), "{error}");
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn what_stands_in_the_way_is_one_line_and_exit_status_2() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("window"), vec![0; 4096]).unwrap();
    let rest = ["--watch", "window", "--", "python3"];
    for (options, said) in [
        (["--sysroot", "/nowhere"], "busprobe: /nowhere: no such folder; --sysroot names"),
        (
            ["--cpu", "cortex-a57"],
            "busprobe: python3: this machine's own programs are not for QEMU",
        ),
    ] {
        let (status, _, error) =
            busprobe(folder.path(), &[&["trace"], &options[..], &rest[..]].concat());
        assert_eq!((status, error.lines().count()), (2, 1), "{error}");
        assert!(error.starts_with(said), "{error}");
    }
}
