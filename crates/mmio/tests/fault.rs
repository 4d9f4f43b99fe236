//! Real SIGBUS and SIGSEGV: those of our own accesses become errors, others stay what they were.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use busprobe_mmio::{
    AccessError, Direction, Fault, Mode, OpenOptions, Run, Signal, Target, Width, Window,
};

const PAGE: u64 = 4096;

/// A window of two pages over a file that has only one left: the second answers with SIGBUS.
fn half_gone() -> (Window, tempfile::NamedTempFile) {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(2 * PAGE).unwrap();
    let window = Window::open(&Target::parse(file.path().to_str().unwrap()).unwrap()).unwrap();
    file.as_file().set_len(PAGE).unwrap();
    (window, file)
}

fn fault(direction: Direction, offset: u64, width: Width, completed: u64) -> AccessError {
    Fault { signal: Signal::Sigbus, direction, offset, address: None, width, completed }.into()
}

#[test]
fn a_scalar_that_faults_is_an_error_and_the_process_lives_on() {
    let (window, _file) = half_gone();
    assert_eq!(window.read8(PAGE), Err(fault(Direction::Read, PAGE, Width::W8, 0)));
    assert_eq!(window.read64(PAGE), Err(fault(Direction::Read, PAGE, Width::W64, 0)));
    assert_eq!(window.write16(PAGE + 2, 1), Err(fault(Direction::Write, PAGE + 2, Width::W16, 0)));
    assert_eq!(window.write32(PAGE, 1), Err(fault(Direction::Write, PAGE, Width::W32, 0)));
    assert_eq!(window.read32(PAGE - 4), Ok(0));
}

#[test]
fn a_block_that_faults_says_how_many_were_completed() {
    let (window, _file) = half_gone();
    for before in 0..9 {
        let start = PAGE - 4 * before;
        let values: Vec<u32> = (1..=12).collect();
        let expected = Err(fault(Direction::Write, PAGE, Width::W32, before));
        assert_eq!(window.write_block(start, &values, Mode::Incr), expected);
        let mut out = [0_u32; 12];
        let expected = Err(fault(Direction::Read, PAGE, Width::W32, before));
        assert_eq!(window.read_block(start, &mut out, Mode::Incr), expected);
        let completed = before as usize;
        assert_eq!(out[..completed], values[..completed], "the completed ones were delivered");
        assert_eq!(out[completed..], [0; 12][completed..]);
        let run = Run::incr(start, Width::W32, 12);
        let expected = Err(fault(Direction::Write, PAGE, Width::W32, before));
        assert_eq!(window.fill(run, 7), expected);
    }
}

#[test]
fn a_fault_says_what_happened_in_words() {
    let (window, _file) = half_gone();
    let error = window.write_block(PAGE - 8, &[1_u32, 2, 3], Mode::Incr).unwrap_err();
    assert_eq!(
        error.to_string(),
        "SIGBUS on a 32-bit write at offset 0x1000, after 2 completed accesses"
    );
    let error = window.read8(PAGE).unwrap_err();
    assert_eq!(
        error.to_string(),
        "SIGBUS on an 8-bit read at offset 0x1000, after 0 completed accesses"
    );
}

#[test]
fn threads_fault_each_for_itself() {
    let (window, _file) = half_gone();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let window = &window;
            scope.spawn(move || {
                for _ in 0..500 {
                    let start = PAGE - 4 * thread;
                    let result = window.read_block(start, &mut [0_u32; 8], Mode::Incr);
                    assert_eq!(result, Err(fault(Direction::Read, PAGE, Width::W32, thread)));
                }
            });
        }
    });
}

#[test]
fn a_store_to_a_read_only_page_is_a_segmentation_fault() {
    // A file descriptor of our own, mapped for reading only, and a window that believes otherwise.
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(PAGE).unwrap();
    let file = File::open(file.path()).unwrap();
    let mapped = std::os::fd::AsRawFd::as_raw_fd(&file);
    // SAFETY: a fresh mapping, which lives until the process ends.
    let window = unsafe {
        let start = libc::mmap(
            std::ptr::null_mut(),
            PAGE as usize,
            libc::PROT_READ,
            libc::MAP_SHARED,
            mapped,
            0,
        );
        assert_ne!(start, libc::MAP_FAILED);
        OpenOptions::new().over("test", start.cast(), PAGE as usize).unwrap()
    };
    let Err(AccessError::Fault(fault)) = window.write32(0, 1) else { panic!("no fault") };
    assert_eq!(fault.signal, Signal::Sigsegv);
}

/// Runs the test of that name, which is ignored otherwise, in a process of its own.
fn dies_with(test: &str) -> Option<i32> {
    let program = std::env::current_exe().unwrap();
    let arguments = ["--ignored", "--exact", test, "--test-threads=1", "--nocapture"];
    let output = Command::new(program).args(arguments).output().unwrap();
    output.status.signal()
}

#[test]
fn a_fault_of_someone_elses_access_ends_the_process_as_before() {
    assert_eq!(dies_with("someone_elses_fault"), Some(libc::SIGBUS));
}

#[test]
#[ignore = "ends its process: run by the test above"]
fn someone_elses_fault() {
    let (window, _file) = half_gone();
    assert!(window.read8(PAGE).is_err());
    // SAFETY: not safe at all, and meant to end the process.
    unsafe { window.as_ptr().unwrap().add(PAGE as usize).read_volatile() };
}

#[test]
fn a_signal_that_someone_sends_ends_the_process_as_before() {
    assert_eq!(dies_with("a_sent_signal"), Some(libc::SIGBUS));
}

#[test]
#[ignore = "ends its process: run by the test above"]
fn a_sent_signal() {
    // SAFETY: the standard library's own handler would let the first one pass.
    unsafe { libc::signal(libc::SIGBUS, libc::SIG_DFL) };
    let (window, _file) = half_gone();
    assert!(window.read8(PAGE).is_err());
    // SAFETY: raise(3) has no preconditions.
    unsafe { libc::raise(libc::SIGBUS) };
}
