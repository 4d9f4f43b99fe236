//! An address space: the windows mapped in it, and the capture's own page.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::LazyLock;

use super::watch::FileId;
#[cfg(target_arch = "x86_64")]
use crate::native::access::detour::Detours;
use crate::native::access::touch::Touch;
use crate::native::arch::{Instruction, layout::ARENA};
use crate::native::marks::breakpoint::Breakpoints;
use crate::native::sites::SeenSites;

/// Bytes of a page.
pub(crate) static PAGE: LazyLock<u64> = LazyLock::new(|| {
    // SAFETY: sysconf touches no memory.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as u64 }
});

/// How far apart windows are placed at least: no access crosses from one to the next.
const GAP: u64 = 1 << 20;

/// The addresses from a window to its alias, where the alias can be put there.
pub(crate) const ALIAS_DISTANCE: u64 = (ARENA.end - ARENA.start) / 2;

/// Whether pages of the capture's own are there.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Presence {
    #[default]
    Absent,
    /// They came after the copy of the space was made, or before.
    Uncertain,
    There,
}

#[cfg(target_arch = "x86_64")]
impl Presence {
    /// In a copy of the space.
    pub(crate) fn copied(self) -> Presence {
        if self == Presence::Absent { self } else { Presence::Uncertain }
    }
}

/// A mapping of a watched file.
#[derive(Clone, Debug)]
pub(crate) struct Mapping {
    /// The pages, as the program knows them.
    pub(crate) range: Range<u64>,
    /// The pages among them that are inaccessible: those that have something of a window.
    pub(crate) guarded: Range<u64>,
    /// Where the same pages are mapped a second time, seen from here; `None` when they could not
    /// be.
    pub(crate) alias: Option<i64>,
    pub(crate) file: FileId,
    /// The place in the file of the first page.
    pub(crate) file_offset: u64,
    /// What the program may do there, as mmap(2) has it.
    pub(crate) protection: u64,
}

impl Mapping {
    /// The part of the file that the addresses `range`, cut to this mapping, are.
    pub(crate) fn file_range(&self, range: &Range<u64>) -> Range<u64> {
        let in_file = |address: u64| address - self.range.start + self.file_offset;
        let within = intersection(&self.range, range);
        in_file(within.start)..in_file(within.end.max(within.start))
    }

    pub(crate) fn alias_of(&self, address: u64) -> Option<u64> {
        Some(address.wrapping_add_signed(self.alias?))
    }

    /// Whether all of `range` lies in it.
    pub(crate) fn has(&self, range: &Range<u64>) -> bool {
        self.range.start <= range.start && range.end <= self.range.end
    }

    fn part(&self, range: &Range<u64>) -> Mapping {
        let part = intersection(&self.range, range);
        let file_offset = part.start - self.range.start + self.file_offset;
        let guarded = intersection(&self.guarded, &part);
        Mapping { guarded, file_offset, range: part, ..self.clone() }
    }
}

/// What two ranges share; its end may lie before its start when that is nothing.
fn intersection(a: &Range<u64>, b: &Range<u64>) -> Range<u64> {
    a.start.max(b.start)..a.end.min(b.end)
}

pub(crate) fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    !intersection(a, b).is_empty()
}

/// An address space of the program; threads share one, and so do vfork(2)'s two processes.
#[derive(Clone, Default)]
pub(crate) struct Space {
    mappings: Vec<Mapping>,
    /// The page with a system call instruction and room for code.
    pub(crate) stub: Option<u64>,
    /// Whether the page for values on their way is there.
    #[cfg(target_arch = "x86_64")]
    pub(crate) scratch: Presence,
    #[cfg(target_arch = "x86_64")]
    pub(crate) detours: Detours,
    /// Where the arena is still free.
    next: u64,
    /// Instructions by address, with the bytes that they were decoded from.
    code: HashMap<u64, (Vec<u8>, Rc<Instruction>)>,
    pub(crate) sites: SeenSites,
    pub(crate) breakpoints: Breakpoints,
}

impl Space {
    /// What a process has that was forked: the fork came before it was heard of, and what other
    /// threads had done here in between is not in the copy.
    pub(crate) fn copied(&self) -> Space {
        Space {
            #[cfg(target_arch = "x86_64")]
            scratch: self.scratch.copied(),
            #[cfg(target_arch = "x86_64")]
            detours: self.detours.copied(),
            ..self.clone()
        }
    }

    /// Whether there are windows that the filter does not know.
    pub(crate) fn has_windows_elsewhere(&self) -> bool {
        self.mappings.iter().any(|mapping| !ARENA.contains(&mapping.range.start))
    }

    pub(crate) fn has_windows(&self) -> bool {
        !self.mappings.is_empty()
    }

