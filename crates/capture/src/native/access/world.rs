//! The last resort: stop all other threads, open the window, let one instruction run, close it.

use std::collections::HashSet;
use std::time::Duration;
use std::{fs, thread};

use nix::errno::Errno;

use super::step::Stepped;
use super::touch::Touch;
use crate::native::arch::Registers;
use crate::native::ptrace::{self, Stop, Tid};
use crate::native::tracer::Tracer;
use crate::native::windows::space::Mapping;

impl Tracer<'_> {
    /// Runs the thread's present instruction on the windows themselves.
    pub(crate) fn step_opened(
        &mut self,
        tid: Tid,
        before: &Registers,
        touches: &[Touch],
    ) -> Result<Stepped, Errno> {
        let space = self.space(tid);
        let mappings: Vec<Mapping> =
            touches.iter().filter_map(|touch| space.guards(&touch.range())).cloned().collect();
        self.alone(tid, |tracer| tracer.open_step_close(tid, before, &mappings))
    }

    /// Does something while no other thread runs in the same address space.
    pub(crate) fn alone<T>(
        &mut self,
        tid: Tid,
        what: impl FnOnce(&mut Self) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let others = self.stop_others(tid)?;
        let done = what(self);
        for other in others {
            if self.stays(other) {
                continue;
            }
            match ptrace::resume(other, self.how_to_resume(other), 0) {
                Ok(()) => self.thread(other).is_running = true,
                Err(Errno::ESRCH) => {}
                Err(errno) => return Err(errno),
            }
        }
        done
    }

    fn open_step_close(
        &mut self,
        tid: Tid,
        before: &Registers,
        mappings: &[Mapping],
    ) -> Result<Stepped, Errno> {
        for Mapping { guarded, protection, .. } in mappings {
            let length = guarded.end - guarded.start;
            let _ = self.protect(tid, guarded.start, length, *protection)?;
        }
        before.write(tid)?;
        let stepped = self.step(tid)?;
        for Mapping { guarded, .. } in mappings {
            let length = guarded.end - guarded.start;
            let none = libc::PROT_NONE as u64;
            let _ = self.protect(tid, guarded.start, length, none)?;
        }
        Ok(stepped)
    }

    /// Stops every other thread that runs in the same address space; gives those that wait for
    /// nothing but to go on.
    fn stop_others(&mut self, tid: Tid) -> Result<Vec<Tid>, Errno> {
        let space = self.process(tid).space;
        let sharing: HashSet<Tid> = self
            .processes
            .iter()
            .filter(|(_, process)| process.space == space)
            .map(|(&process, _)| process)
            .collect();
        let others: Vec<Tid> = self
            .threads
            .iter()
            .filter(|&(&other, thread)| {
                other != tid
                    && thread.is_running
                    && !thread.waits_for_child
                    && sharing.contains(&thread.process)
            })
            .map(|(&other, _)| other)
            .collect();
        let mut stopping = Vec::new();
        for other in others {
            match ptrace::interrupt(other) {
                Ok(()) => stopping.push(other),
                // It is about to end.
                Err(Errno::ESRCH) => {}
                Err(errno) => return Err(errno),
            }
        }
        let mut stopped = Vec::new();
        for other in stopping {
            // Fails when the thread has been killed.
            let lives = || ptrace::signal_mask(tid).map(drop);
            let Some(stop) = stop_of(other, lives)? else { continue };
            self.thread(other).is_running = false;
            if let Stop::Event(libc::PTRACE_EVENT_STOP, libc::SIGTRAP) = stop {
                stopped.push(other);
            } else {
                // Heard of in its turn; the interruption will show later, and ask for nothing.
                self.later.push_back((other, stop));
            }
        }
        Ok(stopped)
    }
}

/// Waits until `other` has stopped, for as long as it can and `goes_on` does not fail.
///
/// A process's first thread ends without a word while others go on, and a thread that executes
/// another program waits for the others to end first.
pub(crate) fn stop_of(
    other: Tid,
    goes_on: impl Fn() -> Result<(), Errno>,
) -> Result<Option<Stop>, Errno> {
    const PAUSE: Duration = Duration::from_micros(20);
    loop {
        if let Some((_, stop)) = ptrace::stopped(Some(other))? {
            return Ok(Some(stop));
        }
        goes_on()?;
        if has_ended(other) {
            return Ok(None);
        }
        thread::sleep(PAUSE);
    }
}

pub(crate) fn has_ended(tid: Tid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{tid}/stat")).unwrap_or_default();
    // proc(5): the state follows the command's name, which may hold anything.
    let state = stat.rsplit_once(')').and_then(|(_, fields)| fields.trim_start().chars().next());
    matches!(state, None | Some('Z' | 'X'))
}
