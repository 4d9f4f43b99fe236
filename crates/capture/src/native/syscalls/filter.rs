//! The seccomp(2) filter that stops the program at the few system calls that concern windows.
//!
//! It never changes, so it knows windows only by their place in the arena: a call is stopped when
//! an argument that is a pointer leads there. A program with windows elsewhere, which takes a fixed
//! address, is stopped at every call instead.
//!
//! Other calls cost the filter and nothing more, and little of that: the call's number is looked up
//! first, so calls without pointers are let through by the number alone, which kernels since 5.11
//! remember, and do not run the filter for.

use std::collections::BTreeMap;
use std::mem::offset_of;

use libc::{seccomp_data, sock_filter, sock_fprog};
use nix::errno::Errno;

use super::calls;
use crate::native::arch::layout::{ARENA, AUDIT_ARCH};

/// Calls that are always looked at: they carry pointers in memory, or make a place for such.
const CARRIERS: [libc::c_long; 14] = [
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    libc::SYS_sendmmsg,
    libc::SYS_recvmmsg,
    libc::SYS_io_uring_setup,
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

/// Calls that change mappings, by the arguments that are addresses of mappings.
const CHANGES: [(libc::c_long, &[usize]); 5] = [
    (libc::SYS_mmap, &[0]),
    (libc::SYS_munmap, &[0]),
    (libc::SYS_mprotect, &[0]),
    (libc::SYS_pkey_mprotect, &[0]),
    (libc::SYS_mremap, &[0, 4]),
];

/// The upper 32 bits of every address in the arena, under [`ARENA_MASK`].
const ARENA_HIGH: u32 = (ARENA.start >> 32) as u32;
/// Which of the upper 32 bits tell an address in the arena.
const ARENA_MASK: u32 = !(((ARENA.end - ARENA.start) >> 32) as u32 - 1);

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const JUMP_IF_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const JUMP_IF_SET: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
const JUMP: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

const ALLOW: sock_filter = returns(libc::SECCOMP_RET_ALLOW);
const TRACE: sock_filter = returns(libc::SECCOMP_RET_TRACE);

/// The filter's instructions; with those that stop the program when it maps code, if asked for.
pub(crate) fn program(stops_at_code: bool) -> Vec<sock_filter> {
    // Programs of another instruction set cannot reach the arena.
    let arch = load(offset_of!(seccomp_data, arch));
    let number = load(offset_of!(seccomp_data, nr));
    let calls: Vec<(u32, Vec<sock_filter>)> = looked_at(stops_at_code).into_iter().collect();
    let mut filter = vec![arch, unless_equal(AUDIT_ARCH), ALLOW, number];
    filter.extend(search(&calls));
    filter
}

/// What is asked of the calls that are not let through by their number alone.
fn looked_at(stops_at_code: bool) -> BTreeMap<u32, Vec<sock_filter>> {
    let mut pointers: BTreeMap<libc::c_long, Vec<usize>> = BTreeMap::new();
    for signature in calls::signatures() {
        let arguments = signature.pointers.iter().map(|(argument, _)| *argument);
        pointers.insert(signature.number, arguments.collect());
    }
    for (call, arguments) in CHANGES {
        pointers.insert(call, arguments.to_vec());
    }
    for call in CARRIERS {
        pointers.insert(call, Vec::new());
    }
    pointers.insert(libc::SYS_prctl, Vec::new());
    pointers
        .into_iter()
        .map(|(call, arguments)| (call as u32, questions(call, &arguments, stops_at_code)))
        .collect()
}

/// Ends with what is done about the call.
fn questions(call: libc::c_long, pointers: &[usize], stops_at_code: bool) -> Vec<sock_filter> {
    let mut last = match call {
        libc::SYS_mmap if stops_at_code => vec![
            load(argument(3)),
            skip_unless_set(libc::MAP_ANONYMOUS as u32),
            ALLOW,
            load(argument(2)),
            jump_if_set(libc::PROT_EXEC as u32, 3, 0),
            load(argument(3)),
            skip_unless_set(libc::MAP_DENYWRITE as u32),
            ALLOW,
        ],
        libc::SYS_mprotect | libc::SYS_pkey_mprotect if stops_at_code => {
            vec![load(argument(2)), jump_if_set(libc::PROT_EXEC as u32, 1, 0), ALLOW]
        }
        // A file's mapping may be a window. That of a library, which the loader marks with a flag
        // that does nothing else, is not.
        libc::SYS_mmap => vec![
            load(argument(3)),
            skip_unless_set((libc::MAP_ANONYMOUS | libc::MAP_DENYWRITE) as u32),
            ALLOW,
        ],
        libc::SYS_prctl => vec![load(argument(0)), unless_equal(busprobe_mark::OPTION), ALLOW],
        // A handler for the signals that the capture itself causes; not mere questions for it.
        libc::SYS_rt_sigaction => vec![
            load(argument(0)),
            jump_if_equal(libc::SIGSEGV as u32, 2, 0),
            unless_equal(libc::SIGTRAP as u32),
            ALLOW,
            load(argument(1)),
            jump_if_equal(0, 0, 3),
            load(argument(1) + 4),
            jump_if_equal(0, 0, 1),
            ALLOW,
        ],
        call if CARRIERS.contains(&call) => Vec::new(),
        _ => vec![ALLOW],
    };
    let until_stop = last.len();
    // Calls made from the arena are the capture's own.
    let pointer = offset_of!(seccomp_data, instruction_pointer);
    last.extend([load(pointer + 4), masked(), if_equal(ARENA_HIGH), ALLOW, TRACE]);

    let mut all = Vec::new();
    for (place, index) in pointers.iter().enumerate() {
        let rest = 3 * (pointers.len() - place - 1) + until_stop;
        let to_stop = jump_if_equal(ARENA_HIGH, rest as u8, 0);
        all.extend([load(argument(*index) + 4), masked(), to_stop]);
    }
    all.extend(last);
    all
}

/// Finds the loaded number among `calls`, which are in order, and asks what is asked of it.
fn search(calls: &[(u32, Vec<sock_filter>)]) -> Vec<sock_filter> {
    if let [(number, questions)] = calls {
        return [&[unless_equal(*number), ALLOW], &questions[..]].concat();
    }
    let (lower, upper) = calls.split_at(calls.len() / 2);
    let below = search(lower);
    // Conditional jumps reach 255 instructions, others all.
    let is_below = sock_filter { code: JUMP_IF_LEAST, jt: 0, jf: 1, k: upper[0].0 };
    [&[is_below, skip(below.len() as u32)], &below[..], &search(upper)].concat()
}

const fn returns(action: u32) -> sock_filter {
    sock_filter { code: RETURN, jt: 0, jf: 0, k: action }
}

/// Where an argument is found.
fn argument(index: usize) -> usize {
    offset_of!(seccomp_data, args) + 8 * index
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

fn jump_if_set(k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: JUMP_IF_SET, jt, jf, k }
}

/// Skips the next instruction unless one of these bits is set.
fn skip_unless_set(k: u32) -> sock_filter {
    jump_if_set(k, 0, 1)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would do: the action, and how many instructions it takes to know; fails when
    /// more than the number and the instruction set is looked at and `by_number` says it must not.
    fn run(data: &seccomp_data, by_number: bool) -> (u32, usize) {
        run_in(&program(false), data, by_number)
    }

    fn run_in(filter: &[sock_filter], data: &seccomp_data, by_number: bool) -> (u32, usize) {
        let bytes: [u8; size_of::<seccomp_data>()] =
            // SAFETY: of integers without padding.
            unsafe { std::mem::transmute(*data) };
        let (mut at, mut value) = (0, 0);
        for executed in 1.. {
            let step = filter[at];
            let is_met = match step.code {
                LOAD => {
                    let offset = step.k as usize;
                    assert!(!by_number || offset < offset_of!(seccomp_data, instruction_pointer));
                    value = u32::from_le_bytes(bytes[offset..offset + 4].try_into().expect("4"));
                    at += 1;
                    continue;
                }
                AND => {
                    value &= step.k;
                    at += 1;
                    continue;
                }
                JUMP => {
                    at += 1 + step.k as usize;
                    continue;
                }
                RETURN => return (step.k, executed),
                JUMP_IF_EQUAL => value == step.k,
                JUMP_IF_LEAST => value >= step.k,
                JUMP_IF_SET => value & step.k != 0,
                code => panic!("instruction {at} has the unknown code {code:#x}"),
            };
            at += 1 + usize::from(if is_met { step.jt } else { step.jf });
        }
        unreachable!("every filter returns")
    }

    fn call(number: libc::c_long, args: [u64; 6]) -> seccomp_data {
        seccomp_data { nr: number as i32, arch: AUDIT_ARCH, instruction_pointer: 0x5000, args }
    }

    fn is_stopped(data: &seccomp_data) -> bool {
        run(data, false).0 == libc::SECCOMP_RET_TRACE
    }

    const WINDOW: u64 = ARENA.start + 0x1234_5678;

    #[test]
    fn every_pointer_into_the_arena_stops_its_call_and_no_other_argument_does() {
        for signature in calls::signatures() {
            let always = CARRIERS.contains(&signature.number);
            for index in 0..6 {
                let mut args = [8; 6];
                args[index] = WINDOW;
                let is_pointer = signature.pointers.iter().any(|(pointer, _)| *pointer == index);
                let is_mapping = CHANGES.iter().any(|change| change.0 == signature.number);
                assert!(!is_mapping, "{} is in two lists", signature.name);
                let stopped = is_stopped(&call(signature.number, args));
                assert_eq!(stopped, is_pointer || always, "{} {index}", signature.name);
            }
        }
        for (change, pointers) in CHANGES {
            for &index in pointers {
                let mut args = [8, 8, 8, libc::MAP_ANONYMOUS as u64, 8, 8];
                args[index] = WINDOW;
                assert!(is_stopped(&call(change, args)));
            }
        }
    }

    #[test]
    fn both_ends_of_the_arena_are_known() {
        let stops = |address| is_stopped(&call(libc::SYS_read, [3, address, 8, 0, 0, 0]));
        assert!(stops(ARENA.start) && stops(ARENA.end - 1));
        assert!(!stops(ARENA.start - 1) && !stops(ARENA.end));
    }

    #[test]
    fn calls_that_the_capture_makes_itself_are_let_through() {
        for number in [libc::SYS_mmap, libc::SYS_munmap, libc::SYS_rt_sigaction, libc::SYS_read] {
            let mut data = call(number, [WINDOW; 6]);
            data.instruction_pointer = ARENA.start;
            assert!(!is_stopped(&data));
        }
    }

    #[test]
    fn a_file_is_looked_at_when_it_is_mapped_unless_it_is_a_library() {
        let maps = |flags: i32| is_stopped(&call(libc::SYS_mmap, [0, 8, 1, flags as u64, 3, 0]));
        assert!(maps(libc::MAP_SHARED) && maps(libc::MAP_PRIVATE));
        assert!(!maps(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS));
        assert!(!maps(libc::MAP_PRIVATE | libc::MAP_DENYWRITE));
    }

    #[test]
    fn code_is_looked_at_when_it_is_mapped_if_functions_are_marked() {
        const CODE: u64 = (libc::PROT_READ | libc::PROT_EXEC) as u64;
        let library = libc::MAP_PRIVATE | libc::MAP_DENYWRITE;
        let stops = |number, protection, flags: i32| {
            let data = call(number, [8, 8, protection, flags as u64, 3, 0]);
            run_in(&program(true), &data, false).0 == libc::SECCOMP_RET_TRACE
        };
        assert!(stops(libc::SYS_mmap, CODE, library) && stops(libc::SYS_mprotect, CODE, 0));
        assert!(!stops(libc::SYS_mmap, 1, library) && !stops(libc::SYS_mprotect, 3, 0));
        assert!(stops(libc::SYS_mmap, 1, libc::MAP_SHARED));
        assert!(!stops(libc::SYS_mmap, CODE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS));
        assert!(!is_stopped(&call(libc::SYS_mprotect, [8, 8, CODE, 0, 0, 0])));
    }

    #[test]
    fn a_handler_is_looked_at_when_it_is_for_a_signal_of_the_capture() {
        let sets = |signal: i32, handler| {
            is_stopped(&call(libc::SYS_rt_sigaction, [signal as u64, handler, 0, 8, 0, 0]))
        };
        assert!(sets(libc::SIGSEGV, 0x7000) && sets(libc::SIGTRAP, 0x7000_0000_0000));
        assert!(!sets(libc::SIGSEGV, 0) && !sets(libc::SIGTRAP, 0));
        assert!(!sets(libc::SIGALRM, 0x7000));
    }

    #[test]
    fn a_mark_is_heard() {
        let says = |option| is_stopped(&call(libc::SYS_prctl, [option, 1, 2, 3, 4, 5]));
        assert!(says(busprobe_mark::OPTION.into()));
        assert!(!says(libc::PR_SET_NAME as u64));
    }

    #[test]
    fn a_call_without_pointers_is_let_through_by_its_number_alone() {
        for number in [libc::SYS_close, libc::SYS_lseek, libc::SYS_getpid, libc::SYS_brk, 100_000] {
            assert_eq!(run(&call(number, [WINDOW; 6]), true).0, libc::SECCOMP_RET_ALLOW);
        }
    }

    #[test]
    fn a_call_with_pointers_takes_few_instructions() {
        for signature in calls::signatures() {
            let (_, executed) = run(&call(signature.number, [8; 6]), false);
            assert!(executed <= 36, "{} takes {executed}", signature.name);
        }
        assert!(run(&call(libc::SYS_read, [8; 6]), false).1 <= 24);
    }

    #[test]
    fn another_instruction_set_is_let_through() {
        let mut data = call(libc::SYS_read, [WINDOW; 6]);
        data.arch = !AUDIT_ARCH;
        assert!(!is_stopped(&data));
    }

    #[test]
    fn the_kernel_takes_a_filter_of_this_length() {
        // BPF_MAXINSNS of linux/bpf_common.h.
        assert!(program(true).len() <= 4096);
    }
}
