//! The windows that a program has already when it is attached to.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::memory_map::{Line, lines};
use super::signals::{Action, bit, fault_is_pending};
use crate::native::access::world::stop_of;
use crate::native::arch::layout::CALL_INSTRUCTION;
use crate::native::error::Error;
use crate::native::ptrace::{self, How, Stop, Tid};
use crate::native::tracer::Tracer;
use crate::native::windows::space::PAGE;
use crate::native::windows::watch::FileId;

/// How often the threads are asked to rest before it is given up; once is nearly always enough.
const MOST_ATTEMPTS: u32 = 1000;

impl Tracer<'_> {
    /// Stops the process that has just been attached to, watches its windows, lets it go on.
    pub(crate) fn arrive(&mut self) -> Result<(), Error> {
        // A program that makes threads all the time may have every one of them in the middle of
        // that; what they are at is done first, and then they are asked again.
        for _ in 0..MOST_ATTEMPTS {
            let is_done = self
                .stop_and_watch()
                .map_err(|errno| Error::system("attaching to the process (ptrace)", errno))?;
            if is_done {
                self.say_not_found();
                return Ok(());
            }
            while let Some((tid, stop)) = self.later.pop_front() {
                self.hear(tid, stop)?;
            }
        }
        self.not_watched("no thread of the program came to rest", Errno::EBUSY);
        Ok(())
    }

    /// Whether a thread was found that could be made to do it, or there is none left to ask.
    fn stop_and_watch(&mut self) -> Result<bool, Errno> {
        let threads: Vec<Tid> = self.threads.keys().copied().collect();
        for &tid in &threads {
            match ptrace::interrupt(tid) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err(errno),
            }
        }
        let mut stopped = Vec::new();
        for tid in threads {
            let mut stop = stop_of(tid, || Ok(()))?;
            if let Some(Stop::Event(libc::PTRACE_EVENT_STOP, _)) = stop
                && fault_is_pending(tid)
            {
                ptrace::resume(tid, How::Run, 0)?;
                stop = stop_of(tid, || Ok(()))?;
            }
            if let Some(stop) = stop
                && self.rests(tid, stop)?
            {
                stopped.push(tid);
            }
        }
        let mut is_done = self.threads.is_empty();
        for &tid in &stopped {
            match self.undisturbed(tid, Tracer::take_hold) {
                Ok(()) => {
                    is_done = true;
                    break;
                }
                // It was killed; another may do.
                Err(Errno::ESRCH) => {}
                Err(errno) => return Err(errno),
            }
        }
        for tid in stopped {
            match self.resume(tid) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(is_done)
    }

    /// Takes note of a stop that came before the windows were watched; whether the thread only
    /// waits to go on, as other stops have to be heard of in their turn.
    fn rests(&mut self, tid: Tid, stop: Stop) -> Result<bool, Errno> {
        match stop {
            Stop::Exited(_) | Stop::Killed(_) => {}
            Stop::Event(libc::PTRACE_EVENT_STOP, libc::SIGTRAP) => {
                self.thread(tid).is_running = false;
                return Ok(true);
            }
            Stop::Event(libc::PTRACE_EVENT_STOP, _) => {
                let thread = self.thread(tid);
                (thread.is_running, thread.is_to_stop) = (false, true);
                return Ok(true);
            }
            Stop::Signal(_) => {
                let info = ptrace::signal_info(tid)?;
                let thread = self.thread(tid);
                (thread.is_running, thread.held) = (false, Some(info));
                return Ok(true);
            }
            Stop::Event(..) | Stop::Call => self.thread(tid).is_running = false,
        }
        self.later.push_back((tid, stop));
        Ok(false)
    }

    fn take_hold(&mut self, tid: Tid) -> Result<(), Errno> {
        self.watch_present_windows(tid)?;
        self.mark_present_functions(tid)
    }

    fn watch_present_windows(&mut self, tid: Tid) -> Result<(), Errno> {
        let lines = lines(tid);
        let windows: Vec<(Line, FileId)> =
            lines.into_iter().filter_map(|line| self.window_of(tid, line)).collect();
        let Some(at) = call_instruction(tid) else {
            if !windows.is_empty() {
                self.not_watched(
                    "no system call instruction was found in the program",
                    Errno::ENOEXEC,
                );
            }
            return Ok(());
        };
        self.learn_handlers(tid, at)?;
        for (line, file) in windows {
            self.add_present_window(tid, at, &line, file)?;
        }
        Ok(())
    }

    /// The watched file that is mapped there, with the place in it.
    fn window_of(&mut self, tid: Tid, line: Line) -> Option<(Line, FileId)> {
        let Range { start, end } = line.range;
        let exact = PathBuf::from(format!("/proc/{tid}/map_files/{start:x}-{end:x}"));
        // Only who may administer the system can follow that.
        let named = PathBuf::from(format!("/proc/{tid}/root{}", line.path.display()));
        let file = self.watched.find(&exact).or_else(|| self.watched.find(&named))?;
        let offset = offset_in_file(&line.path, line.offset);
        self.watched.hull(file, &(offset..offset + (end - start)))?;
        if line.is_private && line.protection & libc::PROT_WRITE as u64 != 0 {
            self.private_copy();
            return None;
        }
        Some((Line { offset, ..line }, file))
    }

    fn add_present_window(
        &mut self,
        tid: Tid,
        at: u64,
        line: &Line,
        file: FileId,
    ) -> Result<(), Errno> {
        if let Err(errno) = self.prepare_stub(tid, at)? {
            self.not_watched("the capture's own page could not be mapped", errno);
            return Ok(());
        }
        let alias = self.map_again(tid, line, file)?;
        if let (Some(alias), Some(key)) = (alias, key(tid, &line.range)) {
            let length = line.range.end - line.range.start;
            let _ = self.set_key(tid, alias, length, line.protection, key)?;
        }
        self.watch_mapping(tid, line.range.clone(), alias, file, line.offset, line.protection)
    }

    /// Maps a window's pages a second time, if that can be.
    fn map_again(&mut self, tid: Tid, line: &Line, file: FileId) -> Result<Option<u64>, Errno> {
        let Range { start, end } = line.range;
        // A length of 0 duplicates a shared mapping, mremap(2); the kernel refuses that for
        // device memory.
        let may_move = libc::MREMAP_MAYMOVE as u64;
        let arguments = [start, 0, end - start, may_move, 0, 0];
        if !line.is_private
            && let Ok(alias) = self.inject(tid, libc::SYS_mremap, arguments)?
        {
            return Ok(Some(alias));
        }
        let shared = if line.is_private { libc::MAP_PRIVATE } else { libc::MAP_SHARED } as u64;
        let map =
            |descriptor: u64| [0, end - start, line.protection, shared, descriptor, line.offset];
        for descriptor in descriptors(tid) {
            let path = format!("/proc/{tid}/fd/{descriptor}");
            if self.watched.find(Path::new(&path)) == Some(file)
                && let Ok(alias) = self.inject(tid, libc::SYS_mmap, map(descriptor))?
            {
                return Ok(Some(alias));
            }
        }
        // The program has closed it. O_SYNC asks /dev/mem for a mapping that is not cached.
        let flags = libc::O_CLOEXEC
            | libc::O_SYNC
            | if line.protection & libc::PROT_WRITE as u64 == 0 {
                libc::O_RDONLY
            } else {
                libc::O_RDWR
            };
        let Some(path) = self.lend_path(tid, &line.path)? else { return Ok(None) };
        let arguments = [libc::AT_FDCWD as u64, path, flags as u64, 0, 0, 0];
        let Ok(descriptor) = self.inject(tid, libc::SYS_openat, arguments)? else {
            return Ok(None);
        };
        let alias = self.inject(tid, libc::SYS_mmap, map(descriptor))?.ok();
        let _ = self.inject(tid, libc::SYS_close, [descriptor, 0, 0, 0, 0, 0])?;
        Ok(alias)
    }

    /// Asks the program which handlers it has set for the signals that the capture causes.
    fn learn_handlers(&mut self, tid: Tid, at: u64) -> Result<(), Errno> {
        let set = super::signals::dispositions(tid).unwrap_or(0);
        let signals = [libc::SIGSEGV, libc::SIGTRAP].into_iter().filter(|&one| set & bit(one) != 0);
        for signal in signals {
            let writable = (libc::PROT_READ | libc::PROT_WRITE) as u64;
            let anonymous = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as u64;
            let arguments = [0, *PAGE, writable, anonymous, u64::MAX, 0];
            let Ok(place) = self.inject_at(tid, at, libc::SYS_mmap, arguments)? else { break };
            let arguments = [signal as u64, 0, place, 8, 0, 0];
            let asked = self.inject_at(tid, at, libc::SYS_rt_sigaction, arguments)?;
            let mut action: Action = [0; 32];
            if asked.is_ok() && ptrace::read_memory(tid, place, &mut action) == Ok(action.len()) {
                self.process_mut(tid).handlers.set(signal, action);
            }
            let _ = self.inject_at(tid, at, libc::SYS_munmap, [place, *PAGE, 0, 0, 0, 0])?;
        }
        Ok(())
    }
}

