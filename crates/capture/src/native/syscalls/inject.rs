//! System calls that a thread of the program makes on behalf of the capture.

#[cfg(target_arch = "x86_64")]
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;

use crate::native::access::step::Stepped;
use crate::native::arch::Registers;
use crate::native::arch::layout::{ARENA, CALL_INSTRUCTION};
use crate::native::ptrace::{self, Tid};
use crate::native::tracer::Tracer;
use crate::native::windows::space::PAGE;
#[cfg(target_arch = "x86_64")]
use crate::native::windows::space::Presence;

/// Where in the stub instructions are put that run elsewhere than at their own place.
pub(crate) const CODE: u64 = 64;
/// Where in the stub arguments of injected calls are put; longer code takes their place.
const DATA: u64 = 128;

impl Tracer<'_> {
    /// Makes the stopped thread call the system by the instruction at `at`; the outer error says
    /// that the thread could not be governed, the inner one what the call said.
    ///
    /// The thread has to be stopped for a signal or at the end of a system call.
    pub(crate) fn inject_at(
        &mut self,
        tid: Tid,
        at: u64,
        number: i64,
        arguments: [u64; 6],
    ) -> Result<Result<u64, Errno>, Errno> {
        let before = Registers::read(tid)?;
        let mut registers = before;
        registers.prepare_call(at, number, arguments);
        registers.write(tid)?;
        let result = match self.step(tid)? {
            Stepped::Done => match Registers::read(tid)?.result() {
                error @ -4095..=-1 => Err(Errno::from_raw(-error as i32)),
                value => Ok(value as u64),
            },
            Stepped::Fault(_) => Err(Errno::EFAULT),
        };
        before.write(tid)?;
        Ok(result)
    }

    /// As [`Tracer::inject_at`], by the stub's instruction.
    pub(crate) fn inject(
        &mut self,
        tid: Tid,
        number: i64,
        arguments: [u64; 6],
    ) -> Result<Result<u64, Errno>, Errno> {
        match self.space(tid).stub {
            Some(stub) => self.inject_at(tid, stub, number, arguments),
            None => Ok(Err(Errno::ENOSYS)),
        }
    }

    /// Maps pages of the capture's own, in a place where nothing else is put.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn map_own(
        &mut self,
        tid: Tid,
        range: Range<u64>,
        protection: libc::c_int,
        known: Presence,
    ) -> Result<Presence, Errno> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
        let length = range.end - range.start;
        let arguments = [range.start, length, protection as u64, flags as u64, u64::MAX, 0];
        Ok(match self.inject(tid, libc::SYS_mmap, arguments)? {
            Ok(place) if place == range.start => Presence::There,
            Err(Errno::EEXIST) if known == Presence::Uncertain => Presence::There,
            _ => Presence::Absent,
        })
    }

    /// Unmaps pages of the capture's own.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn unmap_own(
        &mut self,
        tid: Tid,
        range: Range<u64>,
        known: Presence,
    ) -> Result<(), Errno> {
        if known != Presence::Absent {
            let arguments = [range.start, range.end - range.start, 0, 0, 0, 0];
            let _ = self.inject(tid, libc::SYS_munmap, arguments)?;
        }
        Ok(())
    }

    /// Puts `bytes`, whole words, where injected calls can point to them.
    pub(crate) fn lend(&mut self, tid: Tid, bytes: &[u8]) -> Result<u64, Errno> {
        let place = self.space(tid).stub.ok_or(Errno::EFAULT)? + DATA;
        ptrace::write_code(tid, place, bytes)?;
        Ok(place)
    }

    /// Maps the stub, unless it is there; `at` is any system call instruction of the program.
    pub(crate) fn prepare_stub(&mut self, tid: Tid, at: u64) -> Result<Result<(), Errno>, Errno> {
        if self.space(tid).stub.is_some() {
            return Ok(Ok(()));
        }
        let protection = libc::PROT_READ | libc::PROT_EXEC;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
        let arguments = [ARENA.start, *PAGE, protection as u64, flags as u64, u64::MAX, 0];
        match self.inject_at(tid, at, libc::SYS_mmap, arguments)? {
            Ok(place) if place == ARENA.start => {}
            // Kernels before 4.17 take the address for a hint.
            Ok(_) => return Ok(Err(Errno::EEXIST)),
            Err(errno) => return Ok(Err(errno)),
        }
        let mut code = [0; 8];
        code[..CALL_INSTRUCTION.len()].copy_from_slice(&CALL_INSTRUCTION);
        ptrace::write_code(tid, ARENA.start, &code)?;
        self.space_mut(tid).stub = Some(ARENA.start);
        Ok(Ok(()))
    }

    /// Unmaps the stub, if it is there: its own last call.
    pub(crate) fn drop_stub(&mut self, tid: Tid) -> Result<(), Errno> {
        if let Some(stub) = self.space_mut(tid).stub.take() {
            let arguments = [stub, *PAGE, 0, 0, 0, 0];
            let _ = self.inject_at(tid, stub, libc::SYS_munmap, arguments)?;
        }
        Ok(())
    }

    /// As [`Tracer::lend`], a path.
    pub(crate) fn lend_path(&mut self, tid: Tid, path: &Path) -> Result<Option<u64>, Errno> {
        let mut bytes = path.as_os_str().as_bytes().to_vec();
        bytes.resize((bytes.len() + 1).next_multiple_of(8), 0);
        if DATA + bytes.len() as u64 > *PAGE {
            return Ok(None);
        }
        self.lend(tid, &bytes).map(Some)
    }
}
