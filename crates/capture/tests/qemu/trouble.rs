//! What goes wrong is said in one line, with what to do about it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use busprobe_capture::qemu::{Capture, Error};
use busprobe_trace::{Header, Level, Trace};
use tempfile::TempDir;

use crate::parts;
use crate::run::Window;

/// The error of a capture that cannot begin, in words.
fn error(capture: Capture) -> (Error, String) {
    let mut trace = Trace::new(Header::new(Level::Bus, busprobe_trace::Capture::Sim, "none"));
    let before = trace.clone();
    let error = capture.run(&mut trace).expect_err("this cannot run");
    assert_eq!(trace, before, "a capture that did not begin leaves no trace");
    let text = error.to_string();
    assert_eq!(text.lines().count(), 1, "{text}");
    (error, text)
}

/// An executable file of that text.
fn script(folder: &TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("script");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn aarch64() -> Capture {
    Capture::new([parts::program("aarch64")])
}

#[test]
fn no_command_is_asked_for() {
    assert!(matches!(error(Capture::new::<String>([])).0, Error::NoCommand));
}

#[test]
fn an_unknown_cpu_comes_with_the_known_ones() {
    let Some(qemu) = parts::qemu("aarch64") else { return };
    let (error, text) = error(aarch64().qemu(qemu).cpu("cortex-a99"));
    assert!(matches!(error, Error::UnknownCpu { .. }), "{text}");
    assert!(text.starts_with("cortex-a99: not a CPU of ") && text.contains("cortex-a57"), "{text}");
}

#[test]
fn a_cpu_with_features_is_known_by_its_model() {
    let Some(qemu) = parts::qemu("aarch64") else { return };
    let window = Window::new();
    let capture = Capture::new([parts::program("aarch64"), window.path()]).qemu(qemu);
    let (outcome, trace) = crate::run::run(capture.cpu("cortex-a57,aarch64=on"));
    assert_eq!(outcome.status, 7);
    assert_eq!(trace.header.cpu.as_deref(), Some("cortex-a57,aarch64=on"));
}

#[test]
fn a_missing_qemu_comes_with_the_package() {
    let folder = tempfile::tempdir().unwrap();
    let mut unknown = fs::read(parts::program("aarch64")).unwrap();
    // e_machine, ELF-64 Object File Format: a number that nobody has.
    unknown[18..20].copy_from_slice(&0xfefe_u16.to_le_bytes());
    let program = folder.path().join("program");
    fs::write(&program, unknown).unwrap();
    let (error, text) = error(Capture::new([&program]).arch("nonesuch"));
    assert!(matches!(error, Error::NoEmulator { .. }), "{text}");
    assert!(
        text.starts_with("qemu-nonesuch is not in PATH: `apt-get install qemu-user`"),
        "{text}"
    );
    let (error, _) = self::error(Capture::new([&program]));
    assert!(matches!(error, Error::UnknownArch { .. }));
}

#[test]
fn a_qemu_that_is_not_there_is_named() {
    let (error, text) = error(aarch64().qemu("/nowhere/qemu"));
    assert!(matches!(error, Error::EmulatorNotRun { .. }), "{text}");
    assert!(text.starts_with("cannot run /nowhere/qemu: "), "{text}");
}

#[test]
fn a_qemu_without_plugins_comes_with_one_that_has_them() {
    let folder = tempfile::tempdir().unwrap();
    // What Debian's qemu-user-static prints begins so, and has no line with -plugin.
    let qemu = script(&folder, "#!/bin/sh\necho 'usage: qemu-aarch64 [options] program'\n");
    let (error, text) = error(aarch64().qemu(qemu));
    assert!(matches!(error, Error::NoPlugins { .. }), "{text}");
    assert!(text.contains("--qemu"), "{text}");
}

#[test]
fn a_qemu_that_ends_at_once_is_said_to() {
    parts::build_plugin();
    let folder = tempfile::tempdir().unwrap();
    let answers = "case $1 in -h) echo -plugin;; -cpu) echo ' cortex-a57';; *) exit 3;; esac";
    let qemu = script(&folder, &format!("#!/bin/sh\n{answers}\n"));
    let (error, text) = error(aarch64().qemu(qemu));
    assert!(matches!(error, Error::NotBegun { status: 3, .. }), "{text}");
}

#[test]
fn a_program_for_another_machine_is_told() {
    let (error, text) = error(aarch64().arch("arm"));
    assert!(matches!(error, Error::OtherArch { .. }), "{text}");
    assert!(text.ends_with("a program for aarch64, not for arm: give --arch aarch64, or none"));
}

#[test]
fn a_script_and_a_cut_off_program_are_no_programs() {
    let folder = tempfile::tempdir().unwrap();
    let (error, text) = error(Capture::new([script(&folder, "#!/bin/sh\n")]));
    assert!(matches!(error, Error::NotElf { .. }), "{text}");
    assert!(text.contains("give its interpreter first"), "{text}");
    let program = fs::read(parts::program("riscv64")).unwrap();
    for length in [0, 4, 40, 80] {
        let cut = folder.path().join("cut");
        fs::write(&cut, &program[..length]).unwrap();
        assert!(matches!(self::error(Capture::new([cut])).0, Error::NotElf { .. }), "{length}");
    }
}

#[test]
fn a_missing_sysroot_is_asked_for() {
    let (error, text) = error(aarch64().sysroot("/nowhere"));
    assert!(matches!(error, Error::NoSysroot { .. }), "{text}");
    let (error, text) = self::error(Capture::new(["python3"]));
    assert!(matches!(error, Error::NoPath { .. }), "{text}");
    assert!(text.contains("--sysroot"), "{text}");
    let empty = tempfile::tempdir().unwrap();
    let (error, text) = self::error(Capture::new(["python3"]).sysroot(empty.path()));
    assert!(matches!(error, Error::NotInSysroot { .. }), "{text}");
}

#[test]
fn a_program_whose_libraries_are_elsewhere_is_told() {
    let Some(sysroot) = parts::sysroot() else { return };
    let empty = tempfile::tempdir().unwrap();
    let python = sysroot.join("usr/bin/python3.11");
    let (error, text) = error(Capture::new([&python]).sysroot(empty.path()));
    assert!(matches!(error, Error::NoInterpreter { .. }), "{text}");
    assert!(text.contains("needs /lib/ld-linux-aarch64.so.1, which is not in "), "{text}");
}

#[test]
fn a_window_that_is_not_there_is_named() {
    let Some(qemu) = parts::qemu("aarch64") else { return };
    let watch = busprobe_capture::Watch::file("/nowhere/window", 0..4096);
    let (error, text) = error(aarch64().qemu(qemu).watch(watch));
    assert!(matches!(error, Error::NotWatchable { .. }), "{text}");
    assert!(text.starts_with("cannot watch /nowhere/window: "), "{text}");
}
