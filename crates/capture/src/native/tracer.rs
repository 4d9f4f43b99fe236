//! The loop that waits for the program's threads and hears what each is stopped for.

use std::collections::{BTreeMap, HashMap, VecDeque};

use nix::errno::Errno;

use super::arch::Registers;
use super::error::Error;
use super::patience::Patience;
use super::ptrace::{self, How, SignalInfo, Stop, Tid};
use super::recorder::{Recorded, Recorder};
use super::requests::Requests;
use super::sites::Sites;
use crate::Outcome;
#[cfg(target_arch = "x86_64")]
use crate::native::access::detour::Underway;
use crate::native::marks::breakpoint::Arrivals;
use crate::native::marks::mark_on::Marked;
use crate::native::program::attach::Attached;
use crate::native::program::launch::Started;
use crate::native::program::signals::{Action, Handlers, fault_is_pending};
use crate::native::syscalls::buffers::Lent;
use crate::native::windows::maps::Change;
use crate::native::windows::space::Space;
use crate::native::windows::watch::WatchList;

/// A thread of the program.
pub(crate) struct Thread {
    pub(crate) process: Tid,
    /// Whether it runs, as far as is known: its next stop may be waiting to be heard of.
    pub(crate) is_running: bool,
    /// Whether it waits for the process that it made with vfork(2), and cannot be stopped.
    pub(crate) waits_for_child: bool,
    /// What has to be done when the present system call returns.
    pub(crate) call: Option<Call>,
    /// The registers as the program began that call with them.
    pub(crate) original: Option<Registers>,
    /// A signal that came in the middle of a step.
    pub(crate) held: Option<SignalInfo>,
    /// Whether its group was stopped in the middle of a step.
    pub(crate) is_to_stop: bool,
    /// What its breakpoints have yet to learn.
    pub(crate) arrivals: Arrivals,
    /// A store that it makes while nobody waits for it.
    #[cfg(target_arch = "x86_64")]
    pub(crate) underway: Option<Underway>,
}

impl Thread {
    pub(crate) fn new(process: Tid) -> Thread {
        Thread {
            process,
            is_running: true,
            waits_for_child: false,
            call: None,
            original: None,
            held: None,
            is_to_stop: false,
            arrivals: Arrivals::default(),
            #[cfg(target_arch = "x86_64")]
            underway: None,
        }
    }
}

/// A system call that is looked at again when it returns.
pub(crate) enum Call {
    /// It changes mappings.
    Change(Change),
    /// It works on memory in a window.
    Lent(Lent),
    /// It sets a handler.
    Handler(i32, Action),
    /// It is a mark.
    Mark,
}

/// A process of the program.
pub(crate) struct Process {
    pub(crate) space: SpaceId,
    pub(crate) handlers: Handlers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SpaceId(pub(crate) u32);

/// How the program came to be traced.
pub(crate) enum Origin {
    /// It was started for that, and ends with the capture.
    Launched(Started),
    /// It ran already, and outlives the capture.
    Attached(Attached),
}

impl Origin {
    pub(crate) fn process(&self) -> Tid {
        match self {
            Origin::Launched(started) => started.process,
            Origin::Attached(attached) => attached.process,
        }
    }

    pub(crate) fn is_attached(&self) -> bool {
        matches!(self, Origin::Attached(_))
    }
}

/// Everything that is known of a running program.
pub(crate) struct Tracer<'a> {
    pub(crate) recorder: Recorder<'a>,
    patience: Patience,
    pub(crate) watched: WatchList,
    pub(crate) sites: Sites,
    pub(crate) marked: Marked,
    pub(crate) threads: BTreeMap<Tid, Thread>,
    pub(crate) processes: BTreeMap<Tid, Process>,
    pub(crate) spaces: BTreeMap<SpaceId, Space>,
    pub(crate) next_space: u32,
    /// Stops that were heard of while something else was waited for.
    pub(crate) later: VecDeque<(Tid, Stop)>,
    /// Threads that stopped before the event that tells where they come from.
    pub(crate) unknown: HashMap<Tid, Stop>,
    pub(crate) origin: Origin,
    pub(crate) is_program: bool,
    /// Whether the program is about to be let go.
    pub(crate) is_leaving: bool,
    status: i32,
}