/// The place in the file that a mapping's offset stands for: of a PCI resource, the kernel shows
/// the bus address instead (`pci_mmap_resource_range`).
fn offset_in_file(path: &Path, offset: u64) -> u64 {
    let start = || {
        let name = path.file_name()?.to_str()?.strip_prefix("resource")?;
        let number: usize = name.strip_suffix("_wc").unwrap_or(name).parse().ok()?;
        let list = fs::read_to_string(path.with_file_name("resource")).ok()?;
        let first = list.lines().nth(number)?.split_ascii_whitespace().next()?;
        u64::from_str_radix(first.strip_prefix("0x")?, 16).ok()
    };
    if path.starts_with("/sys") { offset.saturating_sub(start().unwrap_or(0)) } else { offset }
}

/// Where some system call instruction of the program lies: the kernel's own code page has one.
pub(crate) fn call_instruction(tid: Tid) -> Option<u64> {
    const CHUNK: usize = 1 << 16;
    let is_code = |line: &Line| {
        let name = line.path.as_os_str();
        line.is_code() && (name == "[vdso]" || name.is_empty() || line.path.is_file())
    };
    let mut lines: Vec<Line> = lines(tid).into_iter().filter(is_code).collect();
    lines.sort_by_key(|line| line.path.as_os_str() != "[vdso]");
    for line in lines {
        for start in line.range.clone().step_by(CHUNK) {
            let mut code = vec![0; CHUNK.min((line.range.end - start) as usize)];
            let length = ptrace::read_memory(tid, start, &mut code).unwrap_or(0);
            let instructions = code[..length].windows(CALL_INSTRUCTION.len()).enumerate();
            let mut found = instructions.filter(|(at, bytes)| {
                *bytes == CALL_INSTRUCTION && at.is_multiple_of(instruction_alignment())
            });
            if let Some((at, _)) = found.next() {
                return Some(start + at as u64);
            }
        }
    }
    None
}

/// Instructions of one length are aligned to it.
const fn instruction_alignment() -> usize {
    if cfg!(target_arch = "aarch64") { 4 } else { 1 }
}

fn descriptors(tid: Tid) -> Vec<u64> {
    let entries = fs::read_dir(format!("/proc/{tid}/fd")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The protection key of a mapping, where there are such and it has another than 0: proc(5), smaps.
fn key(tid: Tid, range: &Range<u64>) -> Option<u64> {
    let Range { start, end } = range;
    let maps = fs::read_to_string(format!("/proc/{tid}/smaps")).ok()?;
    let first = format!("{start:x}-{end:x} ");
    let mut fields = maps.lines().skip_while(|line| !line.starts_with(&first));
    let key = fields.find_map(|line| line.strip_prefix("ProtectionKey:"))?;
    key.trim().parse().ok().filter(|&key| key != 0)
}
