//! Where an access came from: the module, the function, the instruction in words.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use busprobe_python_frames::{Interpreter, Line as PythonFrame, Thread};
use busprobe_site::{Machine, Module, SlotOf, SourceFrame, Symbol, disassemble};
use busprobe_trace::{Frame, PythonLine, Site, SourceLine};

use super::arch::Registers;
use super::ptrace::{self, Tid};
use super::recorder::Recorder;
use super::stack::Stacks;
use crate::native::program::memory_map::{Line, lines};
use crate::native::windows::memory::OrdinaryMemory;
use crate::native::windows::space::Space;

/// The function of `CPython` that runs Python: the innermost one runs the line that is known.
const EVALUATION: &str = "_PyEval_EvalFrameDefault";

/// What makes a site another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    pc: u64,
    python: Option<Rc<PythonFrame>>,
    /// Where the callers are returned to, if that is asked for.
    callers: Vec<u64>,
}

/// What one address space has had: where an access has been before, nothing is looked up. It is
/// forgotten when other code is mapped.
#[derive(Clone, Default)]
pub(crate) struct SeenSites {
    /// With the bytes that the instruction had.
    ids: HashMap<Place, (Vec<u8>, u32)>,
    /// What functions without symbols are imported as, by where they start.
    names: HashMap<u64, Option<String>>,
    /// The Python in it, once it has been looked for.
    python: Python,
    /// How to unwind its stacks, once that has been needed.
    stacks: Option<Stacks>,
}

/// Whether there is Python in an address space.
#[derive(Clone, Default)]
enum Python {
    #[default]
    NotLookedFor,
    None,
    Found(Box<Interpreter>),
}

impl SeenSites {
    fn get(&self, place: &Place, code: &[u8]) -> Option<u32> {
        let (known, id) = self.ids.get(place)?;
        (known == code).then_some(*id)
    }

    /// The Python that the thread runs, or runs on behalf of.
    fn python(
        &mut self,
        memory: &OrdinaryMemory<'_>,
        tid: Tid,
        registers: &Registers,
    ) -> Option<Rc<PythonFrame>> {
        if matches!(self.python, Python::NotLookedFor) {
            let found = Interpreter::find(memory, images(&lines(tid)));
            self.python = found.map_or(Python::None, |found| Python::Found(Box::new(found)));
        }
        let Python::Found(interpreter) = &mut self.python else { return None };
        let pthread = registers.pthread(tid);
        interpreter.running(memory, &Thread { id: tid as u32, pthread })
    }
}

/// All sites so far, and what is known of the modules they lie in.
#[derive(Default)]
pub(crate) struct Sites {
    /// By everything that a site says, so that processes of one program share them.
    ids: HashMap<Site, u32>,
    modules: HashMap<(PathBuf, u64), Option<Rc<Module>>>,
    /// Whether sites have their callers.
    with_stacks: bool,
}

impl Sites {
    /// From now on, sites have their callers and are told apart by them.
    pub(crate) fn record_stacks(&mut self) {
        self.with_stacks = true;
    }

    /// The modules that have been looked into so far.
    pub(crate) fn modules(&self) -> impl Iterator<Item = &Module> {
        self.modules.values().flatten().map(Rc::as_ref)
    }

    /// The id of the site of the instruction `code`, which the thread is at with these registers;
    /// a new site is recorded first.
    pub(crate) fn find(
        &mut self,
        space: &mut Space,
        tid: Tid,
        registers: &Registers,
        code: &[u8],
        recorder: &mut Recorder<'_>,
    ) -> u32 {
        // Apart from the rest of the space, by which it is known what may be read.
        let mut seen = std::mem::take(&mut space.sites);
        let id = self.find_in(&mut seen, space, tid, registers, code, recorder);
        space.sites = seen;
        id
    }

