//! A trace as signals over time, for the waveform formats.
//!
//! In the scope `busprobe` each beat sets the signals and raises `valid` for a while, so that two
//! identical beats in a row are two pulses:
//!
//! | signal | bits | |
//! | --- | --- | --- |
//! | `valid` | 1 | a beat is here |
//! | `op` | 8 | `R` or `W` in ASCII |
//! | `address` | 64 | the first byte touched: the window's base and the offset |
//! | `data` | the bus's | in the lanes of the bus word; `x` where it is not touched or not known |
//! | `strobe` | a bit a byte | the bytes touched |
//! | `window` | 32 | its id |
//! | `operation` | 32 | how many marks there were before |
//! | `thread` | 32 | |
//! | `pc` | 64 | the instruction's address; `x` when it is not known |
//!
//! A beat's thread and instruction are those of the access that brought it out on the bus. The
//! unit is the nanosecond. Beats without a time are 10 ns apart; where several have the same
//! time, each comes 2 ns after the one before, so that none hides another.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

use busprobe_trace::{Access, Record, Sink};
use busprobe_verdict::{Beat, Bus, Lowering};

use super::Exporter;

/// Between two beats of which the time is not known.
const STEP_NS: u64 = 10;
/// Between two beats at the least: a pulse and a pause.
const CLOSEST_NS: u64 = 2;
/// A bus wider than this has no lanes: a beat's first byte is the lowest.
const WIDEST_WORD: usize = 8;

/// One signal's name and width.
pub(super) struct Signal {
    pub(super) name: &'static str,
    pub(super) bits: u32,
}

/// Values of signals, most significant bit first, in `0`, `1` and `x`.
pub(super) trait Wave {
    /// The next values are those from `time` on.
    fn time(&mut self, time: u64) -> io::Result<()>;

    /// Sets the signal of that place among [`signals`].
    fn set(&mut self, signal: usize, value: &[u8]) -> io::Result<()>;

    /// Ends the file.
    fn finish(self) -> io::Result<()>;
}

const VALID: usize = 0;

/// The names of the signals, in the order in which they are set.
pub(crate) const WIRES: [&str; 9] =
    ["valid", "op", "address", "data", "strobe", "window", "operation", "thread", "pc"];

/// The signals of a waveform for a bus so wide.
pub(super) fn signals(bus_width: u32) -> [Signal; 9] {
    let mut bits = [1, 8, 64, bus_width * 8, bus_width, 32, 32, 32, 64].into_iter();
    WIRES.map(|name| Signal { name, bits: bits.next().unwrap_or_default() })
}

/// Lowers accesses to beats and beats to signals.
pub(super) struct Waves<W> {
    /// Opened at the first record, since that can fail.
    wave: Option<W>,
    open: Option<Box<dyn FnOnce(u32) -> io::Result<W>>>,
    bus: Arc<dyn Bus>,
    /// What is on its way to the bus, by window, and the last access to each.
    lowerings: BTreeMap<u32, (Box<dyn Lowering>, Access)>,
    beats: Vec<Beat>,
    bases: HashMap<u32, u64>,
    pcs: HashMap<u32, u64>,
    operation: u64,
    latest: Option<u64>,
}

impl<W: Wave> Waves<W> {
    /// `open` is given the bus's width in bytes.
    pub(super) fn new(
        bus: Arc<dyn Bus>,
        open: impl FnOnce(u32) -> io::Result<W> + 'static,
    ) -> Self {
        Waves {
            wave: None,
            open: Some(Box::new(open)),
            bus,
            lowerings: BTreeMap::new(),
            beats: Vec::new(),
            bases: HashMap::new(),
            pcs: HashMap::new(),
            operation: 0,
            latest: None,
        }
    }

    fn wave(&mut self) -> io::Result<&mut W> {
        if let Some(open) = self.open.take() {
            let mut wave = open(self.bus.width())?;
            wave.time(0)?;
            wave.set(VALID, b"0")?;
            self.wave = Some(wave);
        }
        self.wave.as_mut().ok_or_else(|| io::Error::other("the waveform could not be begun"))
    }

