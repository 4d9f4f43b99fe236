//! The system calls by which one thread governs another, ptrace(2) and its relatives, as safe
//! functions. An error of `ESRCH` means that the other thread was killed meanwhile.

use std::mem::{self, MaybeUninit};
use std::ptr;

use busprobe_python_frames::Part;
use libc::{c_int, c_void, iovec};
use nix::errno::Errno;

use super::arch::layout::BREAKPOINT_CODE;

/// A thread as the kernel counts them; a process has the id of its first thread.
pub(crate) type Tid = libc::pid_t;

/// `linux/elf.h`: the general registers.
pub(crate) const NT_PRSTATUS: c_int = 1;

/// How a stopped thread goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// Until something happens.
    Run,
    /// Until a system call begins or returns: the one that it is in, if any.
    ToCall,
    /// For one instruction.
    OneStep,
    /// Not at all, but wait for the end of its group's stop.
    Listen,
}

/// Why a thread stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It ended, with that status.
    Exited(i32),
    /// That signal ended it.
    Killed(i32),
    /// That signal is about to be delivered to it.
    Signal(i32),
    /// It begins a system call or returns from one.
    Call,
    /// A `PTRACE_EVENT_*`, with the signal that came with it.
    Event(c_int, i32),
}

/// What the kernel tells of a signal.
#[derive(Clone, Copy)]
pub(crate) struct SignalInfo(libc::siginfo_t);

impl SignalInfo {
    pub(crate) fn signal(&self) -> i32 {
        self.0.si_signo
    }

    /// Whether the thread's own instruction caused it, at [`SignalInfo::address`].
    pub(crate) fn is_fault(&self) -> bool {
        self.0.si_code > 0 && self.0.si_code != libc::SI_KERNEL
    }

    /// Whether the kernel or the CPU caused it, and no process sent it.
    pub(crate) fn is_from_kernel(&self) -> bool {
        // A step over a system call is reported as sent by process 0 on some architectures.
        self.0.si_code > 0 || (self.0.si_code == libc::SI_USER && self.address() as u32 == 0)
    }

    /// Whether an instruction that is a breakpoint caused it.
    pub(crate) fn is_breakpoint(&self) -> bool {
        self.0.si_signo == libc::SIGTRAP && self.0.si_code == BREAKPOINT_CODE
    }

    /// The address that a fault is about.
    pub(crate) fn address(&self) -> u64 {
        // SAFETY: every variant of the union is plain bytes, and `siginfo_t` is initialised in
        // full; for a signal other than a fault the number means nothing.
        unsafe { self.0.si_addr() as u64 }
    }

    pub(crate) fn with_address(mut self, address: u64) -> SignalInfo {
        // sigaction(2): si_signo, si_errno, si_code, padding, then the union with si_addr.
        const ADDRESS: usize = 16;
        // SAFETY: `siginfo_t` is 128 bytes of plain data, so 8 bytes at 16 lie within it.
        unsafe { ptr::from_mut(&mut self.0).byte_add(ADDRESS).cast::<u64>().write(address) };
        self
    }
}

/// One ptrace(2) request; `address` and `data` as the request defines them.
///
/// # Safety
/// Where the request reads or writes through `data`, it has to point to what the request expects.
unsafe fn request(
    what: libc::c_uint,
    tid: Tid,
    address: u64,
    data: u64,
) -> Result<libc::c_long, Errno> {
    // SAFETY: by the caller.
    Errno::result(unsafe { libc::ptrace(what, tid, address as *mut c_void, data as *mut c_void) })
}

/// Starts to trace a running thread without stopping it.
pub(crate) fn seize(tid: Tid, options: c_int) -> Result<(), Errno> {
    // SAFETY: PTRACE_SEIZE takes its options by value.
    unsafe { request(libc::PTRACE_SEIZE, tid, 0, options as u64) }.map(drop)
}