impl<'a> Tracer<'a> {
    pub(crate) fn new(recorder: Recorder<'a>, watched: WatchList, origin: Origin) -> Self {
        let first = origin.process();
        let threads = match &origin {
            Origin::Launched(_) => BTreeMap::from([(first, Thread::new(first))]),
            Origin::Attached(attached) => {
                attached.threads.iter().map(|&tid| (tid, Thread::new(first))).collect()
            }
        };
        let space = SpaceId(0);
        Tracer {
            recorder,
            patience: Patience::default(),
            watched,
            sites: Sites::default(),
            marked: Marked::default(),
            threads,
            processes: BTreeMap::from([(first, Process { space, handlers: Handlers::default() })]),
            spaces: BTreeMap::from([(space, Space::default())]),
            next_space: 1,
            later: VecDeque::new(),
            unknown: HashMap::new(),
            is_program: origin.is_attached(),
            origin,
            is_leaving: false,
            status: 0,
        }
    }

    /// Traces until the last process has ended, or the trace has and the program need not.
    pub(crate) fn run(mut self) -> Result<Outcome, Error> {
        let traced = self.trace();
        if traced.is_err() {
            self.end();
        }
        let let_go = traced?;
        self.say_not_found();
        let Recorded { accesses, syscalls, losses, error } = self.recorder.finish();
        let status = self.status;
        Ok(Outcome { status, let_go, accesses, syscalls, losses, sink_error: error })
    }

    /// Whether the program was let go in the end.
    fn trace(&mut self) -> Result<bool, Error> {
        if self.origin.is_attached() {
            self.arrive()?;
        }
        while !self.threads.is_empty() || !self.unknown.is_empty() {
            let asked = Requests::to_end(!self.origin.is_attached());
            if self.origin.is_attached() {
                if !self.is_leaving && (asked.is_some() || !self.recorder.wants_more()) {
                    self.begin_to_leave().map_err(stopping)?;
                }
                if self.is_leaving && self.can_leave() {
                    self.leave()?;
                    return Ok(true);
                }
            } else if let Some(signal) = asked {
                self.end();
                self.status = 128 + signal;
                break;
            }
            match self.listen() {
                Ok(Some((tid, stop))) => self.hear(tid, stop)?,
                Ok(None) => {}
                Err(Errno::ECHILD) => break,
                Err(errno) => return Err(Error::system("waiting for the program", errno)),
            }
        }
        Ok(false)
    }

    /// The next stop of any thread; `None` when there may be a request instead.
    fn listen(&mut self) -> Result<Option<(Tid, Stop)>, Errno> {
        if let Some(heard) = self.later.pop_front() {
            return Ok(Some(heard));
        }
        let heard = match self.patience.stopped(None)? {
            Some(heard) => Some(heard),
            None => ptrace::wait_or_signal()?,
        };
        if heard.is_some() {
            self.recorder.flush_in_time();
            self.hear_others();
        } else {
            // There is time, and nobody knows how long the program will take.
            self.recorder.flush();
        }
        Ok(heard)
    }

    /// Hears of all other threads that have stopped by now. The system tells of the oldest first,
    /// and those could keep the younger ones waiting for good.
    fn hear_others(&mut self) {
        while self.threads.len() > 1
            && let Ok(Some((tid, stop))) = ptrace::stopped(None)
        {
            if let Some(thread) = self.threads.get_mut(&tid) {
                thread.is_running = false;
            }
            self.later.push_back((tid, stop));
        }
    }

