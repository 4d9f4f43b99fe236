//! What this process has mapped, and mapping it a second time.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::ptr;

/// A line of `/proc/self/maps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) range: Range<u64>,
    /// As mmap(2) has it.
    pub(super) protection: i32,
    pub(super) is_shared: bool,
    /// The place in the file of the first byte.
    offset: u64,
    /// Major and minor number of the file's device, and its inode.
    identity: (u32, u32, u64),
    path: PathBuf,
}

/// All that is mapped, in ascending order.
pub(super) fn all() -> io::Result<Vec<Mapping>> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    Ok(maps.lines().filter_map(parse).collect())
}

/// `7f0-7f1 rw-s 00026000 00:05 1234   /dev/mem`
fn parse(line: &str) -> Option<Mapping> {
    let mut fields = line.splitn(6, ' ');
    let number = |digits: &str| u64::from_str_radix(digits, 16).ok();
    let (start, end) = fields.next()?.split_once('-')?;
    let permissions = fields.next()?;
    let protection = [(b'r', libc::PROT_READ), (b'w', libc::PROT_WRITE), (b'x', libc::PROT_EXEC)]
        .into_iter()
        .filter(|(letter, _)| permissions.as_bytes().contains(letter))
        .fold(libc::PROT_NONE, |all, (_, one)| all | one);
    let offset = number(fields.next()?)?;
    let (major, minor) = fields.next()?.split_once(':')?;
    let inode = fields.next()?.parse().ok()?;
    Some(Mapping {
        range: number(start)?..number(end)?,
        protection,
        is_shared: permissions.ends_with('s'),
        offset,
        identity: (number(major)? as u32, number(minor)? as u32, inode),
        path: PathBuf::from(fields.next().unwrap_or_default().trim_start()),
    })
}

impl Mapping {
    /// The part of it in `range`, which lies in it.
    pub(super) fn part(&self, range: Range<u64>) -> Mapping {
        let offset = self.offset + (range.start - self.range.start);
        Mapping { range, offset, ..self.clone() }
    }

    fn length(&self) -> usize {
        (self.range.end - self.range.start) as usize
    }

    /// Maps the same pages a second time; returns how far away from the first.
    pub(super) fn alias(&self) -> io::Result<i64> {
        let start = self.duplicate().or_else(|_| self.map_file())?;
        Ok(start.wrapping_sub(self.range.start) as i64)
    }

    /// Has the kernel make a second mapping of the first, which it does for all that is not a
    /// device: mremap(2), where the old size is 0.
    fn duplicate(&self) -> io::Result<u64> {
        let old = self.range.start as *mut libc::c_void;
        // SAFETY: the mapping is shared, so it stays as it is; the new one disturbs nothing.
        let new = unsafe { libc::mremap(old, 0, self.length(), libc::MREMAP_MAYMOVE) };
        if new == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(new as u64) }
    }

    /// Maps its file: by a descriptor that the process has of it, or by its path.
    fn map_file(&self) -> io::Result<u64> {
        for entry in fs::read_dir("/proc/self/fd")?.flatten() {
            let is_same = fs::metadata(entry.path()).is_ok_and(|found| self.is_of(&found));
            let fd = entry.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok());
            if let (true, Some(fd)) = (is_same, fd) {
                // SAFETY: another thread may close it, and the call then says so.
                if let Ok(start) = self.map(&unsafe { BorrowedFd::borrow_raw(fd) }) {
                    return Ok(start);
                }
            }
        }
        let is_writable = self.protection & libc::PROT_WRITE != 0;
        // As drivers of devices in user space open them: without the cache.
        let mut options = OpenOptions::new();
        let options = options.read(true).write(is_writable).custom_flags(libc::O_SYNC);
        let file: File = options.open(&self.path)?;
        if !self.is_of(&file.metadata()?) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "its file is another one now"));
        }
        self.map(&file)
    }

    fn is_of(&self, file: &fs::Metadata) -> bool {
        let device = file.dev();
        (libc::major(device), libc::minor(device), file.ino()) == self.identity
    }

    fn map(&self, file: &impl AsRawFd) -> io::Result<u64> {
        let offset = libc::off_t::try_from(self.offset).map_err(io::Error::other)?;
        // SAFETY: a new mapping at a place that the kernel chooses disturbs nothing.
        let start = unsafe {
            let flags = libc::MAP_SHARED;
            let fd = file.as_raw_fd();
            libc::mmap(ptr::null_mut(), self.length(), self.protection, flags, fd, offset)
        };
        if start == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(start as u64) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_line_of_the_list_is_read() {
        let line = "7f00-9f00 rw-s 00026000 fe:00 1234                     /dev/a b";
        let mapping = parse(line).unwrap();
        assert_eq!(mapping.range, 0x7f00..0x9f00);
        assert_eq!(mapping.protection, libc::PROT_READ | libc::PROT_WRITE);
        assert!(mapping.is_shared);
        assert_eq!((mapping.offset, mapping.identity), (0x26000, (0xfe, 0, 1234)));
        assert_eq!(mapping.path, PathBuf::from("/dev/a b"));
        assert_eq!(mapping.part(0x8f00..0x9f00).offset, 0x27000);
    }

    /// Devices cannot be duplicated, so their files are mapped again.
    #[test]
    fn a_file_is_found_again_by_a_descriptor_or_by_its_path() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&[0; 4096]).unwrap();
        file.write_all(b"second page").unwrap();
        let metadata = file.as_file().metadata().unwrap();
        let (major, minor) = (libc::major(metadata.dev()), libc::minor(metadata.dev()));
        let mapping = Mapping {
            range: 0x1000..0x2000,
            protection: libc::PROT_READ,
            is_shared: true,
            offset: 4096,
            identity: (major, minor, metadata.ino()),
            path: file.path().to_owned(),
        };
        let shows_second_page = |mapping: &Mapping| {
            let start = mapping.map_file().unwrap();
            // SAFETY: it was just mapped, with a page of the file behind it.
            let bytes = unsafe { std::slice::from_raw_parts(start as *const u8, 11) };
            assert_eq!(bytes, b"second page");
        };
        shows_second_page(&mapping);
        let _path = file.into_temp_path();
        shows_second_page(&mapping);
        assert!(Mapping { path: "/dev/null".into(), ..mapping }.map_file().is_err());
    }
}