/// Lets a stopped thread go on, and delivers `signal` to it unless that is 0.
pub(crate) fn resume(tid: Tid, how: How, signal: i32) -> Result<(), Errno> {
    let what = match how {
        How::Run => libc::PTRACE_CONT,
        How::ToCall => libc::PTRACE_SYSCALL,
        How::OneStep => libc::PTRACE_SINGLESTEP,
        How::Listen => libc::PTRACE_LISTEN,
    };
    // SAFETY: these requests take the signal by value.
    unsafe { request(what, tid, 0, signal as u64) }.map(drop)
}

/// Lets a stopped thread go on untraced, and delivers `signal` to it unless that is 0.
pub(crate) fn detach(tid: Tid, signal: i32) -> Result<(), Errno> {
    // SAFETY: PTRACE_DETACH takes the signal by value.
    unsafe { request(libc::PTRACE_DETACH, tid, 0, signal as u64) }.map(drop)
}

/// Makes a running thread stop soon, with `PTRACE_EVENT_STOP`.
pub(crate) fn interrupt(tid: Tid) -> Result<(), Errno> {
    // SAFETY: PTRACE_INTERRUPT has no arguments.
    unsafe { request(libc::PTRACE_INTERRUPT, tid, 0, 0) }.map(drop)
}

/// What the present `PTRACE_EVENT_*` stop says: the new thread's id.
pub(crate) fn event_message(tid: Tid) -> Result<u64, Errno> {
    let mut message = 0_u64;
    // SAFETY: PTRACE_GETEVENTMSG writes one `unsigned long`.
    unsafe { request(libc::PTRACE_GETEVENTMSG, tid, 0, &raw mut message as u64) }?;
    Ok(message)
}

