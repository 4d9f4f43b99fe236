//! The AXI4-Lite link in a simulation's waveform (VCD, IEEE 1364-2005 clause 18), as a trace at the
//! level of the bus.
//!
//! The link is found by the names of its wires; a transfer is VALID and READY at a rising edge of
//! the clock. What counts is a wire's value before the edge: what changes at the edge's own time is
//! the edge's doing.
//!
//! ```no_run
//! use busprobe_trace::{Capture, Header, Level, Trace, vcd};
//!
//! let file = std::io::BufReader::new(std::fs::File::open("sim.vcd")?);
//! let mut trace = Trace::new(Header::new(Level::Bus, Capture::Import, "unknown"));
//! vcd::read(file, &vcd::Options { link: Some("dut.s_axi"), ..Default::default() }, &mut trace)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::HashMap;
use std::io::{self, BufRead};
use std::ops::RangeInclusive;

use thiserror::Error;
use vcd::{Command, IdCode, Parser, Scope, ScopeItem, SimulationCommand, Value, Vector};

use crate::axi4_lite::{
    Link, Pairing, ReadData, Reset, Response, Role, Signal, TransactionWriter, Transfers,
    WriteData, find_links,
};
use crate::{Capture, Header, Level, LossKind, Record, Sink, Window};

/// What to look for.
#[derive(Clone, Debug, Default)]
pub struct Options<'a> {
    /// The link, when the file has several: its scope and prefix, or the end of that.
    pub link: Option<&'a str>,
    /// The clock, when its name does not tell: its full name, or the end of that.
    pub clock: Option<&'a str>,
    /// The bytes that are of interest, by the link's addresses; `None` for all. What touches none
    /// of them is left out, and the window is this range in whole words of the link.
    pub only: Option<RangeInclusive<u64>>,
}

/// Why a file could not be read, or not to its end. What came before stays in the sink.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file is no VCD, or is damaged.
    #[error("line {line}: not as VCD has it: {what}")]
    Damaged {
        /// From 1.
        line: u64,
        /// What was found there.
        what: String,
    },
    /// No set of wires is a link's.
    #[error(
        "no AXI4-Lite link here: none of the {wires} wires' names go together as ..awaddr, \
         ..awvalid, ..awready, ..wdata and so on; was the link's scope dumped?"
    )]
    NoLink {
        /// How many wires there are.
        wires: usize,
    },
    /// Which of several links is meant is not clear.
    #[error("{} links: {}; say which", names.len(), names.join(", "))]
    Links {
        /// Those that there are, or that the asked name fits.
        names: Vec<String>,
    },
    /// The asked link is not there.
    #[error("no link {asked:?}; there is {}", names.join(", "))]
    NoSuchLink {
        /// What was asked for.
        asked: String,
        /// Those that there are.
        names: Vec<String>,
    },
    /// The link is not AXI4-Lite.
    #[error("{link} has AWLEN or ARLEN: a full AXI4 link, whose bursts cannot be told apart here")]
    FullAxi {
        /// Its name.
        link: String,
    },
    /// The data is neither 32 nor 64 bits wide.
    #[error("{link} has {bits} bits of data; AXI4-Lite has 32 or 64")]
    Width {
        /// Its name.
        link: String,
        /// How wide it is.
        bits: u32,
    },
    /// No clock.
    #[error("no clock for {link}: no wire called aclk, clk or clock beside it; say which it is")]
    NoClock {
        /// The link's name.
        link: String,
    },
    /// The sink did not take a record, or the file could not be read.
    #[error(transparent)]
    Io(io::Error),
}

