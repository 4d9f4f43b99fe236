//! Ways in which Rust programs write to a mapped device. Each is followed by a mark.
use std::ffi::c_void;
use std::fs::OpenOptions;
use std::hint::black_box;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU32, Ordering};

const LENGTH: usize = 65536;
const MARK: usize = 0xff00;

unsafe extern "C" {
    fn mmap(at: *mut c_void, length: usize, prot: i32, flags: i32, fd: i32, from: i64)
    -> *mut c_void;
}

fn main() {
    let path = std::env::args().nth(1).expect("which file?");
    let file = OpenOptions::new().read(true).write(true).open(path).expect("it opens");
    let start = unsafe { mmap(std::ptr::null_mut(), LENGTH, 3, 1, file.as_raw_fd(), 0) };
    let window = unsafe { std::slice::from_raw_parts_mut(start.cast::<u8>(), LENGTH) };
    let word = |at: usize| unsafe { start.cast::<u8>().add(at).cast::<u32>() };
    let register = |at: usize| unsafe { AtomicU32::from_ptr(word(at)) };
    let data: Vec<u8> = (0..=255).collect();
    let mark = |number| unsafe { word(MARK).write_volatile(number) };
    unsafe { word(0).write_volatile(1) };
    mark(1);
    black_box(unsafe { word(0).read_volatile() });
    mark(2);
    window[..16].copy_from_slice(black_box(&data[..16]));
    mark(3);
    window[..black_box(64)].copy_from_slice(&data[..black_box(64)]);
    mark(4);
    window[..black_box(48)].fill(black_box(0xa5));
    mark(5);
    register(4).store(5, Ordering::Relaxed);
    mark(6);
    register(4).store(5, Ordering::SeqCst);
    mark(7);
    register(4).fetch_or(2, Ordering::SeqCst);
    mark(8);
    for (to, from) in window[..64].iter_mut().zip(black_box(&data)) {
        *to = *from;
    }
    mark(9);
}