    /// The mapping that is guarded at `address`.
    pub(crate) fn guard(&self, address: u64) -> Option<&Mapping> {
        self.mappings.iter().find(|mapping| mapping.guarded.contains(&address))
    }

    /// The mapping that is guarded somewhere in `range`.
    pub(crate) fn guards(&self, range: &Range<u64>) -> Option<&Mapping> {
        self.mappings.iter().find(|mapping| overlap(&mapping.guarded, range))
    }

    /// Whether a load or store uses a window.
    pub(crate) fn is_used_by(&self, touch: &Touch) -> bool {
        self.guards(&touch.range()).is_some()
    }

    /// Those loads and stores that use a window.
    pub(crate) fn uses(&self, touches: &[Touch]) -> Vec<Touch> {
        touches.iter().filter(|touch| self.is_used_by(touch)).copied().collect()
    }

    /// The mapping with an alias at `address`.
    pub(crate) fn aliased(&self, address: u64) -> Option<&Mapping> {
        self.mappings.iter().find(|mapping| {
            mapping.alias.is_some_and(|distance| {
                mapping.range.contains(&address.wrapping_add_signed(-distance))
            })
        })
    }

    /// Whether any of `range` is a window or an alias of one.
    pub(crate) fn is_device(&self, range: &Range<u64>) -> bool {
        self.mappings.iter().any(|mapping| {
            let distance = mapping.alias.unwrap_or(0);
            let moved = |address: u64| address.wrapping_add_signed(-distance);
            overlap(&mapping.range, range)
                || overlap(&mapping.range, &(moved(range.start)..moved(range.end)))
        })
    }

    /// How many elements, from the one that `touch` is and `step` bytes apart, are in the same
    /// mapping, or before any mapping when the first is in none.
    pub(crate) fn alike(&self, touch: &Touch, step: i64) -> u64 {
        let Range { start, end } = touch.range();
        let room = |limit: Option<u64>| match limit {
            Some(limit) if step < 0 => end.saturating_sub(limit),
            Some(limit) => limit.saturating_sub(start),
            None => u64::MAX,
        };
        let mappings = || self.mappings.iter();
        let bytes = match self.guards(&touch.range()) {
            Some(Mapping { range, .. }) if start < range.start || range.end < end => 0,
            Some(Mapping { range, .. }) if step < 0 => room(Some(range.start)),
            Some(Mapping { range, .. }) => room(Some(range.end)),
            None if step < 0 => {
                room(mappings().map(|m| m.guarded.end).filter(|&below| below <= start).max())
            }
            None => room(mappings().map(|m| m.guarded.start).filter(|&above| above >= end).min()),
        };
        bytes / step.unsigned_abs()
    }

    pub(crate) fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }

    pub(crate) fn add(&mut self, mapping: Mapping) {
        self.changes();
        self.mappings.push(mapping);
    }

    /// Takes note that all mappings are open.
    pub(crate) fn unguard(&mut self) {
        self.changes();
        for mapping in &mut self.mappings {
            mapping.guarded.end = mapping.guarded.start;
        }
    }

    /// Forgets all mappings, which are the program's alone again.
    pub(crate) fn clear(&mut self) {
        self.changes();
        self.mappings.clear();
    }

    /// Takes out whatever of the mappings lies in `range`.
    pub(crate) fn cut(&mut self, range: &Range<u64>) -> Vec<Mapping> {
        self.changes();
        let mut inside = Vec::new();
        for mapping in std::mem::take(&mut self.mappings) {
            if !overlap(&mapping.range, range) {
                self.mappings.push(mapping);
                continue;
            }
            inside.push(mapping.part(range));
            let outside = [mapping.range.start..range.start, range.end..mapping.range.end];
            let left = outside.iter().filter(|outside| !outside.is_empty());
            self.mappings.extend(left.map(|outside| mapping.part(outside)));
        }
        inside
    }

    /// What was known of stores to the mappings is no longer.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(clippy::unused_self, reason = "elsewhere nothing is known of them")
    )]
    fn changes(&mut self) {
        #[cfg(target_arch = "x86_64")]
        self.detours.distrust();
    }

    /// A free place in the arena.
    pub(crate) fn place(&mut self, length: u64) -> u64 {
        let start = self.next.max(ARENA.start + GAP);
        self.next = (start + length).next_multiple_of(GAP) + GAP;
        start
    }

    /// The instruction at `pc`, which now has these bytes.
    pub(crate) fn instruction(&mut self, pc: u64, bytes: &[u8]) -> Option<Rc<Instruction>> {
        if let Some((known, instruction)) = self.code.get(&pc)
            && bytes.starts_with(known)
        {
            return Some(Rc::clone(instruction));
        }
        let instruction = Rc::new(Instruction::decode(pc, bytes)?);
        let known = bytes[..instruction.length()].to_vec();
        self.code.insert(pc, (known, Rc::clone(&instruction)));
        Some(instruction)
    }
}