/// Reads a file into `sink`: a header, the window, and what the link carried.
///
/// Transactions are in the order in which their responses were taken; `time_ns` is the time of that
/// in the simulation.
///
/// # Errors
/// See [`ReadError`]. A file that ends in the middle is no error but a loss in the trace.
pub fn read<R: BufRead>(
    input: R,
    options: &Options<'_>,
    sink: &mut impl Sink,
) -> Result<(), ReadError> {
    let mut parser = Parser::new(input);
    let header = parser.parse_header().map_err(|error| trouble(&parser, error))?;
    let nanoseconds = header.timescale.map_or((1, 1), |(count, unit)| {
        (u128::from(count) * 1_000_000_000, u128::from(unit.divisor()))
    });
    let mut signals = Vec::new();
    list_signals(&header.items, "", &mut signals);
    let link = choose(&signals, options.link)?;
    let clock = match options.clock {
        Some(asked) => signals
            .iter()
            .find(|signal| ends_with(&format!("{}.{}", signal.scope, signal.name), asked))
            .map(|signal| signal.id),
        None => link.clock,
    };
    let clock = clock.ok_or_else(|| ReadError::NoClock { link: link.name.clone() })?;

    let data_width = link.width(Role::WData).max(link.width(Role::RData));
    if data_width != 32 && data_width != 64 {
        return Err(ReadError::Width { link: link.name, bits: data_width });
    }
    let address_width = link.width(Role::AwAddr).max(link.width(Role::ArAddr));
    let last = u64::MAX >> (64 - address_width.clamp(1, 64));
    let lanes = u64::from(data_width / 8) - 1;
    let only = options.only.clone().unwrap_or(0..=last);
    let only = only.start() & !lanes..=only.end() | lanes;
    let window = Window {
        id: 0,
        name: link.name.clone(),
        base: Some(*only.start()),
        length: (only.end() - only.start()).saturating_add(1),
    };
    let header = Header::new(Level::Bus, Capture::Import, "unknown");
    for record in [Record::Trace(header), Record::Window(window)] {
        sink.put(&record).map_err(ReadError::Io)?;
    }

    Sampler {
        wires: Wires::new(&link, clock),
        reset: link.reset,
        link,
        clock,
        pairing: Pairing::default(),
        writer: TransactionWriter::new(sink, data_width, *only.start()),
        only,
        nanoseconds,
        time: 0,
    }
    .run(&mut parser)
}

/// All wires, with the scopes they lie in.
fn list_signals(items: &[ScopeItem], scope: &str, signals: &mut Vec<Signal<IdCode>>) {
    for item in items {
        match item {
            ScopeItem::Var(var) => signals.push(Signal {
                scope: scope.to_owned(),
                name: var.reference.clone(),
                width: var.size,
                id: var.code,
            }),
            ScopeItem::Scope(Scope { identifier, items, .. }) => {
                let dot = if scope.is_empty() { "" } else { "." };
                list_signals(items, &format!("{scope}{dot}{identifier}"), signals);
            }
            _ => {}
        }
    }
}

/// The link that is asked for, or the only one.
fn choose(signals: &[Signal<IdCode>], asked: Option<&str>) -> Result<Link<IdCode>, ReadError> {
    let links = find_links(signals);
    if links.is_empty() {
        return Err(ReadError::NoLink { wires: signals.len() });
    }
    let names = |links: &[Link<IdCode>]| links.iter().map(|link| link.name.clone()).collect();
    let all = names(&links);
    let mut fitting: Vec<_> = match asked {
        Some(asked) => links.into_iter().filter(|link| ends_with(&link.name, asked)).collect(),
        None => links,
    };
    // `s_axi` is meant as the whole of a name before it is meant as its end.
    if let Some(exact) = fitting.iter().position(|link| Some(&*link.name) == asked) {
        fitting = vec![fitting.swap_remove(exact)];
    }
    match (<[_; 1]>::try_from(fitting), asked) {
        (Ok([link]), _) if link.signal(Role::Burst).is_some() => {
            Err(ReadError::FullAxi { link: link.name })
        }
        (Ok([link]), _) => Ok(link),
        (Err(none), Some(asked)) if none.is_empty() => {
            Err(ReadError::NoSuchLink { asked: asked.to_owned(), names: all })
        }
        (Err(several), _) => Err(ReadError::Links { names: names(&several) }),
    }
}

