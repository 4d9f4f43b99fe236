//! The program's own handlers for the signals that the capture causes.
//!
//! When a thread blocks or ignores SIGSEGV and faults, the kernel takes the handler away and
//! unblocks the signal (`force_sig`, kernel/signal.c). That fault is ours, so it is put right.

use std::fs;

use nix::errno::Errno;

use crate::native::ptrace::{self, Tid};
use crate::native::tracer::Tracer;

/// What the kernel keeps of a signal's handler, `struct kernel_sigaction`: handler, flags,
/// restorer, mask; 8 bytes each.
pub(crate) type Action = [u8; 32];

/// The place of a signal in a mask.
pub(crate) fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// A mask of all signals but those that an instruction itself can cause.
pub(crate) fn all_but_faults() -> u64 {
    !FAULTS.iter().fold(bit(libc::SIGTRAP), |all, &one| all | bit(one))
}

/// The signals that an instruction itself can cause, other than by being stepped.
pub(crate) const FAULTS: [i32; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL];

fn handler(action: &Action) -> u64 {
    u64::from_ne_bytes(*action.first_chunk().expect("32 bytes are enough"))
}

fn flags(action: &Action) -> u64 {
    u64::from_ne_bytes(*action[8..].first_chunk().expect("24 bytes are enough"))
}

/// What a process does about the signals that the capture causes, where that is not the default.
#[derive(Clone, Default)]
pub(crate) struct Handlers {
    segv: Option<Action>,
    trap: Option<Action>,
}

impl Handlers {
    fn place(&mut self, signal: i32) -> Option<&mut Option<Action>> {
        match signal {
            libc::SIGSEGV => Some(&mut self.segv),
            libc::SIGTRAP => Some(&mut self.trap),
            _ => None,
        }
    }

    pub(crate) fn get(&self, signal: i32) -> Option<Action> {
        match signal {
            libc::SIGSEGV => self.segv,
            libc::SIGTRAP => self.trap,
            _ => None,
        }
    }

    /// Takes note of what the program has set.
    pub(crate) fn set(&mut self, signal: i32, action: Action) {
        if let Some(place) = self.place(signal) {
            *place = (handler(&action) != libc::SIG_DFL as u64).then_some(action);
        }
    }

    /// Takes note of a delivery: some handlers serve once.
    pub(crate) fn delivered(&mut self, signal: i32) {
        if let Some(place) = self.place(signal) {
            place.take_if(|action| flags(action) & libc::SA_RESETHAND as u64 != 0);
        }
    }

    /// What is left in a new program: handlers go, and what is ignored stays so.
    pub(crate) fn after_exec(mut self) -> Handlers {
        for place in [&mut self.segv, &mut self.trap] {
            place.take_if(|action| handler(action) != libc::SIG_IGN as u64);
        }
        self
    }
}

impl Tracer<'_> {
    /// Puts right what the capture's own SIGSEGV or SIGTRAP has done to the program's handler for
    /// it, if the stub is there to do so by.
    pub(crate) fn keep_handler(&mut self, tid: Tid, signal: i32) -> Result<(), Errno> {
        let Some(action) = self.process(tid).handlers.get(signal) else { return Ok(()) };
        if self.space(tid).stub.is_none()
            || dispositions(tid).is_none_or(|kept| kept & bit(signal) != 0)
        {
            return Ok(());
        }
        let place = self.lend(tid, &action)?;
        let arguments = [signal as u64, place, 0, 8, 0, 0];
        let _ = self.inject(tid, libc::SYS_rt_sigaction, arguments)?;
        if handler(&action) != libc::SIG_IGN as u64 {
            // It was gone because the signal was blocked.
            let mask = ptrace::signal_mask(tid)?;
            ptrace::set_signal_mask(tid, mask | bit(signal))?;
        }
        Ok(())
    }
}

/// Whether an instruction of the thread has caused a signal that is still to be reported: a stop
/// that was asked for comes first.
pub(crate) fn fault_is_pending(tid: Tid) -> bool {
    let status = fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
    let pending = status.lines().find_map(|line| line.strip_prefix("SigPnd:"));
    let pending = pending.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    pending.is_some_and(|mask| mask & !all_but_faults() != 0)
}

/// The signals that are caught or ignored, as `/proc/PID/stat` has them.
pub(crate) fn dispositions(tid: Tid) -> Option<u64> {
    /// proc(5): fields 33 and 34; the command's name, field 2, may hold anything.
    const IGNORED: usize = 33 - 3;
    let stat = fs::read_to_string(format!("/proc/{tid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut masks = fields.split_ascii_whitespace().skip(IGNORED).map(str::parse::<u64>);
    Some(masks.next()?.ok()? | masks.next()?.ok()?)
}
