//! What a process has mapped, as the kernel lists it: proc(5), `/proc/PID/maps`.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use crate::native::ptrace::Tid;

/// A line of the list.
pub(crate) struct Line {
    pub(crate) range: Range<u64>,
    /// As mmap(2) has it.
    pub(crate) protection: u64,
    pub(crate) is_private: bool,
    /// The place in the file of the first byte.
    pub(crate) offset: u64,
    pub(crate) inode: u64,
    pub(crate) path: PathBuf,
}

impl Line {
    /// Whether the program may run what is there.
    pub(crate) fn is_code(&self) -> bool {
        self.protection & libc::PROT_EXEC as u64 != 0
    }
}

/// Everything that is mapped, in ascending order; nothing of a process that has ended.
pub(crate) fn lines(tid: Tid) -> Vec<Line> {
    let maps = fs::read_to_string(format!("/proc/{tid}/maps")).unwrap_or_default();
    maps.lines().filter_map(line).collect()
}

/// `7f0-7f1 rw-s 00026000 fe:00 1234   /dev/mem`
fn line(text: &str) -> Option<Line> {
    let mut fields = text.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let number = |digits: &str| u64::from_str_radix(digits, 16).ok();
    let flags = fields.next()?.as_bytes();
    let offset = number(fields.next()?)?;
    let inode = fields.nth(1)?.parse().ok()?;
    let path = PathBuf::from(fields.next()?.trim_start());
    let bits = [(b'r', libc::PROT_READ), (b'w', libc::PROT_WRITE), (b'x', libc::PROT_EXEC)];
    let protection = bits.iter().filter(|(letter, _)| flags.contains(letter));
    Some(Line {
        range: number(start)?..number(end)?,
        protection: protection.map(|(_, bit)| *bit as u64).sum(),
        is_private: flags.contains(&b'p'),
        offset,
        inode,
        path,
    })
}
