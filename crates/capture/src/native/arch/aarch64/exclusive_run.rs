//! Running from a load-exclusive to its store with their window moved.

use busprobe_trace::Data;

use super::encoding::{Encoding, Transfer};
use super::exclusive::{self, Exclusive};
use super::{Evidence, Instruction, Registers};
use crate::native::access::touch::Touch;

/// A load-exclusive and what follows up to its store, which run as a whole.
pub(crate) struct ExclusiveRun(Exclusive);

/// How a run ended.
pub(crate) struct Ended {
    /// The registers as the program's own instructions would have left them.
    pub(crate) after: Registers,
    /// What was loaded and stored, each with the place of its instruction.
    pub(crate) made: Vec<(u64, Touch, Option<Data>)>,
    /// What the instruction was about to do that the program is at, if that is one of the two.
    pub(crate) rest: Vec<Touch>,
}

impl ExclusiveRun {
    /// Bytes to decode.
    pub(crate) const LONGEST: usize = 4 * exclusive::MOST;

    /// Decodes the instructions at `pc`; `None` when they are something else.
    pub(crate) fn decode(pc: u64, code: &[u8]) -> Option<ExclusiveRun> {
        let words = code.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word));
        Exclusive::decode(pc, &words.collect::<Vec<_>>()).map(ExclusiveRun)
    }

    /// What to put at the stub; whole words.
    pub(crate) fn code(&self) -> Vec<u8> {
        let mut code: Vec<u8> = self.0.code.iter().flat_map(|word| word.to_le_bytes()).collect();
        code.resize(code.len().next_multiple_of(8), 0);
        code
    }

    /// The registers to run it with.
    pub(crate) fn start(&self, before: &Registers, distance: i64, stub: u64) -> Registers {
        let mut start = *before;
        start.set(self.0.address, before.get(self.0.load.base).wrapping_add_signed(distance));
        start.set_pc(stub);
        start
    }

    /// What a run that left these registers did.
    pub(crate) fn end(&self, before: &Registers, ran: &Registers, stub: u64) -> Ended {
        let Exclusive { origins, store_at, address, copies, load, store, .. } = &self.0;
        let at = ((ran.pc().wrapping_sub(stub) / 4) as usize).min(origins.len() - 1);
        let evidence = Evidence { before: ran, after: ran, vectors: None, memory: &|_, _| None };
        let load =
            Instruction { encoding: Encoding { transfer: in_copies(load, *copies), ..*load } };
        let store = Instruction { encoding: *store };
        let (mut made, mut rest) = (Vec::new(), Vec::new());
        for touch in load.touches(before, None) {
            match at {
                0 => rest.push(touch),
                _ => made.push((origins[0], touch, load.data(&touch, &evidence))),
            }
        }
        for touch in store.touches(before, None) {
            if at == *store_at {
                rest.push(touch);
            } else if at == store_at + 1 && store.has_made(ran) {
                made.push((origins[*store_at], touch, store.data(&touch, &evidence)));
            }
        }
        let mut after = *ran;
        for &register in copies.iter().chain([address]) {
            after.set(register, before.get(register));
        }
        after.set_pc(origins[at]);
        Ended { after, made, rest }
    }
}

/// Where what was loaded still is when the instructions after the load have run.
fn in_copies(load: &Encoding, registers: [super::encoding::Register; 2]) -> Transfer {
    match load.transfer {
        Transfer::General { count, .. } => Transfer::General { registers, count },
        other => other,
    }
}
