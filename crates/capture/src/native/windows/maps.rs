//! Keeping the list of windows true while the program maps, unmaps, moves and protects memory.

use std::ops::Range;
use std::path::Path;

use busprobe_trace::LossKind;
use nix::errno::Errno;

use super::space::{ALIAS_DISTANCE, Mapping, PAGE, overlap};
use super::watch::FileId;
use crate::native::arch::Registers;
use crate::native::ptrace::Tid;
use crate::native::sites::SeenSites;
use crate::native::tracer::{Call, Tracer};

/// A change of mappings that is under way.
pub(crate) enum Change {
    Map(Map),
    Unmap(Range<u64>),
    Protect { range: Range<u64>, protection: u64, key: Option<u64> },
    Move { old: Range<u64>, length: u64 },
}

/// An mmap(2) under way.
pub(crate) struct Map {
    /// The watched file, when it is one.
    file: Option<FileId>,
    length: u64,
    protection: u64,
    flags: u64,
    descriptor: u64,
    offset: u64,
}

/// In place of a protection key: the one that is there is kept.
const NO_KEY: i32 = -1;

/// The flags that say where a mapping has to be.
const FIXED: u64 = (libc::MAP_FIXED | libc::MAP_FIXED_NOREPLACE) as u64;
/// `MAP_32BIT`, which x86 alone has.
const LOW: u64 = if cfg!(target_arch = "x86_64") { 0x40 } else { 0 };

fn pages(address: u64, length: u64) -> Range<u64> {
    address..address.saturating_add(length).checked_next_multiple_of(*PAGE).unwrap_or(u64::MAX)
}

