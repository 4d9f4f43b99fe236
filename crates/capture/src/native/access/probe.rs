//! Seeing the data that no register shows.
//!
//! What an instruction loads without keeping it (`cmp`, `push [m]`, x87) is loaded once at the same
//! width by a plain load, and the program's instruction finds it in a page of the capture's own.
//! What it stores without having it in a register (`fstp`) it stores there first, to no device. Of
//! `inc [m]` the device gets the plain load, then a plain store of the same width. A locked
//! instruction stays as it is: nothing else would keep the bus locked between its load and store.

use busprobe_trace::Direction;
use nix::errno::Errno;

use super::perform::{Performed, Seen};
use super::step::Stepped;
use super::touch::{Move, Touch};
use crate::native::arch::layout::ARENA;
use crate::native::arch::{
    Instruction, Redirect, Registers, Transfer, Vectors, has_protection_keys,
};
use crate::native::ptrace::{self, Tid};
use crate::native::syscalls::inject::CODE;
use crate::native::tracer::Tracer;
use crate::native::windows::space::{Mapping, PAGE, Presence};

/// Where the scratch page is, beyond any page size from the stub.
const SCRATCH: u64 = ARENA.start + (1 << 16);

/// An operand that is loaded for the instruction.
struct Loaded {
    touch: Touch,
    transfer: Transfer,
    /// Where the instruction finds it.
    place: u64,
}

/// How an instruction's data can be seen.
enum Way {
    /// It loads from the scratch page what was loaded for it.
    Load,
    /// It loads from there and stores there; then the device gets what it stored.
    Update(Touch),
    /// It stores to the scratch page, and again to the device.
    Rehearse,
}

