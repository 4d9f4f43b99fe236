//! Where distributions keep the symbols they strip.

use std::path::{Path, PathBuf};

/// Debian, Fedora and their kin: `/usr/lib/debug/.build-id/12/3456….debug` (GDB manual,
/// "Separate Debug Files").
const DEBUG_ROOT: &str = "/usr/lib/debug";

/// The file with the symbols of the module of that build id, if it is installed.
pub(crate) fn of_build_id(build_id: &str) -> Option<PathBuf> {
    let (directory, rest) = build_id.split_at_checked(2)?;
    let path =
        Path::new(DEBUG_ROOT).join(".build-id").join(directory).join(format!("{rest}.debug"));
    path.is_file().then_some(path)
}
