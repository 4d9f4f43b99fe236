//! The seccomp(2) filter that stops the program at the few system calls that concern windows.
//!
//! It never changes, so it knows windows only by their place in the arena: a call is stopped when
//! an argument points there. Other calls cost the filter and nothing more. A program with windows
//! elsewhere, which takes a fixed address, is stopped at every call instead.

use std::mem::offset_of;

use libc::{seccomp_data, sock_filter, sock_fprog};
use nix::errno::Errno;

use super::arch::layout::{ARENA, AUDIT_ARCH};

/// Calls that are always looked at: they carry pointers in memory.
const CALLS: [libc::c_long; 11] = [
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    libc::SYS_vmsplice,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_preadv2,
    libc::SYS_pwritev2,
];

/// The upper 32 bits of every address in the arena, under [`ARENA_MASK`].
const ARENA_HIGH: u32 = (ARENA.start >> 32) as u32;
/// Which of the upper 32 bits tell an address in the arena.
const ARENA_MASK: u32 = !(((ARENA.end - ARENA.start) >> 32) as u32 - 1);

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const JUMP_IF_SET: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
const JUMP: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

const ALLOW: sock_filter = returns(libc::SECCOMP_RET_ALLOW);
const TRACE: sock_filter = returns(libc::SECCOMP_RET_TRACE);

/// The filter's instructions.
pub(crate) fn program() -> Vec<sock_filter> {
    let pointer = offset_of!(seccomp_data, instruction_pointer);
    let argument = |index: usize| offset_of!(seccomp_data, args) + 8 * index;

    // Programs of another instruction set cannot reach the arena.
    let mut filter = vec![load(offset_of!(seccomp_data, arch)), unless_equal(AUDIT_ARCH), ALLOW];
    // Calls made from the arena are the capture's own.
    filter.extend([load(pointer + 4), masked(), if_equal(ARENA_HIGH), ALLOW]);
    for index in 0..6 {
        filter.extend([load(argument(index) + 4), masked(), if_equal(ARENA_HIGH), TRACE]);
    }
    filter.push(load(offset_of!(seccomp_data, nr)));
    for call in CALLS {
        filter.extend([if_equal(call as u32), TRACE]);
    }
    // A file's mapping may be a window.
    filter.extend([unless_equal(libc::SYS_mmap as u32)]);
    let is_file = [
        load(argument(3)),
        sock_filter { code: JUMP_IF_SET, jt: 0, jf: 1, k: libc::MAP_ANONYMOUS as u32 },
        ALLOW,
        TRACE,
    ];
    filter.push(skip(is_file.len() as u32));
    filter.extend(is_file);
    // A mark.
    filter.push(unless_equal(libc::SYS_prctl as u32));
    let is_mark = [load(argument(0)), if_equal(busprobe_mark::OPTION), TRACE, ALLOW];
    filter.push(skip(is_mark.len() as u32));
    filter.extend(is_mark);
    // A handler for the signals that the capture itself causes; not mere questions for it.
    filter.extend([unless_equal(libc::SYS_rt_sigaction as u32), ALLOW]);
    filter.push(load(argument(0)));
    filter.extend([jump_if_equal(libc::SIGSEGV as u32, 2, 0)]);
    filter.extend([unless_equal(libc::SIGTRAP as u32), ALLOW]);
    filter.extend([load(argument(1)), unless_equal(0), TRACE]);
    filter.extend([load(argument(1) + 4), unless_equal(0), TRACE, ALLOW]);
    filter
}

const fn returns(action: u32) -> sock_filter {
    sock_filter { code: RETURN, jt: 0, jf: 0, k: action }
}

/// Little-endian: the lower half of a 64-bit field comes first.
fn load(offset: usize) -> sock_filter {
    sock_filter { code: LOAD, jt: 0, jf: 0, k: offset as u32 }
}

fn masked() -> sock_filter {
    sock_filter { code: AND, jt: 0, jf: 0, k: ARENA_MASK }
}

fn jump_if_equal(k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: JUMP_IF_EQUAL, jt, jf, k }
}

/// Skips so many instructions.
fn skip(k: u32) -> sock_filter {
    sock_filter { code: JUMP, jt: 0, jf: 0, k }
}

/// Runs the next instruction when equal, skips it otherwise.
fn if_equal(k: u32) -> sock_filter {
    jump_if_equal(k, 0, 1)
}

/// Skips the next instruction when equal.
fn unless_equal(k: u32) -> sock_filter {
    jump_if_equal(k, 1, 0)
}

/// Puts the calling process under the filter, for good; whether that worked, else `errno` tells.
///
/// Makes system calls and nothing else: it runs between fork and exec.
pub(crate) fn install(filter: &[sock_filter]) -> bool {
    let program = sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    // Without this flag, kernels before 5.16 turn off speculation in the whole program.
    if install_with(libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) {
        return true;
    }
    if Errno::last() == Errno::EACCES {
        // Who may not administer the system has to give up setuid programs for it.
        // SAFETY: takes its arguments by value.
        unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
        if install_with(libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) {
            return true;
        }
    }
    Errno::last() == Errno::EINVAL && install_with(0, &program)
}

fn install_with(flags: libc::c_ulong, program: &sock_fprog) -> bool {
    let program = std::ptr::from_ref(program);
    // SAFETY: the kernel reads the program and its instructions, which outlive the call.
    unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, program) == 0 }
}
