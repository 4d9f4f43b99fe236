//! One instruction in words.

use std::fmt;

use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter};

/// An instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Machine {
    /// 64-bit x86.
    X86_64,
    /// 64-bit Arm.
    Aarch64,
    /// 32-bit Arm.
    Arm,
    /// 64-bit RISC-V.
    Riscv64,
}

impl Machine {
    /// The machine that this program runs on, when it is one of these.
    #[must_use]
    pub fn host() -> Option<Machine> {
        match std::env::consts::ARCH {
            "x86_64" => Some(Machine::X86_64),
            "aarch64" => Some(Machine::Aarch64),
            "arm" => Some(Machine::Arm),
            "riscv64" => Some(Machine::Riscv64),
            _ => None,
        }
    }

    /// The name that Rust and traces use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Machine::X86_64 => "x86_64",
            Machine::Aarch64 => "aarch64",
            Machine::Arm => "arm",
            Machine::Riscv64 => "riscv64",
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The instruction at the start of `code`, which lies at address `pc`; `None` when the bytes are
/// no instruction, or the machine is one that is not decoded here.
#[must_use]
pub fn disassemble(machine: Machine, pc: u64, code: &[u8]) -> Option<String> {
    match machine {
        Machine::X86_64 => {
            let instruction = Decoder::with_ip(64, code, pc, DecoderOptions::NONE).decode();
            if instruction.is_invalid() {
                return None;
            }
            let mut formatter = IntelFormatter::new();
            let options = formatter.options_mut();
            options.set_space_after_operand_separator(true);
            options.set_hex_prefix("0x");
            options.set_hex_suffix("");
            options.set_uppercase_hex(false);
            let mut text = String::new();
            formatter.format(&instruction, &mut text);
            Some(text)
        }
        Machine::Aarch64 => {
            let word = u32::from_le_bytes(code.get(..4)?.try_into().ok()?);
            let opcode = disarm64::decoder::decode(word)?;
            let text = disarm64::InsnDisplay::display_at(&opcode, pc).to_string();
            Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
        }
        Machine::Arm | Machine::Riscv64 => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x86_reads_as_in_the_manual() {
        let text = disassemble(Machine::X86_64, 0, &[0x62, 0xf1, 0xfe, 0x28, 0x7f, 0x07]);
        assert_eq!(text.unwrap(), "vmovdqu64 [rdi], ymm0");
    }

    #[test]
    fn a64_reads_as_in_the_manual() {
        let stp = 0xa900_1c06_u32.to_le_bytes();
        assert_eq!(disassemble(Machine::Aarch64, 0, &stp).unwrap(), "stp x6, x7, [x0]");
        let str_q = 0x3c80_1004_u32.to_le_bytes();
        assert_eq!(disassemble(Machine::Aarch64, 0, &str_q).unwrap(), "stur q4, [x0, #1]");
    }

    #[test]
    fn what_is_no_instruction_has_no_words() {
        assert_eq!(disassemble(Machine::X86_64, 0, &[0x06]), None);
        assert_eq!(disassemble(Machine::X86_64, 0, &[]), None);
        assert_eq!(disassemble(Machine::Aarch64, 0, &[0x1f]), None);
    }
}
