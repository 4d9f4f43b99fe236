//! The copy routines that are known, as the stores that each makes.
//!
//! Each is a closed form: it says for a block of any length where the stores go. Which builds of
//! which libraries have been seen to do exactly that is the [signature table](crate::builds).

mod aarch64;
mod stores;
mod x86_64;

use serde::Serialize;

pub use stores::Store;

/// A copy: all that decides what a routine stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Bytes.
    pub length: u64,
    /// The destination's address modulo 64.
    pub destination: u64,
    /// The source's address modulo 16.
    pub source: u64,
    /// Whether, in the low 12 bits of the addresses, the destination lies less than the block's
    /// length above the source.
    pub near: bool,
}

/// A routine that copies a block of memory.
#[derive(Clone, Copy, Serialize)]
pub struct Routine {
    /// What the signature table calls it.
    pub name: &'static str,
    /// For people.
    pub words: &'static str,
    /// The instruction set, as Rust names it.
    pub machine: &'static str,
    #[serde(skip)]
    store: fn(&Call) -> Vec<Store>,
    #[serde(skip)]
    by_source: bool,
    #[serde(skip)]
    by_nearness: bool,
}

const fn routine(
    name: &'static str,
    words: &'static str,
    machine: &'static str,
    store: fn(&Call) -> Vec<Store>,
) -> Routine {
    Routine { name, words, machine, store, by_source: false, by_nearness: false }
}

const fn by_source(routine: Routine) -> Routine {
    Routine { by_source: true, ..routine }
}

const fn by_nearness(routine: Routine) -> Routine {
    Routine { by_nearness: true, ..routine }
}

const A64: &str = "aarch64";
const X86: &str = "x86_64";

impl Routine {
    /// All that are known.
    pub const ALL: &[Routine] = &[
        by_source(routine("glibc-generic", "glibc's generic copy", A64, aarch64::generic)),
        routine("musl", "musl's copy", A64, aarch64::pairs),
        routine("glibc-thunderx", "glibc's copy for ThunderX", A64, aarch64::thunderx),
        by_source(routine(
            "glibc-thunderx2",
            "glibc's copy for ThunderX2",
            A64,
            aarch64::thunderx2,
        )),
        by_source(routine("glibc-falkor", "glibc's copy for Falkor", A64, aarch64::falkor)),
        by_nearness(routine("glibc-sse2", "glibc's copy with SSE2", X86, x86_64::sse2)),
        routine("glibc-ssse3", "glibc's copy with SSSE3", X86, x86_64::ssse3),
        by_nearness(routine("glibc-avx", "glibc's copy with AVX or EVEX", X86, x86_64::avx)),
        by_nearness(routine("glibc-avx512", "glibc's copy with AVX-512", X86, x86_64::avx512)),
        routine("rep-movsb", "rep movsb, uncached", X86, x86_64::bytes),
    ];

    /// The routine of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Routine> {
        Routine::ALL.iter().find(|routine| routine.name == name)
    }

    /// What it stores, in order.
    #[must_use]
    pub fn stores(&self, call: &Call) -> Vec<Store> {
        (self.store)(call)
    }

    /// The calls to `destination` of `length` bytes that can differ in what is stored.
    pub(crate) fn calls(self, length: u64, destination: u64) -> impl Iterator<Item = Call> {
        let sources = if self.by_source { 16 } else { 1 };
        let nearness = if self.by_nearness { &[false, true][..] } else { &[false] };
        let destination = destination % 64;
        (0..sources).flat_map(move |source| {
            nearness.iter().map(move |&near| Call { length, destination, source, near })
        })
    }

    /// Whether what it stores can depend on the source's place.
    pub(crate) fn is_by_source(&self) -> bool {
        self.by_source
    }

    /// Whether what it stores can depend on how near the buffers are.
    pub(crate) fn is_by_nearness(&self) -> bool {
        self.by_nearness
    }
}
