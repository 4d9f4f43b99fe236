//! QEMU's own log of what comes to its devices.
//!
//! ```text
//! memory_region_ops_write cpu 0 mr 0x556 addr 0xa000000 value 0x1 size 4 name 'virtio-mmio'
//! 811@1732312801.123456:memory_region_ops_read cpu 0 mr 0x556 addr 0xa000004 value 0x0 size 4
//! 2025-12-04T20:26:55.123456Z memory_region_ops_write cpu 0 mr 0x556 addr 0x10 value 0x1 size 1
//! memory_region_subpage_write cpu 0 mr 0x556 offset 0x8 value 0x1 size 8
//! qemu_ram_write: addr 0x0, data 0x1, size 0x4
//! ```
//! The first four are trace events of the machine's memory (`trace-events` beside `memory.c` in
//! QEMU's source), as `-trace 'memory_region_ops_*' -D FILE` writes them; the last is a device's
//! own message, whose address counts from the device's start. Lines of other events are counted.

mod event;
mod owners;

use std::io::BufRead;

use event::{Event, Place};
use owners::Owners;

use super::ImportError;
use super::lines::Lines;
use crate::{
    Access, Capture, Data, Direction, Header, Level, Loss, LossKind, Mark, Record, Window,
};

const EXPECTED: &str = "is an access in QEMU's log: \
    run QEMU with -trace 'memory_region_ops_*' -D FILE";

/// Which of QEMU's events make the trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// What the device saw: `memory_region_ops_*`, `memory_region_ram_device_*` and
    /// `qemu_ram_*`.
    #[default]
    Device,
    /// What the CPU issued to a region smaller than a page, before QEMU cut it to what the device
    /// takes: `memory_region_subpage_*`. These count from the page's start, so the window has to
    /// lie in one page, and nothing else that is logged in another page at the same place.
    Subpage,
}

/// What to read from the log.
#[derive(Clone, Debug)]
pub struct Options {
    /// The machine's instruction set, as Rust names it; the log does not say.
    pub machine: String,
    /// Where the window begins on the machine's bus. Accesses elsewhere are not the trace's.
    pub base: u64,
    /// Bytes in the window.
    pub length: u64,
    /// A write to this bus address is a mark, named by its value in hexadecimal, and no access.
    pub mark: Option<u64>,
    /// Which events to take.
    pub view: View,
}

/// Reads the log's accesses as records.
///
/// A region that hands its accesses on to another is logged twice; of two regions at one address
/// the one that was logged there first is taken, and a [`Loss`] at the end counts the rest.
pub struct Reader<R> {
    lines: Lines<R>,
    options: Options,
    stage: Stage,
    /// Accesses, marks and losses so far.
    events: u64,
    accesses_anywhere: u64,
    foreign: u64,
    nested: u64,
    owners: Owners,
    first_time_ns: Option<u64>,
}

enum Stage {
    Header,
    Window,
    Events,
    Done,
}

impl<R: BufRead> Reader<R> {
    /// Records from `log`.
    pub fn new(log: R, options: Options) -> Self {
        Reader {
            lines: Lines::new(log),
            options,
            stage: Stage::Header,
            events: 0,
            accesses_anywhere: 0,
            foreign: 0,
            nested: 0,
            owners: Owners::default(),
            first_time_ns: None,
        }
    }

    /// How many lines so far were none of the accesses that the [`View`] takes.
    pub fn foreign(&self) -> u64 {
        self.foreign
    }

    fn next_record(&mut self) -> Result<Option<Record>, ImportError> {
        match self.stage {
            Stage::Header => {
                self.stage = Stage::Window;
                let Options { machine, .. } = &self.options;
                Ok(Some(Record::Trace(Header::new(Level::Bus, Capture::Guest, machine))))
            }
            Stage::Window => {
                self.stage = Stage::Events;
                let Options { base, length, .. } = self.options;
                let name = format!("mem:{base:#x}+{length:#x}");
                Ok(Some(Record::Window(Window { id: 0, name, base: Some(base), length })))
            }
            Stage::Events => self.next_event(),
            Stage::Done => Ok(None),
        }
    }

    fn next_event(&mut self) -> Result<Option<Record>, ImportError> {
        while let Some(line) = self.lines.next()? {
            let event = match event::parse(&line.text) {
                Ok(Some(event)) => event,
                Ok(None) => {
                    self.foreign += 1;
                    continue;
                }
                Err(_) if !line.is_whole => {
                    let number = line.number;
                    self.stage = Stage::Done;
                    let detail =
                        format!("the log was cut off in line {number}; all before it is here");
                    return Ok(Some(self.loss(LossKind::CutOff, detail, None)));
                }
                Err(what) => return Err(ImportError::Line { line: line.number, what }),
            };
            if let Some(record) = self.record(&event) {
                return Ok(Some(record));
            }
        }
        self.stage = Stage::Done;
        match (self.accesses_anywhere, self.nested) {
            (0, _) if self.foreign > 0 => {
                Err(ImportError::WrongLog { lines: self.lines.count(), expected: EXPECTED })
            }
            (_, 0) => Ok(None),
            (_, nested) => {
                let detail = format!(
                    "{nested} accesses by a second memory region of QEMU's at an address where \
                     another had been logged were taken for the same ones, handed on"
                );
                Ok(Some(self.loss(LossKind::Approximate, detail, Some(nested))))
            }
        }
    }

    /// The record that an event makes; none when it is not the trace's.
    fn record(&mut self, event: &Event) -> Option<Record> {
        let Options { base, length, mark, view, .. } = self.options;
        let address = match (view, event.place) {
            (View::Device, Place::Bus(address)) => address,
            (View::Device, Place::Device(offset)) => base.checked_add(offset)?,
            (View::Subpage, Place::Page(offset)) => (base & !0xfff).checked_add(offset)?,
            _ => {
                self.foreign += 1;
                return None;
            }
        };
        self.accesses_anywhere += 1;
        let time_ns = self.since_first(event.time_ns);
        if mark == Some(address) && event.direction == Direction::Write {
            let text = format!("{:#x}", event.value);
            let mark = Mark { seq: self.next_seq(), text, thread: event.thread, time_ns };
            return Some(Record::Mark(mark));
        }
        let offset = address.checked_sub(base).filter(|&offset| offset < length)?;
        if let Some(region) = event.region
            && !self.owners.owns(region, address, event.size)
        {
            self.nested += 1;
            return None;
        }
        Some(Record::Access(Access {
            seq: self.next_seq(),
            data: Some(Data::new(&event.value.to_le_bytes()[..event.size as usize])),
            thread: event.thread,
            time_ns,
            ..Access::new(event.direction, offset, event.size)
        }))
    }

    fn since_first(&mut self, time_ns: Option<u64>) -> Option<u64> {
        let time_ns = time_ns?;
        Some(time_ns.saturating_sub(*self.first_time_ns.get_or_insert(time_ns)))
    }

    fn loss(&mut self, kind: LossKind, detail: String, count: Option<u64>) -> Record {
        Record::Loss(Loss { seq: self.next_seq(), kind, detail, count })
    }

    fn next_seq(&mut self) -> u64 {
        self.events += 1;
        self.events - 1
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Record, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_record();
        if next.is_err() {
            self.stage = Stage::Done;
        }
        next.transpose()
    }
}