impl Tracer<'_> {
    /// Lets the instruction do its accesses so that their data are seen; `None`, and nothing done,
    /// when registers show them anyway or it cannot be.
    pub(crate) fn probe(
        &mut self,
        tid: Tid,
        instruction: &Instruction,
        before: &Registers,
        touches: &[Touch],
    ) -> Result<Option<Performed>, Errno> {
        let space = self.space(tid);
        let of_windows: Vec<(Touch, Mapping)> = touches
            .iter()
            .filter_map(|touch| Some((*touch, space.guards(&touch.range())?.clone())))
            .collect();
        // Of a copy, ordinary memory shows the data, unless both ends are windows.
        let is_hidden = instruction.copies() && of_windows.len() > 1;
        let is_shown =
            |(touch, _): &(Touch, Mapping)| !is_hidden && instruction.shows(touch, before);
        if of_windows.iter().all(is_shown) || !instruction.may_be_probed() {
            return Ok(None);
        }
        let way = way(instruction, &of_windows);
        if way.is_none() || !may_use_scratch(tid)? || !self.prepare_scratch(tid)? {
            return Ok(None);
        }
        match way {
            Some(Way::Load) => self.load_first(tid, instruction, before, &of_windows, None),
            Some(Way::Update(store)) => {
                self.load_first(tid, instruction, before, &of_windows, Some(store))
            }
            Some(Way::Rehearse) => self.rehearse(tid, instruction, before, &of_windows),
            None => Ok(None),
        }
    }

    /// Whether there is a scratch page, mapped now if not before.
    fn prepare_scratch(&mut self, tid: Tid) -> Result<bool, Errno> {
        let known = self.space(tid).scratch;
        if known != Presence::There {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let made = self.map_own(tid, SCRATCH..SCRATCH + *PAGE, protection, known)?;
            self.space_mut(tid).scratch = made;
        }
        Ok(self.space(tid).scratch == Presence::There)
    }

    /// Unmaps the scratch page.
    pub(crate) fn drop_scratch(&mut self, tid: Tid) -> Result<(), Errno> {
        let known = std::mem::take(&mut self.space_mut(tid).scratch);
        self.unmap_own(tid, SCRATCH..SCRATCH + *PAGE, known)
    }

    fn load_first(
        &mut self,
        tid: Tid,
        instruction: &Instruction,
        before: &Registers,
        of_windows: &[(Touch, Mapping)],
        store: Option<Touch>,
    ) -> Result<Option<Performed>, Errno> {
        let stub = ARENA.start + CODE;
        let mut loads = Vec::new();
        let mut moves = Vec::new();
        for (touch, mapping) in of_windows {
            if moves.iter().any(|moved: &Move| moved.operand == touch.operand) {
                continue;
            }
            let Some(whole) = instruction.operand(touch) else { return Ok(None) };
            let (Some(alias), true) = (mapping.alias_of(whole.start), mapping.has(&whole)) else {
                return Ok(None);
            };
            let target = if touch.direction == Direction::Read {
                let size = (whole.end - whole.start) as usize;
                let is_whole = size == touch.size as usize;
                let transfer =
                    Transfer::load(instruction, touch.operand, before, alias, size, is_whole, stub);
                let Some(transfer) = transfer else { return Ok(None) };
                let place = scratch(loads.len() as u64, whole.start);
                let touch = Touch { address: whole.start, size: size as u32, lane: 0, ..*touch };
                loads.push(Loaded { touch, transfer, place });
                place
            } else {
                alias
            };
            let distance = target.wrapping_sub(whole.start) as i64;
            moves.push(Move { operand: touch.operand, distance });
        }
        let Some(redirect) = instruction.redirect(before, &moves, stub) else { return Ok(None) };
        // What would fault before it loads anything is to load nothing.
        if instruction.is_x87() && Vectors::read(tid)?.is_x87_exception_pending() != Some(false) {
            return Ok(None);
        }
        let places = loads.iter().map(|loaded| loaded.place);
        if instruction.may_refuse(places)
            && !matches!(self.try_out(tid, &redirect, before)?.0, Stepped::Done)
        {
            return Ok(None);
        }
        let mut seen = Vec::new();
        for Loaded { touch, transfer, place } in &loads {
            let value = match self.transfer(tid, transfer)? {
                (Stepped::Done, value) => value.unwrap_or_default(),
                (stepped, _) => return Ok(Some(Performed { stepped, seen, after: *before })),
            };
            ptrace::write_memory(tid, *place, &value)?;
            seen.push(Seen { operand: touch.operand, direction: Direction::Read, bytes: value });
        }
        let (stepped, after) = self.run_redirected(tid, &redirect, before)?;
        if let (Stepped::Done, Some(store), [loaded]) = (&stepped, store, &loads[..]) {
            let mut bytes = vec![0; store.size as usize];
            ptrace::read_memory(tid, loaded.place, &mut bytes)?;
            let alias = of_windows[0].1.alias_of(store.address).unwrap_or_default();
            let Some(transfer) = Transfer::store(&after, alias, &bytes, stub) else {
                unreachable!("an update has the width of a general register");
            };
            let (stepped, _) = self.transfer(tid, &transfer)?;
            after.write(tid)?;
            if matches!(stepped, Stepped::Done) {
                let operand = store.operand;
                seen.push(Seen { operand, direction: Direction::Write, bytes });
            }
            return Ok(Some(Performed { stepped, seen, after }));
        }
        if let [Seen { bytes, .. }] = &seen[..]
            && instruction.copies()
        {
            let bytes = bytes.clone();
            let stores = of_windows.iter().filter(|(touch, _)| touch.direction == Direction::Write);
            seen.extend(stores.map(|&(Touch { operand, direction, .. }, _)| Seen {
                operand,
                direction,
                bytes: bytes.clone(),
            }));
        }
        Ok(Some(Performed { stepped, seen, after }))
    }

    /// Lets the instruction store to the scratch page, undoes it, and lets it store in earnest.
    fn rehearse(
        &mut self,
        tid: Tid,
        instruction: &Instruction,
        before: &Registers,
        of_windows: &[(Touch, Mapping)],
    ) -> Result<Option<Performed>, Errno> {
        const ROOM: u64 = 64;
        let [(first, _), ..] = of_windows else { return Ok(None) };
        let Some(whole) = instruction.operand(first) else { return Ok(None) };
        let is_one = of_windows.iter().all(|(touch, _)| touch.operand == first.operand);
        if !is_one || whole.end - whole.start > ROOM {
            return Ok(None);
        }
        let place = scratch(0, whole.start);
        let distance = place.wrapping_sub(whole.start) as i64;
        let moves = [Move { operand: first.operand, distance }];
        let stub = ARENA.start + CODE;
        let Some(redirect) = instruction.redirect(before, &moves, stub) else { return Ok(None) };
        let (stepped, after) = self.try_out(tid, &redirect, before)?;
        let mut bytes = vec![0; (whole.end - whole.start) as usize];
        ptrace::read_memory(tid, place, &mut bytes)?;
        if let Stepped::Fault(_) = stepped {
            return Ok(Some(Performed { stepped, seen: Vec::new(), after }));
        }
        let touches: Vec<Touch> = of_windows.iter().map(|(touch, _)| *touch).collect();
        let (stepped, after) = self.run_on_alias(tid, instruction, before, &touches)?;
        let seen = vec![Seen { operand: first.operand, direction: Direction::Write, bytes }];
        Ok(Some(Performed { stepped, seen, after }))
    }

    /// Runs the instruction with its operands in the scratch page, and undoes it but for that page.
    fn try_out(
        &mut self,
        tid: Tid,
        redirect: &Redirect,
        before: &Registers,
    ) -> Result<(Stepped, Registers), Errno> {
        let vectors = Vectors::read(tid)?;
        let ran = self.run_redirected(tid, redirect, before)?;
        vectors.write(tid)?;
        before.write(tid)?;
        Ok(ran)
    }

    /// Makes a plain load or store; what was loaded. The general registers are left changed.
    fn transfer(
        &mut self,
        tid: Tid,
        transfer: &Transfer,
    ) -> Result<(Stepped, Option<Vec<u8>>), Errno> {
        let kept = transfer.wide.map(|_| Vectors::read(tid)).transpose()?;
        if let Some(start) = kept.as_ref().and_then(|kept| transfer.start_vectors(kept)) {
            start.write(tid)?;
        }
        ptrace::write_code(tid, ARENA.start + CODE, &transfer.code)?;
        transfer.start.write(tid)?;
        let stepped = self.step(tid)?;
        let vectors = transfer.wide.map(|_| Vectors::read(tid)).transpose()?;
        let value = transfer.value(&Registers::read(tid)?, vectors.as_ref());
        if let Some(kept) = kept {
            kept.write(tid)?;
        }
        Ok((stepped, value))
    }
}

