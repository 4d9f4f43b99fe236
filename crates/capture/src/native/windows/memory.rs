//! The program's ordinary memory: all of it but its windows.

use std::ops::Range;

use busprobe_python_frames::{Memory, Part};

use super::space::Space;
use crate::native::ptrace::{self, Tid};

/// The memory of a stopped thread's process, without what is a window or an alias of one.
pub(crate) struct OrdinaryMemory<'a> {
    pub(crate) tid: Tid,
    pub(crate) space: &'a Space,
}

impl OrdinaryMemory<'_> {
    fn may_be_read(&self, address: u64, length: usize) -> bool {
        let range: Option<Range<u64>> = address.checked_add(length as u64).map(|end| address..end);
        range.is_some_and(|range| !self.space.is_device(&range))
    }
}

impl Memory for OrdinaryMemory<'_> {
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool {
        self.read_parts(&mut [Part { address, bytes }])
    }

    fn read_parts(&self, parts: &mut [Part<'_>]) -> bool {
        let wanted = parts.iter().map(|part| part.bytes.len()).sum();
        parts.iter().all(|part| self.may_be_read(part.address, part.bytes.len()))
            && ptrace::read_parts(self.tid, parts) == Ok(wanted)
    }
}
