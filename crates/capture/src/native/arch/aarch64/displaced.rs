//! Which instructions may run at another place than their own: Arm's Architecture Reference Manual,
//! section C4.1.

/// Bytes of every instruction.
const LENGTH: usize = 4;

/// Bytes of the instruction that `code` begins with, if it does the same wherever it lies.
pub(crate) fn runs_anywhere(_: u64, code: &[u8]) -> Option<usize> {
    word(code).filter(|word| !depends_on_place(*word)).map(|_| LENGTH)
}

/// Whether the instruction, a `brk`, stops the program itself.
pub(crate) fn is_trap(_: u64, code: &[u8]) -> bool {
    word(code).is_some_and(|word| word & 0xffe0_001f == 0xd420_0000)
}

fn word(code: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(*code.first_chunk()?))
}

fn depends_on_place(word: u32) -> bool {
    let is_hint = word & 0xffff_f01f == 0xd503_201f;
    let is_branch_or_system = word >> 26 & 0b111 == 0b101;
    let is_address = word & 0x1f00_0000 == 0x1000_0000;
    let is_literal = word & 0x3b00_0000 == 0x1800_0000;
    (is_branch_or_system && !is_hint) || is_address || is_literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_from_its_own_address_stays_there() {
        // As binutils assembles them.
        for (word, text) in [
            (0x9000_0000_u32, "adrp x0, ."),
            (0x1000_0000, "adr x0, ."),
            (0x1400_0001, "b .+4"),
            (0x9400_0001, "bl .+4"),
            (0x5400_0020, "b.eq .+4"),
            (0xb400_0020, "cbz x0, .+4"),
            (0x3700_0020, "tbnz w0, #0, .+4"),
            (0x5800_0020, "ldr x0, .+4"),
            (0x9800_0020, "ldrsw x0, .+4"),
            (0x9c00_0020, "ldr q0, .+4"),
            (0xd61f_0200, "br x16"),
            (0xd65f_03c0, "ret"),
            (0xd400_0001, "svc #0"),
        ] {
            assert_eq!(runs_anywhere(0, &word.to_le_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_functions_usually_begin_with_runs_anywhere() {
        for (word, text) in [
            (0xa9bf_7bfd_u32, "stp x29, x30, [sp, #-16]!"),
            (0xd503_233f, "paciasp"),
            (0xd503_245f, "bti c"),
            (0xd101_03ff, "sub sp, sp, #64"),
            (0xaa00_03e1, "mov x1, x0"),
            (0xb900_0001, "str w1, [x0]"),
            (0x4e08_0c00, "dup v0.2d, x0"),
        ] {
            assert_eq!(runs_anywhere(0, &word.to_le_bytes()), Some(LENGTH), "{text}");
        }
    }

    #[test]
    fn a_breakpoint_of_any_number_is_a_trap() {
        assert!(is_trap(0, &0xd420_0000_u32.to_le_bytes()));
        assert!(is_trap(0, &0xd420_0020_u32.to_le_bytes()));
        assert!(!is_trap(0, &0xd400_0001_u32.to_le_bytes()));
    }
}
