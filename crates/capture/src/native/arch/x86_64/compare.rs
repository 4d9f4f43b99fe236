//! What a comparison loaded, where its flags tell.

use busprobe_trace::{Data, Direction};
use iced_x86::{Mnemonic as M, OpKind, Register};

use super::Instruction;
use super::data::{Evidence, ZERO};
use crate::native::access::touch::Touch;

impl Instruction {
    /// What the access carried, as far as one run of the instruction shows, flags included; `None`
    /// when it does not. [`Instruction::data`] leaves the flags to chance.
    pub(crate) fn data_of_one_run(&self, touch: &Touch, evidence: &Evidence<'_>) -> Option<Data> {
        self.data(touch, evidence).or_else(|| self.found_equal(touch, evidence))
    }

    /// What a comparison loaded that found its operands equal.
    fn found_equal(&self, touch: &Touch, evidence: &Evidence<'_>) -> Option<Data> {
        let is_equal = evidence.after.flags() & ZERO != 0;
        if touch.direction != Direction::Read || !is_equal || self.memory.len() != 1 {
            return None;
        }
        let bytes = |value: u64| value.to_le_bytes().get(..touch.size as usize).map(Data::new);
        match self.inner.mnemonic() {
            M::Cmp => bytes(self.other_operand(evidence)?),
            M::Scasb | M::Scasw | M::Scasd | M::Scasq => bytes(evidence.before.get(Register::RAX)?),
            // None of the mask's bits was there: that is all bits when the mask has all.
            M::Test => {
                (bytes(self.other_operand(evidence)?) == bytes(u64::MAX)).then(|| bytes(0))?
            }
            _ => None,
        }
    }

    /// The operand that is not in memory.
    fn other_operand(&self, evidence: &Evidence<'_>) -> Option<u64> {
        let is_other = |operand: &u32| self.inner.op_kind(*operand) != OpKind::Memory;
        let other = (0..self.inner.op_count()).find(is_other)?;
        match self.inner.op_kind(other) {
            OpKind::Register => evidence.before.get(self.inner.op_register(other)),
            _ => self.inner.try_immediate(other).ok(),
        }
    }
}
