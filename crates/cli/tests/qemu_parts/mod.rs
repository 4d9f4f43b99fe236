//! What running a program of another machine needs.

use std::path::Path;
use std::process::Command;

/// Builds the plugin beside the command, which cargo does not do for a test.
pub(crate) fn build_plugin() {
    let folder = Path::new(env!("CARGO_BIN_EXE_busprobe")).parent().unwrap();
    let profile = match folder.file_name().unwrap().to_str().unwrap() {
        "debug" => "dev",
        other => other,
    };
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "-p", "busprobe-qemu", "--profile", profile, "--target-dir"])
        .arg(folder.parent().unwrap())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.unwrap().success(), "the plugin does not build");
}

/// A part of the guest; `None`, with the reason printed, where there is no apt.
pub(crate) fn guest(part: &str) -> Option<String> {
    if Command::new("apt-get").arg("--version").output().is_err() {
        skip::because("QEMU and Python for AArch64 are fetched by apt, which is not here");
        return None;
    }
    let output = Command::new("python3")
        .args(["-m", "guest", "path", part])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .output()
        .expect("python3 is needed: apt-get install python3");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the guest's packages could not be fetched: {said}");
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}
