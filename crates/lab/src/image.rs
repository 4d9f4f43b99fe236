//! A libc as the dynamic linker would lay it out, as far as its memory routines can tell.

use std::path::{Path, PathBuf};

use object::elf;
use object::read::elf::{ElfFile64, SectionHeader};
use object::{
    Architecture, LittleEndian, Object, ObjectSegment, ObjectSymbol, ObjectSymbolTable,
    RelocationFlags, RelocationTarget, SegmentFlags,
};

use crate::LabError;

/// Where the lab maps the libc: what relocations add to the file's own addresses.
pub(crate) const BASE: u64 = 0x4000_0000;

/// Where the libc finds `_rtld_global_ro`, the dynamic linker's account of the machine.
pub(crate) const LINKER_DATA: u64 = 0x6000_0000;

/// Where pointers to anything else outside the libc lead: nothing is mapped there, so that a use
/// of it is noticed.
const ELSEWHERE: u64 = 0x6800_0000;

/// What one page of the largest size that Linux uses on AArch64 holds.
const PAGE: u64 = 0x1_0000;

/// A libc in memory.
pub(crate) struct Image {
    pub(crate) path: PathBuf,
    /// Segments in place and relocated, from the file's address 0.
    pub(crate) memory: Vec<u8>,
    code: Vec<std::ops::Range<u64>>,
    functions: Vec<Function>,
}

/// A function by name.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) address: u64,
    /// A resolver: code that returns the address of the routine to use.
    pub(crate) indirect: bool,
}

type File<'data> = ElfFile64<'data, LittleEndian>;

impl Image {
    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Image, LabError> {
        let not_elf = |what: String| LabError::NotElf { path: path.into(), what };
        let any = object::File::parse(bytes).map_err(|error| not_elf(error.to_string()))?;
        if any.architecture() != Architecture::Aarch64 || !any.is_little_endian() {
            let machine = format!("{:?}", any.architecture()).to_lowercase();
            return Err(LabError::OtherMachine { path: path.into(), machine });
        }
        let file = File::parse(bytes).map_err(|error| not_elf(error.to_string()))?;
        let mut memory = load(&file).map_err(not_elf)?;
        relocate(&file, bytes, &mut memory).map_err(|error| not_elf(error.to_string()))?;
        let code = file
            .segments()
            .filter(|segment| match segment.flags() {
                SegmentFlags::Elf { p_flags, .. } => p_flags.contains(elf::PF_X),
                _ => false,
            })
            .map(|segment| segment.address()..segment.address() + segment.size())
            .collect();
        Ok(Image { path: path.into(), memory, code, functions: functions(&file) })
    }

    /// Adds the names of a file that has the symbols of the same build.
    pub(crate) fn add_names(&mut self, path: &Path, bytes: &[u8]) -> Result<(), LabError> {
        let file = File::parse(bytes)
            .map_err(|error| LabError::NotElf { path: path.into(), what: error.to_string() })?;
        self.functions.extend(functions(&file));
        Ok(())
    }

    /// The function that programs link to by that name.
    pub(crate) fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// Names of routines that have `part` in them, each once.
    pub(crate) fn names_with(&self, part: &str) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .functions
            .iter()
            .filter(|function| !function.indirect && function.name.contains(part))
            .map(|function| function.name.as_str())
            .filter(|name| !name.starts_with("__GI_"))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The instruction at `address`, when it is in the file.
    pub(crate) fn word(&self, address: u64) -> Option<u32> {
        let start = usize::try_from(address).ok()?;
        let bytes = self.memory.get(start..start.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    pub(crate) fn is_code(&self, address: u64) -> bool {
        address.is_multiple_of(4) && self.code.iter().any(|range| range.contains(&address))
    }

    /// Where code is, for messages.
    pub(crate) fn code_ranges(&self) -> String {
        let ranges =
            self.code.iter().map(|range| format!("{:#x} to {:#x}", range.start, range.end));
        ranges.collect::<Vec<_>>().join(", ")
    }
}

/// The loadable segments, each at its address.
fn load(file: &File<'_>) -> Result<Vec<u8>, String> {
    /// No libc is near this; a damaged header easily is beyond it.
    const LARGEST: u64 = 256 << 20;

    let end = file
        .segments()
        .map(|segment| segment.address().saturating_add(segment.size()))
        .max()
        .unwrap_or(0);
    if end == 0 || end > LARGEST {
        return Err(format!("its segments end at {end:#x}"));
    }
    let mut memory = vec![0; end.next_multiple_of(PAGE) as usize];
    for segment in file.segments() {
        let start = segment.address() as usize;
        let data = segment.data().map_err(|error| error.to_string())?;
        let place = start.checked_add(data.len()).and_then(|end| memory.get_mut(start..end));
        place.ok_or("a segment holds more than its size")?.copy_from_slice(data);
    }
    Ok(memory)
}

/// Fills in what the dynamic linker would (ELF for the Arm 64-bit Architecture, "Dynamic
/// relocations"). Thread-local offsets and resolvers stay as they are: memory routines use none.
fn relocate(file: &File<'_>, bytes: &[u8], memory: &mut [u8]) -> object::Result<()> {
    for section in file.elf_section_table().iter() {
        for address in section.relr(LittleEndian, bytes)?.into_iter().flatten() {
            if let Some(slot) = slot(memory, address) {
                *slot = u64::from_le_bytes(*slot).wrapping_add(BASE).to_le_bytes();
            }
        }
    }
    let table = file.dynamic_symbol_table();
    for (address, relocation) in file.dynamic_relocations().into_iter().flatten() {
        let RelocationFlags::Elf { r_type } = relocation.flags() else { continue };
        if !matches!(
            r_type,
            elf::R_AARCH64_ABS64
                | elf::R_AARCH64_GLOB_DAT
                | elf::R_AARCH64_JUMP_SLOT
                | elf::R_AARCH64_RELATIVE
        ) {
            continue;
        }
        let target = match (relocation.target(), &table) {
            (RelocationTarget::Symbol(index), Some(table)) => {
                let symbol = table.symbol_by_index(index)?;
                match symbol.name() {
                    _ if !symbol.is_undefined() => BASE.wrapping_add(symbol.address()),
                    Ok("_rtld_global_ro") => LINKER_DATA,
                    _ => ELSEWHERE,
                }
            }
            _ => BASE,
        };
        if let Some(slot) = slot(memory, address) {
            *slot = target.wrapping_add_signed(relocation.addend()).to_le_bytes();
        }
    }
    Ok(())
}

/// The eight bytes at `address`.
fn slot(memory: &mut [u8], address: u64) -> Option<&mut [u8; 8]> {
    memory.get_mut(usize::try_from(address).ok()?..)?.first_chunk_mut()
}

/// The functions of both symbol tables.
fn functions(file: &File<'_>) -> Vec<Function> {
    file.dynamic_symbols()
        .chain(file.symbols())
        .filter(|symbol| !symbol.is_undefined())
        .filter_map(|symbol| {
            let kind = symbol.elf_symbol().st_type();
            let indirect = kind == elf::STT_GNU_IFUNC;
            let name = symbol.name().ok().filter(|name| !name.is_empty())?;
            (indirect || kind == elf::STT_FUNC).then(|| Function {
                name: name.to_owned(),
                address: symbol.address(),
                indirect,
            })
        })
        .collect()
}
