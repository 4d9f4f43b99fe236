//! The libcs that the tests run: Debian's for arm64, as `guest/` fetches and keeps them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where `python3 -m guest path PART` has that part. `None`, and a line that says why, on a
/// machine that cannot fetch it.
pub(crate) fn path(part: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new("python3")
        .args(["-m", "guest", "path", part])
        .current_dir(root)
        .output()
        .expect("python3 runs: apt-get install python3");
    if output.status.success() {
        let path = String::from_utf8(output.stdout).expect("a path is text");
        return Some(PathBuf::from(path.trim_end()));
    }
    let why = String::from_utf8_lossy(&output.stderr);
    skip::because(format_args!("python3 -m guest path {part}: {}", why.trim_end()));
    None
}
