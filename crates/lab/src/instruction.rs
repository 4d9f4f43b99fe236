//! What the lab has to know of an instruction beyond running it.
//!
//! Encodings: Arm ARM (DDI 0487) C4.1, "A64 instruction set encoding".

/// Bytes to which Device memory wants the address of each part of a load or store aligned: the
/// size of one register, or of one element for structures (Arm ARM, "Alignment support").
/// `None` when `word` is no load or store of the kinds that memory routines are made of.
pub(crate) fn alignment(word: u32) -> Option<u32> {
    let field = |low: u32, bits: u32| word >> low & ((1 << bits) - 1);
    let vector = field(26, 1) == 1;
    match field(27, 3) {
        // Load/store pair: opc in bits 31:30.
        0b101 if field(25, 1) == 0 => match (vector, field(30, 2)) {
            (true, opc @ 0..=2) => Some(4 << opc),
            (false, 0b10) => Some(8),
            (false, 0b00 | 0b01) => Some(4),
            _ => None,
        },
        // Load/store register in all addressing modes: size in 31:30; for vectors opc<1> says Q.
        0b111 => match (vector, field(30, 2), field(23, 1)) {
            (true, 0b00, 1) => Some(16),
            (_, size, _) => Some(1 << size),
        },
        // Exclusive and ordered: size in 31:30.
        0b001 if !vector => Some(1 << field(30, 2)),
        // Vector structures, multiple: element size in 11:10.
        0b001 if field(24, 2) == 0b00 => Some(1 << field(10, 2)),
        _ => None,
    }
}

/// The register that `MRS Xt, DCZID_EL0` fills.
pub(crate) fn reads_dczid(word: u32) -> Option<u32> {
    (word & !0x1f == 0xd53b_00e0).then_some(word & 0x1f)
}

/// Whether this is `DC ZVA, Xt`.
pub(crate) fn is_dc_zva(word: u32) -> bool {
    word & !0x1f == 0xd50b_7420
}

/// The architecture's extension that an instruction belongs to, for those known not to run here.
pub(crate) fn extension(word: u32) -> Option<&'static str> {
    if is_dc_zva(word) {
        return Some("DC ZVA");
    }
    match word >> 25 & 0xf {
        0b0010 => Some("SVE"),
        // Memory copy and set: bits 29:27 = 011, 25:24 = 01, 21 = 0, 11:10 = 01.
        _ if word & 0x3b20_0c00 == 0x1900_0400 => Some("MOPS"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_aligned_by_its_registers() {
        assert_eq!(alignment(0xa900_1c06), Some(8), "stp x6, x7, [x0]");
        assert_eq!(alignment(0x2900_1c06), Some(4), "stp w6, w7, [x0]");
        assert_eq!(alignment(0xad00_0400), Some(16), "stp q0, q1, [x0]");
        assert_eq!(alignment(0x6d00_0400), Some(8), "stp d0, d1, [x0]");
    }

    #[test]
    fn one_register_is_aligned_by_its_size() {
        assert_eq!(alignment(0xf900_0006), Some(8), "str x6, [x0]");
        assert_eq!(alignment(0xb81f_c087), Some(4), "stur w7, [x4, #-4]");
        assert_eq!(alignment(0x7900_0006), Some(2), "strh w6, [x0]");
        assert_eq!(alignment(0x3900_0006), Some(1), "strb w6, [x0]");
        assert_eq!(alignment(0x3d80_0000), Some(16), "str q0, [x0]");
        assert_eq!(alignment(0xfd00_0000), Some(8), "str d0, [x0]");
    }

    #[test]
    fn structures_are_aligned_by_their_elements() {
        assert_eq!(alignment(0x4c00_2c00), Some(8), "st1 of doublewords");
        assert_eq!(alignment(0x4c00_7000), Some(1), "st1 of bytes");
    }

    #[test]
    fn extensions_are_named() {
        assert_eq!(extension(0xd50b_7423), Some("DC ZVA"), "dc zva, x3");
        assert_eq!(extension(0x1901_0440), Some("MOPS"), "cpyfp [x0]!, [x1]!, x2!");
        assert_eq!(extension(0x1d01_0440), Some("MOPS"), "cpyp [x0]!, [x1]!, x2!");
        assert_eq!(extension(0x19c1_0440), Some("MOPS"), "setp [x0]!, x2!, x1");
        assert_eq!(extension(0x2522_1fe0), Some("SVE"), "whilelo p0.b, xzr, x2");
        assert_eq!(extension(0xe400_e000), Some("SVE"), "st1b of z0");
        assert_eq!(extension(0xa900_1c06), None, "stp x6, x7, [x0]");
    }
}
