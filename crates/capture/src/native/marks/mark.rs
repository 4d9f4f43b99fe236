//! Marks that the program puts by a system call, see [`busprobe_mark`].

use busprobe_mark::{LONGEST, OPTION, SIGNATURE};

use crate::native::arch::Registers;
use crate::native::ptrace::{self, Tid};
use crate::native::tracer::{Call, Tracer};

/// Whether the call that begins, a prctl(2), is a mark.
pub(crate) fn is_mark(registers: &Registers) -> bool {
    registers.argument(0) as u32 == OPTION
        && registers.argument(3) == SIGNATURE
        && registers.argument(4) == SIGNATURE
}

impl Tracer<'_> {
    /// Records the mark that the call puts.
    pub(crate) fn mark(&mut self, tid: Tid, registers: &Registers) -> Call {
        let start = registers.argument(1);
        let mut text = vec![0; registers.argument(2).min(LONGEST as u64) as usize];
        let range = start..start.saturating_add(text.len() as u64);
        let read = if self.space(tid).is_device(&range) {
            0
        } else {
            ptrace::read_memory(tid, start, &mut text).unwrap_or(0)
        };
        self.recorder.mark(tid, String::from_utf8_lossy(&text[..read]).into_owned());
        // Where every call is stopped at, this one is not to be heard of twice.
        Call::Mark
    }
}
