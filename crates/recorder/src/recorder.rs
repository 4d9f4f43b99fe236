//! One recorder core behind its control port.

use std::io;
use std::ops::RangeInclusive;

use busprobe_mmio::{Mode, Window};
use busprobe_trace::axi4_lite::TransactionWriter;
use busprobe_trace::{Capture, Header, Level, LossKind, Record, Sink};

use crate::RecorderError;
use crate::record::{Recorded, WORDS};
use crate::register::{Register, control};

/// Records that are read at once: 8 KiB.
const RECORDS_A_BLOCK: u32 = 256;

/// Which transactions to record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directions {
    /// Reads.
    pub reads: bool,
    /// Writes.
    pub writes: bool,
}

/// Both.
impl Default for Directions {
    fn default() -> Self {
        Directions { reads: true, writes: true }
    }
}

/// What the core says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a bit of STATUS or CONTROL")]
pub struct Status {
    /// It records.
    pub armed: bool,
    /// Whole records that wait to be drained.
    pub level: u32,
    /// Transactions not recorded since the last clear; stays at the maximum.
    pub lost: u32,
    /// Some were lost because the memory was full.
    pub overflow: bool,
    /// Some were lost because too many requests waited for their responses.
    pub outstanding: bool,
    /// A response came to which the core had seen no request.
    pub unpaired: bool,
}

/// One recorder core. Each method says what it reads and writes; nothing else touches the bus.
#[derive(Debug)]
pub struct Recorder<'a> {
    control: &'a Window,
    data_width: u32,
    end: u64,
    clock_hz: u32,
    range: RangeInclusive<u64>,
    /// Lost transactions that the gaps of drained records have counted.
    accounted: u64,
    /// Lost transactions that were told before a record with their gap was drained.
    told_early: u64,
    /// The cycle from which times count.
    began: Option<u64>,
}

impl<'a> Recorder<'a> {
    /// The recorder whose control port is `control`. Reads ID, LINK, CLOCK and the filter.
    ///
    /// # Errors
    /// [`RecorderError::NotARecorder`], after that one read.
    pub fn new(control: &'a Window) -> Result<Self, RecorderError> {
        let found = read(control, Register::Id)?;
        if found != Register::ID_VALUE {
            return Err(RecorderError::NotARecorder { expected: Register::ID_VALUE, found });
        }
        let link = read(control, Register::Link)?;
        let end = u64::MAX >> (64 - (link >> 8 & 0xFF).clamp(1, 64));
        let address = |low, high| -> Result<u64, RecorderError> {
            Ok(u64::from(read(control, high)?) << 32 | u64::from(read(control, low)?))
        };
        let first = address(Register::FirstLow, Register::FirstHigh)?;
        let last = address(Register::LastLow, Register::LastHigh)?.min(end);
        Ok(Recorder {
            control,
            data_width: link & 0xFF,
            end,
            clock_hz: read(control, Register::Clock)?,
            range: first..=last,
            accounted: 0,
            told_early: 0,
            began: None,
        })
    }

    /// Bits of the link's data: 32 or 64.
    #[must_use]
    pub fn data_width(&self) -> u32 {
        self.data_width
    }

    /// Records from now on what touches the bytes of `range`, as the link has addresses. Writes the
    /// filter and CONTROL; what is in the memory stays there.
    ///
    /// # Errors
    /// [`RecorderError::Range`], before anything was written.
    pub fn arm(
        &mut self,
        range: RangeInclusive<u64>,
        directions: Directions,
    ) -> Result<(), RecorderError> {
        let (&first, &last) = (range.start(), range.end());
        if first > last || last > self.end {
            return Err(RecorderError::Range { first, last, end: self.end });
        }
        self.range = range;
        self.write(Register::FirstLow, first as u32)?;
        self.write(Register::FirstHigh, (first >> 32) as u32)?;
        self.write(Register::LastLow, last as u32)?;
        self.write(Register::LastHigh, (last >> 32) as u32)?;
        let skip_reads = if directions.reads { 0 } else { control::SKIP_READS };
        let skip_writes = if directions.writes { 0 } else { control::SKIP_WRITES };
        self.write(Register::Control, control::ARM | skip_reads | skip_writes)
    }

    /// All addresses of the link.
    #[must_use]
    pub fn everything(&self) -> RangeInclusive<u64> {
        0..=self.end
    }

    /// Records no more. Writes CONTROL; what was recorded stays.
    ///
    /// # Errors
    /// When the control port does not answer.
    pub fn disarm(&mut self) -> Result<(), RecorderError> {
        self.write(Register::Control, 0)
    }

    /// Disarms, forgets all records, and sets counts and flags to zero. Writes CONTROL.
    ///
    /// # Errors
    /// When the control port does not answer.
    pub fn clear(&mut self) -> Result<(), RecorderError> {
        self.write(Register::Control, control::CLEAR)?;
        (self.accounted, self.told_early, self.began) = (0, 0, None);
        Ok(())
    }

