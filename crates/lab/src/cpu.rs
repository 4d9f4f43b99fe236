//! The CPUs that a resolver can be told it runs on.

use crate::LabError;

/// What a libc's resolvers ask about a CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    name: &'static str,
    midr: u64,
    sve: bool,
    zva_block: u32,
}

/// `MIDR_EL1`: implementer, variant 0, architecture 0xf, part number, revision 0 (Arm ARM D19.2.101).
const fn midr(implementer: u64, part: u64) -> u64 {
    implementer << 24 | 0xf << 16 | part << 4
}

const ARM: u64 = 0x41;

const fn cpu(name: &'static str, implementer: u64, part: u64) -> Cpu {
    Cpu { name, midr: midr(implementer, part), sve: false, zva_block: 64 }
}

const fn with_sve(cpu: Cpu) -> Cpu {
    Cpu { sve: true, ..cpu }
}

/// Implementers and part numbers as Linux lists them (`arch/arm64/include/asm/cputype.h`).
const KNOWN: &[Cpu] = &[
    cpu("cortex-a34", ARM, 0xd02),
    cpu("cortex-a35", ARM, 0xd04),
    cpu("cortex-a53", ARM, 0xd03),
    cpu("cortex-a55", ARM, 0xd05),
    cpu("cortex-a57", ARM, 0xd07),
    cpu("cortex-a72", ARM, 0xd08),
    cpu("cortex-a73", ARM, 0xd09),
    cpu("cortex-a75", ARM, 0xd0a),
    cpu("cortex-a76", ARM, 0xd0b),
    cpu("cortex-a77", ARM, 0xd0d),
    cpu("cortex-a78", ARM, 0xd41),
    cpu("cortex-x1", ARM, 0xd44),
    cpu("neoverse-n1", ARM, 0xd0c),
    with_sve(cpu("cortex-a510", ARM, 0xd46)),
    with_sve(cpu("cortex-a710", ARM, 0xd47)),
    with_sve(cpu("cortex-x2", ARM, 0xd48)),
    with_sve(cpu("neoverse-n2", ARM, 0xd49)),
    with_sve(cpu("neoverse-v1", ARM, 0xd40)),
    with_sve(cpu("neoverse-v2", ARM, 0xd4f)),
    cpu("thunderx", 0x43, 0x0a1),
    cpu("thunderx2", 0x43, 0x0af),
    cpu("falkor", 0x51, 0xc00),
    cpu("kunpeng-920", 0x48, 0xd01),
    cpu("apple-m1", 0x61, 0x023),
    with_sve(Cpu { zva_block: 256, ..cpu("a64fx", 0x46, 0x001) }),
];

impl Cpu {
    /// The CPU of that name, as QEMU and compilers spell it.
    ///
    /// # Errors
    /// When it is none of [`Cpu::names`].
    pub fn named(name: &str) -> Result<Cpu, LabError> {
        let known = KNOWN.iter().find(|cpu| cpu.name == name);
        known.copied().ok_or_else(|| LabError::UnknownCpu { name: name.to_owned() })
    }

    /// The names that [`Cpu::named`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().map(|cpu| cpu.name)
    }

    /// All that are known.
    pub(crate) fn all() -> impl Iterator<Item = Cpu> {
        KNOWN.iter().copied()
    }

    /// The name it was found by.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// `MIDR_EL1` of its first revision.
    #[must_use]
    pub fn midr(&self) -> u64 {
        self.midr
    }

    /// Whether it has the Scalable Vector Extension.
    #[must_use]
    pub fn has_sve(&self) -> bool {
        self.sve
    }

    /// Bytes that one `DC ZVA` clears. The technical reference manuals of Arm's cores say 64, that
    /// of A64FX 256; for the other makers 64 is assumed, which decides only between `memset`s.
    #[must_use]
    pub fn zva_block(&self) -> u32 {
        self.zva_block
    }
}

/// A Cortex-A57: the CPU of the first table of this kind that was published.
impl Default for Cpu {
    fn default() -> Self {
        cpu("cortex-a57", ARM, 0xd07)
    }
}
