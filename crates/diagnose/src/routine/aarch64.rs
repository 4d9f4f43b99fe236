//! Copies for AArch64, as the lab sees them run.
//!
//! All cover up to 16, 32 or more bytes with a head and a tail that overlap, and longer blocks
//! with a first store of 16 bytes, rounds of 64 from the next aligned place on, and a last 64 that
//! ends where the block does.

use super::Call;
use super::stores::{Store, Stores};

/// glibc's `__memcpy_generic` as it is built with 16-byte registers: pairs of them store 32 bytes,
/// and the rounds are aligned to the source.
pub(super) fn generic(call: &Call) -> Vec<Store> {
    advanced(call, call.source).list()
}

/// The same with pairs of 8-byte registers and the rounds aligned to the destination: musl's, and
/// glibc's generic one in some builds.
pub(super) fn pairs(call: &Call) -> Vec<Store> {
    advanced(call, call.destination).in_16s()
}

/// The head, rounds and tail that several have in common.
fn advanced(call: &Call, aligned: u64) -> Stores {
    let length = call.length;
    let mut stores = Stores::of(length);
    match length {
        0..16 => tiny(&mut stores, length),
        16..=32 => _ = stores.ends(16),
        33..=64 => _ = stores.ends(32),
        65..=96 => _ = stores.head(32, [0, 32]).tail(32, [32]),
        97..=128 => _ = stores.tail(32, [64]).head(32, [0, 32]).tail(32, [32]),
        _ => {
            stores.head(16, [0]);
            let mut at = 16 - aligned % 16;
            while at + 64 < length {
                stores.head(32, [at, at + 32]);
                at += 64;
            }
            stores.tail(32, [64, 32]);
        }
    }
    stores
}

/// Less than 16 bytes.
fn tiny(stores: &mut Stores, length: u64) {
    match length {
        0 => {}
        1..4 => _ = stores.head(1, [0, length / 2]).tail(1, [1]),
        4..8 => _ = stores.ends(4),
        _ => _ = stores.ends(8),
    }
}

/// glibc's `__memcpy_thunderx`.
pub(super) fn thunderx(call: &Call) -> Vec<Store> {
    let length = call.length;
    let mut stores = Stores::of(length);
    match length {
        0..16 => tiny(&mut stores, length),
        16 => _ = stores.ends(8),
        17..=32 => _ = stores.ends(16),
        33..=64 => _ = stores.head(16, [16]).tail(16, [32]).ends(16),
        65..=96 => _ = stores.head(16, [0, 16, 32, 48]).tail(16, [32, 16]),
        _ => {
            stores.head(16, [0]);
            let mut at = 16 - call.destination % 16;
            while at + 64 < length {
                stores.head(16, [at, at + 16, at + 32, at + 48]);
                at += 64;
            }
            stores.tail(16, [64, 48, 32, 16]);
        }
    }
    stores.list()
}

/// glibc's `__memcpy_falkor`.
pub(super) fn falkor(call: &Call) -> Vec<Store> {
    let length = call.length;
    let mut stores = Stores::of(length);
    match length {
        0 => {}
        1 => _ = stores.head(1, [0]),
        2 | 3 => _ = stores.ends(2),
        4..16 => tiny(&mut stores, length),
        65..=128 => {
            stores.head(16, [0, 32, 48]).tail(16, [64, 48]).head(16, [16]).tail(16, [32, 16]);
        }
        _ => return advanced(call, call.source).in_16s(),
    }
    stores.list()
}

/// glibc's `__memcpy_thunderx2`. Where destination and source are aligned differently, blocks
/// longer than those in the signature table go otherwise.
pub(super) fn thunderx2(call: &Call) -> Vec<Store> {
    let length = call.length;
    let mut stores = Stores::of(length);
    match length {
        1..4 => _ = stores.head(1, [length / 2]).tail(1, [1]).head(1, [0]),
        0..16 => tiny(&mut stores, length),
        16 => _ = stores.ends(8),
        17..=32 => _ = stores.ends(16),
        33..=48 => _ = stores.ends(16).head(16, [16]),
        49..=64 => _ = stores.tail(16, [16]).head(32, [0]).head(16, [32]),
        65..=96 => {
            let at = 16 - call.source % 16;
            match length - at {
                ..=64 => _ = stores.head(32, [at]).head(16, [at + 32]),
                65..=80 => _ = stores.head(32, [at, at + 32]),
                _ => _ = stores.head(16, [at]).head(32, [at + 16, at + 48]),
            }
            stores.ends(16);
        }
        _ => {
            stores.head(16, [0]);
            let mut at = 16 - call.source % 16;
            while at + 64 <= length {
                stores.head(32, [at, at + 32]);
                at += 64;
            }
            stores.tail(32, [64, 32]);
        }
    }
    stores.list()
}
