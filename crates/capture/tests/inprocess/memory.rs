//! Memory that stands for a device, and what came of watching it.

use std::ptr;

use busprobe_capture::inprocess::{Region, Watching};
use busprobe_trace::{LossKind, Trace};

pub(crate) const PAGE: usize = 4096;

/// Shared memory of this process.
pub(crate) struct Memory {
    pub(crate) start: *mut u8,
    pub(crate) length: usize,
}

// SAFETY: the mapping belongs to the process, and tests use it through volatile accesses.
unsafe impl Sync for Memory {}

impl Memory {
    pub(crate) fn new(pages: usize) -> Memory {
        Memory::with(pages, libc::MAP_SHARED | libc::MAP_ANONYMOUS)
    }

    pub(crate) fn with(pages: usize, flags: i32) -> Memory {
        let length = pages * PAGE;
        // SAFETY: a new mapping at a place that the kernel chooses disturbs nothing.
        let start = unsafe {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            libc::mmap(ptr::null_mut(), length, protection, flags, -1, 0)
        };
        assert_ne!(start, libc::MAP_FAILED);
        Memory { start: start.cast(), length }
    }

    /// The word at `offset`.
    pub(crate) fn word(&self, offset: usize) -> *mut u32 {
        assert!(offset + 4 <= self.length);
        self.start.wrapping_add(offset).cast()
    }

    pub(crate) fn write(&self, offset: usize, value: u32) {
        // SAFETY: the place is within the mapping.
        unsafe { self.word(offset).write_volatile(value) };
    }

    pub(crate) fn read(&self, offset: usize) -> u32 {
        // SAFETY: the place is within the mapping.
        unsafe { self.word(offset).read_volatile() }
    }

    pub(crate) fn region(&self) -> Region {
        self.part(0, self.length)
    }

    pub(crate) fn part(&self, from: usize, length: usize) -> Region {
        let start = self.start as u64 + from as u64;
        Region { name: "memory".to_owned(), base: None, start, length: length as u64 }
    }

    pub(crate) fn watch(&self) -> Watching {
        Watching::start(&[self.region()]).expect("it can be watched")
    }

    /// What `/proc/self/maps` says of its protection.
    pub(crate) fn protection(&self) -> String {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let line = maps.lines().find(|line| {
            let (start, rest) = line.split_once('-').unwrap();
            let end = rest.split_once(' ').unwrap().0;
            let [start, end] =
                [start, end].map(|digits| usize::from_str_radix(digits, 16).unwrap());
            (start..end).contains(&(self.start as usize))
        });
        line.expect("it is mapped").split(' ').nth(1).unwrap().to_owned()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and the test is over.
        unsafe { libc::munmap(self.start.cast(), self.length) };
    }
}

/// `W 0x40 4 0x1` and so on, one an access.
pub(crate) fn lines(trace: &Trace) -> Vec<String> {
    let line = |access: &busprobe_trace::Access| {
        let data = access.data.map_or("?".to_owned(), |data| format!("{data:#}"));
        format!("{} {:#x} {} {data}", access.direction.letter(), access.offset, access.size)
    };
    trace.accesses().map(line).collect()
}

pub(crate) fn losses(trace: &Trace) -> Vec<(LossKind, &str)> {
    trace.losses().map(|loss| (loss.kind, loss.detail.as_str())).collect()
}
