//! The last resort: stop all other threads, open the window, let one instruction run, close it.

use std::collections::HashSet;

use nix::errno::Errno;

use super::arch::Registers;
use super::ptrace::{self, How, Stop, Tid};
use super::space::Mapping;
use super::step::Stepped;
use super::touch::Touch;
use super::tracer::Tracer;

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
        let others = self.stop_others(tid)?;
        let stepped = self.open_step_close(tid, before, &mappings);
        for other in others {
            match ptrace::resume(other, self.how_to_resume(other), 0) {
                Ok(()) => self.thread(other).is_running = true,
                Err(Errno::ESRCH) => {}
                Err(errno) => return Err(errno),
            }
        }
        stepped
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
        let mut stopped = Vec::new();
        for &other in &others {
            match ptrace::interrupt(other) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err(errno),
            }
        }
        for other in others {
            let (_, stop) = ptrace::wait(Some(other))?;
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

    fn how_to_resume(&mut self, tid: Tid) -> How {
        if self.thread(tid).call.is_some() { How::ToCallExit } else { How::Run }
    }
}
