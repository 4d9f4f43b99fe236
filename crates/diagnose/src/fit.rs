//! Which copy routines make exactly the beats of a block.

use serde::Serialize;

use busprobe_trace::Direction;

use crate::block::Block;
use crate::routine::{Call, Routine, Store};

/// A block of more bytes than this is compared with no routine: each would list its stores.
const LONGEST: u64 = 1 << 22;

/// A routine that makes exactly the beats of a block.
#[derive(Clone, Serialize)]
pub struct Fit {
    /// Who makes them.
    pub routine: &'static Routine,
    /// How many bytes it copies.
    pub length: u64,
    /// Where the source has to lie modulo 16; empty when it does not matter.
    pub sources: Vec<u64>,
    /// Whether the buffers have to be, or must not be, near each other modulo 4 KiB (the
    /// destination less than the length above the source); `None` when it does not matter.
    pub near: Option<bool>,
    /// What became of stores that are not aligned; `None` when there are none.
    pub unaligned: Option<Splitting>,
}

/// What became of stores that are not aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Splitting {
    /// The bus split them at its words, as it does for Normal memory.
    Beats,
    /// They became single bytes, as in QEMU before 9.0.
    Bytes,
}

/// The routines that make exactly the beats of `block`; none when it cannot be a copy.
pub(crate) fn fits(block: &Block) -> Vec<Fit> {
    let can_be_a_copy = block.direction == Some(Direction::Write)
        && block.is_whole()
        && block.consistent
        && block.length() <= LONGEST;
    if !can_be_a_copy {
        return Vec::new();
    }
    Routine::ALL.iter().filter_map(|routine| fit(routine, block)).collect()
}

fn fit(routine: &'static Routine, block: &Block) -> Option<Fit> {
    let mut fits: Vec<(Call, Option<Splitting>)> = Vec::new();
    for call in routine.calls(block.length(), block.start) {
        let stores = routine.stores(&call);
        let splitting = [Splitting::Beats, Splitting::Bytes]
            .into_iter()
            .find(|splitting| makes(&stores, *splitting, block));
        let unaligned = |store: &Store| !is_aligned(store, block.start);
        let needed = splitting.filter(|_| stores.iter().any(unaligned));
        fits.extend(splitting.map(|_| (call, needed)));
    }
    let (_, unaligned) = *fits.first()?;
    let mut sources: Vec<u64> = fits.iter().map(|(call, _)| call.source).collect();
    sources.dedup();
    let count = fits.len();
    let near = fits.iter().filter(|(call, _)| call.near).count();
    Some(Fit {
        routine,
        length: block.length(),
        sources: if routine.is_by_source() && sources.len() < 16 { sources } else { Vec::new() },
        near: match near {
            0 if routine.is_by_nearness() => Some(false),
            near if near == count => Some(true),
            _ => None,
        }
        .filter(|_| routine.is_by_nearness()),
        unaligned,
    })
}

/// Whether the stores become exactly the beats, on a bus as wide as any.
fn makes(stores: &[Store], splitting: Splitting, block: &Block) -> bool {
    [64, 16, 8, 4, 2, 1]
        .into_iter()
        .filter(|width| *width >= block.widest)
        .any(|width| cut_is(stores, splitting, width, block))
}

fn cut_is(stores: &[Store], splitting: Splitting, width: u32, block: &Block) -> bool {
    let mut beats = block.beats.iter();
    for store in stores {
        let word = match splitting {
            Splitting::Bytes if !is_aligned(store, block.start) => 1,
            _ => u64::from(width),
        };
        let mut offset = block.start + store.offset;
        let end = offset + u64::from(store.size);
        while offset < end {
            // As issued, when the widest word is wider than any register.
            let next =
                if width == 64 && word == 64 { end } else { end.min((offset / word + 1) * word) };
            match beats.next() {
                Some(beat) if (beat.offset, beat.end()) == (offset, next) => offset = next,
                _ => return false,
            }
        }
    }
    beats.next().is_none()
}

/// Whether each part that the CPU stores is aligned to its size, of which 8 bytes are asked at
/// the most.
fn is_aligned(store: &Store, start: u64) -> bool {
    (start + store.offset).is_multiple_of(store.size.min(8).into())
}
