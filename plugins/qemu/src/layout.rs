//! Where the windows are, in the emulated program's addresses.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use busprobe_qemu_stream::FileRange;

use crate::file::FileId;
use crate::maps::{self, Mapping};

/// A watched range that is mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Emulated addresses.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// The number of the watch.
    pub(crate) watch: u32,
    /// The file's offset of the byte at `start`.
    pub(crate) offset: u64,
    /// Whether the file is a regular one, whose pages may be read.
    pub(crate) regular: bool,
}

impl Piece {
    /// The file's offset of the byte at an emulated address, which may lie a little before.
    pub(crate) fn offset_of(&self, address: u64) -> i64 {
        (self.offset as i64).wrapping_add(address.wrapping_sub(self.start) as i64)
    }
}

/// A watched file that the program has mapped, and what `/proc/self/maps` calls it.
#[derive(Clone, Debug)]
struct Known {
    file: FileId,
    regular: bool,
    listed_as: (String, u64),
}

#[derive(Default)]
struct State {
    known: Vec<Known>,
    pieces: Vec<Piece>,
}

/// All windows of the program.
pub(crate) struct Layout {
    watches: Vec<FileRange>,
    state: RwLock<State>,
    /// From the lowest piece's start to the highest one's end: most accesses are outside, and are
    /// told so without a lock.
    lowest: AtomicU64,
    highest: AtomicU64,
}

/// The layout held still.
pub(crate) struct Hold<'a> {
    _state: RwLockWriteGuard<'a, State>,
}

impl Layout {
    pub(crate) fn new(watches: Vec<FileRange>) -> Layout {
        Layout {
            watches,
            state: RwLock::default(),
            lowest: AtomicU64::new(u64::MAX),
            highest: AtomicU64::new(0),
        }
    }

    /// The numbers of the watches of a file.
    pub(crate) fn watches_of(&self, file: FileId) -> impl Iterator<Item = u32> {
        let is_watched =
            move |range: &FileRange| FileId { device: range.device, inode: range.inode } == file;
        (0..)
            .zip(&self.watches)
            .filter(move |(_, range)| is_watched(range))
            .map(|(number, _)| number)
    }

    /// Whether a range of emulated addresses may overlap a window; a first, cheap answer.
    pub(crate) fn may_overlap(&self, start: u64, end: u64) -> bool {
        start < self.highest.load(Ordering::Relaxed) && end > self.lowest.load(Ordering::Relaxed)
    }

    /// The piece of a window that a range of emulated addresses overlaps.
    pub(crate) fn find(&self, start: u64, end: u64) -> Option<Piece> {
        if !self.may_overlap(start, end) {
            return None;
        }
        let state = self.read();
        state.pieces.iter().find(|piece| start < piece.end && end > piece.start).cloned()
    }

    /// Takes note that the program has mapped a watched file at an emulated address. Says whether
    /// stores to the mapping reach the file.
    pub(crate) fn mapped(
        &self,
        file: FileId,
        regular: bool,
        address: u64,
        guest_base: u64,
    ) -> bool {
        let Some(mapping) = maps::at(address.wrapping_add(guest_base)) else { return true };
        if mapping.shared {
            let mut state = self.write();
            state.known.retain(|known| known.file != file || known.listed_as != mapping.file);
            state.known.push(Known { file, regular, listed_as: mapping.file });
            drop(state);
        }
        self.refresh(guest_base);
        mapping.shared
    }

    /// Asks the kernel anew what is mapped where.
    pub(crate) fn refresh(&self, guest_base: u64) {
        let mut state = self.write();
        let Ok(mappings) = maps::read() else { return };
        state.pieces = mappings
            .iter()
            .filter(|mapping| mapping.shared)
            .flat_map(|mapping| self.pieces(&state.known, mapping, guest_base))
            .collect();
        let lowest = state.pieces.iter().map(|piece| piece.start).min().unwrap_or(u64::MAX);
        let highest = state.pieces.iter().map(|piece| piece.end).max().unwrap_or(0);
        self.lowest.store(lowest, Ordering::Relaxed);
        self.highest.store(highest, Ordering::Relaxed);
    }

    /// The parts of a mapping that are watched.
    fn pieces(&self, known: &[Known], mapping: &Mapping, guest_base: u64) -> Vec<Piece> {
        let Some(known) = known.iter().find(|known| known.listed_as == mapping.file) else {
            return Vec::new();
        };
        let length = mapping.range.end - mapping.range.start;
        let address = mapping.range.start.wrapping_sub(guest_base);
        self.watches_of(known.file)
            .filter_map(|number| {
                let watch = self.watches[number as usize];
                let first = watch.offset.max(mapping.offset);
                let last = watch
                    .offset
                    .saturating_add(watch.length)
                    .min(mapping.offset.saturating_add(length));
                (first < last).then(|| Piece {
                    start: address + (first - mapping.offset),
                    end: address + (last - mapping.offset),
                    watch: number,
                    offset: first,
                    regular: known.regular,
                })
            })
            .collect()
    }

    /// Lets nobody else read or change the layout until the result is dropped.
    pub(crate) fn hold(&self) -> Hold<'_> {
        Hold { _state: self.write() }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
