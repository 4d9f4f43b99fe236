//! The instructions that have been translated.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

/// An instruction of the emulated program. Lives as long as QEMU, which keeps translated code and
/// our callbacks in it for as long as it likes.
#[derive(Debug)]
pub(crate) struct Instruction {
    /// What the stream calls it by.
    pub(crate) id: u32,
    /// Its emulated address.
    pub(crate) pc: u64,
    /// Its bytes.
    pub(crate) code: Vec<u8>,
    /// QEMU's disassembly.
    pub(crate) text: String,
    /// The process that has described it on the stream. A forked process is another one.
    reported_by: AtomicU32,
}

impl Instruction {
    /// Whether this process has yet to describe it; asked, it counts as described.
    pub(crate) fn is_news(&self, process: u32) -> bool {
        self.reported_by.swap(process, Ordering::Relaxed) != process
    }
}

type Key = (u64, Vec<u8>);

/// Every instruction once, however often QEMU translates it.
#[derive(Default)]
pub(crate) struct Instructions {
    known: Mutex<HashMap<Key, &'static Instruction>>,
}

impl Instructions {
    /// The instruction of those bytes at that address; `text` is asked only when it is new.
    pub(crate) fn get(
        &self,
        pc: u64,
        code: &[u8],
        text: impl FnOnce() -> String,
    ) -> &'static Instruction {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let id = known.len() as u32;
        known.entry((pc, code.to_vec())).or_insert_with(|| {
            let reported_by = AtomicU32::new(0);
            let code = code.to_vec();
            Box::leak(Box::new(Instruction { id, pc, code, text: text(), reported_by }))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instruction_is_kept_once_and_disassembled_once() {
        let instructions = Instructions::default();
        let first = instructions.get(0x1000, &[1, 2], || "one".to_owned());
        let again = instructions.get(0x1000, &[1, 2], || unreachable!());
        let other = instructions.get(0x1000, &[1, 3], || "other".to_owned());
        assert!(std::ptr::eq(first, again));
        assert_eq!((first.id, other.id), (0, 1));
    }

    #[test]
    fn each_process_describes_an_instruction_once() {
        let instruction = Instructions::default().get(0, &[], String::new);
        let news = [7, 7, 8, 8].map(|process| instruction.is_news(process));
        assert_eq!(news, [true, false, true, false]);
    }
}
