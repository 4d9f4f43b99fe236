//! What can be watched, and that it is given back as it was.

use busprobe_capture::inprocess::{Error, Watching};

use crate::memory::{Memory, PAGE, lines, losses};

#[test]
fn a_window_is_given_back_as_it_was() {
    let memory = Memory::new(2);
    // SAFETY: the second page is ours.
    unsafe { libc::mprotect(memory.start.add(PAGE).cast(), PAGE, libc::PROT_READ) };
    let watching = memory.watch();
    assert_eq!(memory.protection(), "---s");
    memory.write(0, 1);
    assert_eq!(memory.read(PAGE), 0);
    drop(watching);
    assert_eq!(memory.protection(), "rw-s");
    assert_eq!(Memory { start: memory.start.wrapping_add(PAGE), length: 0 }.protection(), "r--s");
    assert_eq!(memory.read(0), 1);
}

#[test]
fn what_lies_beside_the_window_is_not_recorded() {
    let memory = Memory::new(1);
    let watching = Watching::start(&[memory.part(8, 8)]).unwrap();
    memory.write(4, 1);
    memory.write(8, 2);
    memory.write(12, 3);
    memory.write(16, 4);
    // SAFETY: within the page.
    unsafe { memory.word(14).write_unaligned(0x0605_0403) };
    let trace = watching.finish().unwrap();
    assert_eq!(lines(&trace), ["W 0x0 4 0x2", "W 0x4 4 0x3", "W 0x6 2 0x403"]);
    assert_eq!(losses(&trace).len(), 1);
    assert!(losses(&trace)[0].1.contains("crossed the end"));
}

#[test]
fn an_access_across_two_watched_windows_is_made() {
    let memory = Memory::new(2);
    let first = Watching::start(&[memory.part(0, PAGE)]).unwrap();
    let second = Watching::start(&[memory.part(PAGE, PAGE)]).unwrap();
    // SAFETY: within the two pages.
    unsafe { memory.word(PAGE - 2).write_unaligned(0x0403_0201) };
    assert_eq!(lines(&first.finish().unwrap()), ["W 0xffe 2 0x201"]);
    assert_eq!(lines(&second.finish().unwrap()), ["W 0x0 2 0x403"]);
    assert_eq!(memory.read(PAGE) & 0xffff, 0x0403);
}

#[test]
fn private_memory_is_refused_and_left_alone() {
    let memory = Memory::with(1, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let error = Watching::start(&[memory.region()]).err().unwrap();
    assert!(matches!(error, Error::Private { .. }), "{error}");
    assert_eq!(memory.protection(), "rw-p");
}

#[test]
fn memory_that_is_not_mapped_is_refused_and_the_rest_given_back() {
    let memory = Memory::new(1);
    let mut nowhere = memory.region();
    nowhere.start = 0x1000;
    let error = Watching::start(&[memory.region(), nowhere]).err().unwrap();
    assert!(matches!(error, Error::NotMapped { address: 0x1000, .. }), "{error}");
    assert_eq!(memory.protection(), "rw-s");
}

#[test]
fn a_system_call_into_the_window_fails_and_works_again_afterwards() {
    let memory = Memory::new(1);
    let watching = memory.watch();
    let read = || {
        let file = std::fs::File::open("/dev/zero").unwrap();
        // SAFETY: within the page.
        unsafe { libc::read(std::os::fd::AsRawFd::as_raw_fd(&file), memory.start.cast(), 8) }
    };
    assert_eq!(read(), -1);
    drop(watching);
    assert_eq!(read(), 8);
}
