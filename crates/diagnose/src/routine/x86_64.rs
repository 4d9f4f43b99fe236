//! Copies for x86-64, as native captures saw them run.

use super::Call;
use super::stores::{Store, Stores};

/// The widest registers that a variant of glibc's `memmove-vec-unaligned-erms` stores.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Vector {
    Sse2 = 16,
    Avx = 32,
    Avx512 = 64,
}

/// glibc's copy for vectors of V bytes: up to 2 V a head and a tail, up to 8 V some of each, the
/// tail from its end; beyond that rounds of 4 V from the next aligned place on, the last 4 V from
/// their end, and the first V last. When the low 12 bits of the addresses say that the
/// destination lies less than the block's length above the source, the rounds go from the end to the beginning.
pub(super) fn vectors(call: &Call, vector: Vector) -> Vec<Store> {
    let length = call.length;
    let width = vector as u32;
    let v = u64::from(width);
    let mut stores = Stores::of(length);
    match length {
        0 => {}
        1 => _ = stores.head(1, [0]),
        2 | 3 => _ = stores.tail(2, [2]).head(1, [0]),
        4..8 if vector == Vector::Sse2 => _ = stores.tail(4, [4]).head(4, [0]),
        4..8 => _ = stores.ends(4),
        8..16 => _ = stores.ends(8),
        16..32 if v > 16 => _ = stores.ends(16),
        32..64 if v > 32 => _ = stores.ends(32),
        _ if length <= 2 * v => _ = stores.ends(width),
        _ if length <= 4 * v => _ = stores.head(width, [0, v]).tail(width, [v, 2 * v]),
        _ if length <= 8 * v => {
            stores.head(width, [0, v, 2 * v, 3 * v]).tail(width, [v, 2 * v, 3 * v, 4 * v]);
        }
        _ if call.near => {
            let end = (call.destination + length - 1) / v * v - call.destination;
            let mut at = end;
            loop {
                stores.head(width, [at - v, at - 2 * v, at - 3 * v, at - 4 * v]);
                at -= 4 * v;
                if at <= 4 * v {
                    break;
                }
            }
            stores.head(width, [0, v, 2 * v, 3 * v]).tail(width, [v]);
        }
        _ => {
            let mut at = v - call.destination % v;
            loop {
                stores.head(width, [at, at + v, at + 2 * v, at + 3 * v]);
                at += 4 * v;
                if at + 4 * v >= length {
                    break;
                }
            }
            stores.tail(width, [v, 2 * v, 3 * v, 4 * v]).head(width, [0]);
        }
    }
    stores.list()
}

pub(super) fn sse2(call: &Call) -> Vec<Store> {
    vectors(call, Vector::Sse2)
}

pub(super) fn avx(call: &Call) -> Vec<Store> {
    vectors(call, Vector::Avx)
}

pub(super) fn avx512(call: &Call) -> Vec<Store> {
    vectors(call, Vector::Avx512)
}

/// glibc's `__memcpy_ssse3`: from 65 bytes on a first store of 16, rounds of 48 from the next
/// aligned place on, and a last 48.
pub(super) fn ssse3(call: &Call) -> Vec<Store> {
    let length = call.length;
    let mut stores = Stores::of(length);
    match length {
        0..16 => return avx(call),
        16..=32 => _ = stores.ends(16),
        33..=64 => _ = stores.head(16, [0, 16]).tail(16, [32, 16]),
        _ => {
            stores.head(16, [0]);
            let mut at = 16 - call.destination % 16;
            while at + 48 < length {
                stores.head(16, [at, at + 16, at + 32]);
                at += 48;
            }
            stores.tail(16, [48, 32, 16]);
        }
    }
    stores.list()
}

/// `rep movsb` on memory that is not cached: a byte at a time.
pub(super) fn bytes(call: &Call) -> Vec<Store> {
    (0..call.length).map(|offset| Store { offset, size: 1 }).collect()
}
