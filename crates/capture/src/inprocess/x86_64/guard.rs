//! The pages that are inaccessible because they are watched, as signal handlers look them up.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::native::arch::Place;

/// How many runs of pages can be watched at a time.
pub(super) const MOST: usize = 64;

/// A run of pages with one alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pages {
    pub(super) range: Range<u64>,
    /// From a page to its alias.
    pub(super) distance: i64,
    /// What the program may do there, as mprotect(2) has it.
    pub(super) protection: i32,
}

/// Pages that handlers may read while they change.
struct Guard {
    /// Odd while the rest is being changed.
    version: AtomicU32,
    state: AtomicU32,
    start: AtomicU64,
    end: AtomicU64,
    distance: AtomicI64,
    protection: AtomicI32,
}

const FREE: u32 = 0;
const WATCHED: u32 = 1;

static GUARDS: [Guard; MOST] = [const {
    Guard {
        version: AtomicU32::new(0),
        state: AtomicU32::new(FREE),
        start: AtomicU64::new(0),
        end: AtomicU64::new(0),
        distance: AtomicI64::new(0),
        protection: AtomicI32::new(0),
    }
}; MOST];

/// Behind this many there were never any.
static REACHED: AtomicUsize = AtomicUsize::new(0);

/// How often pages came and went.
static CHANGES: AtomicU32 = AtomicU32::new(0);

impl Guard {
    fn read(&self) -> (u32, Pages) {
        loop {
            let version = self.version.load(Ordering::Acquire);
            let state = self.state.load(Ordering::Relaxed);
            let pages = Pages {
                range: self.start.load(Ordering::Relaxed)..self.end.load(Ordering::Relaxed),
                distance: self.distance.load(Ordering::Relaxed),
                protection: self.protection.load(Ordering::Relaxed),
            };
            fence(Ordering::Acquire);
            if version.is_multiple_of(2) && version == self.version.load(Ordering::Relaxed) {
                return (state, pages);
            }
            std::hint::spin_loop();
        }
    }

    fn change(&self, change: impl FnOnce(&Guard)) {
        self.version.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::Release);
        change(self);
        self.version.fetch_add(1, Ordering::Release);
        CHANGES.fetch_add(1, Ordering::AcqRel);
    }
}

fn watched() -> impl Iterator<Item = Pages> {
    let all = GUARDS[..REACHED.load(Ordering::Acquire)].iter().map(Guard::read);
    all.filter_map(|(state, pages)| (state == WATCHED).then_some(pages))
}

/// Whether a range has something of a watched page, or of an alias.
pub(super) fn is_device(range: &Range<u64>) -> bool {
    watched().any(|Pages { range: pages, distance, .. }| {
        let moved = |at: u64| at.wrapping_add_signed(distance);
        overlap(&pages, range) || overlap(&(moved(pages.start)..moved(pages.end)), range)
    })
}

/// Whether two ranges share anything.
pub(super) fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

/// All watched pages that have something of `range`.
pub(super) fn all_overlapping(range: Range<u64>) -> impl Iterator<Item = Pages> {
    watched().filter(move |pages| overlap(&pages.range, &range))
}

/// The first watched pages that have something of `range`.
pub(super) fn overlapping(range: &Range<u64>) -> Option<Pages> {
    watched().find(|pages| overlap(&pages.range, range))
}

/// The watched pages at `address`.
pub(super) fn at(address: u64) -> Option<Pages> {
    watched().find(|pages| pages.range.contains(&address))
}

/// The place in a window that `address` is the alias of.
pub(super) fn behind_alias(address: u64) -> Option<u64> {
    watched().find_map(|pages| {
        let place = address.wrapping_add_signed(-pages.distance);
        pages.range.contains(&place).then_some(place)
    })
}

/// How often pages came and went so far.
pub(super) fn changes() -> u32 {
    CHANGES.load(Ordering::Acquire)
}

