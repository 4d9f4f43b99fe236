//! Running one instruction of one thread while everything else waits its turn.

use nix::errno::Errno;

use crate::native::program::signals::{FAULTS, all_but_faults, bit};
use crate::native::ptrace::{self, How, SignalInfo, Stop, Tid};
use crate::native::tracer::Tracer;

/// How a step ended.
pub(crate) enum Stepped {
    /// The instruction ran.
    Done,
    /// It could not run.
    Fault(SignalInfo),
}

impl Tracer<'_> {
    /// Runs one instruction, see [`Tracer::run_to_trap`].
    pub(crate) fn step(&mut self, tid: Tid) -> Result<Stepped, Errno> {
        self.run_to_trap(tid, How::OneStep)
    }

    /// Runs until the trap flag or a breakpoint stops the thread. A signal that comes meanwhile is held for [`Tracer::resume`].
    ///
    /// Fails with `ESRCH` when the thread is killed.
    pub(crate) fn run_to_trap(&mut self, tid: Tid, how: How) -> Result<Stepped, Errno> {
        let mut mask_before = self.unblock_trap(tid)?;
        let stepped = loop {
            ptrace::resume(tid, how, 0)?;
            match self.await_stop(tid)? {
                Stop::Signal(signal) => {
                    let info = ptrace::signal_info(tid)?;
                    if signal == libc::SIGTRAP && info.is_from_kernel() {
                        break Stepped::Done;
                    }
                    if FAULTS.contains(&signal) && info.is_from_kernel() {
                        break Stepped::Fault(info);
                    }
                    self.thread(tid).held = Some(info);
                    // Only one can be held: the others wait in the kernel.
                    if mask_before.is_none() {
                        mask_before = Some(ptrace::signal_mask(tid)?);
                    }
                    ptrace::set_signal_mask(tid, all_but_faults())?;
                }
                Stop::Event(libc::PTRACE_EVENT_STOP, signal) if signal != libc::SIGTRAP => {
                    self.thread(tid).is_to_stop = true;
                }
                Stop::Event(..) | Stop::Call => {}
                end @ (Stop::Exited(_) | Stop::Killed(_)) => {
                    self.later.push_back((tid, end));
                    return Err(Errno::ESRCH);
                }
            }
        };
        if let Some(mask) = mask_before {
            ptrace::set_signal_mask(tid, mask)?;
        }
        Ok(stepped)
    }

    /// The end of a step is a SIGTRAP: when the thread blocks that, the kernel would take the
    /// program's handler for it away. The mask to set again, if it was changed.
    fn unblock_trap(&mut self, tid: Tid) -> Result<Option<u64>, Errno> {
        if self.process(tid).handlers.get(libc::SIGTRAP).is_none() {
            return Ok(None);
        }
        let mask = ptrace::signal_mask(tid)?;
        if mask & bit(libc::SIGTRAP) == 0 {
            return Ok(None);
        }
        ptrace::set_signal_mask(tid, mask & !bit(libc::SIGTRAP))?;
        Ok(Some(mask))
    }
}
