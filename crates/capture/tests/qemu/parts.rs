//! What the tests need besides this crate: the plugin, QEMU, a system for AArch64.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

/// A program of this folder.
pub(crate) fn program(arch: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/qemu/programs");
    folder.join(arch).with_extension("elf")
}

/// Builds the plugin, which cargo does not do for a test of another crate.
pub(crate) fn build_plugin() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let folder = test.parent().and_then(Path::parent).unwrap();
        let profile = match folder.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            other => other,
        };
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "-p", "busprobe-qemu", "--profile", profile])
            .arg("--target-dir")
            .arg(folder.parent().unwrap())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success(), "the plugin does not build");
    });
}

/// `qemu-ARCH` of the guest's packages; `None`, with the reason printed, where there is no apt.
pub(crate) fn qemu(arch: &str) -> Option<PathBuf> {
    build_plugin();
    guest(&format!("emulator('qemu-{arch}')"))
}

/// A system for AArch64 with Debian 12's Python 3.11.
pub(crate) fn sysroot() -> Option<PathBuf> {
    guest("sysroot()")
}

/// The debug files of that system's C library.
pub(crate) fn debug_files() -> Option<PathBuf> {
    guest("libc6_dbg()")
}

/// Where a part of the guest is, fetched the first time; asked once.
fn guest(part: &str) -> Option<PathBuf> {
    static KNOWN: Mutex<BTreeMap<String, Option<PathBuf>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(part.to_owned()).or_insert_with(|| ask(part)).clone()
}

fn ask(part: &str) -> Option<PathBuf> {
    if Command::new("apt-get").arg("--version").output().is_err() {
        skip::because("QEMU and CPython for AArch64 are fetched by apt, which is not here");
        return None;
    }
    let output = Command::new("python3")
        .args(["-c", &format!("from guest.parts import *; print({part})")])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .output()
        .expect("python3 is needed: apt-get install python3");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the guest's packages could not be fetched: {said}");
    Some(String::from_utf8(output.stdout).unwrap().trim().into())
}
