//! What is known of A64 instructions from their encoding (Arm Architecture Reference Manual, "A64
//! instruction set encoding").

/// Whether an instruction neither loads nor stores: data processing on immediates, on registers,
/// floating point and SIMD, and branches. Such an instruction needs no callback, which spares QEMU
/// most of the time it takes to translate and disassemble.
pub(crate) fn touches_no_memory(code: &[u8]) -> bool {
    word(code).is_some_and(|word| match word >> 25 & 0xf {
        0b1000 | 0b1001 | 0b0101 | 0b1101 | 0b0111 | 0b1111 => true,
        // Branches, among which lie the system instructions, `DC ZVA` one of them.
        0b1010 | 0b1011 => word >> 24 != 0xd5,
        _ => false,
    })
}

/// Whether an instruction writes memory without QEMU telling plugins of it: `DC ZVA`, and the
/// copies and fills of `FEAT_MOPS` ("System instructions" and "Memory Copy and Memory Set").
pub(crate) fn writes_unseen(code: &[u8]) -> bool {
    let zeroes_block = |word: u32| word & 0xffff_ffe0 == 0xd50b_7420;
    let copies_or_sets = |word: u32| word & 0x3b20_0c00 == 0x1900_0400;
    word(code).is_some_and(|word| zeroes_block(word) || copies_or_sets(word))
}

fn word(code: &[u8]) -> Option<u32> {
    code.try_into().map(u32::from_le_bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Assembled by GNU as 2.40.
    const DC_ZVA: u32 = 0xd50b_7423; // dc zva, x3
    const COPY: u32 = 0x1901_0440; // cpyfp [x0]!, [x1]!, x2!
    const SET: u32 = 0x19c1_0440; // setp [x0]!, x2!, x1
    const STORE_PAIR: u32 = 0xad00_0460; // stp q0, q1, [x3]
    const STORE: u32 = 0xf900_0020; // str x0, [x1]
    const LOAD_LITERAL: u32 = 0x5800_0040; // ldr x0, .+8
    const STORE_LANES: u32 = 0x4c00_7000; // st1 {v0.16b}, [x0]
    const STORE_SCALABLE: u32 = 0xe400_e000; // st1b {z0.b}, p0, [x0]
    const SWAP: u32 = 0xf820_8041; // swp x0, x1, [x2]
    const BRANCH: u32 = 0x5400_0040; // b.eq .+8
    const ADD: u32 = 0x8b02_0020; // add x0, x1, x2
    const ADD_IMMEDIATE: u32 = 0x9100_0420; // add x0, x1, #1
    const ADD_VECTOR: u32 = 0x4ee2_8420; // add v0.2d, v1.2d, v2.2d

    fn words<const N: usize>(words: [u32; N], says: fn(&[u8]) -> bool) -> [bool; N] {
        words.map(|word| says(&word.to_le_bytes()))
    }

    #[test]
    fn block_zeroing_and_memory_copies_are_told_from_stores() {
        assert_eq!(words([DC_ZVA, COPY, SET], writes_unseen), [true; 3]);
        assert_eq!(words([STORE_PAIR, STORE, STORE_LANES, SWAP, ADD], writes_unseen), [false; 5]);
    }

    #[test]
    fn only_work_on_registers_and_branches_are_known_to_touch_no_memory() {
        assert_eq!(words([ADD, ADD_IMMEDIATE, ADD_VECTOR, BRANCH], touches_no_memory), [true; 4]);
        let others =
            [DC_ZVA, COPY, SET, STORE_PAIR, STORE, LOAD_LITERAL, STORE_LANES, STORE_SCALABLE, SWAP];
        assert_eq!(words(others, touches_no_memory), [false; 9]);
        assert!(!touches_no_memory(&[0x20, 0x00]));
    }
}
