//! Which file something is.

use std::mem::MaybeUninit;

/// What stat(2) tells files apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

/// The file behind a descriptor, and whether it is a regular one; `None` when nothing is open
/// there.
pub(crate) fn of_descriptor(descriptor: i32) -> Option<(FileId, bool)> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: fstat fills the buffer when it returns 0, and only then is it read.
    let stat = unsafe {
        if libc::fstat(descriptor, stat.as_mut_ptr()) != 0 {
            return None;
        }
        stat.assume_init()
    };
    let regular = stat.st_mode & libc::S_IFMT == libc::S_IFREG;
    Some((FileId { device: stat.st_dev, inode: stat.st_ino }, regular))
}
