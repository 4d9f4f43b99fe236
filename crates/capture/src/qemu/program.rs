//! Which file a command means.

use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::error::Error;
use super::image::Image;

/// Where a shell on the emulated system would look.
const SEARCHED: [&str; 6] =
    ["usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin"];

/// More links than this are a circle (`path_resolution`(7)).
const MOST_LINKS: u32 = 40;

/// A program for QEMU to run.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    /// QEMU's name of its instruction set.
    pub(crate) arch: String,
    /// Bytes of a pointer.
    pub(crate) word: u8,
    /// Whether numbers lie in memory with their low byte first.
    pub(crate) little_endian: bool,
}

impl Program {
    /// Finds the program and checks that QEMU can run it. A name with a slash is a path, of this
    /// machine or else of the sysroot; one without is looked up in the sysroot's folders.
    pub(crate) fn find(
        command: &OsStr,
        sysroot: Option<&Path>,
        arch: Option<&str>,
    ) -> Result<Program, Error> {
        if let Some(sysroot) = sysroot.filter(|sysroot| !sysroot.is_dir()) {
            return Err(Error::NoSysroot { path: sysroot.into() });
        }
        let path = look_up(command, sysroot)?;
        let bytes =
            fs::read(&path).map_err(|source| Error::NotRun { path: path.clone(), source })?;
        let image = Image::parse(&bytes).ok_or_else(|| Error::NotElf { path: path.clone() })?;
        let arch = match (arch, image.arch) {
            (Some(wanted), Some(is)) if wanted != is => {
                let (is, wanted) = (is.to_owned(), wanted.to_owned());
                return Err(Error::OtherArch { path, is, wanted });
            }
            (Some(arch), _) | (None, Some(arch)) => arch.to_owned(),
            (None, None) => return Err(Error::UnknownArch { path }),
        };
        if let Some(interpreter) = image.interpreter.clone()
            && !has_file(sysroot, &interpreter)
        {
            let sysroot = sysroot.map(Path::to_owned);
            return Err(Error::NoInterpreter { program: path, interpreter, sysroot });
        }
        let Image { word, little_endian, .. } = image;
        Ok(Program { path, arch, word, little_endian })
    }
}

fn look_up(command: &OsStr, sysroot: Option<&Path>) -> Result<PathBuf, Error> {
    let path = Path::new(command);
    let is_path = path.components().count() > 1 || path.is_absolute();
    if is_path && path.exists() {
        return Ok(path.into());
    }
    let name = || command.to_string_lossy().into_owned();
    let Some(sysroot) = sysroot else {
        return Err(if is_path {
            let source = std::io::ErrorKind::NotFound.into();
            Error::NotRun { path: path.into(), source }
        } else {
            Error::NoPath { command: name() }
        });
    };
    let inside = |path: &Path| inside(sysroot, path).filter(|found| found.is_file());
    let found = if is_path {
        inside(path)
    } else {
        SEARCHED.iter().find_map(|folder| inside(&Path::new(folder).join(path)))
    };
    found.ok_or_else(|| Error::NotInSysroot { command: name(), sysroot: sysroot.into() })
}

/// Whether QEMU finds a file: in the sysroot, or else where it is on this machine.
fn has_file(sysroot: Option<&Path>, path: &str) -> bool {
    let in_sysroot = sysroot.and_then(|sysroot| inside(sysroot, Path::new(path)));
    in_sysroot.is_some_and(|path| path.exists()) || Path::new(path).exists()
}

/// Where `path` leads when `root` is the root: a link to `/etc/x` leads to `root/etc/x`.
fn inside(root: &Path, path: &Path) -> Option<PathBuf> {
    let mut left: Vec<PathBuf> = parts(path);
    let mut at = root.to_path_buf();
    let mut links = 0;
    while let Some(part) = left.pop() {
        if part == Path::new("..") {
            if at != root {
                at.pop();
            }
            continue;
        }
        let next = at.join(&part);
        let Ok(target) = fs::read_link(&next) else {
            at = next;
            continue;
        };
        links += 1;
        if links > MOST_LINKS {
            return None;
        }
        if target.is_absolute() {
            at = root.to_path_buf();
        }
        left.extend(parts(&target));
    }
    Some(at)
}

/// The names in a path, the last one first.
fn parts(path: &Path) -> Vec<PathBuf> {
    path.components()
        .rev()
        .filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir))
        .map(|part| PathBuf::from(part.as_os_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_stay_inside_the_sysroot() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        fs::create_dir_all(root.join("usr/bin")).unwrap();
        fs::write(root.join("usr/bin/tool-3"), "").unwrap();
        symlink("/usr/bin/tool-3", root.join("usr/bin/tool")).unwrap();
        symlink("usr/bin", root.join("bin")).unwrap();
        symlink("../../../../usr/bin/tool", root.join("usr/bin/out")).unwrap();
        let real = root.join("usr/bin/tool-3");
        for path in ["usr/bin/tool", "/bin/tool", "bin/out", "/usr/../usr/bin/tool-3"] {
            assert_eq!(inside(root, Path::new(path)).unwrap(), real, "{path}");
        }
    }

    #[test]
    fn a_circle_of_links_leads_nowhere() {
        let root = tempfile::tempdir().unwrap();
        symlink("two", root.path().join("one")).unwrap();
        symlink("one", root.path().join("two")).unwrap();
        assert_eq!(inside(root.path(), Path::new("one")), None);
    }
}
