//! A plain load or store by the thread, of a value that the capture sees or gives.

use iced_x86::{
    Code, Encoder, Instruction as Encoded, MemoryOperand, Register, Register::RAX, Register::RCX,
};

use super::{Instruction, Registers, Vectors, masks};

/// A load or store of one width, at the stub, with registers of its own.
pub(crate) struct Transfer {
    /// The registers to run it with.
    pub(crate) start: Registers,
    /// What to put at the stub; whole words.
    pub(crate) code: Vec<u8>,
    /// The vector or x87 register that it loads into, when that is no general one.
    pub(crate) wide: Option<Register>,
    /// A mask register that has to select no more than its first so many elements.
    mask: Option<(Register, usize)>,
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
        let code: &[u8] = match size {
            _ if is_masked => &masked_load(inner.op_mask(), element, size, stub)?,
            // `mov` to al, ax, eax or rax from [rcx]; `movups`, `vmovups` to register 0.
            1 => &[0x8a, 0x01],
            2 => &[0x66, 0x8b, 0x01],
            4 => &[0x8b, 0x01],
            8 => &[0x48, 0x8b, 0x01],
            // `fld`, which takes any bits as they are.
            10 => &[0xdb, 0x29],
            16 => &[0x0f, 0x10, 0x01],
            32 => &[0xc5, 0xfc, 0x10, 0x01],
            64 => &[0x62, 0xf1, 0x7c, 0x48, 0x10, 0x01],
            _ => return None,
        };
        let wide = match size {
            10 => Some(Register::ST0),
            _ => (is_masked || size > 8).then_some(Register::XMM0),
        };
        // No load of less than a register is masked, so the elements beyond are masked off.
        let mask = (is_masked && size < 16).then(|| (inner.op_mask(), size / element));
        Some(Transfer { wide, mask, ..Transfer::new(code, registers, address, size, stub) })
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
        Transfer { start, code, wide: None, mask: None, size }
    }

    /// The vector, mask and x87 registers to run it with, where those of the thread do not serve.
    pub(crate) fn start_vectors(&self, own: &Vectors) -> Option<Vectors> {
        match self.mask {
            Some((register, elements)) => own.with_narrow_mask(register, elements),
            None if self.wide == Some(Register::ST0) => own.with_empty_x87(),
            None => None,
        }
    }

    /// What was loaded.
    pub(crate) fn value(&self, after: &Registers, vectors: Option<&Vectors>) -> Option<Vec<u8>> {
        Some(match self.wide {
            Some(register) => vectors?.bytes(register)?[..self.size].to_vec(),
            None => after.get(RAX)?.to_le_bytes()[..self.size].to_vec(),
        })
    }
}

/// A load of the elements that a mask register selects; the others become zero.
fn masked_load(mask: Register, element: usize, size: usize, stub: u64) -> Option<Vec<u8>> {
    let (code, target) = match (element, size.max(16)) {
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