impl Tracer<'_> {
    /// Looks at an mmap(2) that begins; what has to be done when it returns.
    pub(crate) fn map_begins(&mut self, tid: Tid, registers: &mut Registers) -> Option<Call> {
        let [address, length, protection, flags, descriptor, offset] =
            std::array::from_fn(|index| registers.argument(index));
        let range = pages(address, length);
        let length = range.end - range.start;
        if protection & libc::PROT_EXEC as u64 != 0 {
            // Other code may come to lie where there was some before.
            self.space_mut(tid).sites = SeenSites::default();
        }
        let replaces = flags & libc::MAP_FIXED as u64 != 0
            && self.space(tid).mappings().iter().any(|old| overlap(&old.range, &range));
        let file = self.watched_file(tid, flags, protection, descriptor, offset, length);
        let is_code = protection & libc::PROT_EXEC as u64 != 0 && self.marks_functions();
        if file.is_none() && !replaces && !is_code {
            return None;
        }
        if file.is_some() && flags & (FIXED | LOW) == 0 {
            // The address was a hint at most.
            let place = self.space_mut(tid).place(length);
            registers.set_argument(0, place);
        }
        let map = Map { file, length, protection, flags, descriptor, offset };
        Some(Call::Change(Change::Map(map)))
    }

    /// The watched file that a mapping is of, when it has something of a window.
    fn watched_file(
        &mut self,
        tid: Tid,
        flags: u64,
        protection: u64,
        descriptor: u64,
        offset: u64,
        length: u64,
    ) -> Option<FileId> {
        if flags & libc::MAP_ANONYMOUS as u64 != 0 || !self.recorder.wants_more() {
            return None;
        }
        let path = format!("/proc/{tid}/fd/{}", descriptor as i32);
        let file = self.watched.find(Path::new(&path))?;
        self.watched.hull(file, &(offset..offset.saturating_add(length)))?;
        let is_private = flags & libc::MAP_TYPE as u64 == libc::MAP_PRIVATE as u64;
        if is_private && protection & libc::PROT_WRITE as u64 != 0 {
            self.private_copy();
            return None;
        }
        Some(file)
    }

    /// Says that a mapping is no window.
    pub(crate) fn private_copy(&mut self) {
        let detail = "a private, writable mapping of a watched file is a copy, and no window: \
                      what is done to it was not recorded";
        self.recorder.loss(LossKind::NotWatched, detail);
    }

    pub(crate) fn unmap_begins(&mut self, tid: Tid, registers: &Registers) -> Option<Call> {
        let range = pages(registers.argument(0), registers.argument(1));
        let is_ours = self.space(tid).mappings().iter().any(|old| overlap(&old.range, &range));
        is_ours.then_some(Call::Change(Change::Unmap(range)))
    }

    pub(crate) fn protect_begins(&mut self, tid: Tid, registers: &mut Registers) -> Option<Call> {
        let range = pages(registers.argument(0), registers.argument(1));
        let protection = registers.argument(2);
        let key = (registers.call_number() == libc::SYS_pkey_mprotect)
            .then(|| registers.argument(3))
            .filter(|&key| key as i32 != NO_KEY);
        let mappings = self.space(tid).mappings();
        let Some(mapping) = mappings.iter().find(|mapping| overlap(&mapping.range, &range)) else {
            let is_code = protection & libc::PROT_EXEC as u64 != 0 && self.marks_functions();
            return is_code.then_some(Call::Change(Change::Protect { range, protection, key }));
        };
        let is_guarded = mapping.guarded.start <= range.start && range.end <= mapping.guarded.end;
        if is_guarded && let Some(alias) = mapping.alias_of(range.start) {
            // What the program may do, it may do to the alias; the window stays shut.
            registers.set_argument(0, alias);
        }
        Some(Call::Change(Change::Protect { range, protection, key }))
    }

    pub(crate) fn move_begins(&mut self, tid: Tid, registers: &mut Registers) -> Option<Call> {
        let old = pages(registers.argument(0), registers.argument(1));
        let length = registers.argument(2).next_multiple_of(*PAGE);
        let flags = registers.argument(3);
        if !self.space(tid).mappings().iter().any(|known| overlap(&known.range, &old)) {
            return None;
        }
        let may_move = flags & libc::MREMAP_MAYMOVE as u64 != 0;
        let fixed = libc::MREMAP_FIXED as u64;
        if may_move && flags & fixed == 0 && length > old.end - old.start {
            // Wherever it goes, it has to stay in the arena.
            let place = self.space_mut(tid).place(length);
            registers.set_argument(3, flags | fixed);
            registers.set_argument(4, place);
        }
        Some(Call::Change(Change::Move { old, length }))
    }

    /// Does what has to be done after a change that has succeeded; `registers` are the program's
    /// own again.
    pub(crate) fn changed(
        &mut self,
        tid: Tid,
        registers: &Registers,
        result: u64,
        change: Change,
    ) -> Result<(), Errno> {
        let at = registers.call_instruction();
        match change {
            Change::Map(map) => {
                let range = result..result + map.length;
                self.drop_windows(tid, &range)?;
                let Some(file) = map.file else {
                    return self.code_mapped(tid, at, &range, map.protection);
                };
                self.add_window(tid, at, range, file, &map)
            }
            Change::Unmap(range) => self.drop_windows(tid, &range),
            Change::Protect { range, protection, key } => {
                for mapping in self.space_mut(tid).cut(&range) {
                    let mapping = Mapping { protection, ..mapping };
                    if let Some(alias) = mapping.alias_of(mapping.range.start) {
                        let length = mapping.range.end - mapping.range.start;
                        let _ = match key {
                            Some(key) => self.set_key(tid, alias, length, protection, key)?,
                            None => self.protect(tid, alias, length, protection)?,
                        };
                    }
                    if let Some(key) = key {
                        let Range { start, end } = mapping.guarded;
                        let none = libc::PROT_NONE as u64;
                        let _ = self.set_key(tid, start, end - start, none, key)?;
                    }
                    self.guard(tid, mapping)?;
                }
                self.code_mapped(tid, at, &range, protection)
            }
            Change::Move { old, length } => self.moved(tid, &old, result, length),
        }
    }

    /// Marks functions in what has been mapped or made accessible, if that is code.
    fn code_mapped(
        &mut self,
        tid: Tid,
        at: u64,
        range: &Range<u64>,
        protection: u64,
    ) -> Result<(), Errno> {
        if protection & libc::PROT_EXEC as u64 == 0 {
            return Ok(());
        }
        self.mark_functions(tid, range)?;
        if !self.space(tid).breakpoints.is_empty() {
            // Later the program may have forbidden itself to map anything.
            let _ = self.prepare_stub(tid, at)?;
        }
        Ok(())
    }

    fn add_window(
        &mut self,
        tid: Tid,
        at: u64,
        range: Range<u64>,
        file: FileId,
        map: &Map,
    ) -> Result<(), Errno> {
        if let Err(errno) = self.prepare_stub(tid, at)? {
            self.not_watched("the capture's own page could not be mapped", errno);
            return Ok(());
        }
        let hint = range.start.wrapping_add(ALIAS_DISTANCE);
        let flags = map.flags & !(FIXED | LOW | libc::MAP_POPULATE as u64);
        let arguments = [hint, map.length, map.protection, flags, map.descriptor, map.offset];
        // Drivers may refuse a second mapping. Then the window is opened for each access.
        let alias = self.inject(tid, libc::SYS_mmap, arguments)?.ok();
        self.watch_mapping(tid, range, alias, file, map.offset, map.protection)
    }

    /// Begins to watch what is mapped at `range`, and a second time at `alias`.
    pub(crate) fn watch_mapping(
        &mut self,
        tid: Tid,
        range: Range<u64>,
        alias: Option<u64>,
        file: FileId,
        file_offset: u64,
        protection: u64,
    ) -> Result<(), Errno> {
        let file_range = file_offset..file_offset + (range.end - range.start);
        let Some(hull) = self.watched.hull(file, &file_range) else { return Ok(()) };
        let guarded_start = range.start + (hull.start - file_offset) / *PAGE * *PAGE;
        let guarded = guarded_start..range.start + (hull.end - file_offset).next_multiple_of(*PAGE);
        let alias = alias.map(|alias| alias.wrapping_sub(range.start) as i64);
        self.guard(tid, Mapping { range, guarded, alias, file, file_offset, protection })
    }

    /// Makes what is guarded of a mapping inaccessible, and adds it to the list.
    fn guard(&mut self, tid: Tid, mapping: Mapping) -> Result<(), Errno> {
        let Range { start, end } = mapping.guarded;
        if start < end {
            let none = libc::PROT_NONE as u64;
            if let Err(errno) = self.protect(tid, start, end - start, none)? {
                self.not_watched("a window could not be made inaccessible", errno);
                return Ok(());
            }
        }
        self.space_mut(tid).add(mapping);
        Ok(())
    }

    pub(crate) fn protect(
        &mut self,
        tid: Tid,
        address: u64,
        length: u64,
        protection: u64,
    ) -> Result<Result<u64, Errno>, Errno> {
        self.inject(tid, libc::SYS_mprotect, [address, length, protection, 0, 0, 0])
    }

    /// As [`Tracer::protect`], with a protection key; mprotect(2) leaves the key as it is.
    pub(crate) fn set_key(
        &mut self,
        tid: Tid,
        address: u64,
        length: u64,
        protection: u64,
        key: u64,
    ) -> Result<Result<u64, Errno>, Errno> {
        #[cfg(target_arch = "x86_64")]
        self.space_mut(tid).detours.heed_keys();
        self.inject(tid, libc::SYS_pkey_mprotect, [address, length, protection, key, 0, 0])
    }

    /// Forgets the windows in `range`, which are gone, and unmaps their aliases.
    fn drop_windows(&mut self, tid: Tid, range: &Range<u64>) -> Result<(), Errno> {
        for mapping in self.space_mut(tid).cut(range) {
            if let Some(alias) = mapping.alias_of(mapping.range.start) {
                let length = mapping.range.end - mapping.range.start;
                let _ = self.inject(tid, libc::SYS_munmap, [alias, length, 0, 0, 0, 0])?;
            }
        }
        Ok(())
    }

    fn moved(&mut self, tid: Tid, old: &Range<u64>, start: u64, length: u64) -> Result<(), Errno> {
        let new = start..start + length;
        if !overlap(old, &new) {
            self.drop_windows(tid, &new)?;
        }
        let mut parts = self.space_mut(tid).cut(old);
        let (Some(mapping), true) = (parts.pop(), parts.is_empty()) else {
            self.not_watched("several windows were moved at once (mremap)", Errno::EINVAL);
            return Ok(());
        };
        let file_offset = mapping.file_offset;
        let Some(hull) = self.watched.hull(mapping.file, &(file_offset..file_offset + length))
        else {
            return Ok(());
        };
        let guarded_start = start + (hull.start - file_offset) / *PAGE * *PAGE;
        let guarded = guarded_start..start + (hull.end - file_offset).next_multiple_of(*PAGE);
        let alias = match mapping.alias_of(mapping.range.start) {
            Some(alias) => {
                let may_move = libc::MREMAP_MAYMOVE as u64;
                let arguments = [alias, old.end - old.start, length, may_move, 0, 0];
                self.inject(tid, libc::SYS_mremap, arguments)?.ok()
            }
            None => None,
        };
        let alias = alias.map(|alias| alias.wrapping_sub(start) as i64);
        self.guard(tid, Mapping { range: new, guarded, alias, ..mapping })
    }

    pub(crate) fn not_watched(&mut self, what: &str, errno: Errno) {
        let detail = format!("{what}, so a window was not watched: {}", errno.desc());
        self.recorder.loss(LossKind::NotWatched, detail);
    }
}
