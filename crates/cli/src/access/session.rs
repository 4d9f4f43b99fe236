//! One command's use of a window: all of it checked, then made, then written down.

use std::io::{self, Write};
use std::path::PathBuf;

use busprobe_mmio::{AccessError, Misalignment, OpenOptions, Run, Target, Width, Window};
use busprobe_trace::{Access, text};

use crate::access::block::Block;
use crate::access::log::Log;
use crate::access::operation::{Operation, mode, read, update};
use crate::trouble::Trouble;

/// Elements of one step of a long run: what is kept in memory, and between two looks at progress.
const STEP: u64 = 4096;

const TARGET: &str = "The window: mem:ADDRESS[+LENGTH], uio:NAME[/MAP], \
    pci:DOMAIN:BUS:DEVICE.FUNCTION/barN, file:PATH[@OFFSET][+LENGTH], anon:LENGTH, or a path";

/// What every command that makes accesses is told.
#[derive(clap::Args)]
pub(crate) struct Bus {
    #[arg(value_name = "TARGET", help = TARGET)]
    pub(crate) target: Target,

    /// Print the exact accesses instead of making them; opens nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Write the accesses that were made to a trace, which `busprobe check` reads
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    trace: Option<PathBuf>,
}

/// An open window that all of a command's operations fit into.
pub(crate) struct Session {
    window: Window,
    log: Option<Log>,
}

impl Bus {
    /// Opens the window, for reading only when nothing is to be written, and checks every
    /// operation before the first access. `None` when it was a dry run: then the accesses are
    /// printed, and nothing was opened.
    pub(crate) fn begin(&self, operations: &[Operation]) -> Result<Option<Session>, Trouble> {
        let target = self.long_enough(operations);
        if self.dry_run {
            check_unopened(&target, operations)?;
            let mut out = io::BufWriter::new(io::stdout().lock());
            for access in operations.iter().flat_map(Operation::accesses) {
                writeln!(out, "{}", line(&access))?;
            }
            out.flush()?;
            return Ok(None);
        }
        let writes = operations.iter().any(Operation::writes);
        let window = OpenOptions::new().read_only(!writes).open(&target)?;
        operations.iter().try_for_each(|operation| operation.check(&window))?;
        let log = self.trace.as_deref().map(|path| Log::create(path, &window)).transpose()?;
        Ok(Some(Session { window, log }))
    }

    /// Bytes of the window.
    pub(crate) fn length(&self) -> Result<u64, Trouble> {
        match self.target {
            Target::Anonymous { length } => Ok(length),
            ref target => Ok(target.region()?.length),
        }
    }

    /// Physical memory without a length is as long as what is to be accessed.
    fn long_enough(&self, operations: &[Operation]) -> Target {
        match self.target {
            Target::Memory { address, length: None } => {
                let ends: Option<Vec<u64>> = operations.iter().map(Operation::end).collect();
                let length = ends.and_then(|ends| ends.into_iter().max());
                Target::Memory { address, length }
            }
            ref target => target.clone(),
        }
    }
}

/// Checks operations against a window that is not opened, by memory of the same length.
fn check_unopened(target: &Target, operations: &[Operation]) -> Result<(), Trouble> {
    let (length, start) = match target {
        Target::Anonymous { length } => (*length, 0),
        _ => target.region().map(|region| (region.length, region.offset))?,
    };
    let window = OpenOptions::new().open(&Target::Anonymous { length })?;
    for operation in operations {
        operation.check(&window)?;
        let Run { offset, width, .. } = operation.run();
        if !start.is_multiple_of(width.bytes()) {
            let (direction, what) = (operation.direction(), Misalignment::Window);
            return Err(AccessError::Misaligned { direction, offset, width, what }.into());
        }
    }
    Ok(())
}

impl Session {
    /// Loads a run piece by piece; `each` gets every piece with its first offset. Where an access
    /// fails, `each` gets what came before, and the failure ends it.
    pub(crate) fn read(
        &mut self,
        run: Run,
        mut each: impl FnMut(&Block) -> io::Result<()>,
    ) -> Result<(), Trouble> {
        for piece in pieces(run) {
            let (block, outcome) = self.read_piece(piece)?;
            each(&block)?;
            outcome?;
        }
        Ok(())
    }

