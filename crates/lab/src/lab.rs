//! A libc, a CPU, and a window to try them on.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use busprobe_site::{Machine, Module, disassemble};
use busprobe_trace::{Capture, Header, Level, Site, Trace, Window};

use crate::engine::Trap;
use crate::function::{Chosen, Function, Routine};
use crate::image::{BASE, Image};
use crate::process::{Outcome, Process, SOURCE, SOURCE_SLACK, WINDOW, WINDOW_LENGTH};
use crate::recording::Recording;
use crate::resolver::Resolver;
use crate::run::{Call, Run, pattern};
use crate::{Cpu, LabError, instruction};

/// A libc's machine code on an emulated CPU, in front of a modelled device window.
pub struct Lab {
    cpu: Cpu,
    image: Image,
    /// Who knows the names: the libc itself, and then its debug file.
    names: Vec<Module>,
    process: Process,
    sites: HashMap<u64, Site>,
}

impl Lab {
    /// Bytes in the window.
    pub const WINDOW_LENGTH: u64 = WINDOW_LENGTH;

    /// Loads the libc at `path`, to run as on `cpu`.
    ///
    /// # Errors
    /// When the file cannot be read, is no whole ELF file, or is not for AArch64.
    pub fn open(path: &Path, cpu: Cpu) -> Result<Lab, LabError> {
        let bytes = read(path)?;
        let image = Image::parse(path, &bytes)?;
        let module = module(path, &bytes)?;
        let process = Process::new(&image, &cpu);
        Ok(Lab { cpu, image, names: vec![module], process, sites: HashMap::new() })
    }

    /// Takes names from the libc's debug file as well: the variants of a function have names only
    /// there. `path` is that file, or a folder that has it under `.build-id`.
    ///
    /// # Errors
    /// When the file cannot be read, is no ELF file, or belongs to another build.
    pub fn add_symbols(&mut self, path: &Path) -> Result<(), LabError> {
        let path = &self.debug_file(path);
        let bytes = read(path)?;
        let debug = module(path, &bytes)?;
        if debug.build_id() != self.build_id() {
            let or_none = |id: Option<&str>| id.unwrap_or("(none)").to_owned();
            return Err(LabError::OtherBuild {
                path: path.into(),
                found: or_none(debug.build_id()),
                wanted: or_none(self.build_id()),
            });
        }
        self.image.add_names(path, &bytes)?;
        self.names.insert(0, debug);
        self.sites.clear();
        Ok(())
    }

    /// The libc's debug file in the folder `path` (GDB manual, "Separate Debug Files"); anything
    /// else is the file itself.
    fn debug_file(&self, path: &Path) -> PathBuf {
        match self.build_id().and_then(|id| id.split_at_checked(2)) {
            Some((directory, rest)) if path.is_dir() => {
                path.join(".build-id").join(directory).join(format!("{rest}.debug"))
            }
            _ => path.to_owned(),
        }
    }

    /// The libc's GNU build id, in hexadecimal.
    #[must_use]
    pub fn build_id(&self) -> Option<&str> {
        self.names.last().and_then(Module::build_id)
    }

    /// The CPU it runs as on.
    #[must_use]
    pub fn cpu(&self) -> &Cpu {
        &self.cpu
    }

    /// The routine that a program on this CPU gets when it calls `function`: the libc's resolver,
    /// where it has one, is run and asked.
    ///
    /// # Errors
    /// When the libc has no such function, or its resolver wants to know what the lab cannot tell.
    pub fn routine(&mut self, function: Function) -> Result<Routine, LabError> {
        self.routine_on(function, self.cpu)
    }

    /// The routine that a program on another CPU gets.
    pub(crate) fn routine_on(&mut self, function: Function, cpu: Cpu) -> Result<Routine, LabError> {
        let Some(symbol) = self.image.function(function.name()) else {
            let (path, name) = (self.image.path.clone(), function.name().to_owned());
            return Err(LabError::NoFunction { path, name });
        };
        let (address, indirect) = (symbol.address, symbol.indirect);
        if !indirect {
            return self.routine_at(function, address, Chosen::Only);
        }
        let Lab { image, process, .. } = self;
        let address = Resolver { image, process, cpu: &cpu }.resolve(function, address)?;
        self.routine_at(function, address, Chosen::Resolved)
    }

