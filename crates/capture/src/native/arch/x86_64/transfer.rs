//! A plain load or store by the thread, of a value that the capture sees or gives.

use iced_x86::{
    Code, Encoder, EncodingKind, Instruction as Encoded, MemoryOperand, Register, Register::RAX,
    Register::RCX,
};

use super::{Instruction, Registers, Vectors, masks};

/// A load or store of one width, at the stub, with registers of its own.
pub(crate) struct Transfer {
    /// The registers to run it with.
    pub(crate) start: Registers,
    /// What to put at the stub; whole words.
    pub(crate) code: Vec<u8>,
    /// Whether it loads into a vector register.
    pub(crate) is_wide: bool,
    size: usize,
}

impl Transfer {
    /// A load of `size` bytes for what `instruction` would load, under the same mask unless it is
    /// for all of them;
    /// `None` when there is none of this width.
    pub(crate) fn load(
        instruction: &Instruction,
        operand: usize,
        registers: &Registers,
        address: u64,
        size: usize,
        is_whole: bool,
        stub: u64,
    ) -> Option<Transfer> {
        let inner = &instruction.inner;
        let element = masks::element_size(inner, &instruction.memory[operand]);
        let is_masked = inner.has_op_mask() && !is_whole;
        // The program's own would fault before it loads anything.
        if size == 16 && inner.encoding() == EncodingKind::Legacy && !address.is_multiple_of(16) {
            return None;
        }
        let code: &[u8] = match size {
            _ if is_masked => &masked_load(inner.op_mask(), element, size, stub)?,
            // `mov` to al, ax, eax or rax from [rcx]; `movups`, `vmovups` to register 0.
            1 => &[0x8a, 0x01],
            2 => &[0x66, 0x8b, 0x01],
            4 => &[0x8b, 0x01],
            8 => &[0x48, 0x8b, 0x01],
            16 => &[0x0f, 0x10, 0x01],
            32 => &[0xc5, 0xfc, 0x10, 0x01],
            64 => &[0x62, 0xf1, 0x7c, 0x48, 0x10, 0x01],
            _ => return None,
        };
        let is_wide = is_masked || size > 8;
        Some(Transfer { is_wide, ..Transfer::new(code, registers, address, size, stub) })
    }

    /// A store of `value`, which is 1, 2, 4 or 8 bytes.
    pub(crate) fn store(
        registers: &Registers,
        address: u64,
        value: &[u8],
        stub: u64,
    ) -> Option<Transfer> {
        let code: &[u8] = match value.len() {
            1 => &[0x88, 0x01],
            2 => &[0x66, 0x89, 0x01],
            4 => &[0x89, 0x01],
            8 => &[0x48, 0x89, 0x01],
            _ => return None,
        };
        let mut transfer = Transfer::new(code, registers, address, value.len(), stub);
        let mut whole = [0; 8];
        whole[..value.len()].copy_from_slice(value);
        transfer.start.set(RAX, u64::from_le_bytes(whole));
        Some(transfer)
    }

    fn new(code: &[u8], registers: &Registers, address: u64, size: usize, stub: u64) -> Transfer {
        let mut start = *registers;
        start.set(RCX, address);
        start.set_pc(stub);
        let mut code = code.to_vec();
        code.resize(code.len().next_multiple_of(8), 0xcc);
        Transfer { start, code, is_wide: false, size }
    }

    /// What was loaded.
    pub(crate) fn value(&self, after: &Registers, vectors: Option<&Vectors>) -> Option<Vec<u8>> {
        Some(match vectors {
            Some(vectors) => vectors.bytes(Register::XMM0)?[..self.size].to_vec(),
            None => after.get(RAX)?.to_le_bytes()[..self.size].to_vec(),
        })
    }
}

/// A load of the elements that a mask register selects; the others become zero.
fn masked_load(mask: Register, element: usize, size: usize, stub: u64) -> Option<Vec<u8>> {
    let (code, target) = match (element, size) {
        (1, 16) => (Code::EVEX_Vmovdqu8_xmm_k1z_xmmm128, Register::XMM0),
        (1, 32) => (Code::EVEX_Vmovdqu8_ymm_k1z_ymmm256, Register::YMM0),
        (1, 64) => (Code::EVEX_Vmovdqu8_zmm_k1z_zmmm512, Register::ZMM0),
        (2, 16) => (Code::EVEX_Vmovdqu16_xmm_k1z_xmmm128, Register::XMM0),
        (2, 32) => (Code::EVEX_Vmovdqu16_ymm_k1z_ymmm256, Register::YMM0),
        (2, 64) => (Code::EVEX_Vmovdqu16_zmm_k1z_zmmm512, Register::ZMM0),
        (4, 16) => (Code::EVEX_Vmovdqu32_xmm_k1z_xmmm128, Register::XMM0),
        (4, 32) => (Code::EVEX_Vmovdqu32_ymm_k1z_ymmm256, Register::YMM0),
        (4, 64) => (Code::EVEX_Vmovdqu32_zmm_k1z_zmmm512, Register::ZMM0),
        (8, 16) => (Code::EVEX_Vmovdqu64_xmm_k1z_xmmm128, Register::XMM0),
        (8, 32) => (Code::EVEX_Vmovdqu64_ymm_k1z_ymmm256, Register::YMM0),
        (8, 64) => (Code::EVEX_Vmovdqu64_zmm_k1z_zmmm512, Register::ZMM0),
        _ => return None,
    };
    let mut load = Encoded::with2(code, target, MemoryOperand::with_base(RCX)).ok()?;
    load.set_op_mask(mask);
    load.set_zeroing_masking(true);
    let mut encoder = Encoder::new(64);
    encoder.encode(&load, stub).ok()?;
    Some(encoder.take_buffer())
}
