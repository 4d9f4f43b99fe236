//! What an executable file says of itself.

use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, FileKind, elf};

/// An ELF file that can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// What QEMU calls its instruction set, when that is known.
    pub(crate) arch: Option<&'static str>,
    /// Bytes of a pointer.
    pub(crate) word: u8,
    /// Whether numbers lie in memory with their low byte first.
    pub(crate) little_endian: bool,
    /// The dynamic linker that it asks for.
    pub(crate) interpreter: Option<String>,
}

impl Image {
    /// Reads the headers; `None` when it is no ELF file, or a damaged one.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Image> {
        match FileKind::parse(bytes).ok()? {
            FileKind::Elf32 => Image::of::<elf::FileHeader32<Endianness>>(bytes),
            FileKind::Elf64 => Image::of::<elf::FileHeader64<Endianness>>(bytes),
            _ => None,
        }
    }

    fn of<Header: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Option<Image> {
        let header = Header::parse(bytes).ok()?;
        let endian = header.endian().ok()?;
        let interpreter = header
            .program_headers(endian, bytes)
            .ok()?
            .iter()
            .find_map(|segment| segment.interpreter(endian, bytes).transpose())
            .transpose()
            .ok()?
            .map(|path| String::from_utf8_lossy(path).into_owned());
        let (is_64, little_endian) = (header.is_class_64(), header.is_little_endian());
        let arch = arch(header.e_machine(endian), is_64, little_endian);
        let word = if is_64 { 8 } else { 4 };
        Some(Image { arch, word, little_endian, interpreter })
    }
}

/// QEMU's names, those of its programs `qemu-ARCH`.
fn arch(machine: elf::Machine, is_64: bool, little: bool) -> Option<&'static str> {
    Some(match (machine, is_64, little) {
        (elf::EM_AARCH64, _, true) => "aarch64",
        (elf::EM_AARCH64, _, false) => "aarch64_be",
        (elf::EM_ARM, _, true) => "arm",
        (elf::EM_ARM, _, false) => "armeb",
        (elf::EM_RISCV, true, _) => "riscv64",
        (elf::EM_RISCV, false, _) => "riscv32",
        (elf::EM_X86_64, _, _) => "x86_64",
        (elf::EM_386, _, _) => "i386",
        (elf::EM_LOONGARCH, true, _) => "loongarch64",
        (elf::EM_PPC, _, _) => "ppc",
        (elf::EM_PPC64, _, true) => "ppc64le",
        (elf::EM_PPC64, _, false) => "ppc64",
        (elf::EM_S390, true, _) => "s390x",
        (elf::EM_MIPS, true, true) => "mips64el",
        (elf::EM_MIPS, true, false) => "mips64",
        (elf::EM_MIPS, false, true) => "mipsel",
        (elf::EM_MIPS, false, false) => "mips",
        (elf::EM_SPARCV9, _, _) => "sparc64",
        (elf::EM_SPARC, _, _) => "sparc",
        (elf::EM_68K, _, _) => "m68k",
        (elf::EM_SH, _, true) => "sh4",
        (elf::EM_ALPHA, _, _) => "alpha",
        (elf::EM_PARISC, _, _) => "hppa",
        _ => return None,
    })
}

/// The name that Rust, and so a trace, has for what QEMU calls `arch`.
pub(crate) fn machine(arch: &str) -> &str {
    match arch {
        "i386" => "x86",
        "aarch64_be" => "aarch64",
        "armeb" => "arm",
        "ppc" => "powerpc",
        "ppc64" | "ppc64le" => "powerpc64",
        "mipsel" => "mips",
        "mips64el" => "mips64",
        other => other,
    }
}
