//! System calls on memory in a window: they work on the alias instead, and are recorded.

use std::ops::Range;

use busprobe_trace::LossKind;
use nix::errno::Errno;

use super::calls::{self, Extent, Vector};
use crate::native::arch::Registers;
use crate::native::marks::mark::is_mark;
use crate::native::program::signals::Action;
use crate::native::ptrace::{self, Tid};
use crate::native::tracer::{Call, Tracer};
use crate::native::windows::space::Mapping;

/// A system call under way that was given addresses of the alias.
#[derive(Default)]
pub(crate) struct Lent {
    name: &'static str,
    /// Vectors in the program's memory, as the program wrote them, and where.
    vectors: Vec<(u64, Vec<u8>)>,
    used: Vec<Used>,
}

/// A buffer in a window.
struct Used {
    window: u32,
    offset: u64,
    length: u64,
}

/// `struct iovec`: address and length, 8 bytes each.
const ENTRY: usize = 16;
/// `UIO_MAXIOV`: the kernel takes no more.
const MOST_ENTRIES: u64 = 1024;
/// `UIO_MAXIOV` bounds the messages of one call too (`net/socket.c`).
const MOST_MESSAGES: u64 = 1024;
/// Bytes of a `struct mmsghdr`: a `struct msghdr`, and how much of it was done.
const MESSAGE: u64 = 64;
/// The kernel's own codes, never seen by programs, for a call that will be made again:
/// `ERESTARTSYS` to `ERESTART_RESTARTBLOCK` in `linux/errno.h`.
const RESTARTS: Range<i64> = -516..-511;

