//! One command's use of a window: all of it checked, then made, then written down.

use std::io::{self, Write};
use std::path::PathBuf;

use busprobe_mmio::{
    AccessError, Fault, Misalignment, OpenOptions, Poll, PollError, Polled, Run, Target, Width,
    Window,
};
use busprobe_trace::{Direction, text};

use crate::access::block::Block;
use crate::access::log::Log;
use crate::access::manner::{Endian, Manner, Split};
use crate::access::operation::{Operation, mode, update};
use crate::trouble::Trouble;

/// Elements of one step of a long run: what is kept in memory, and between two looks at progress.
const STEP: u64 = 4096;

const TARGET: &str = "The window: mem:ADDRESS[+LENGTH], uio:NAME[/MAP], \
    pci:DOMAIN:BUS:DEVICE.FUNCTION/barN, file:PATH[@OFFSET][+LENGTH], sim:FILE, anon:LENGTH, or a \
    path";

/// What every command that makes accesses is told.
#[derive(clap::Args)]
pub(crate) struct Bus {
    #[arg(value_name = "TARGET", help = TARGET)]
    pub(crate) target: Target,

    /// The order of an element's bytes in the window
    #[arg(long, value_name = "ORDER", default_value = "little")]
    endian: Endian,

    /// Print the exact accesses instead of making them; opens no device
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Write the accesses that were made to a trace, which `busprobe check` reads
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    trace: Option<PathBuf>,
}

/// An open window that all of a command's operations fit into.
pub(crate) struct Session {
    window: Window,
    manner: Manner,
    log: Option<Log>,
}

impl Bus {
    /// Opens the window, for reading only when nothing is to be written, and checks every
    /// operation before the first access. `None` when it was a dry run: then the accesses are
    /// printed, and no device was opened.
    pub(crate) fn begin(
        &self,
        manner: Manner,
        operations: &[Operation],
    ) -> Result<Option<Session>, Trouble> {
        let target = self.long_enough(operations);
        for operation in operations {
            manner.check(operation.run().width).map_err(Trouble::new)?;
        }
        if self.dry_run {
            check_unopened(&target, operations, manner)?;
            let mut out = io::BufWriter::new(io::stdout().lock());
            for access in operations.iter().flat_map(|operation| operation.accesses(manner)) {
                let line = text::Line { access: &access, site: None, with_window: false };
                writeln!(out, "{line}")?;
            }
            out.flush()?;
            return Ok(None);
        }
        let writes = operations.iter().any(Operation::writes);
        let options = OpenOptions::new().read_only(!writes).byte_order(manner.byte_order());
        let window = options.open(&target)?;
        operations.iter().try_for_each(|operation| operation.check(&window, manner))?;
        let log = self.trace.as_deref().map(|path| Log::create(path, &window)).transpose()?;
        Ok(Some(Session { window, manner, log }))
    }

    /// How elements are accessed, with 64 bits in halves if the command was told so.
    pub(crate) fn manner(&self, split: Option<Split>) -> Manner {
        Manner { endian: self.endian, split }
    }