/// Whether a thread that is stopped for a system call is only about to make it.
pub(crate) fn is_call_entry(tid: Tid) -> Result<bool, Errno> {
    // `linux/ptrace.h`: `op` is the first byte of `struct ptrace_syscall_info`.
    const GET_SYSCALL_INFO: libc::c_uint = 0x420e;
    const ENTRY: u8 = 1;
    let mut op = 0_u8;
    // SAFETY: the request writes as many bytes as its address says: one.
    match unsafe { request(GET_SYSCALL_INFO, tid, 1, &raw mut op as u64) } {
        Ok(_) => Ok(op == ENTRY),
        // Kernels before 5.3 cannot tell. There, calls that the filter stops are stopped at
        // again only when they return.
        Err(Errno::EIO) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// About the signal that the thread is stopped for.
pub(crate) fn signal_info(tid: Tid) -> Result<SignalInfo, Errno> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: PTRACE_GETSIGINFO writes one `siginfo_t`; zeroes are a valid one too.
    unsafe {
        request(libc::PTRACE_GETSIGINFO, tid, 0, info.as_mut_ptr() as u64)?;
        Ok(SignalInfo(info.assume_init()))
    }
}

/// Changes what the thread will be told of the signal that it is resumed with.
pub(crate) fn set_signal_info(tid: Tid, info: &SignalInfo) -> Result<(), Errno> {
    // SAFETY: PTRACE_SETSIGINFO reads one `siginfo_t`.
    unsafe { request(libc::PTRACE_SETSIGINFO, tid, 0, &raw const info.0 as u64) }.map(drop)
}

/// `linux/ptrace.h`; the libc crate has them for some targets only.
const PTRACE_GETSIGMASK: libc::c_uint = 0x420a;
const PTRACE_SETSIGMASK: libc::c_uint = 0x420b;

/// The signals that the thread blocks: bit `n - 1` for signal `n`.
pub(crate) fn signal_mask(tid: Tid) -> Result<u64, Errno> {
    let mut mask = 0_u64;
    let address = mem::size_of_val(&mask) as u64;
    // SAFETY: PTRACE_GETSIGMASK writes as many bytes as `address` says.
    unsafe { request(PTRACE_GETSIGMASK, tid, address, &raw mut mask as u64) }?;
    Ok(mask)
}

/// Changes what the thread blocks.
pub(crate) fn set_signal_mask(tid: Tid, mask: u64) -> Result<(), Errno> {
    let address = mem::size_of_val(&mask) as u64;
    // SAFETY: PTRACE_SETSIGMASK reads as many bytes as `address` says.
    unsafe { request(PTRACE_SETSIGMASK, tid, address, &raw const mask as u64) }.map(drop)
}

/// Plain data of the kernel's: any bytes are a value, and there is no padding.
///
/// # Safety
/// Both have to be so.
pub(crate) unsafe trait Plain: Copy {}

// SAFETY: an array of bytes.
unsafe impl Plain for [u8; 8] {}
// SAFETY: integers of one size without padding, on every architecture.
unsafe impl Plain for libc::user_regs_struct {}

/// Reads a register set of fixed layout; also returns how many bytes the kernel wrote.
pub(crate) fn register_set<T: Plain>(tid: Tid, kind: c_int) -> Result<(T, usize), Errno> {
    let mut set = MaybeUninit::<T>::zeroed();
    let mut place = iovec { iov_base: set.as_mut_ptr().cast(), iov_len: mem::size_of::<T>() };
    // SAFETY: PTRACE_GETREGSET writes at most `iov_len` bytes, and every byte pattern is a `T`.
    unsafe {
        request(libc::PTRACE_GETREGSET, tid, kind as u64, &raw mut place as u64)?;
        Ok((set.assume_init(), place.iov_len))
    }
}

/// Writes a register set of fixed layout.
pub(crate) fn set_register_set<T: Plain>(tid: Tid, kind: c_int, set: &T) -> Result<(), Errno> {
    let mut place =
        iovec { iov_base: ptr::from_ref(set).cast_mut().cast(), iov_len: mem::size_of::<T>() };
    // SAFETY: PTRACE_SETREGSET reads at most `iov_len` bytes.
    unsafe { request(libc::PTRACE_SETREGSET, tid, kind as u64, &raw mut place as u64) }.map(drop)
}

/// Reads a register set whose size the CPU decides; returns how many bytes there were.
pub(crate) fn register_bytes(tid: Tid, kind: c_int, bytes: &mut [u8]) -> Result<usize, Errno> {
    let mut place = iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: PTRACE_GETREGSET writes at most `iov_len` bytes.
    unsafe { request(libc::PTRACE_GETREGSET, tid, kind as u64, &raw mut place as u64) }?;
    Ok(place.iov_len)
}

/// Writes a register set whose size the CPU decides, as [`register_bytes`] gave it.
#[cfg(target_arch = "x86_64")]
pub(crate) fn set_register_bytes(tid: Tid, kind: c_int, bytes: &[u8]) -> Result<(), Errno> {
    let mut place = iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: PTRACE_SETREGSET reads at most `iov_len` bytes.
    unsafe { request(libc::PTRACE_SETREGSET, tid, kind as u64, &raw mut place as u64) }.map(drop)
}

/// Reads ordinary memory of the thread's process; returns how many bytes could be read.
///
/// The kernel refuses device mappings here, so this can never touch a bus.
pub(crate) fn read_memory(tid: Tid, address: u64, bytes: &mut [u8]) -> Result<usize, Errno> {
    read_parts(tid, &mut [Part { address, bytes }])
}

/// Reads 8 bytes of it; `None` when they cannot be read.
pub(crate) fn read_word(tid: Tid, address: u64) -> Option<u64> {
    let mut word = [0; 8];
    (read_memory(tid, address, &mut word) == Ok(word.len())).then(|| u64::from_ne_bytes(word))
}

/// Reads several parts of it in one call, up to the first that cannot be read; returns how many
/// bytes that were.
pub(crate) fn read_parts(tid: Tid, parts: &mut [Part<'_>]) -> Result<usize, Errno> {
    let length = |part: &Part<'_>| part.bytes.len();
    let there: Vec<iovec> = parts
        .iter()
        .map(|part| iovec { iov_base: part.address as *mut c_void, iov_len: length(part) })
        .collect();
    let here: Vec<iovec> = parts
        .iter_mut()
        .map(|part| iovec { iov_base: part.bytes.as_mut_ptr().cast(), iov_len: part.bytes.len() })
        .collect();
    let count = parts.len() as libc::c_ulong;
    // SAFETY: the kernel writes at most `iov_len` bytes to each of `here`, which `parts` borrows.
    let read =
        unsafe { libc::process_vm_readv(tid, here.as_ptr(), count, there.as_ptr(), count, 0) };
    Errno::result(read).map(|read| read as usize)
}

/// Writes writable memory of the thread's process, all of `bytes`.
pub(crate) fn write_memory(tid: Tid, address: u64, bytes: &[u8]) -> Result<(), Errno> {
    let here = iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let there = iovec { iov_base: address as *mut c_void, iov_len: bytes.len() };
    // SAFETY: the kernel only reads from `here`.
    let wrote = unsafe { libc::process_vm_writev(tid, &raw const here, 1, &raw const there, 1, 0) };
    if Errno::result(wrote)? as usize == bytes.len() { Ok(()) } else { Err(Errno::EFAULT) }
}

/// Writes memory whatever its protection: for code. `address` and the length are multiples of 8.
pub(crate) fn write_code(tid: Tid, address: u64, words: &[u8]) -> Result<(), Errno> {
    for (place, word) in (address..).step_by(8).zip(words.as_chunks::<8>().0) {
        write_word(tid, place, u64::from_ne_bytes(*word))?;
    }
    Ok(())
}

/// Writes 8 bytes of memory whatever its protection.
pub(crate) fn write_word(tid: Tid, address: u64, word: u64) -> Result<(), Errno> {
    // SAFETY: PTRACE_POKETEXT takes the word by value.
    unsafe { request(libc::PTRACE_POKETEXT, tid, address, word) }.map(drop)
}

/// Waits for the next stop of one thread, or of any that this thread traces, whatever signals come.
pub(crate) fn wait(tid: Option<Tid>) -> Result<(Tid, Stop), Errno> {
    loop {
        match wait_with(tid, 0) {
            Ok(Some(found)) => return Ok(found),
            Ok(None) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Waits for the next stop of any thread, or for a signal to this one, which gives `None`.
pub(crate) fn wait_or_signal() -> Result<Option<(Tid, Stop)>, Errno> {
    match wait_with(None, 0) {
        Err(Errno::EINTR) => Ok(None),
        other => other,
    }
}

/// The stop of a thread, or of any, if there is one by now.
pub(crate) fn stopped(tid: Option<Tid>) -> Result<Option<(Tid, Stop)>, Errno> {
    wait_with(tid, libc::WNOHANG)
}

fn wait_with(tid: Option<Tid>, flags: c_int) -> Result<Option<(Tid, Stop)>, Errno> {
    let mut status = 0;
    // Other threads of this process may have children of their own: not ours to reap.
    let flags = flags | libc::__WALL | libc::__WNOTHREAD;
    // SAFETY: waitpid writes one status.
    let found = unsafe { libc::waitpid(tid.unwrap_or(-1), &raw mut status, flags) };
    let tid = Errno::result(found)?;
    Ok((tid != 0).then(|| (tid, stop(status))))
}

fn stop(status: c_int) -> Stop {
    /// `PTRACE_O_TRACESYSGOOD` sets this bit on a system call's stop.
    const CALL: i32 = libc::SIGTRAP | 0x80;
    if libc::WIFEXITED(status) {
        return Stop::Exited(libc::WEXITSTATUS(status));
    }
    if libc::WIFSIGNALED(status) {
        return Stop::Killed(libc::WTERMSIG(status));
    }
    match (status >> 16, libc::WSTOPSIG(status)) {
        (0, CALL) => Stop::Call,
        (0, signal) => Stop::Signal(signal),
        (event, signal) => Stop::Event(event, signal),
    }
}

/// Ends a process at once.
pub(crate) fn kill(process: Tid) {
    // SAFETY: kill(2) touches no memory. That the process is gone already is as well.
    let _ = unsafe { libc::kill(process, libc::SIGKILL) };
}
