//! Real faults in a watched window, handlers of others, and forked children. Each of these runs in
//! a process of its own.

use std::arch::asm;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::memory::{Memory, PAGE, lines, losses};

/// Runs the test of that name, which is ignored otherwise.
pub(crate) fn run(test: &str) -> ExitStatus {
    let program = std::env::current_exe().unwrap();
    let arguments = ["--ignored", "--exact", test, "--test-threads=1", "--nocapture"];
    Command::new(program).args(arguments).output().unwrap().status
}

/// Two pages of a file that has only one left: the second answers with SIGBUS.
fn half_gone() -> Memory {
    let file = tempfile::tempfile().unwrap();
    file.set_len(2 * PAGE as u64).unwrap();
    // SAFETY: a new mapping at a place that the kernel chooses disturbs nothing.
    let start = unsafe {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
        libc::mmap(std::ptr::null_mut(), 2 * PAGE, protection, libc::MAP_SHARED, fd, 0)
    };
    assert_ne!(start, libc::MAP_FAILED);
    file.set_len(PAGE as u64).unwrap();
    Memory { start: start.cast(), length: 2 * PAGE }
}

#[test]
fn a_bus_error_ends_the_process_as_before() {
    assert_eq!(run("faults::bus_error").signal(), Some(libc::SIGBUS));
}

#[test]
#[ignore = "ends its process: run by the test above"]
fn bus_error() {
    let memory = half_gone();
    let _watching = memory.watch();
    memory.write(0, 1);
    memory.write(PAGE, 1);
}

#[test]
fn a_store_to_a_read_only_window_ends_the_process_as_before() {
    assert_eq!(run("faults::read_only").signal(), Some(libc::SIGSEGV));
}

#[test]
#[ignore = "ends its process: run by the test above"]
fn read_only() {
    let memory = Memory::new(1);
    // SAFETY: the page is ours. The standard library's handler would print and abort.
    unsafe {
        libc::mprotect(memory.start.cast(), PAGE, libc::PROT_READ);
        libc::signal(libc::SIGSEGV, libc::SIG_DFL);
    }
    let _watching = memory.watch();
    assert_eq!(memory.read(0), 0);
    memory.write(0, 1);
}

#[test]
fn a_fault_elsewhere_ends_the_process_as_before() {
    assert_eq!(run("faults::elsewhere").signal(), Some(libc::SIGSEGV));
}

#[test]
#[ignore = "ends its process: run by the test above"]
fn elsewhere() {
    let memory = Memory::new(1);
    // SAFETY: not safe at all, and meant to end the process.
    unsafe { libc::signal(libc::SIGSEGV, libc::SIG_DFL) };
    let _watching = memory.watch();
    // SAFETY: as above.
    unsafe { std::ptr::without_provenance_mut::<u8>(16).write_volatile(1) };
}

static ADDRESS: AtomicUsize = AtomicUsize::new(0);
static REGISTER: AtomicUsize = AtomicUsize::new(0);

extern "C" fn skip(_: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel gives valid pointers; `mov [rdi], eax` is two bytes long.
    unsafe {
        ADDRESS.store((*info).si_addr() as usize, Ordering::SeqCst);
        let registers = &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs;
        REGISTER.store(registers[libc::REG_RDI as usize] as usize, Ordering::SeqCst);
        registers[libc::REG_RIP as usize] += 2;
    }
}

fn skip_bus_errors() {
    // SAFETY: the handler skips the instruction.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = skip as extern "C" fn(_, _, _) as usize;
        action.sa_flags = libc::SA_SIGINFO;
        libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut());
    }
}

#[test]
fn a_handler_of_the_program_finds_the_fault_as_without_the_trace() {
    assert!(run("faults::program_handler").success());
}

