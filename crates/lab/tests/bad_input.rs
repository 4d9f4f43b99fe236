//! Files that are no AArch64 libc, and calls that cannot be made.

mod libcs;

use std::path::{Path, PathBuf};

use busprobe_lab::{Call, Cpu, Function, Lab, LabError};

fn open(path: &Path) -> Result<Lab, LabError> {
    Lab::open(path, Cpu::default())
}

fn error(path: &Path) -> LabError {
    let Err(error) = open(path) else { panic!("{} opened", path.display()) };
    error
}

fn file(directory: &tempfile::TempDir, bytes: &[u8]) -> PathBuf {
    let path = directory.path().join("libc.so.6");
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn what_is_no_library_is_named() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(error(&directory.path().join("none")), LabError::Unreadable { .. }));
    for bytes in [&b""[..], b"INPUT(libc.so.6)\n", b"\x7fELF\x02\x01\x01"] {
        assert!(matches!(error(&file(&directory, bytes)), LabError::NotElf { .. }));
    }
}

#[test]
#[cfg(not(target_arch = "aarch64"))]
fn another_machines_code_is_refused_with_the_remedy() {
    let error = error(&std::env::current_exe().unwrap());
    assert!(matches!(error, LabError::OtherMachine { .. }), "{error}");
    assert!(error.to_string().contains("libc6:arm64"), "{error}");
}

#[test]
fn a_library_cut_off_anywhere_is_refused_or_lacks_nothing_that_runs() {
    let Some(libc) = libcs::path("musl") else { return };
    let whole = std::fs::read(libc).unwrap();
    let directory = tempfile::tempdir().unwrap();
    for part in 0..64 {
        let path = file(&directory, &whole[..whole.len() * part / 64]);
        assert!(matches!(error(&path), LabError::NotElf { .. }), "{part} of 64");
    }
}

#[test]
fn damage_in_the_headers_never_panics() {
    let Some(libc) = libcs::path("musl") else { return };
    let whole = std::fs::read(libc).unwrap();
    let directory = tempfile::tempdir().unwrap();
    for at in (0..1024).step_by(3) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        if let Ok(mut lab) = open(&file(&directory, &bytes))
            && let Ok(routine) = lab.routine(Function::Memcpy)
        {
            lab.run(&routine, &Call::of(64)).unwrap();
        }
    }
}

#[test]
fn an_unknown_cpu_is_answered_with_the_known_ones() {
    let error = Cpu::named("cortex-m4").unwrap_err();
    assert!(error.to_string().contains("cortex-m4"), "{error}");
    assert!(error.to_string().contains("cortex-a57, cortex-a72"), "{error}");
}

#[test]
fn names_of_another_build_are_refused() {
    let (Some(libc), Some(musl)) = (libcs::path("libc6"), libcs::path("musl")) else { return };
    let mut lab = open(&libc).unwrap();
    let build_id = lab.build_id().unwrap().to_owned();
    let error = lab.add_symbols(&musl).unwrap_err();
    assert!(matches!(error, LabError::OtherBuild { .. }), "{error}");
    assert!(error.to_string().contains(&build_id), "{error}");
}

#[test]
fn a_call_has_to_fit_the_window() {
    let Some(libc) = libcs::path("libc6") else { return };
    let mut lab = open(&libc).unwrap();
    let routine = lab.routine(Function::Memcpy).unwrap();
    let call = Call { destination: 16, ..Call::of(Lab::WINDOW_LENGTH) };
    assert!(matches!(lab.run(&routine, &call), Err(LabError::OutsideWindow { .. })));
    let call = Call { source: 1 << 20, ..Call::of(16) };
    assert!(matches!(lab.run(&routine, &call), Err(LabError::OutsideSource { .. })));
    let call = Call { destination: u64::MAX, ..Call::of(16) };
    assert!(matches!(lab.run(&routine, &call), Err(LabError::OutsideWindow { .. })));
}
