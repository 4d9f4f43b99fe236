//! The end of a trace before the program's: windows become what they were.
//!
//! A program that was attached to is let go: every thread is stopped outside of system calls,
//! then each address space is put right by one of its own threads, then all are detached from. A
//! program that was started here cannot be let go, since its filter for system calls would stay;
//! it runs on under the capture, its windows open.

use std::collections::HashSet;

use busprobe_trace::LossKind;
use nix::errno::Errno;

use super::signals::all_but_faults;
use crate::native::access::world::has_ended;
use crate::native::error::Error;
use crate::native::ptrace::{self, Tid};
use crate::native::tracer::{SpaceId, Tracer};
use crate::native::windows::space::Mapping;

impl Tracer<'_> {
    /// Opens the windows of the thread's process for good: the trace is complete.
    pub(crate) fn open_for_good(&mut self, tid: Tid) -> Result<(), Errno> {
        let detail = "the trace ended at what it was to stop at; what the program did to the \
                      windows afterwards is not in it";
        self.recorder.loss(LossKind::NotWatched, detail);
        let mappings: Vec<Mapping> = self.space(tid).mappings().to_vec();
        for mapping in mappings.iter().filter(|mapping| !mapping.guarded.is_empty()) {
            self.open(tid, mapping)?;
        }
        self.space_mut(tid).unguard();
        Ok(())
    }

    fn open(&mut self, tid: Tid, mapping: &Mapping) -> Result<(), Errno> {
        let length = mapping.guarded.end - mapping.guarded.start;
        // A window that is gone by now has nothing to be opened.
        let _ = self.protect(tid, mapping.guarded.start, length, mapping.protection)?;
        Ok(())
    }

    /// Makes every thread stop, to be let go. They stop one by one, as they are heard of.
    pub(crate) fn begin_to_leave(&mut self) -> Result<(), Errno> {
        self.is_leaving = true;
        let running = self.threads.iter().filter(|(_, thread)| thread.is_running);
        for (&tid, _) in running.filter(|(_, thread)| !thread.waits_for_child) {
            match ptrace::interrupt(tid) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Whether a stopped thread is to stay so until it is let go.
    pub(crate) fn stays(&self, tid: Tid) -> bool {
        // A process made by vfork(2) has its parent waiting, which could not stop.
        self.is_leaving && !self.holds_up_parent(tid)
    }

    fn holds_up_parent(&self, tid: Tid) -> bool {
        let (process, space) = (self.threads[&tid].process, self.process(tid).space);
        self.threads.iter().any(|(&other, thread)| {
            thread.waits_for_child
                && thread.process != process
                && self.process(other).space == space
        })
    }

    /// Whether every thread has stopped that can.
    pub(crate) fn can_leave(&self) -> bool {
        self.later.is_empty()
            && self.unknown.is_empty()
            && self.threads.iter().all(|(&tid, thread)| !thread.is_running || has_ended(tid))
    }

    /// Lets the program go, which is stopped, just as it would be without the capture.
    pub(crate) fn leave(&mut self) -> Result<(), Error> {
        let system = |errno| Error::system("letting the program go (ptrace)", errno);
        let mut restored: HashSet<SpaceId> = HashSet::new();
        let threads: Vec<Tid> = self.threads.keys().copied().collect();
        for &tid in threads.iter().filter(|&&tid| !has_ended(tid)) {
            if restored.contains(&self.process(tid).space) {
                continue;
            }
            match self.undisturbed(tid, Tracer::restore_space) {
                Ok(()) => restored.insert(self.process(tid).space),
                // It was killed; another thread may do.
                Err(Errno::ESRCH) => continue,
                Err(errno) => return Err(system(errno)),
            };
        }
        for tid in threads {
            let held = self.thread(tid).held.take();
            let signal = held.as_ref().map_or(0, ptrace::SignalInfo::signal);
            let set = held.map_or(Ok(()), |info| ptrace::set_signal_info(tid, &info));
            match set.and_then(|()| ptrace::detach(tid, signal)) {
                Ok(()) => {}
                Err(Errno::ESRCH) => self.forget_ended(tid),
                Err(errno) => return Err(system(errno)),
            }
        }
        self.threads.clear();
        Ok(())
    }

    /// A thread that has ended stays until its tracer has heard so, and its process with it; only
    /// then does a process's parent hear. The process that was attached to may be a child of this
    /// one, whose end is for others to hear.
    fn forget_ended(&self, tid: Tid) {
        if tid != self.origin.process() {
            let _ = ptrace::stopped(Some(tid));
        }
    }

    /// Does something to a stopped thread during which no signal reaches it.
    pub(crate) fn undisturbed(
        &mut self,
        tid: Tid,
        what: impl FnOnce(&mut Self, Tid) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let mask = ptrace::signal_mask(tid)?;
        ptrace::set_signal_mask(tid, all_but_faults())?;
        what(self, tid)?;
        ptrace::set_signal_mask(tid, mask)
    }

    /// Takes everything of the capture's out of the thread's address space.
    fn restore_space(&mut self, tid: Tid) -> Result<(), Errno> {
        self.clear_breakpoints(tid)?;
        let mappings: Vec<Mapping> = self.space(tid).mappings().to_vec();
        for mapping in &mappings {
            if !mapping.guarded.is_empty() {
                self.open(tid, mapping)?;
            }
            if let Some(alias) = mapping.alias_of(mapping.range.start) {
                let length = mapping.range.end - mapping.range.start;
                let _ = self.inject(tid, libc::SYS_munmap, [alias, length, 0, 0, 0, 0])?;
            }
        }
        self.space_mut(tid).clear();
        #[cfg(target_arch = "x86_64")]
        {
            self.drop_detours(tid)?;
            self.drop_scratch(tid)?;
        }
        self.drop_stub(tid)
    }
}