    fn find_in(
        &mut self,
        seen: &mut SeenSites,
        space: &Space,
        tid: Tid,
        registers: &Registers,
        code: &[u8],
        recorder: &mut Recorder<'_>,
    ) -> u32 {
        let memory = OrdinaryMemory { tid, space };
        let place = Place {
            pc: registers.pc(),
            python: seen.python(&memory, tid, registers),
            callers: self.callers(seen, &memory, registers),
        };
        if let Some(id) = seen.get(&place, code) {
            return id;
        }
        let site = self.describe(seen, tid, place.pc, code);
        let python = place.python.as_deref().map(python_line);
        let stack = self.stack(seen, tid, &place);
        let site = Site { python, stack, ..site };
        let next = self.ids.len() as u32;
        let id = *self.ids.entry(site).or_insert_with_key(|site| {
            recorder.site(Site { id: next, ..site.clone() });
            next
        });
        seen.ids.insert(place, (code.to_vec(), id));
        id
    }

    /// Where the instruction `code` at `pc` lies, in words; without an id.
    pub(crate) fn describe(
        &mut self,
        seen: &mut SeenSites,
        tid: Tid,
        pc: u64,
        code: &[u8],
    ) -> Site {
        let text = Machine::host().and_then(|machine| disassemble(machine, pc, code));
        let Located { module, address, symbol, mut source } =
            self.locate(seen, tid, &lines(tid), pc);
        let (symbol, symbol_offset) = symbol.map(|found| (found.name, found.offset)).unzip();
        Site {
            pc,
            build_id: module.as_ref().and_then(|module| module.build_id().map(str::to_owned)),
            module: module.map(|module| module.path().to_string_lossy().into_owned()),
            address,
            symbol,
            symbol_offset,
            source: (!source.is_empty()).then(|| source_line(source.swap_remove(0))),
            text,
            ..Site::default()
        }
    }

    /// What is known of the instruction at `pc`.
    fn locate(&mut self, seen: &mut SeenSites, tid: Tid, lines: &[Line], pc: u64) -> Located {
        let nothing = Located::default();
        let Some(line) = lines.iter().find(|line| line.range.contains(&pc)) else { return nothing };
        let Some(module) = self.module(line) else { return nothing };
        let Some(address) = module.address_of(pc - line.range.start + line.offset) else {
            return Located { module: Some(module), ..nothing };
        };
        let symbol = module.symbol(address).or_else(|| {
            let function = module.function_range(address)?;
            let start = pc - (address - function.start);
            let names = &mut seen.names;
            let name = names.entry(start).or_insert_with(|| self.imported_as(tid, lines, start));
            Some(Symbol { name: name.clone()?, offset: address - function.start })
        });
        let source = module.source(address);
        Located { module: Some(module), address: Some(address), symbol, source }
    }

    /// Where the thread's callers are returned to, if that is asked for.
    fn callers(
        &mut self,
        seen: &mut SeenSites,
        memory: &OrdinaryMemory<'_>,
        registers: &Registers,
    ) -> Vec<u64> {
        if !self.with_stacks {
            return Vec::new();
        }
        let stacks = seen.stacks.get_or_insert_with(|| {
            let mut stacks = Stacks::default();
            for line in lines(memory.tid).iter().filter(|line| line.is_code()) {
                let Some(module) = self.module(line) else { continue };
                let Some(address) = module.address_of(line.offset) else { continue };
                stacks.add(&module, line.range.clone(), line.range.start.wrapping_sub(address));
            }
            stacks
        });
        stacks.callers(memory, registers)
    }

    /// The callers, in words: first the functions that the instruction's own function has been put
    /// into, then those that are returned to.
    fn stack(&mut self, seen: &mut SeenSites, tid: Tid, place: &Place) -> Vec<Frame> {
        if !self.with_stacks {
            return Vec::new();
        }
        let lines = lines(tid);
        let mut python = place.python.as_deref().map(python_line);
        let mut stack = self.locate(seen, tid, &lines, place.pc).frames(place.pc, 1, 0);
        for &pc in &place.callers {
            // What is returned to may be the next function already, or another line.
            let call = self.locate(seen, tid, &lines, pc.wrapping_sub(1));
            let runs_python = call.symbol.as_ref().is_some_and(|found| found.name == EVALUATION);
            let mut frames = call.frames(pc, 0, 1);
            if let Some(outermost) = frames.last_mut().filter(|_| runs_python) {
                outermost.python = python.take();
            }
            stack.extend(frames);
        }
        stack
    }