#[test]
#[ignore = "changes its process: run by the test above"]
fn program_handler() {
    let memory = half_gone();
    skip_bus_errors();
    let watching = memory.watch();
    let place = memory.start as usize + PAGE;
    for _ in 0..2 {
        // SAFETY: the handler sees to the fault.
        unsafe { asm!("mov [rdi], eax", in("rdi") place, in("eax") 0) };
        assert_eq!(ADDRESS.swap(0, Ordering::SeqCst), place);
        assert_eq!(REGISTER.swap(0, Ordering::SeqCst), place);
    }
    memory.write(4, 5);
    let trace = watching.finish().unwrap();
    assert_eq!(lines(&trace), ["W 0x4 4 0x5"]);
    assert!(losses(&trace)[0].1.contains("a store of 4 bytes ended in a signal (SIGBUS)"));
}

#[test]
fn a_repeated_store_that_faults_has_come_as_far_as_without_the_trace() {
    assert!(run("faults::repeated").success());
}

#[test]
#[ignore = "changes its process: run by the test above"]
fn repeated() {
    let memory = half_gone();
    let place = memory.start as usize + PAGE;
    let store = || {
        let left: u64;
        // SAFETY: the handler sees to the fault, and `rep stosd` is two bytes long.
        unsafe {
            asm!("rep stosd", inout("rcx") 8_u64 => left, in("eax") 7,
                inout("rdi") place - 16 => _);
        }
        (left, ADDRESS.swap(0, Ordering::SeqCst), REGISTER.swap(0, Ordering::SeqCst))
    };
    skip_bus_errors();
    let alone = store();
    let watching = memory.watch();
    assert_eq!(store(), alone);
    let trace = watching.finish().unwrap();
    assert_eq!(lines(&trace), ["W 0xff0 4 0x7", "W 0xff4 4 0x7", "W 0xff8 4 0x7", "W 0xffc 4 0x7"]);
    assert_eq!(losses(&trace).len(), 1);
    assert!(losses(&trace)[0].1.contains("a store of 4 bytes ended in a signal (SIGBUS)"));
}

#[test]
fn a_forked_child_has_its_windows_back_and_can_watch_them_itself() {
    assert!(run("faults::forks").success());
}

#[test]
#[ignore = "forks its process: run by the test above"]
fn forks() {
    let memory = Memory::new(1);
    let watching = memory.watch();
    memory.write(0, 1);
    // SAFETY: the child uses memory, has a trace of its own, and leaves.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            memory.write(4, memory.read(0) + 1);
            memory.word(0x100).write_unaligned(1);
            let seen = watching.finish().unwrap();
            assert!(lines(&seen).is_empty() && losses(&seen)[0].1.contains("was forked"));
            let own = memory.watch();
            memory.write(0x200, 3);
            assert_eq!(lines(&own.finish().unwrap()), ["W 0x200 4 0x3"]);
            libc::_exit(42);
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
        assert_eq!(libc::WEXITSTATUS(status), 42, "status {status:#x}");
    }
    assert_eq!(memory.read(4), 2);
    let trace = watching.finish().unwrap();
    assert_eq!(lines(&trace), ["W 0x0 4 0x1", "R 0x4 4 0x2"]);
    assert!(losses(&trace)[0].1.contains("the program forked"));
}

#[test]
fn a_handler_that_takes_over_is_told_of() {
    assert!(run("faults::takes_over").success());
}

#[test]
#[ignore = "changes its process: run by the test above"]
fn takes_over() {
    let memory = Memory::new(1);
    let watching = memory.watch();
    memory.write(0, 1);
    // SAFETY: nothing faults until the handler is put right again.
    unsafe { libc::signal(libc::SIGSEGV, libc::SIG_DFL) };
    let trace = watching.finish().unwrap();
    assert_eq!(lines(&trace), ["W 0x0 4 0x1"]);
    assert!(losses(&trace)[0].1.contains("another handler for SIGSEGV"));
    let watching = memory.watch();
    memory.write(0, 2);
    assert_eq!(lines(&watching.finish().unwrap()), ["W 0x0 4 0x2"]);
}