    fn access(&mut self, access: &Access) -> io::Result<()> {
        let mut beats = std::mem::take(&mut self.beats);
        beats.clear();
        let idle = || (self.bus.begin(), access.clone());
        let (lowering, last) = self.lowerings.entry(access.window).or_insert_with(idle);
        last.clone_from(access);
        lowering.push(access, &mut beats);
        for beat in &beats {
            self.beat(access, beat)?;
        }
        self.beats = beats;
        Ok(())
    }

    fn beat(&mut self, access: &Access, beat: &Beat) -> io::Result<()> {
        let earliest = self.latest.map_or(STEP_NS, |latest| latest.saturating_add(CLOSEST_NS));
        let wanted = match (access.time_ns, self.latest) {
            (Some(time), _) => time,
            (None, Some(latest)) => latest.saturating_add(STEP_NS),
            (None, None) => STEP_NS,
        };
        let time = wanted.max(earliest);
        self.latest = Some(time);

        let width = self.bus.width();
        let base = self.bases.get(&access.window).copied().unwrap_or(0);
        let (data, strobe) = lanes(beat, width);
        let values = [
            b"1".to_vec(),
            bits(beat.direction.letter() as u64, 8),
            bits(base.saturating_add(beat.offset), 64),
            data,
            strobe,
            bits(access.window.into(), 32),
            bits(self.operation, 32),
            bits(access.thread.into(), 32),
            match access.site.and_then(|site| self.pcs.get(&site)) {
                Some(&pc) => bits(pc, 64),
                None => vec![b'x'; 64],
            },
        ];
        let wave = self.wave()?;
        wave.time(time)?;
        for (signal, value) in values.iter().enumerate() {
            wave.set(signal, value)?;
        }
        wave.time(time.saturating_add(1))?;
        wave.set(VALID, b"0")
    }
}

/// The data and the strobes of a beat, in the lanes of its bus word.
fn lanes(beat: &Beat, width: u32) -> (Vec<u8>, Vec<u8>) {
    let (width, size) = (width as usize, beat.size as usize);
    let lane = (beat.offset % width as u64) as usize;
    let lane = if width > WIDEST_WORD || lane + size > width { 0 } else { lane };
    let mut data = vec![b'x'; width * 8];
    let mut strobe = vec![b'0'; width];
    for byte in 0..size.min(width) {
        let place = width - 1 - (lane + byte);
        strobe[place] = b'1';
        if let Some(known) = &beat.data {
            let value = bits(known.bytes()[byte].into(), 8);
            data[place * 8..(place + 1) * 8].copy_from_slice(&value);
        }
    }
    (data, strobe)
}

fn bits(value: u64, count: u32) -> Vec<u8> {
    (0..count).rev().map(|bit| b'0' + (value >> bit & 1) as u8).collect()
}

impl<W: Wave> Sink for Waves<W> {
    fn put(&mut self, record: &Record) -> io::Result<()> {
        match record {
            Record::Window(window) => {
                self.bases.insert(window.id, window.base.unwrap_or(0));
            }
            // A log may name the function alone, and then the address is 0.
            Record::Site(site) if site.pc != 0 => {
                self.pcs.insert(site.id, site.pc);
            }
            Record::Mark(_) => self.operation += 1,
            Record::Access(access) => self.access(access)?,
            Record::Repeat(repeat) => {
                repeat.accesses().try_for_each(|access| self.access(&access))?;
            }
            Record::Trace(_) | Record::Site(_) | Record::Syscall(_) | Record::Loss(_) => {}
        }
        Ok(())
    }
}

impl<W: Wave> Exporter for Waves<W> {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        for (mut lowering, last) in std::mem::take(&mut self.lowerings).into_values() {
            let mut beats = Vec::new();
            lowering.finish(&mut beats);
            beats.iter().try_for_each(|beat| self.beat(&last, beat))?;
        }
        let end = self.latest.unwrap_or(0).saturating_add(STEP_NS);
        self.wave()?.time(end)?;
        match self.wave {
            Some(wave) => wave.finish(),
            None => Ok(()),
        }
    }
}