/// Whether the last parts of a dotted name are `end`, whatever the case.
fn ends_with(name: &str, end: &str) -> bool {
    let (name, end) = (name.to_ascii_lowercase(), end.to_ascii_lowercase());
    name.strip_suffix(&end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn trouble<R: BufRead>(parser: &Parser<R>, error: io::Error) -> ReadError {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::Other => {
            ReadError::Damaged { line: parser.line(), what: error.to_string() }
        }
        _ => ReadError::Io(error),
    }
}

/// A wire's value; wires are no wider than 64 bits here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bits {
    value: u64,
    /// Which bits are 0 or 1.
    known: u64,
}

impl Bits {
    fn scalar(value: Value) -> Self {
        match value {
            Value::V0 => Bits { value: 0, known: u64::MAX },
            Value::V1 => Bits { value: 1, known: u64::MAX },
            Value::X | Value::Z => Bits::default(),
        }
    }

    /// A vector is written from its most significant bit; what is left out there is 0, or unknown
    /// when the first is (IEEE 1364-2005, 18.2.1).
    fn vector(vector: &Vector) -> Self {
        let mut bits = match vector.get(0) {
            Some(Value::V0 | Value::V1) => Bits { value: 0, known: u64::MAX },
            _ => Bits::default(),
        };
        for bit in vector {
            let Bits { value, known } = Bits::scalar(bit);
            bits = Bits { value: bits.value << 1 | value, known: bits.known << 1 | (known & 1) };
        }
        bits
    }

    fn is_high(self) -> bool {
        self.known & self.value & 1 == 1
    }

    fn is_low(self) -> bool {
        self.known & !self.value & 1 == 1
    }

    /// The value of the lowest `width` bits, when all are known.
    fn whole(self, width: u32) -> Option<u64> {
        self.in_mask(1u64.checked_shl(width).map_or(u64::MAX, |end| end - 1))
    }

    /// The value, when all bits of `mask` are known; the others are 0 where they are not.
    fn in_mask(self, mask: u64) -> Option<u64> {
        (self.known & mask == mask).then_some(self.value & self.known)
    }
}

/// The values of the wires that matter, as they were before the current time's changes.
struct Wires {
    settled: HashMap<IdCode, Bits>,
    changes: Vec<(IdCode, Bits)>,
}

impl Wires {
    fn new(link: &Link<IdCode>, clock: IdCode) -> Self {
        let ids = link.signals().chain(link.reset.map(|(id, _)| id)).chain([clock]);
        Wires { settled: ids.map(|id| (id, Bits::default())).collect(), changes: Vec::new() }
    }

    fn change(&mut self, id: IdCode, bits: impl FnOnce() -> Bits) {
        if self.settled.contains_key(&id) {
            self.changes.push((id, bits()));
        }
    }

    fn before(&self, id: IdCode) -> Bits {
        self.settled[&id]
    }

    /// Whether the wire rises from a clean 0 to a clean 1 by the current time's changes.
    fn rises(&self, id: IdCode) -> bool {
        let after = self.changes.iter().rev().find(|(of, _)| *of == id);
        self.before(id).is_low() && after.is_some_and(|(_, bits)| bits.is_high())
    }

    fn settle(&mut self) {
        self.settled.extend(self.changes.drain(..));
    }
}

/// Looks at the link at each rising edge of the clock.
struct Sampler<S> {
    link: Link<IdCode>,
    clock: IdCode,
    reset: Option<(IdCode, Reset)>,
    wires: Wires,
    pairing: Pairing,
    only: RangeInclusive<u64>,
    writer: TransactionWriter<S>,
    nanoseconds: (u128, u128),
    time: u64,
}

impl<S: Sink> Sampler<S> {
    fn run<R: BufRead>(mut self, parser: &mut Parser<R>) -> Result<(), ReadError> {
        loop {
            match parser.next().transpose() {
                Ok(Some(Command::Timestamp(time))) => {
                    self.step().map_err(ReadError::Io)?;
                    self.time = time;
                }
                Ok(Some(Command::ChangeScalar(id, value))) => {
                    self.wires.change(id, || Bits::scalar(value));
                }
                Ok(Some(Command::ChangeVector(id, vector))) => {
                    self.wires.change(id, || Bits::vector(&vector));
                }
                Ok(Some(Command::Begin(SimulationCommand::Dumpoff))) => {
                    self.dump_off().map_err(ReadError::Io)?;
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    self.step().map_err(ReadError::Io)?;
                    let detail = format!("the file was cut off in line {}", parser.line());
                    self.writer.loss(LossKind::CutOff, detail, None).map_err(ReadError::Io)?;
                    break;
                }
                Err(error) => return Err(trouble(parser, error)),
            }
        }
        self.step().and_then(|()| self.end()).map_err(ReadError::Io)
    }

