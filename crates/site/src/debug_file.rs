//! Where distributions keep the symbols they strip.

use std::path::{Path, PathBuf};

/// Debian, Fedora and their kin: `/usr/lib/debug/.build-id/12/3456….debug` (GDB manual,
/// "Separate Debug Files").
const DEBUG_ROOT: &str = "/usr/lib/debug";

/// The files that may have the debug information of the module at `path`: by its build id, then by
/// the names that it is usually given beside the module and below [`DEBUG_ROOT`].
pub(crate) fn places(path: &Path, build_id: &str) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = of_build_id(build_id).into_iter().collect();
    if let (Some(folder), Some(name)) = (path.parent(), path.file_name()) {
        let mut debug = name.to_owned();
        debug.push(".debug");
        let below_root = folder.strip_prefix("/").unwrap_or(folder);
        let folders =
            [folder.to_owned(), folder.join(".debug"), Path::new(DEBUG_ROOT).join(below_root)];
        places.extend(folders.iter().map(|folder| folder.join(&debug)));
        places.extend(folders[1..].iter().map(|folder| folder.join(name)));
    }
    places.retain(|place| place.is_file());
    places
}

/// The file with the symbols of the module of that build id, if it is installed.
pub(crate) fn of_build_id(build_id: &str) -> Option<PathBuf> {
    let (directory, rest) = build_id.split_at_checked(2)?;
    let path =
        Path::new(DEBUG_ROOT).join(".build-id").join(directory).join(format!("{rest}.debug"));
    path.is_file().then_some(path)
}
