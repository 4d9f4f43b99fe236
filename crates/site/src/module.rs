//! One ELF file that code is mapped from.

use std::cell::OnceCell;
use std::fmt::Write;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use object::{Architecture, Object, ObjectSegment};
use thiserror::Error;

use crate::debug_file;
use crate::disassembly::Machine;
use crate::functions::Functions;
use crate::slots::{Slot, slots_of};
use crate::source::{Source, SourceFrame};
use crate::symbols::{Function, Symbol, Symbols};
use crate::unwind::UnwindTables;

/// Why a file is no module.
#[derive(Debug, Error)]
pub enum ModuleError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no ELF file, or a damaged one.
    #[error("{path}: not an ELF file, or not a whole one: {what}")]
    NotElf {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Code for a machine that busprobe does not know.
    #[error("{path}: code for {machine}; known are x86_64, aarch64, arm and riscv64")]
    UnknownMachine {
        /// Which file.
        path: PathBuf,
        /// What the file says it is for.
        machine: String,
    },
}

/// One ELF file: a program or a shared library.
///
/// Addresses are the module's own, as its symbol table has them; [`Module::address_of`] makes them
/// from what `/proc/PID/maps` shows.
pub struct Module {
    path: PathBuf,
    machine: Machine,
    build_id: Option<String>,
    segments: Vec<Segment>,
    symbols: Symbols,
    functions: Functions,
    slots: Vec<Slot>,
    source: OnceCell<Option<Source>>,
}

struct Segment {
    file: Range<u64>,
    address: u64,
}

impl Module {
    /// Reads the file at `path`, and the debug file of its build id when one is installed.
    ///
    /// # Errors
    /// When it cannot be read, is no ELF file, or is for an unknown machine.
    pub fn open(path: &Path) -> Result<Module, ModuleError> {
        let unreadable = |source| ModuleError::Unreadable { path: path.into(), source };
        Module::parse(path, &std::fs::read(path).map_err(unreadable)?)
    }

    /// A module from the bytes of its file; `path` is for names and messages only.
    ///
    /// # Errors
    /// As [`Module::open`].
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Module, ModuleError> {
        let not_elf = |error: object::Error| ModuleError::NotElf {
            path: path.into(),
            what: error.to_string(),
        };
        let file = object::File::parse(bytes).map_err(not_elf)?;
        let machine = match file.architecture() {
            Architecture::X86_64 => Machine::X86_64,
            Architecture::Aarch64 => Machine::Aarch64,
            Architecture::Arm => Machine::Arm,
            Architecture::Riscv64 => Machine::Riscv64,
            other => {
                let machine = format!("{other:?}");
                return Err(ModuleError::UnknownMachine { path: path.into(), machine });
            }
        };
        let build_id = file.build_id().ok().flatten().map(hexadecimal);
        let segments = file
            .segments()
            .map(|segment| {
                let (offset, size) = segment.file_range();
                let file = offset..offset.saturating_add(size);
                Segment { file, address: segment.address() }
            })
            .collect();
        let symbols = symbols_of(&file, build_id.as_deref());
        Ok(Module {
            path: path.into(),
            machine,
            build_id,
            segments,
            symbols,
            functions: Functions::of(&file),
            slots: slots_of(&file),
            source: OnceCell::new(),
        })
    }

    /// The functions that the instruction at `address` belongs to, by the compiler's word, and its
    /// line in each: innermost first. None without debug information, which is looked for when it
    /// is first asked for: in the file itself, and in the file of that build id that distributions
    /// keep apart.
    #[must_use]
    pub fn source(&self, address: u64) -> Vec<SourceFrame> {
        let open = || Source::open(&self.path, self.build_id());
        self.source.get_or_init(open).as_ref().map_or_else(Vec::new, |found| found.frames(address))
    }

    /// The tables for unwinding the stack, read from the file anew.
    #[must_use]
    pub fn unwind_tables(&self) -> UnwindTables {
        UnwindTables::read(&self.path)
    }

    /// The path it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What its code is for.
    #[must_use]
    pub fn machine(&self) -> Machine {
        self.machine
    }

    /// The GNU build id, in hexadecimal.
    #[must_use]
    pub fn build_id(&self) -> Option<&str> {
        self.build_id.as_deref()
    }

    /// The address of the byte at that offset of the file, when a segment holds it.
    #[must_use]
    pub fn address_of(&self, file_offset: u64) -> Option<u64> {
        let segment = self.segments.iter().find(|segment| segment.file.contains(&file_offset))?;
        segment.address.checked_add(file_offset - segment.file.start)
    }

    /// The function that covers `address`, by the symbol tables.
    #[must_use]
    pub fn symbol(&self, address: u64) -> Option<Symbol> {
        self.symbols.at(address)
    }

    /// The address of the function of that name, if it is no resolver of one.
    #[must_use]
    pub fn address_of_symbol(&self, name: &str) -> Option<u64> {
        self.symbols.address(name)
    }

    /// Every function of that name, spelt as in [`Symbol`].
    pub fn functions(&self, name: &str) -> impl Iterator<Item = Function> {
        self.symbols.named(name)
    }

    /// The names of its functions.
    pub fn function_names(&self) -> impl Iterator<Item = &str> {
        self.symbols.names()
    }

    /// Whether a function begins at `address`, by the symbol tables or the unwind table.
    #[must_use]
    pub fn starts_function(&self, address: u64) -> bool {
        self.symbol(address).is_some_and(|found| found.offset == 0)
            || self.function_range(address).is_some_and(|range| range.start == address)
    }

    /// The range of the function that covers `address`, by the unwind table: known even when the
    /// name is not.
    #[must_use]
    pub fn function_range(&self, address: u64) -> Option<Range<u64>> {
        self.functions.at(address)
    }

    /// Where the dynamic linker puts the addresses of functions that are settled when the module
    /// is loaded. What a slot holds in a running process tells which variant of a function the
    /// process got.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn symbols_of(file: &object::File<'_>, build_id: Option<&str>) -> Symbols {
    let stripped = file.symbols().next().is_none();
    let debug = build_id.filter(|_| stripped).and_then(debug_file::of_build_id);
    if let Some(bytes) = debug.and_then(|path| std::fs::read(path).ok())
        && let Ok(debug) = object::File::parse(&*bytes)
    {
        return Symbols::of(&debug);
    }
    Symbols::of(file)
}