    /// Bytes of the window.
    pub(crate) fn length(&self) -> Result<u64, Trouble> {
        match &self.target {
            Target::Anonymous { length } => Ok(*length),
            Target::Simulated { .. } => Ok(Window::open(&self.target)?.len()),
            target => Ok(target.region()?.length),
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

/// Checks operations against a window that is not opened, by memory of the same length. What is
/// memory anyway, or simulated, stands for itself.
fn check_unopened(
    target: &Target,
    operations: &[Operation],
    manner: Manner,
) -> Result<(), Trouble> {
    let (window, start) = match target {
        Target::Anonymous { .. } | Target::Simulated { .. } => (Window::open(target)?, 0),
        _ => {
            let region = target.region()?;
            let length = region.length;
            (Window::open(&Target::Anonymous { length })?, region.offset)
        }
    };
    for operation in operations {
        operation.check(&window, manner)?;
        let run = operation.run();
        let Run { offset, width, .. } = manner.checked(run, mode(run));
        if !start.is_multiple_of(width.bytes()) {
            let (direction, what) = (operation.direction(), Misalignment::Window);
            return Err(AccessError::Misaligned { direction, offset, width, what }.into());
        }
    }
    Ok(())
}

/// How far a run came.
struct Progress {
    /// Elements done.
    elements: u64,
    /// Accesses issued, one that failed among them.
    issued: u64,
    outcome: Result<(), AccessError>,
}

impl Session {
    /// Loads a run piece by piece. Where an access fails, `each` gets what came before, and the
    /// failure ends it.
    pub(crate) fn read(
        &mut self,
        run: Run,
        mut each: impl FnMut(&Block) -> io::Result<()>,
    ) -> Result<(), Trouble> {
        let mut completed = 0;
        for piece in pieces(run) {
            let (block, outcome) = self.read_piece(piece)?;
            each(&block)?;
            outcome.map_err(|failure| after_more(failure, completed))?;
            completed += self.manner.accesses_of(block.len());
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
        let mut completed = 0;
        for mut piece in pieces(run) {
            loop {
                let (block, outcome) = self.read_piece(piece)?;
                let mut offsets = piece.offsets();
                // The offsets come second: a zip takes from its first side once more than it gives.
                for (value, offset) in block.values().zip(offsets.by_ref()) {
                    each(offset, Ok(value))?;
                }
                let before = completed;
                completed += self.manner.accesses_of(block.len());
                let (Err(failure), Some(failed)) = (outcome, offsets.next()) else { break };
                each(failed, Err(after_more(failure, before)))?;
                piece = after(piece, block.len() as u64 + 1);
            }
        }
        Ok(())
    }

    /// The elements loaded, and what ended it.
    fn read_piece(&mut self, run: Run) -> Result<(Block, Result<(), AccessError>), Trouble> {
        let mut block = Block::zeroed(run.width, run.count as usize);
        let progress = match self.manner.split {
            None => whole(run, block.load(&self.window, run.offset, mode(run))),
            Some(split) => halves(run, |index, offset| {
                block.set(index, split.read(&self.window, offset)?);
                Ok(())
            }),
        };
        block.truncate(progress.elements as usize);
        if let Some(log) = &mut self.log {
            // What a load that failed would have given is not known.
            let values = block.values().map(Some).chain([None]);
            let accesses = run.offsets().zip(values).flat_map(|(offset, value)| {
                self.manner.accesses(Direction::Read, offset, run.width, value)
            });
            log.note(accesses.take(progress.issued as usize))?;
        }
        Ok((block, progress.outcome))
    }

    /// Makes an operation that stores.
    pub(crate) fn write(&mut self, operation: &Operation) -> Result<(), Trouble> {
        let window = &self.window;
        let progress = match (operation, self.manner.split) {
            (Operation::Update { offset, width, mask, value }, _) => {
                return self.update(*offset, *width, *mask, *value);
            }
            (Operation::Write(run, block), None) => {
                whole(*run, block.store(window, run.offset, mode(*run)))
            }
            (Operation::Fill(run, value), None) => whole(*run, window.fill(*run, *value)),
            (_, Some(split)) => halves(operation.run(), |index, offset| {
                split.write(window, offset, operation.value(index).unwrap_or_default())
            }),
            (Operation::Read(_), None) => unreachable!("a read stores nothing"),
        };
        if let Some(log) = &mut self.log {
            log.note(operation.accesses(self.manner).take(progress.issued as usize))?;
        }
        Ok(progress.outcome?)
    }

    fn update(&mut self, offset: u64, width: Width, mask: u64, value: u64) -> Result<(), Trouble> {
        let loaded = self.window.update(offset, width, mask, value);
        if let Some(log) = &mut self.log {
            let issued = match &loaded {
                Err(AccessError::Fault(f)) if f.direction == busprobe_mmio::Direction::Read => 1,
                Ok(_) | Err(AccessError::Fault(_)) => 2,
                Err(_) => 0,
            };
            let before = loaded.as_ref().ok().copied();
            let stored = before.map(|before| before & !mask | value);
            let accesses = update(offset, width, self.manner, before, stored);
            log.note(accesses.into_iter().take(issued))?;
        }
        loaded?;
        Ok(())
    }

    /// Loads an element until it is what is waited for. Only the last value is known.
    pub(crate) fn poll(
        &mut self,
        offset: u64,
        width: Width,
        poll: &Poll,
    ) -> Result<Result<Polled, PollError>, Trouble> {
        let mut before = 0;
        let polled = self.window.poll_with(offset, width, poll, |time| {
            before += 1;
            std::thread::sleep(time);
            Ok::<(), PollError>(())
        });
        if let Some(log) = &mut self.log {
            let last = match &polled {
                Ok(polled) | Err(PollError::Timeout { polled, .. }) => Some(polled.value),
                Err(PollError::Access(_)) => None,
            };
            let values = std::iter::repeat_n(None, before).chain([last]);
            log.note(
                values
                    .flat_map(|value| self.manner.accesses(Direction::Read, offset, width, value)),
            )?;
        }
        Ok(polled)
    }

    /// Makes the trace whole.
    pub(crate) fn finish(mut self) -> Result<(), Trouble> {
        self.log.as_mut().map_or(Ok(()), Log::finish)
    }
}

/// How far a run of whole elements came.
fn whole(run: Run, outcome: Result<(), AccessError>) -> Progress {
    let (elements, issued) = match &outcome {
        Ok(()) => (run.count, run.count),
        Err(AccessError::Fault(fault)) => (fault.completed, fault.completed + 1),
        Err(_) => (0, 0),
    };
    Progress { elements, issued, outcome }
}

/// Accesses a run's elements one by one, each in halves.
fn halves(run: Run, mut access: impl FnMut(usize, u64) -> Result<(), AccessError>) -> Progress {
    for (index, offset) in run.offsets().enumerate() {
        if let Err(failure) = access(index, offset) {
            let elements = index as u64;
            let failure = after_more(failure, 2 * elements);
            let issued = match &failure {
                AccessError::Fault(fault) => fault.completed + 1,
                _ => 2 * elements,
            };
            return Progress { elements, issued, outcome: Err(failure) };
        }
    }
    Progress { elements: run.count, issued: 2 * run.count, outcome: Ok(()) }
}

/// A failure that came after more accesses than its own run counted.
fn after_more(failure: AccessError, before: u64) -> AccessError {
    match failure {
        AccessError::Fault(fault) => Fault { completed: fault.completed + before, ..fault }.into(),
        other => other,
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

/// Reads a width as the command line has it.
pub(crate) fn width(text: &str) -> Result<Width, String> {
    let bits = text.parse().ok().and_then(Width::from_bits);
    bits.ok_or_else(|| "an access has 8, 16, 32 or 64 bits".to_owned())
}