    /// Loads a run, and goes on behind an access that fails; `each` gets every element and its
    /// offset, or the failure.
    pub(crate) fn read_on(
        &mut self,
        run: Run,
        mut each: impl FnMut(u64, Result<u64, AccessError>) -> io::Result<()>,
    ) -> Result<(), Trouble> {
        for mut piece in pieces(run) {
            loop {
                let (block, outcome) = self.read_piece(piece)?;
                let mut offsets = piece.offsets();
                // The offsets come second: a zip takes from its first side once more than it gives.
                for (value, offset) in block.values().zip(offsets.by_ref()) {
                    each(offset, Ok(value))?;
                }
                let (Err(failure), Some(failed)) = (outcome, offsets.next()) else { break };
                each(failed, Err(failure))?;
                piece = after(piece, block.len() as u64 + 1);
            }
        }
        Ok(())
    }

    /// The elements loaded, and what ended it.
    fn read_piece(&mut self, run: Run) -> Result<(Block, Result<(), AccessError>), Trouble> {
        let mut block = Block::zeroed(run.width, run.count as usize);
        let outcome = block.load(&self.window, run.offset, mode(run));
        let issued = issued(&outcome, run.count);
        if let Err(AccessError::Fault(fault)) = &outcome {
            block.truncate(fault.completed as usize);
        }
        if let Some(log) = &mut self.log {
            // What a load that failed would have given is not known.
            let data = (0..block.len()).map(|index| Some(block.data(index))).chain([None]);
            let accesses = run.offsets().zip(data).take(issued as usize);
            log.note(accesses.map(|(offset, data)| read(offset, run.width, data)))?;
        }
        Ok((block, outcome))
    }

    /// Makes an operation that stores.
    pub(crate) fn write(&mut self, operation: &Operation) -> Result<(), Trouble> {
        let outcome = match operation {
            Operation::Update { offset, width, mask, value } => {
                return self.update(*offset, *width, *mask, *value);
            }
            Operation::Write(run, block) => block.store(&self.window, run.offset, mode(*run)),
            Operation::Fill(run, value) => self.window.fill(*run, *value),
            Operation::Read(_) => unreachable!("a read stores nothing"),
        };
        if let Some(log) = &mut self.log {
            let issued = issued(&outcome, operation.run().count);
            log.note(operation.accesses().take(issued as usize))?;
        }
        Ok(outcome?)
    }

    fn update(&mut self, offset: u64, width: Width, mask: u64, value: u64) -> Result<(), Trouble> {
        let loaded = self.window.read(offset, width);
        let stored = loaded.as_ref().ok().map(|loaded| loaded & !mask | value);
        let outcome = stored.map_or(Ok(()), |stored| self.window.write(offset, width, stored));
        if let Some(log) = &mut self.log {
            let issued = if stored.is_some() { 2 } else { 1 };
            let accesses = update(offset, width, loaded.as_ref().ok().copied(), stored);
            log.note(accesses.into_iter().take(issued))?;
        }
        loaded?;
        Ok(outcome?)
    }

    /// Makes the trace whole.
    pub(crate) fn finish(mut self) -> Result<(), Trouble> {
        self.log.as_mut().map_or(Ok(()), Log::finish)
    }
}

/// How many accesses of a run were issued, the one that failed among them.
fn issued(outcome: &Result<(), AccessError>, count: u64) -> u64 {
    match outcome {
        Ok(()) => count,
        Err(AccessError::Fault(fault)) => fault.completed + 1,
        Err(_) => 0,
    }
}

/// A run in steps.
fn pieces(run: Run) -> impl Iterator<Item = Run> {
    (0..run.count.div_ceil(STEP)).map(move |step| {
        let rest = after(run, step * STEP);
        Run { count: rest.count.min(STEP), ..rest }
    })
}

/// What is left of a run when its first elements are done.
fn after(run: Run, done: u64) -> Run {
    let offset = run.offset.wrapping_add_signed(run.stride.wrapping_mul(done as i64));
    Run { offset, count: run.count - done, ..run }
}

fn line(access: &Access) -> text::Line<'_> {
    text::Line { access, site: None, with_window: false }
}

/// Reads a width as the command line has it.
pub(crate) fn width(text: &str) -> Result<Width, String> {
    let bits = text.parse().ok().and_then(Width::from_bits);
    bits.ok_or_else(|| "an access has 8, 16, 32 or 64 bits".to_owned())
}