/// A thread can deny itself all memory that was given no protection key.
fn may_use_scratch(tid: Tid) -> Result<bool, Errno> {
    Ok(!has_protection_keys() || Vectors::read(tid)?.allow_key_0())
}

fn way(instruction: &Instruction, of_windows: &[(Touch, Mapping)]) -> Option<Way> {
    if of_windows.iter().any(|(touch, _)| touch.size == 0) {
        return None;
    }
    let is_of = |wanted: Direction| {
        of_windows
            .iter()
            .filter(move |(touch, _)| touch.direction == wanted)
            .map(|(touch, _)| touch)
    };
    let (loads, stores) = (is_of(Direction::Read), is_of(Direction::Write));
    match (loads.collect::<Vec<_>>().as_slice(), stores.collect::<Vec<_>>().as_slice()) {
        ([], _) => Some(Way::Rehearse),
        ([load], [store]) if load.operand == store.operand => {
            // Where it may not store, it does not load either.
            let may_store = of_windows[0].1.protection & libc::PROT_WRITE as u64 != 0;
            (may_store && store.size <= 8).then_some(Way::Update(**store))
        }
        (_, []) => Some(Way::Load),
        // From one place to another.
        ([load], [store]) if load.operand != store.operand && instruction.copies() => {
            Some(Way::Load)
        }
        _ => None,
    }
}

/// A place in the scratch page, as well aligned as the address that it stands for.
fn scratch(slot: u64, address: u64) -> u64 {
    const SLOT: u64 = 256;
    const ALIGNMENT: u64 = 64;
    SCRATCH + slot * SLOT + address % ALIGNMENT
}
