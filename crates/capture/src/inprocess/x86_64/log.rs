//! What handlers note, in order, from all threads: it grows by whole chunks and never waits.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::thread;

use super::python::LineNumber;
use crate::native::arch::Registers;

const PER_CHUNK: usize = 2048;
const CHUNKS: usize = 16384;

/// One thing that happened.
pub(super) struct Note {
    /// As gettid(2) has it.
    pub(super) thread: u32,
    /// What Python was running there.
    pub(super) line: LineNumber,
    /// By the clock of [`now`].
    pub(super) time: u64,
    pub(super) what: What,
}

#[expect(clippy::large_enum_variant, reason = "handlers cannot allocate, and most are large")]
pub(super) enum What {
    /// An instruction ran on aliases.
    Stepped {
        /// Its number among those that are [known](super::known).
        instruction: u32,
        /// The registers as it found them.
        before: Registers,
        /// The registers as it left them.
        after: Registers,
        /// The vector register that shows the data.
        shown: [u8; 64],
        /// Where it copied from or to, besides the window, and what was there.
        copied: Option<(u64, [u8; 8])>,
    },
    /// An instruction ended in a signal, or, where that is 0, was begun again because of a window
    /// at that address.
    Failed { instruction: u32, before: Registers, signal: i32, address: u64 },
    /// What the planner has noted under that number.
    Planned(usize),
    /// The process has forked.
    Forked,
}

/// Room for a note.
struct Place {
    /// 1 once the note is there.
    is_there: AtomicU32,
    note: UnsafeCell<MaybeUninit<Note>>,
}

/// Stands for a chunk that there was no memory for.
const NO_CHUNK: *mut Place = ptr::dangling_mut();

static TABLE: [AtomicPtr<Place>; CHUNKS] = [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS];
/// How many places have been given out.
static NEXT: AtomicU64 = AtomicU64::new(0);
/// How many notes found no room.
static LOST: AtomicU64 = AtomicU64::new(0);

/// Nanoseconds of a clock that only goes forward.
pub(super) fn now() -> u64 {
    // SAFETY: all zeros is a timespec, and the call gets a valid pointer to it.
    let time = unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time);
        time
    };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Notes what happened now.
pub(super) fn put(thread: u32, line: LineNumber, what: What) {
    let number = NEXT.fetch_add(1, Ordering::AcqRel);
    let Some(place) = room(number) else {
        LOST.fetch_add(1, Ordering::Relaxed);
        return;
    };
    // SAFETY: the number is nobody else's, and nobody reads the place before it says so.
    unsafe { (*place.note.get()).write(Note { thread, line, time: now(), what }) };
    place.is_there.store(1, Ordering::Release);
}

/// The place of that number, in a new chunk if need be; `None` when there is no memory for one.
fn room(number: u64) -> Option<&'static Place> {
    let number = number as usize;
    let slot = TABLE.get(number / PER_CHUNK)?;
    let mut chunk = slot.load(Ordering::Acquire);
    if chunk.is_null() {
        let fresh = allocate().unwrap_or(NO_CHUNK);
        match slot.compare_exchange(ptr::null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => chunk = fresh,
            Err(others) => {
                free(fresh);
                chunk = others;
            }
        }
    }
    if chunk == NO_CHUNK {
        return None;
    }
    // SAFETY: a chunk has that many places; zeroes are a place without a note.
    Some(unsafe { &*chunk.add(number % PER_CHUNK) })
}

const CHUNK_BYTES: usize = PER_CHUNK * size_of::<Place>();

fn allocate() -> Option<*mut Place> {
    // SAFETY: a new mapping at a place that the kernel chooses disturbs nothing.
    let chunk = unsafe {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        libc::mmap(ptr::null_mut(), CHUNK_BYTES, protection, flags, -1, 0)
    };
    (chunk != libc::MAP_FAILED).then_some(chunk.cast())
}

fn free(chunk: *mut Place) {
    if chunk == NO_CHUNK {
        return;
    }
    // SAFETY: the chunk is a mapping of that size, which nobody uses any more.
    unsafe { libc::munmap(chunk.cast(), CHUNK_BYTES) };
}

/// The number that the next note will have.
pub(super) fn next() -> u64 {
    NEXT.load(Ordering::Acquire)
}

/// How many notes were lost since [`clear`].
pub(super) fn lost() -> u64 {
    LOST.load(Ordering::Relaxed)
}

/// The notes of these numbers, which have been given out; of one that is being made, waits for the
/// end. Nobody may [`clear`] them meanwhile.
pub(super) fn notes(range: Range<u64>) -> impl Iterator<Item = &'static Note> {
    range.filter_map(|number| {
        let number = number as usize;
        let slot = TABLE.get(number / PER_CHUNK)?;
        let chunk =
            wait_for(|| Some(slot.load(Ordering::Acquire)).filter(|chunk| !chunk.is_null()));
        if chunk == NO_CHUNK {
            return None;
        }
        // SAFETY: as in `room`.
        let place = unsafe { &*chunk.add(number % PER_CHUNK) };
        wait_for(|| (place.is_there.load(Ordering::Acquire) == 1).then_some(()));
        // SAFETY: the note was written before the place said so, and does not change.
        Some(unsafe { (*place.note.get()).assume_init_ref() })
    })
}

fn wait_for<T>(what: impl Fn() -> Option<T>) -> T {
    loop {
        if let Some(found) = what() {
            return found;
        }
        thread::yield_now();
    }
}

/// Forgets all notes. Nobody may write or read any meanwhile.
pub(super) fn clear() {
    let used = (next() as usize).div_ceil(PER_CHUNK).min(CHUNKS);
    for slot in &TABLE[..used] {
        let chunk = slot.swap(ptr::null_mut(), Ordering::AcqRel);
        if !chunk.is_null() {
            free(chunk);
        }
    }
    NEXT.store(0, Ordering::Release);
    LOST.store(0, Ordering::Relaxed);
}