    /// Waits for the thread's next stop.
    pub(crate) fn await_stop(&mut self, tid: Tid) -> Result<Stop, Errno> {
        match self.patience.stopped(Some(tid))? {
            Some((_, stop)) => Ok(stop),
            None => Ok(ptrace::wait(Some(tid))?.1),
        }
    }

    pub(super) fn hear(&mut self, tid: Tid, stop: Stop) -> Result<(), Error> {
        if let Stop::Exited(_) | Stop::Killed(_) = stop {
            return self.ended(tid, stop);
        }
        let Some(thread) = self.threads.get_mut(&tid) else {
            self.unknown.insert(tid, stop);
            return Ok(());
        };
        thread.is_running = false;
        if let Stop::Event(libc::PTRACE_EVENT_EXEC, _) = stop {
            self.executed(tid)?;
        }
        match self.answer(tid, stop) {
            // It was killed meanwhile; its end is still to come.
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(Error::system("governing the program (ptrace)", errno)),
        }
    }

    /// Does what a stop asks for, and lets the thread go on.
    fn answer(&mut self, tid: Tid, stop: Stop) -> Result<(), Errno> {
        match stop {
            Stop::Signal(signal @ libc::SIGSEGV) => {
                let info = ptrace::signal_info(tid)?;
                if info.is_fault() && self.space(tid).guard(info.address()).is_some() {
                    if self.recorder.wants_more() || self.origin.is_attached() {
                        self.access(tid, info.address())?;
                    } else {
                        self.open_for_good(tid)?;
                    }
                    return self.resume(tid);
                }
                self.deliver(tid, signal)
            }
            Stop::Signal(libc::SIGTRAP) if let Some(at) = self.breakpoint(tid)? => {
                self.reached(tid, at)
            }
            #[cfg(target_arch = "x86_64")]
            Stop::Event(libc::PTRACE_EVENT_STOP, _) if self.bring_back(tid, stop)? => {
                self.resume(tid)
            }
            Stop::Signal(signal) => self.deliver(tid, signal),
            Stop::Call if ptrace::is_call_entry(tid)? => {
                self.call_begins(tid)?;
                self.go_on_in_call(tid)
            }
            Stop::Call => {
                self.call_returns(tid)?;
                self.go_on_in_call(tid)
            }
            Stop::Event(libc::PTRACE_EVENT_SECCOMP, _) => {
                // Where every call is stopped at, this one has been looked at already.
                if self.thread(tid).call.is_none() {
                    self.call_begins(tid)?;
                }
                self.go_on_in_call(tid)
            }
            Stop::Event(
                event @ (libc::PTRACE_EVENT_CLONE
                | libc::PTRACE_EVENT_FORK
                | libc::PTRACE_EVENT_VFORK),
                _,
            ) => {
                self.follow(tid, event)?;
                self.go_on_in_call(tid)
            }
            Stop::Event(libc::PTRACE_EVENT_VFORK_DONE, _) => {
                self.thread(tid).waits_for_child = false;
                self.go_on_in_call(tid)
            }
            Stop::Event(libc::PTRACE_EVENT_EXEC, _) => self.go_on_in_call(tid),
            Stop::Event(
                libc::PTRACE_EVENT_STOP,
                libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU,
            ) if !self.is_leaving => {
                self.thread(tid).is_running = true;
                ptrace::resume(tid, How::Listen, 0)
            }
            // The fault is heard of next, and may be one that the capture has caused.
            Stop::Event(..) if self.is_leaving && fault_is_pending(tid) => self.go_on(tid),
            Stop::Event(..) => self.resume(tid),
            Stop::Exited(_) | Stop::Killed(_) => Ok(()),
        }
    }

