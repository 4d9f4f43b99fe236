//! Which instructions may run at another place than their own.

use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction};

/// Bytes of the instruction that `code` begins with, if it does the same wherever it lies.
pub(crate) fn runs_anywhere(pc: u64, code: &[u8]) -> Option<usize> {
    let instruction = decode(pc, code);
    let is_plain = !instruction.is_invalid()
        && instruction.flow_control() == FlowControl::Next
        && !instruction.is_ip_rel_memory_operand();
    is_plain.then(|| instruction.len())
}

/// Whether the instruction stops the program itself.
pub(crate) fn is_trap(pc: u64, code: &[u8]) -> bool {
    matches!(decode(pc, code).code(), Code::Int3 | Code::Int1 | Code::Int_imm8)
}

fn decode(pc: u64, code: &[u8]) -> Instruction {
    Decoder::with_ip(64, code, pc, DecoderOptions::NONE).decode()
}
