//! Faults of nobody's, which are tried once more before they are passed on.
//!
//! A thread that touched a page while it was watched may come to look for it when it is watched no
//! more, and of a page that was watched nothing is kept: other pages take its place. But to run an
//! instruction again that faulted does no harm, and a real fault comes again at once.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::{guard, step};

/// What has been tried, as [`key`] has it; 0 for nothing.
static TRIED: [AtomicU64; 64] = [const { AtomicU64::new(0) }; 64];

/// Whether to try the instruction at `pc` again, which faulted at `address`: once for each time
/// that pages came or went, and not at all where none ever did.
pub(super) fn is_due(pc: u64, address: u64) -> bool {
    /// When all places are taken, by faults that did not come again, the next one goes.
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let changes = guard::changes();
    if changes == 0 {
        return false;
    }
    let key = key([step::this_thread(), pc, address, changes.into()]);
    let swap = |old, new| {
        TRIED.iter().any(|place| {
            place.compare_exchange(old, new, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        })
    };
    let is_tried = swap(key, 0);
    if !is_tried && !swap(0, key) {
        let next = NEXT.fetch_add(1, Ordering::Relaxed) % TRIED.len();
        TRIED[next].store(key, Ordering::Relaxed);
    }
    !is_tried
}

/// A number that no other fault has but by great chance.
fn key(parts: [u64; 4]) -> u64 {
    let mixed = parts.into_iter().fold(0_u64, |key, part| {
        let key = (key ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        key ^ key >> 29
    });
    mixed.max(1)
}
