//! Where busprobe's plugin for QEMU is.

use std::path::{Path, PathBuf};

use super::error::Error;

const FILE: &str = "libbusprobe_qemu.so";

/// The file named in `BUSPROBE_QEMU_PLUGIN`; else beside this program, as cargo builds it, or in
/// `../lib/busprobe`, as a system has it.
pub(crate) fn find() -> Result<PathBuf, Error> {
    if let Some(path) = std::env::var_os("BUSPROBE_QEMU_PLUGIN") {
        return Ok(path.into());
    }
    let program =
        std::env::current_exe().map_err(|error| Error::system("finding itself", error))?;
    let folder = program.parent().unwrap_or(Path::new("/"));
    [folder.to_owned(), folder.join("../lib/busprobe")]
        .map(|folder| folder.join(FILE))
        .into_iter()
        .find(|path| path.is_file())
        .ok_or(Error::NoPlugin)
}
