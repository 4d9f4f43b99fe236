//! Taking hold of a program that runs already.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use nix::errno::Errno;

use super::launch::is_32_bit;
use super::permission;
use crate::native::access::world::has_ended;
use crate::native::error::Error;
use crate::native::ptrace::{self, Tid};

/// No filter stops such a program's system calls, and it outlives the capture.
const OPTIONS: libc::c_int = libc::PTRACE_O_TRACESYSGOOD
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACEVFORKDONE
    | libc::PTRACE_O_TRACEEXEC;

/// A process all of whose threads are traced; they run until they are interrupted.
pub(crate) struct Attached {
    pub(crate) process: Tid,
    pub(crate) threads: BTreeSet<Tid>,
    /// Its command, word by word.
    pub(crate) command: Vec<String>,
}

/// Begins to trace each thread of a process.
pub(crate) fn attach(process: Tid) -> Result<Attached, Error> {
    inspect(process)?;
    let mut threads = BTreeSet::new();
    // Threads that were made meanwhile are found in another round.
    loop {
        let before = threads.len();
        for tid in tasks(process) {
            if !threads.contains(&tid) && seize(process, tid)? {
                threads.insert(tid);
            }
        }
        if threads.len() == before {
            break;
        }
    }
    if threads.is_empty() {
        return Err(Error::NoProcess { pid: process, what: "has ended" });
    }
    let command = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let words = command.strip_suffix(b"\0").unwrap_or(&command).split(|byte| *byte == 0);
    let command = words.map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    Ok(Attached { process, threads, command })
}

/// Whether the thread is traced now; not when it is gone, or when a thread that is traced made it
/// and will tell of it.
fn seize(process: Tid, tid: Tid) -> Result<bool, Error> {
    match ptrace::seize(tid, OPTIONS) {
        Ok(()) => Ok(true),
        Err(Errno::ESRCH) => Ok(false),
        Err(Errno::EPERM) if has_ended(tid) || is_ours(tid) => Ok(false),
        Err(Errno::EPERM) => {
            Err(Error::NotAttachable { pid: process, remedy: permission::to_attach(process) })
        }
        Err(errno) => Err(Error::system("attaching to the process (ptrace)", errno)),
    }
}

fn is_ours(tid: Tid) -> bool {
    // SAFETY: always succeeds and touches no memory.
    let own = unsafe { libc::gettid() };
    status(tid, "TracerPid:") == Some(own)
}

/// Refuses what cannot be traced, and says why.
fn inspect(process: Tid) -> Result<(), Error> {
    /// `linux/sched.h`, `PF_KTHREAD`, in the flags of `/proc/PID/stat`.
    const KERNEL_THREAD: u64 = 0x0020_0000;
    let no = |what| Err(Error::NoProcess { pid: process, what });
    let Some(first) = status(process, "Tgid:") else { return no("is not there") };
    if first == std::process::id() as Tid {
        return no("is busprobe itself");
    }
    if first != process {
        return Err(Error::IsThread { tid: process, process: first });
    }
    if tasks(process).into_iter().all(has_ended) {
        return no("has ended");
    }
    if flags(process).is_some_and(|flags| flags & KERNEL_THREAD != 0) {
        return no("is a thread of the kernel, which has no program");
    }
    if let Some(tracer) = status(process, "TracerPid:").filter(|tracer| *tracer != 0) {
        let name = fs::read_to_string(format!("/proc/{tracer}/comm")).unwrap_or_default();
        return Err(Error::Traced { pid: process, tracer, name: name.trim_end().to_owned() });
    }
    let program = format!("/proc/{process}/exe");
    if is_32_bit(Path::new(&program)) {
        return Err(Error::Not64Bit { path: fs::read_link(&program).unwrap_or(program.into()) });
    }
    Ok(())
}

fn tasks(process: Tid) -> Vec<Tid> {
    let entries = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn status(tid: Tid, field: &str) -> Option<Tid> {
    let status = fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix(field)?.trim().parse().ok())
}

/// proc(5): the ninth field of `stat`; the command's name, the second, may hold anything.
fn flags(process: Tid) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(9 - 3)?.parse().ok()
}
