//! Running an instruction once with its operand moved from the window to its alias.
//!
//! The base register is moved by the distance and moved back afterwards. Where its value is also
//! stored, or an index, the instruction runs elsewhere with another base register.

use super::encoding::{Action, Offset, Register, Writeback};
use super::{Instruction, Registers};
use crate::native::access::touch::Move;

/// A way to run an instruction once.
pub(crate) struct Redirect {
    /// The registers to run it with.
    pub(crate) start: Registers,
    /// What to put at the stub before, when it does not run at its own place; whole words.
    pub(crate) code: Option<Vec<u8>>,
    /// The register that has the address.
    base: Register,
    /// The register that has it in the program.
    own: Register,
    distance: i64,
    /// Whether the instruction leaves in the base register something that is to be kept.
    keeps: Keeps,
    /// Where the program goes on, when the instruction runs elsewhere.
    next: u64,
}

#[derive(Clone, Copy)]
enum Keeps {
    Nothing,
    /// An address.
    Address,
    /// What was loaded.
    Value,
}

impl Redirect {
    /// Makes the registers after the run what they would be without the move.
    pub(crate) fn settle(&self, before: &Registers, after: &mut Registers) {
        let moved = after.get(self.base);
        let settled = match self.keeps {
            Keeps::Nothing => before.get(self.own),
            Keeps::Address => moved.wrapping_add_signed(-self.distance),
            Keeps::Value => after.get(self.own),
        };
        if self.base != self.own {
            after.set(self.base, before.get(self.base));
            after.set_pc(self.next);
        }
        after.set(self.own, settled);
    }
}

impl Instruction {
    /// How to run it with its operand moved; `stub` is where an instruction with another base
    /// register would lie.
    pub(crate) fn redirect(
        &self,
        registers: &Registers,
        moves: &[Move],
        stub: u64,
    ) -> Option<Redirect> {
        let [Move { distance, .. }] = *moves else { return None };
        let encoding = &self.encoding;
        let own = encoding.base;
        let is_load = matches!(encoding.action, Action::Load | Action::LoadExclusive);
        let loads_it = is_load && encoding.uses(own);
        let keeps = match encoding.writeback {
            _ if loads_it => Keeps::Value,
            Writeback::No => Keeps::Nothing,
            Writeback::Pre | Writeback::Post => Keeps::Address,
        };
        let address = registers.get(own).wrapping_add_signed(distance);
        let next = registers.pc() + self.length() as u64;
        let mut start = *registers;
        if !encoding.uses(own) || loads_it && !self.is_index(own) {
            start.set(own, address);
            return Some(Redirect { start, code: None, base: own, own, distance, keeps, next });
        }
        let is_free = |register: &Register| *register != own && !encoding.uses(*register);
        let scratch = (0..=30).map(Register::General).find(is_free)?;
        let Register::General(number) = scratch else { return None };
        start.set(scratch, address);
        start.set_pc(stub);
        let mut code = encoding.with_base(number).to_le_bytes().to_vec();
        code.resize(code.len().next_multiple_of(8), 0);
        // Its own base register has what it had, or what the instruction put there.
        let keeps = if encoding.writeback == Writeback::No { Keeps::Value } else { keeps };
        Some(Redirect { start, code: Some(code), base: scratch, own, distance, keeps, next })
    }

    fn is_index(&self, register: Register) -> bool {
        matches!(self.encoding.offset, Offset::Register { register: index, .. } if index == register)
    }
}
