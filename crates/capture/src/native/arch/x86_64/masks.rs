//! Which parts of a vector operand in memory an instruction really touches.

use std::ops::Range;

use iced_x86::{Instruction, Mnemonic, OpKind, Register, UsedMemory};

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
    if loads_all(instruction, size) {
        return vec![whole];
    }
    let element = match sign_mask(instruction) {
        Some((_, size)) => size,
        None => element_size(instruction, memory),
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

/// Bytes of the operand in memory for one bit of the mask.
pub(super) fn element_size(instruction: &Instruction, memory: &UsedMemory) -> usize {
    use Mnemonic as M;
    match instruction.mnemonic() {
        // Several elements make one of the result.
        M::Vpdpbusd | M::Vpdpbusds | M::Vpdpwssd | M::Vpdpwssds | M::Vdpbf16ps => 4,
        M::Vpmuldq | M::Vpmuludq => 8,
        _ => memory.memory_size().element_size(),
    }
}

/// Whether the mask says nothing of what is loaded, because elements change places on their way to
/// the register: the exception types of Intel's manual, volume 2, that end in NF.
fn loads_all(instruction: &Instruction, size: usize) -> bool {
    use Mnemonic as M;
    let is_count = || size == 16 && instruction.op2_kind() == OpKind::Memory;
    match instruction.mnemonic() {
        M::Vpsllw
        | M::Vpslld
        | M::Vpsllq
        | M::Vpsraw
        | M::Vpsrad
        | M::Vpsraq
        | M::Vpsrlw
        | M::Vpsrld
        | M::Vpsrlq => is_count(),
        mnemonic => matches!(
            mnemonic,
            M::Vmovddup
                | M::Vmovshdup
                | M::Vmovsldup
                | M::Vunpcklps
                | M::Vunpckhps
                | M::Vunpcklpd
                | M::Vunpckhpd
                | M::Vpunpcklbw
                | M::Vpunpcklwd
                | M::Vpunpckldq
                | M::Vpunpcklqdq
                | M::Vpunpckhbw
                | M::Vpunpckhwd
                | M::Vpunpckhdq
                | M::Vpunpckhqdq
                | M::Vpacksswb
                | M::Vpackssdw
                | M::Vpackuswb
                | M::Vpackusdw
                | M::Vpshufb
                | M::Vpshufd
                | M::Vpshufhw
                | M::Vpshuflw
                | M::Vpshufbitqmb
                | M::Vshufps
                | M::Vshufpd
                | M::Vshuff32x4
                | M::Vshuff64x2
                | M::Vshufi32x4
                | M::Vshufi64x2
                | M::Vpermb
                | M::Vpermw
                | M::Vpermd
                | M::Vpermq
                | M::Vpermps
                | M::Vpermpd
                | M::Vpermilps
                | M::Vpermilpd
                | M::Vpermi2b
                | M::Vpermi2w
                | M::Vpermi2d
                | M::Vpermi2q
                | M::Vpermi2ps
                | M::Vpermi2pd
                | M::Vpermt2b
                | M::Vpermt2w
                | M::Vpermt2d
                | M::Vpermt2q
                | M::Vpermt2ps
                | M::Vpermt2pd
                | M::Valignd
                | M::Valignq
                | M::Vpalignr
                | M::Vdbpsadbw
                | M::Vpmaddwd
                | M::Vpmaddubsw
                | M::Vpmultishiftqb
                | M::Vpconflictd
                | M::Vpconflictq
                | M::Vcvtne2ps2bf16
                | M::Vgf2p8affineqb
                | M::Vgf2p8affineinvqb
                | M::Vinsertf32x4
                | M::Vinsertf64x2
                | M::Vinsertf32x8
                | M::Vinsertf64x4
                | M::Vinserti32x4
                | M::Vinserti64x2
                | M::Vinserti32x8
                | M::Vinserti64x4
        ),
    }
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