impl Tracer<'_> {
    /// A system call begins that the filter stopped.
    pub(crate) fn call_begins(&mut self, tid: Tid) -> Result<(), Errno> {
        let original = Registers::read(tid)?;
        let mut registers = original;
        let call = match registers.call_number() {
            libc::SYS_mmap => self.map_begins(tid, &mut registers),
            libc::SYS_munmap => self.unmap_begins(tid, &registers),
            libc::SYS_mprotect | libc::SYS_pkey_mprotect => {
                self.protect_begins(tid, &mut registers)
            }
            libc::SYS_mremap => self.move_begins(tid, &mut registers),
            libc::SYS_rt_sigaction if !self.is_window(tid, registers.argument(1)) => {
                let mut action: Action = [0; 32];
                let signal = registers.argument(0) as i32;
                let read = ptrace::read_memory(tid, registers.argument(1), &mut action);
                (read == Ok(action.len())).then_some(Call::Handler(signal, action))
            }
            libc::SYS_prctl if is_mark(&registers) => Some(self.mark(tid, &registers)),
            libc::SYS_io_uring_setup => {
                let detail = "the program uses io_uring: what it asks for there is not seen";
                self.recorder.loss(LossKind::NotWatched, detail);
                None
            }
            number => self.lend_begins(tid, number, &mut registers)?,
        };
        if call.is_some() {
            registers.write(tid)?;
        }
        let thread = self.thread(tid);
        thread.original = call.is_some().then_some(original);
        thread.call = call;
        Ok(())
    }

    fn is_window(&self, tid: Tid, address: u64) -> bool {
        self.space(tid).guard(address).is_some()
    }

    /// A system call that was looked at when it began returns.
    pub(crate) fn call_returns(&mut self, tid: Tid) -> Result<(), Errno> {
        let thread = self.thread(tid);
        let (Some(call), Some(original)) = (thread.call.take(), thread.original.take()) else {
            return Ok(());
        };
        let mut registers = Registers::read(tid)?;
        registers.restore_arguments(&original);
        registers.write(tid)?;
        let result = registers.result();
        match call {
            Call::Change(change) if !(-4095..0).contains(&result) => {
                self.changed(tid, &registers, result as u64, change)
            }
            Call::Change(_) | Call::Mark => Ok(()),
            Call::Handler(signal, action) => {
                if result == 0 {
                    self.process_mut(tid).handlers.set(signal, action);
                }
                Ok(())
            }
            Call::Lent(lent) => self.lend_returns(tid, result, &lent),
        }
    }

    fn lend_begins(
        &mut self,
        tid: Tid,
        number: i64,
        registers: &mut Registers,
    ) -> Result<Option<Call>, Errno> {
        if !self.space(tid).has_windows() {
            return Ok(None);
        }
        let Some(signature) = calls::signature(number) else { return Ok(None) };
        let mut lent = Lent { name: signature.name, ..Lent::default() };
        let mut is_changed = false;
        for &(index, extent) in signature.pointers {
            let address = registers.argument(index);
            let (length, is_used) = match extent {
                Extent::Argument(other) => (registers.argument(other), true),
                Extent::Bytes(length) => (length, true),
                // `asm-generic/ioctl.h`: bits 16 to 29.
                Extent::Ioctl => (registers.argument(1) >> 16 & 0x3fff, true),
                Extent::Unknown => (0, true),
                Extent::Pages => (0, false),
            };
            let range = address..address.saturating_add(length.max(1));
            let Some(mapping) = self.space(tid).guards(&range).cloned() else { continue };
            if let Some(alias) = self.alias_for(&mapping, address, signature.name) {
                registers.set_argument(index, alias);
                is_changed = true;
                if is_used {
                    lent.used.extend(self.used(&mapping, &range, length));
                }
            }
        }
        if let Some(vector) = calls::vector(number) {
            for (place, count) in self.vectors(tid, vector, registers) {
                self.lend_vector(tid, place, count, &mut lent)?;
            }
        }
        let is_lent = is_changed || !lent.vectors.is_empty();
        Ok(is_lent.then_some(Call::Lent(lent)))
    }

    /// The addresses of a call's vectors, and how many entries each has.
    fn vectors(&self, tid: Tid, vector: Vector, registers: &Registers) -> Vec<(u64, u64)> {
        let [argument, count] = [registers.argument(1), registers.argument(2)];
        match vector {
            Vector::Arguments => vec![(argument, count)],
            Vector::Message => self.message(tid, argument).into_iter().collect(),
            Vector::Messages => (0..count.min(MOST_MESSAGES))
                .map_while(|index| argument.checked_add(index * MESSAGE))
                .map_while(|message| self.message(tid, message))
                .collect(),
        }
    }

    /// The address of the vector of a `struct msghdr`, and how many entries it has.
    fn message(&self, tid: Tid, address: u64) -> Option<(u64, u64)> {
        /// The vector's address, then its length.
        const VECTOR: u64 = 16;
        let place = address.checked_add(VECTOR)?;
        let mut both = [[0; 8]; 2];
        let is_ordinary = !self.space(tid).is_device(&(place..place.checked_add(16)?));
        let read = ptrace::read_memory(tid, place, both.as_flattened_mut());
        (is_ordinary && read == Ok(16))
            .then(|| (u64::from_ne_bytes(both[0]), u64::from_ne_bytes(both[1])))
    }

    /// Changes a vector in the program's memory so that it points to aliases.
    fn lend_vector(
        &mut self,
        tid: Tid,
        place: u64,
        count: u64,
        lent: &mut Lent,
    ) -> Result<(), Errno> {
        let length = count.min(MOST_ENTRIES) as usize * ENTRY;
        // Two messages may share a vector: what the program wrote is what the first one saw.
        let is_same = |(known, bytes): &&(u64, Vec<u8>)| *known == place && bytes.len() == length;
        let shared = lent.vectors.iter().find(is_same).map(|(_, bytes)| bytes.clone());
        let is_shared = shared.is_some();
        let mut original = shared.unwrap_or_else(|| vec![0; length]);
        if !is_shared
            && (self.space(tid).is_device(&(place..place + length as u64))
                || ptrace::read_memory(tid, place, &mut original) != Ok(length))
        {
            return Ok(());
        }
        let mut changed = original.clone();
        for entry in changed.as_chunks_mut::<ENTRY>().0 {
            let (start, length) = entry.split_at_mut(8);
            let number = |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().expect("8 bytes"));
            let (address, length) = (number(start), number(length));
            let range = address..address.saturating_add(length);
            let Some(mapping) = self.space(tid).guards(&range).cloned() else { continue };
            if let Some(alias) = self.alias_for(&mapping, address, lent.name) {
                start.copy_from_slice(&alias.to_ne_bytes());
                lent.used.extend(self.used(&mapping, &range, length));
            }
        }
        if changed != original && !is_shared {
            write_anywhere(tid, place, &changed)?;
            lent.vectors.push((place, original));
        }
        Ok(())
    }

    fn alias_for(&mut self, mapping: &Mapping, address: u64, name: &str) -> Option<u64> {
        let alias = mapping.alias_of(address);
        if alias.is_none() {
            let detail = format!(
                "{name} was given a pointer into a window that could not be mapped twice, and \
                 failed"
            );
            self.recorder.loss(LossKind::Approximate, detail);
        }
        alias
    }

    fn used(&self, mapping: &Mapping, range: &Range<u64>, length: u64) -> Vec<Used> {
        self.watched
            .pieces(mapping.file, &mapping.file_range(range))
            .map(|piece| {
                let whole = piece.range.end - piece.range.start;
                Used { window: piece.window, offset: piece.offset, length: whole.min(length) }
            })
            .collect()
    }

    fn lend_returns(&mut self, tid: Tid, result: i64, lent: &Lent) -> Result<(), Errno> {
        for (place, original) in lent.vectors.iter().rev() {
            write_anywhere(tid, *place, original)?;
        }
        // A failure other than that of the copy itself comes before it.
        let has_copied = result >= 0 || result == -i64::from(libc::EFAULT);
        if RESTARTS.contains(&result) || !has_copied {
            return Ok(());
        }
        for &Used { window, offset, length } in &lent.used {
            self.recorder.syscall(tid, lent.name, window, offset, length);
        }
        Ok(())
    }
}

/// Writes the program's memory, constant or not; whole words.
fn write_anywhere(tid: Tid, place: u64, bytes: &[u8]) -> Result<(), Errno> {
    ptrace::write_memory(tid, place, bytes).or_else(|_| ptrace::write_code(tid, place, bytes))
}