    /// Another routine that does what `function` does, by its name or as `0xADDRESS`.
    ///
    /// # Errors
    /// When there is no code of that name or at that address.
    pub fn variant(&mut self, function: Function, variant: &str) -> Result<Routine, LabError> {
        let digits = variant.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok());
        if let Some(address) = digits {
            return self.routine_at(function, address, Chosen::Named);
        }
        match self.image.function(variant) {
            Some(symbol) if !symbol.indirect => {
                let address = symbol.address;
                self.routine_at(function, address, Chosen::Named)
            }
            _ => Err(self.no_variant(function, variant)),
        }
    }

    fn no_variant(&self, function: Function, name: &str) -> LabError {
        let names = self.image.names_with(&format!("{}_", function.name()));
        let names: Vec<&str> = names
            .into_iter()
            .filter(|name| !name.ends_with("_chk") && !name.contains("__wmem"))
            .collect();
        let hint = if names.is_empty() {
            let build_id = self.build_id().unwrap_or("(none)");
            format!(
                "the names of its variants are in its debug file (Debian: libc6-dbg:arm64, build \
                 {build_id}): give it with --symbols, or the address as 0x..."
            )
        } else {
            format!("it has {}", names.join(", "))
        };
        LabError::NoVariant { path: self.image.path.clone(), name: name.to_owned(), hint }
    }

    fn routine_at(
        &self,
        function: Function,
        address: u64,
        chosen: Chosen,
    ) -> Result<Routine, LabError> {
        if !self.image.is_code(address) {
            let (path, code) = (self.image.path.clone(), self.image.code_ranges());
            return Err(LabError::NotCode { path, address, code });
        }
        let symbol = self.names.iter().find_map(|module| module.symbol(address));
        let symbol = symbol.filter(|symbol| symbol.offset == 0).map(|symbol| symbol.name);
        Ok(Routine { function, address, symbol, chosen })
    }

    /// Calls `routine` on the window. What is copied is [`pattern`].
    ///
    /// # Errors
    /// When the bytes lie outside the window or the source memory; then nothing ran.
    pub fn run(&mut self, routine: &Routine, call: &Call) -> Result<Run, LabError> {
        let end = call.destination.saturating_add(call.length);
        if end > WINDOW_LENGTH {
            let (offset, length) = (call.destination, WINDOW_LENGTH);
            return Err(LabError::OutsideWindow { offset, end, length });
        }
        if call.source >= SOURCE_SLACK {
            let longest = SOURCE_SLACK - 1;
            return Err(LabError::OutsideSource { offset: call.source, longest });
        }
        let second = if routine.function == Function::Memset {
            call.fill.into()
        } else {
            self.process.load(SOURCE + call.source, &pattern(call.length));
            SOURCE + call.source
        };
        let arguments = [WINDOW + call.destination, second, call.length];
        let trace = self.blank_trace();

        let Lab { image, names, process, sites, .. } = self;
        let mut site_of = |address| site(sites, names, image, address);
        let mut recording = Recording::new(trace, call.unaligned, &mut site_of);
        // Byte by byte, with a loop around each.
        let limit = 1000 + 32 * call.length;
        let outcome =
            process.call(image, routine.address, arguments, limit, |step| recording.step(step));
        let stopped = match outcome {
            Outcome::Returned(_) | Outcome::Stopped => None,
            Outcome::Trapped { address, trap } => {
                Some((address, what_stops(image.word(address), trap)))
            }
            Outcome::Endless(limit) => {
                Some((routine.address, format!("more than {limit} instructions")))
            }
        };
        let (trace, ending) = recording.finish(stopped);
        Ok(Run { trace, ending })
    }

    fn blank_trace(&self) -> Trace {
        let mut header = Header::new(Level::Instruction, Capture::Lab, Machine::Aarch64.name());
        header.cpu = Some(self.cpu.name().to_owned());
        let mut trace = Trace::new(header);
        trace.windows.push(Window {
            id: 0,
            name: "lab".to_owned(),
            base: Some(WINDOW),
            length: WINDOW_LENGTH,
        });
        trace
    }
}

fn read(path: &Path) -> Result<Vec<u8>, LabError> {
    std::fs::read(path).map_err(|source| LabError::Unreadable { path: path.into(), source })
}

fn module(path: &Path, bytes: &[u8]) -> Result<Module, LabError> {
    Module::parse(path, bytes)
        .map_err(|error| LabError::NotElf { path: path.into(), what: error.to_string() })
}

/// What is at `address`, looked up once.
fn site(sites: &mut HashMap<u64, Site>, names: &[Module], image: &Image, address: u64) -> Site {
    sites.entry(address).or_insert_with(|| describe(names, image, address)).clone()
}

fn describe(names: &[Module], image: &Image, address: u64) -> Site {
    let symbol = names.iter().find_map(|module| module.symbol(address));
    let pc = BASE.wrapping_add(address);
    let word = image.word(address).map(u32::to_le_bytes);
    Site {
        pc,
        module: Some(image.path.display().to_string()),
        build_id: names.last().and_then(Module::build_id).map(str::to_owned),
        address: Some(address),
        symbol_offset: symbol.as_ref().map(|symbol| symbol.offset),
        symbol: symbol.map(|symbol| symbol.name),
        text: word.and_then(|word| disassemble(Machine::Aarch64, pc, &word)),
        ..Site::default()
    }
}

/// Why an instruction did not complete, in a few words.
fn what_stops(word: Option<u32>, trap: Trap) -> String {
    match (trap, word.and_then(instruction::extension)) {
        (Trap::Undefined, Some(extension)) => extension.to_owned(),
        (Trap::Undefined, None) => "an instruction outside Armv8.2-A".to_owned(),
        (Trap::Unmapped { address }, _) => {
            format!("memory at {address:#x}, which is no part of the call")
        }
        (Trap::Left, _) => "an operating system".to_owned(),
    }
}
