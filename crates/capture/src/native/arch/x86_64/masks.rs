//! Which parts of a vector operand in memory an instruction really touches.

use std::ops::Range;

use iced_x86::{Instruction, Mnemonic, Register, UsedMemory};

use super::Vectors;

/// Whether a mask register, of either kind, selects the elements.
pub(super) fn is_masked(instruction: &Instruction) -> bool {
    instruction.has_op_mask() || sign_mask(instruction).is_some()
}

/// The register whose elements' sign bits are the mask, and the elements' size.
fn sign_mask(instruction: &Instruction) -> Option<(Register, usize)> {
    match instruction.mnemonic() {
        Mnemonic::Vmaskmovps | Mnemonic::Vpmaskmovd => Some((instruction.op1_register(), 4)),
        Mnemonic::Vmaskmovpd | Mnemonic::Vpmaskmovq => Some((instruction.op1_register(), 8)),
        Mnemonic::Maskmovq | Mnemonic::Maskmovdqu | Mnemonic::Vmaskmovdqu => {
            Some((instruction.op2_register(), 1))
        }
        _ => None,
    }
}

fn sign_bits(vectors: &Vectors, register: Register, size: usize) -> Option<u64> {
    let bytes = vectors.bytes(register)?;
    let signs = bytes.chunks_exact(size).take(64 / size).map(|element| element[size - 1] >> 7);
    Some(signs.enumerate().fold(0, |mask, (bit, sign)| mask | u64::from(sign) << bit))
}

/// The mask, a bit an element; all ones when there is none or it cannot be read.
fn mask(instruction: &Instruction, vectors: Option<&Vectors>) -> u64 {
    let Some(vectors) = vectors else { return u64::MAX };
    let bits = match sign_mask(instruction) {
        Some((register, size)) => sign_bits(vectors, register, size),
        None if instruction.has_op_mask() => vectors.mask(instruction.op_mask()),
        None => None,
    };
    bits.unwrap_or(u64::MAX)
}

/// The elements that a gather or scatter touches.
pub(super) fn elements(
    instruction: &Instruction,
    memory: &UsedMemory,
    vectors: Option<&Vectors>,
) -> impl Iterator<Item = usize> + use<> {
    let size = memory.memory_size().size();
    let indices = memory.index().size() / memory.vsib_size() as usize;
    // The data register comes first in a gather, second in a scatter.
    let registers = [instruction.op0_register(), instruction.op1_register()];
    let data = registers.into_iter().find(|register| register.is_vector_register());
    let count = data.map_or(indices, |data| indices.min(data.size() / size));
    let mask = if instruction.has_op_mask() {
        mask(instruction, vectors)
    } else {
        // AVX2: the third operand's signs.
        vectors
            .and_then(|vectors| sign_bits(vectors, instruction.op2_register(), size))
            .unwrap_or(u64::MAX)
    };
    (0..count).filter(move |element| mask >> element & 1 == 1)
}

/// The contiguous runs of bytes that a masked instruction other than a gather touches.
pub(super) fn runs(
    instruction: &Instruction,
    memory: &UsedMemory,
    vectors: Option<&Vectors>,
) -> Vec<Range<usize>> {
    let size = memory.memory_size().size();
    let whole = 0..size;
    let element = match sign_mask(instruction) {
        Some((_, size)) => size,
        None => memory.memory_size().element_size(),
    };
    let mask = mask(instruction, vectors);
    let count = size / element;
    let present = mask & (u64::MAX >> (64 - count.clamp(1, 64)));
    if spreads(instruction, size) {
        // One element serves many lanes: it is touched when any of them is wanted.
        return if mask == 0 { vec![] } else { vec![whole] };
    }
    if is_packed(instruction) {
        let bytes = present.count_ones() as usize * element;
        return if bytes == 0 { vec![] } else { vec![Range { start: 0, end: bytes }] };
    }
    let mut runs: Vec<Range<usize>> = Vec::new();
    for start in (0..count).filter(|bit| present >> bit & 1 == 1).map(|bit| bit * element) {
        match runs.last_mut() {
            Some(run) if run.end == start => run.end += element,
            _ => runs.push(start..start + element),
        }
    }
    runs
}

/// Whether the operand in memory is repeated over the register's lanes.
fn spreads(instruction: &Instruction, size: usize) -> bool {
    instruction.is_broadcast()
        || is_broadcast(instruction.mnemonic()) && size < instruction.op0_register().size()
}

/// Whether the instruction is a load that fills its register with copies.
pub(super) fn is_broadcast(mnemonic: Mnemonic) -> bool {
    use Mnemonic as M;
    matches!(
        mnemonic,
        M::Vbroadcastss
            | M::Vbroadcastsd
            | M::Vpbroadcastb
            | M::Vpbroadcastw
            | M::Vpbroadcastd
            | M::Vpbroadcastq
            | M::Vbroadcastf128
            | M::Vbroadcasti128
            | M::Vbroadcastf32x2
            | M::Vbroadcasti32x2
            | M::Vbroadcastf32x4
            | M::Vbroadcasti32x4
            | M::Vbroadcastf64x2
            | M::Vbroadcasti64x2
            | M::Vbroadcastf32x8
            | M::Vbroadcasti32x8
            | M::Vbroadcastf64x4
            | M::Vbroadcasti64x4
    )
}

/// Whether the wanted elements lie side by side in memory.
pub(super) fn is_packed(instruction: &Instruction) -> bool {
    use Mnemonic as M;
    matches!(
        instruction.mnemonic(),
        M::Vcompressps
            | M::Vcompresspd
            | M::Vpcompressb
            | M::Vpcompressw
            | M::Vpcompressd
            | M::Vpcompressq
            | M::Vexpandps
            | M::Vexpandpd
            | M::Vpexpandb
            | M::Vpexpandw
            | M::Vpexpandd
            | M::Vpexpandq
    )
}
