//! New threads, new processes, new programs.

use std::fs;

use busprobe_trace::LossKind;
use nix::errno::Errno;

use super::signals::Handlers;
use crate::native::arch::Registers;
use crate::native::error::Error;
use crate::native::ptrace::{self, Tid};
use crate::native::tracer::{Origin, Process, SpaceId, Thread, Tracer};
use crate::native::windows::space::Space;

/// `clone(2)`'s flags, whichever call they came by.
fn clone_flags(tid: Tid, event: libc::c_int) -> Result<u64, Errno> {
    let registers = Registers::read(tid)?;
    match registers.call_number() {
        libc::SYS_clone => Ok(registers.argument(0)),
        libc::SYS_clone3 => {
            let mut flags = [0; 8];
            ptrace::read_memory(tid, registers.argument(0), &mut flags)?;
            Ok(u64::from_ne_bytes(flags))
        }
        _ if event == libc::PTRACE_EVENT_VFORK => Ok(libc::CLONE_VM as u64),
        _ => Ok(0),
    }
}

impl Tracer<'_> {
    /// Takes note of the thread or process that `parent` has just made.
    pub(crate) fn follow(&mut self, parent: Tid, event: libc::c_int) -> Result<(), Errno> {
        let child = ptrace::event_message(parent)? as Tid;
        let flags = clone_flags(parent, event)?;
        self.thread(parent).waits_for_child = event == libc::PTRACE_EVENT_VFORK;
        let has = |flag: libc::c_int| flags & flag as u64 != 0;
        self.add(child, parent, has(libc::CLONE_THREAD), has(libc::CLONE_VM))
    }

    fn add(
        &mut self,
        child: Tid,
        parent: Tid,
        is_thread: bool,
        shares_memory: bool,
    ) -> Result<(), Errno> {
        let process = if is_thread {
            self.threads[&parent].process
        } else {
            let space = if shares_memory {
                self.process(parent).space
            } else {
                let copy = self.space(parent).copied();
                self.add_space(copy)
            };
            let handlers = self.process(parent).handlers.clone();
            self.processes.insert(child, Process { space, handlers });
            child
        };
        self.threads.insert(child, Thread::new(process));
        if self.unknown.remove(&child).is_some() {
            // Its first stop, which asks for nothing.
            self.thread(child).is_running = false;
            return match self.resume(child) {
                Err(Errno::ESRCH) => Ok(()),
                other => other,
            };
        }
        Ok(())
    }

    fn add_space(&mut self, space: Space) -> SpaceId {
        let id = SpaceId(self.next_space);
        self.next_space += 1;
        self.spaces.insert(id, space);
        id
    }

    /// Takes in processes whose parents were killed before they could tell of them.
    pub(crate) fn adopt_orphans(&mut self) -> Result<(), Errno> {
        let waiting: Vec<Tid> = self.unknown.keys().copied().collect();
        for child in waiting {
            let Some((process, parent)) = relations(child) else { continue };
            if self.processes.contains_key(&process) || self.processes.contains_key(&parent) {
                continue;
            }
            let detail = format!("process {child} was not watched: its parent was killed");
            self.recorder.loss(LossKind::NotWatched, detail);
            let space = self.add_space(Space::default());
            self.processes.insert(child, Process { space, handlers: Handlers::default() });
            self.threads.insert(child, Thread::new(child));
            self.unknown.remove(&child);
            self.thread(child).is_running = false;
            self.resume(child)?;
        }
        Ok(())
    }

    /// Takes note that the thread's process has become another program.
    pub(crate) fn executed(&mut self, tid: Tid) -> Result<(), Error> {
        // Threads other than the first take the first one's id.
        let (former, registers) = match (ptrace::event_message(tid), Registers::of_64_bit(tid)) {
            (Ok(former), Ok(registers)) => (former as Tid, registers),
            // It was killed meanwhile.
            (Err(Errno::ESRCH), _) | (_, Err(Errno::ESRCH)) => return Ok(()),
            (Err(errno), _) | (_, Err(errno)) => {
                return Err(Error::system("starting the program (ptrace)", errno));
            }
        };
        if former != tid {
            self.threads.remove(&former);
        }
        let process = self.threads[&tid].process;
        self.threads.retain(|&other, thread| thread.process != process || other == tid);
        self.threads.insert(tid, Thread { is_running: false, ..Thread::new(process) });
        let space = self.add_space(Space::default());
        let process = self.process_mut(tid);
        process.space = space;
        process.handlers = std::mem::take(&mut process.handlers).after_exec();
        self.forget_unused();

        let is_64_bit = registers.is_some();
        let is_first = !std::mem::replace(&mut self.is_program, true);
        if !is_64_bit
            && is_first
            && let Origin::Launched(started) = &self.origin
        {
            return Err(Error::Not64Bit { path: started.path.clone() });
        }
        if !is_64_bit {
            let path = fs::read_link(format!("/proc/{tid}/exe")).unwrap_or_default();
            let detail = format!("{} is a 32-bit program and was not watched", path.display());
            self.recorder.loss(LossKind::NotWatched, detail);
            return Ok(());
        }
        match self.mark_functions(tid, &(0..u64::MAX)) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(Error::system("marking functions (ptrace)", errno)),
        }
    }

    /// Drops processes without threads and spaces without processes.
    pub(crate) fn forget_unused(&mut self) {
        let Tracer { threads, processes, spaces, .. } = self;
        processes.retain(|process, _| threads.values().any(|thread| thread.process == *process));
        spaces.retain(|space, _| processes.values().any(|process| process.space == *space));
    }
}

/// The process of a thread, and that process's parent.
fn relations(tid: Tid) -> Option<(Tid, Tid)> {
    let status = fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<Tid>().ok())
    };
    Some((field("Tgid:")?, field("PPid:")?))
}