    /// Reads CONTROL, STATUS, LEVEL and LOST.
    ///
    /// # Errors
    /// When the control port does not answer.
    pub fn status(&self) -> Result<Status, RecorderError> {
        let status = self.read(Register::Status)?;
        Ok(Status {
            armed: self.read(Register::Control)? & control::ARM != 0,
            level: self.read(Register::Level)?,
            lost: self.read(Register::Lost)?,
            overflow: status & 1 != 0,
            outstanding: status & 2 != 0,
            unpaired: status & 4 != 0,
        })
    }

    /// Puts the header and the window of a trace into `sink`. The window is the range that is
    /// recorded, in whole words of the link. Touches no bus.
    ///
    /// # Errors
    /// What the sink says.
    pub fn begin<S: Sink>(&self, name: &str, mut sink: S) -> io::Result<TransactionWriter<S>> {
        let lanes = u64::from(self.data_width / 8).max(1) - 1;
        let base = self.range.start() & !lanes;
        let header = Header::new(Level::Bus, Capture::Recorder, std::env::consts::ARCH);
        sink.put(&Record::Trace(header))?;
        sink.put(&Record::Window(busprobe_trace::Window {
            id: 0,
            name: name.to_owned(),
            base: Some(base),
            length: ((self.range.end() | lanes) - base).saturating_add(1),
        }))?;
        Ok(TransactionWriter::new(sink, self.data_width, base))
    }

    /// Takes all records that wait, oldest first, with each loss at its place, and gives how many
    /// transactions those were. The core may go on recording meanwhile.
    ///
    /// Reads STATUS and LEVEL, then RECORD eight times a record, then LOST and LEVEL.
    ///
    /// # Errors
    /// When the control port does not answer, or the sink takes no more: the records of the block
    /// that was under way, at most 256, are then gone.
    pub fn drain<S: Sink>(
        &mut self,
        trace: &mut TransactionWriter<S>,
    ) -> Result<u64, RecorderError> {
        let half_read = (self.read(Register::Status)? >> 8 & 7) as usize;
        let mut waiting = self.read(Register::Level)?;
        let mut drained = 0;
        if half_read > 0 && waiting > 0 {
            // Another program took the first words of this record.
            self.take(&mut [0; WORDS][half_read..])?;
            missed(trace, 1)?;
            waiting -= 1;
        }
        while waiting > 0 {
            let count = waiting.min(RECORDS_A_BLOCK);
            let mut words = vec![0; count as usize * WORDS];
            self.take(&mut words)?;
            for record in words.as_chunks().0 {
                match Recorded::decode(*record) {
                    Some(recorded) => {
                        self.put(&recorded, trace)?;
                        drained += 1;
                    }
                    // Another program took it between LEVEL and here.
                    None => missed(trace, 1)?,
                }
            }
            waiting -= count;
        }
        let told = self.accounted + self.told_early;
        let later = u64::from(self.read(Register::Lost)?).saturating_sub(told);
        // With no record after them they are the latest; the next record's gap counts them again.
        if later > 0 && self.read(Register::Level)? == 0 {
            self.told_early += later;
            missed(trace, later)?;
        }
        Ok(drained)
    }

    fn put<S: Sink>(
        &mut self,
        recorded: &Recorded,
        trace: &mut TransactionWriter<S>,
    ) -> io::Result<()> {
        let gap = u64::from(recorded.gap);
        self.accounted += gap;
        let early = gap.min(self.told_early);
        self.told_early -= early;
        if gap > early {
            missed(trace, gap - early)?;
        }
        let began = *self.began.get_or_insert(recorded.cycle);
        let cycles = u128::from(recorded.response_cycle.saturating_sub(began));
        let time_ns = (cycles * 1_000_000_000).checked_div(self.clock_hz.into());
        trace.put(&recorded.transaction, time_ns.map(|time| time as u64))
    }

    fn take(&self, words: &mut [u32]) -> Result<(), RecorderError> {
        Ok(self.control.read_block(Register::Record as u64, words, Mode::Fixed)?)
    }

    fn read(&self, register: Register) -> Result<u32, RecorderError> {
        read(self.control, register)
    }

    fn write(&self, register: Register, value: u32) -> Result<(), RecorderError> {
        Ok(self.control.write32(register as u64, value)?)
    }
}

fn read(control: &Window, register: Register) -> Result<u32, RecorderError> {
    Ok(control.read32(register as u64)?)
}

fn missed<S: Sink>(trace: &mut TransactionWriter<S>, count: u64) -> io::Result<()> {
    let noun = if count == 1 { "transaction" } else { "transactions" };
    let detail = format!(
        "the recorder had no room: {count} {noun} of the link at this place were not recorded"
    );
    trace.loss(LossKind::Missed, detail, Some(count))
}