    /// All changes of the current time are here.
    fn step(&mut self) -> io::Result<()> {
        if self.wires.rises(self.clock) {
            let in_reset = self.reset.is_some_and(|(id, level)| match level {
                Reset::Low => !self.wires.before(id).is_high(),
                Reset::High => !self.wires.before(id).is_low(),
            });
            if in_reset {
                self.pairing.reset();
            } else {
                let time_ns = self.time_ns();
                for transaction in self.pairing.cycle(&self.transfers()) {
                    if self.only.contains(&transaction.address) {
                        self.writer.put(&transaction, Some(time_ns))?;
                    }
                }
            }
        }
        self.wires.settle();
        Ok(())
    }

    /// What the channels carry at this edge.
    fn transfers(&self) -> Transfers {
        let bits = |role| self.link.signal(role).map(|id| self.wires.before(id));
        let is_high = |role| bits(role).is_some_and(Bits::is_high);
        let address = |role| bits(role).unwrap_or_default().whole(self.link.width(role));
        let word = |role, strobes: u8| {
            let lanes = (0..8).filter(|lane| strobes >> lane & 1 == 1);
            let mask = lanes.fold(0, |mask, lane| mask | 0xFF << (8 * lane));
            bits(role).unwrap_or_default().in_mask(mask)
        };
        let response = |role| Response(bits(role).map_or(0, |bits| (bits.value & 3) as u8));
        let lanes = |role| ((1u16 << (self.link.width(role) / 8).min(8)) - 1) as u8;

        let mut transfers = Transfers::default();
        if is_high(Role::AwValid) && is_high(Role::AwReady) {
            transfers.aw = Some(address(Role::AwAddr));
        }
        if is_high(Role::WValid) && is_high(Role::WReady) {
            let all = lanes(Role::WData);
            let strobes = bits(Role::WStrb).map_or(all, |bits| bits.value as u8 & all);
            transfers.w = Some(WriteData { data: word(Role::WData, strobes), strobes });
        }
        if is_high(Role::BValid) && is_high(Role::BReady) {
            transfers.b = Some(response(Role::BResp));
        }
        if is_high(Role::ArValid) && is_high(Role::ArReady) {
            transfers.ar = Some(address(Role::ArAddr));
        }
        if is_high(Role::RValid) && is_high(Role::RReady) {
            let data = word(Role::RData, lanes(Role::RData));
            transfers.r = Some(ReadData { data, response: response(Role::RResp) });
        }
        transfers
    }

    fn time_ns(&self) -> u64 {
        (u128::from(self.time) * self.nanoseconds.0 / self.nanoseconds.1) as u64
    }

    fn dump_off(&mut self) -> io::Result<()> {
        self.step()?;
        self.pairing.reset();
        let detail = format!("the simulation's dump was switched off at {} ns", self.time_ns());
        self.writer.loss(LossKind::NotWatched, detail, None)
    }

    /// What the wires showed in part.
    fn end(&mut self) -> io::Result<()> {
        let Pairing { unpaired, unaddressed, .. } = self.pairing;
        let waiting = self.pairing.waiting() as u64;
        let mut missed = |count: u64, what: &str| match count {
            0 => Ok(()),
            _ => self.writer.loss(LossKind::Missed, format!("{count} {what}"), Some(count)),
        };
        missed(waiting, "requests had no response when the waveform ended")?;
        missed(unpaired, "responses came without a request, as when the dump begins amid traffic")?;
        missed(unaddressed, "transactions had an unknown address (x or z)")
    }
}