    /// Lets a thread go on, with the signal that it is stopped for.
    pub(crate) fn deliver(&mut self, tid: Tid, signal: i32) -> Result<(), Errno> {
        #[cfg(target_arch = "x86_64")]
        if self.bring_back(tid, Stop::Signal(signal))? {
            return self.resume(tid);
        }
        if self.stays(tid) {
            self.thread(tid).held = Some(ptrace::signal_info(tid)?);
            return Ok(());
        }
        self.process_mut(tid).handlers.delivered(signal);
        let how = self.how_to_resume(tid);
        self.thread(tid).is_running = true;
        ptrace::resume(tid, how, signal)
    }

    /// As far as a thread may run before it has to be looked at.
    pub(crate) fn how_to_resume(&self, tid: Tid) -> How {
        let has_to_stop = self.origin.is_attached()
            || self.threads[&tid].call.is_some()
            || self.space(tid).has_windows_elsewhere();
        if has_to_stop { How::ToCall } else { How::Run }
    }

    /// Lets a thread go on, with the signal that it holds, unless it is to be let go.
    pub(crate) fn resume(&mut self, tid: Tid) -> Result<(), Errno> {
        if self.stays(tid) { Ok(()) } else { self.go_on(tid) }
    }

    /// Lets a thread go on that is in a system call: there it could call no other, and has to leave
    /// it before it can be let go.
    fn go_on_in_call(&mut self, tid: Tid) -> Result<(), Errno> {
        if self.is_leaving && !self.thread(tid).waits_for_child {
            ptrace::interrupt(tid)?;
        }
        self.go_on(tid)
    }

    fn go_on(&mut self, tid: Tid) -> Result<(), Errno> {
        let how = self.how_to_resume(tid);
        let thread = self.thread(tid);
        thread.is_running = true;
        let held = thread.held.take();
        if std::mem::take(&mut thread.is_to_stop) {
            ptrace::interrupt(tid)?;
        }
        let Some(info) = held else { return ptrace::resume(tid, how, 0) };
        self.process_mut(tid).handlers.delivered(info.signal());
        ptrace::set_signal_info(tid, &info)?;
        ptrace::resume(tid, how, info.signal())
    }

    fn ended(&mut self, tid: Tid, stop: Stop) -> Result<(), Error> {
        self.unknown.remove(&tid);
        self.threads.remove(&tid);
        if tid == self.origin.process() {
            if !self.is_program
                && let Origin::Launched(started) = &mut self.origin
                && let Some(error) = started.why_not()
            {
                return Err(error);
            }
            self.status = match stop {
                Stop::Killed(signal) => 128 + signal,
                Stop::Exited(status) => status,
                _ => 0,
            };
        }
        self.forget_unused();
        self.adopt_orphans().map_err(|errno| Error::system("following a process (ptrace)", errno))
    }

    /// Ends the program, because the capture cannot go on; lets go of one that was attached to.
    fn end(&mut self) {
        if self.origin.is_attached() {
            // The error that led here is told; another would not help.
            let _ = self.leave();
            return;
        }
        let processes = self.processes.keys().chain(self.unknown.keys());
        processes.for_each(|&process| ptrace::kill(process));
        while ptrace::wait(None).is_ok() {}
    }

    pub(crate) fn thread(&mut self, tid: Tid) -> &mut Thread {
        self.threads.get_mut(&tid).expect("only known threads are handled")
    }

    pub(crate) fn process(&self, tid: Tid) -> &Process {
        &self.processes[&self.threads[&tid].process]
    }

    pub(crate) fn process_mut(&mut self, tid: Tid) -> &mut Process {
        let process = self.threads[&tid].process;
        self.processes.get_mut(&process).expect("a thread's process is known")
    }

    pub(crate) fn space(&self, tid: Tid) -> &Space {
        &self.spaces[&self.process(tid).space]
    }

    pub(crate) fn space_mut(&mut self, tid: Tid) -> &mut Space {
        let id = self.process(tid).space;
        self.spaces.get_mut(&id).expect("a process's space is known")
    }
}

fn stopping(errno: Errno) -> Error {
    Error::system("stopping the program (ptrace)", errno)
}
