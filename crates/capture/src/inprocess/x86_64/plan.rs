//! How handlers run the instructions that the planner has looked at already.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering};

use super::known::Known;
use super::stub::Stub;
use crate::native::arch::{Shift, layout::LONGEST_INSTRUCTION, with_breakpoint};

/// How to run one instruction at one place.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    /// Its number among those that are [known](super::known).
    pub(super) instruction: u32,
    code: [u8; LONGEST_INSTRUCTION],
    length: u8,
    /// Where the instruction runs, with a breakpoint after it.
    pub(super) stub: u64,
    pub(super) shift: Shift,
}

struct Entry {
    /// Where the instruction lies; 0 while there is no plan here.
    pc: AtomicU64,
    plan: UnsafeCell<MaybeUninit<Plan>>,
}

// SAFETY: a plan is written before its address is, by the planner alone, and never changed.
unsafe impl Sync for Entry {}

/// How many there can be.
pub(super) const ENTRIES: usize = 2048;

/// More than this, and a search takes longer than it saves.
const LONGEST_SEARCH: usize = 64;

static PLANS: [Entry; ENTRIES] =
    [const { Entry { pc: AtomicU64::new(0), plan: UnsafeCell::new(MaybeUninit::uninit()) } };
        ENTRIES];

/// The numbers that a plan for an instruction at `pc` may have.
fn places(pc: u64) -> impl Iterator<Item = usize> {
    let first = (pc.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize;
    (first..first + LONGEST_SEARCH).map(|place| place % ENTRIES)
}

/// The plan for the instruction that a thread is about to run at `pc`.
pub(super) fn find(pc: u64) -> Option<&'static Plan> {
    places(pc)
        .map_while(|number| {
            let entry = &PLANS[number];
            let at = entry.pc.load(Ordering::Acquire);
            // SAFETY: the plan was written before the address.
            (at != 0).then(|| (at, unsafe { (*entry.plan.get()).as_ptr() }))
        })
        // SAFETY: as above; entries live as long as the process.
        .map(|(at, plan)| (at, unsafe { &*plan }))
        .find(|(at, plan)| *at == pc && plan.is_of(pc))
        .map(|(_, plan)| plan)
}

impl Plan {
    /// Where the program goes on after the instruction.
    pub(super) fn next(&self, pc: u64) -> u64 {
        pc + u64::from(self.length)
    }

    /// Whether the code is still what the plan was made for.
    fn is_of(&self, pc: u64) -> bool {
        let code = &self.code[..self.length as usize];
        // SAFETY: the CPU has just fetched an instruction here, and no byte is looked at after the
        // first that is not of the one planned for.
        (pc..).zip(code).all(|(at, &byte)| unsafe { (at as *const u8).read_volatile() } == byte)
    }
}

/// Has handlers run the instruction like that. Only the planner calls this.
pub(super) fn add(number: u32, known: &Known, shift: Shift) {
    if find(known.pc).is_some() {
        return;
    }
    let free = |number: &usize| PLANS[*number].pc.load(Ordering::Relaxed) == 0;
    let Some(place) = places(known.pc).find(free) else { return };
    let stub = Stub::of_plan(place);
    stub.write(&with_breakpoint(&known.code));
    let mut code = [0; LONGEST_INSTRUCTION];
    code[..known.code.len()].copy_from_slice(&known.code);
    let length = known.code.len() as u8;
    let plan = Plan { instruction: number, code, length, stub: stub.address(), shift };
    // SAFETY: nobody reads the plan before the address is there.
    unsafe { (*PLANS[place].plan.get()).write(plan) };
    PLANS[place].pc.store(known.pc, Ordering::Release);
}

/// Forgets all plans, with whose stubs nobody is: in a forked child, whose stubs are its parent's.
pub(super) fn abandon() {
    for entry in &PLANS {
        entry.pc.store(0, Ordering::Release);
    }
}