    /// The name under which a module of the process imports the function at `start`: libraries
    /// without symbols still have the names that others call them by.
    fn imported_as(&mut self, tid: Tid, lines: &[Line], start: u64) -> Option<String> {
        let mut names: Vec<String> = Vec::new();
        for line in lines.iter().filter(|line| line.offset == 0) {
            let Some(module) = self.module(line) else { continue };
            let Some(first) = module.address_of(0) else { continue };
            for slot in module.slots() {
                let SlotOf::Import(name) = &slot.of else { continue };
                let place = line.range.start.wrapping_add(slot.address.wrapping_sub(first));
                if ptrace::read_word(tid, place) == Some(start) {
                    names.push(name.clone());
                }
            }
        }
        // Of several names the plainest: `memmove`, which also serves as `memcpy`, before `__…`.
        names.into_iter().min_by_key(|name| (name.starts_with('_'), usize::MAX - name.len()))
    }

    /// The module that is mapped there.
    pub(crate) fn module(&mut self, line: &Line) -> Option<Rc<Module>> {
        if !line.path.is_absolute() {
            return None;
        }
        let key = (line.path.clone(), line.inode);
        self.modules.entry(key).or_insert_with(|| open(&line.path, line.inode).map(Rc::new)).clone()
    }
}

/// What is known of an instruction.
#[derive(Default)]
struct Located {
    module: Option<Rc<Module>>,
    address: Option<u64>,
    symbol: Option<Symbol>,
    /// Innermost first.
    source: Vec<SourceFrame>,
}

impl Located {
    /// The functions that the instruction is in, as callers at `pc`, which is so many bytes on.
    /// Those before `first`, the innermost ones, are left out.
    fn frames(self, pc: u64, first: usize, on: u64) -> Vec<Frame> {
        let Located { module, address, symbol, source } = self;
        let module = module.map(|module| module.path().to_string_lossy().into_owned());
        let address = address.map(|address| address + on);
        let (name, offset) = symbol.map(|found| (found.name, found.offset + on)).unzip();
        // The outermost of them is the one that the symbol names; what has been put into it has no
        // place of its own.
        let whole = Frame {
            pc,
            module: module.clone(),
            address,
            symbol: name,
            symbol_offset: offset,
            ..Frame::default()
        };
        let count = source.len();
        let mut frames: Vec<Frame> = source
            .into_iter()
            .enumerate()
            .map(|(index, found)| {
                let frame = if index + 1 == count {
                    whole.clone()
                } else {
                    let (module, symbol) = (module.clone(), found.function.clone());
                    Frame { pc, module, address, symbol, ..Frame::default() }
                };
                Frame { source: Some(source_line(found)), ..frame }
            })
            .collect();
        if frames.is_empty() {
            frames.push(whole);
        }
        frames.drain(..first.min(frames.len()));
        frames
    }
}

fn source_line(found: SourceFrame) -> SourceLine {
    SourceLine { file: found.file, line: found.line }
}

/// The module at `path`, if that is still the file that was mapped.
fn open(path: &Path, inode: u64) -> Option<Module> {
    let metadata = fs::metadata(path).ok()?;
    (metadata.is_file() && metadata.ino() == inode).then(|| Module::open(path).ok())?
}

/// The images that are mapped in a process, by where each begins.
#[cfg(target_arch = "x86_64")]
pub(crate) fn images_of(tid: Tid) -> Vec<u64> {
    images(&lines(tid)).collect()
}

/// The images that are mapped with their code: where each begins.
fn images(lines: &[Line]) -> impl Iterator<Item = u64> {
    lines
        .iter()
        .filter(|line| line.offset == 0 && line.path.is_absolute())
        .filter(|line| lines.iter().any(|other| other.is_code() && other.path == line.path))
        .map(|line| line.range.start)
}

/// As a trace has it.
pub(crate) fn python_line(frame: &PythonFrame) -> PythonLine {
    PythonLine {
        file: frame.file.clone(),
        line: frame.line,
        function: frame.function.clone(),
        offset: Some(frame.offset),
        instruction: frame.instruction.map(str::to_owned),
    }
}