/// How many elements, from the one in that range and `step` bytes apart, lie in the same pages, or
/// before any when the first lies in none.
pub(super) fn alike(first: &Range<u64>, step: i64) -> u64 {
    let &Range { start, end } = first;
    let bytes = match overlapping(first) {
        Some(Pages { range, .. }) if start < range.start || range.end < end => 0,
        Some(Pages { range, .. }) if step < 0 => end - range.start,
        Some(Pages { range, .. }) => range.end - start,
        None if step < 0 => {
            let below = watched().map(|pages| pages.range.end).filter(|below| *below <= start);
            below.max().map_or(u64::MAX, |below| end - below)
        }
        None => {
            let above = watched().map(|pages| pages.range.start).filter(|above| *above >= end);
            above.min().map_or(u64::MAX, |above| above - start)
        }
    };
    bytes / step.unsigned_abs()
}

/// Where an operand lies.
pub(super) fn place(range: &Range<u64>) -> Place {
    match overlapping(range) {
        None => Place::Elsewhere,
        Some(pages) if pages.range.start <= range.start && range.end <= pages.range.end => {
            Place::Window(pages.distance)
        }
        Some(_) => Place::Across,
    }
}

/// Has handlers find these pages. The caller is the only one who changes guards meanwhile.
///
/// Returns the number to take them away by, or `None` when there is no room.
pub(super) fn put(pages: &Pages) -> Option<usize> {
    let number = GUARDS.iter().position(|guard| guard.state.load(Ordering::Relaxed) == FREE)?;
    GUARDS[number].change(|guard| {
        guard.state.store(WATCHED, Ordering::Relaxed);
        guard.start.store(pages.range.start, Ordering::Relaxed);
        guard.end.store(pages.range.end, Ordering::Relaxed);
        guard.distance.store(pages.distance, Ordering::Relaxed);
        guard.protection.store(pages.protection, Ordering::Relaxed);
    });
    REACHED.fetch_max(number + 1, Ordering::AcqRel);
    Some(number)
}

/// Held while pages change between accessible and inaccessible that handlers find already.
pub(super) fn changing() -> MutexGuard<'static, ()> {
    static CHANGING: Mutex<()> = Mutex::new(());
    CHANGING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes pages what they are to the program, and has handlers find them no more.
pub(super) fn take(number: usize) -> io::Result<()> {
    let _meanwhile = changing();
    let result = GUARDS[number].read().1.open();
    GUARDS[number].change(|guard| guard.state.store(FREE, Ordering::Relaxed));
    result
}

/// Makes pages inaccessible again that were opened for a moment, unless they were taken away
/// meanwhile.
pub(super) fn close_again(pages: &Pages) -> io::Result<()> {
    let _meanwhile = changing();
    if at(pages.range.start).as_ref() == Some(pages) { pages.close() } else { Ok(()) }
}

impl Pages {
    /// Makes them inaccessible.
    pub(super) fn close(&self) -> io::Result<()> {
        self.protect(libc::PROT_NONE)
    }

    /// Makes them what they are to the program.
    pub(super) fn open(&self) -> io::Result<()> {
        self.protect(self.protection)
    }

    fn protect(&self, protection: i32) -> io::Result<()> {
        let length = (self.range.end - self.range.start) as usize;
        // SAFETY: only the protection of pages changes that are mapped from a device or file, and
        // which nothing but the program's own accesses uses.
        let result = unsafe { libc::mprotect(self.range.start as *mut _, length, protection) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found_until_they_are_taken_away() {
        let pages = Pages { range: 0x1000..0x3000, distance: 0x10_0000, protection: 3 };
        let number = put(&pages).unwrap();
        assert_eq!(at(0x2fff), Some(pages.clone()));
        assert_eq!(at(0x3000), None);
        assert_eq!(behind_alias(0x10_1008), Some(0x1008));
        assert!(matches!(place(&(0x2ffc..0x3000)), Place::Window(0x10_0000)));
        assert!(matches!(place(&(0x2ffc..0x3004)), Place::Across));
        assert!(matches!(place(&(0x3000..0x3004)), Place::Elsewhere));
        let alike = |start, step: i64| alike(&(start..start + 4), step);
        assert_eq!([alike(0x2ff0, 4), alike(0x1008, -4), alike(0x2ffe, 4)], [4, 3, 0]);
        assert_eq!([alike(0xff0, 4), alike(0x3008, -4)], [4, 3]);
        let so_far = changes();
        assert!(take(number).is_err(), "nothing is mapped there");
        assert_eq!(at(0x2fff), None);
        assert!(changes() > so_far);
    }
}
