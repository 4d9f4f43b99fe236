//! `GTKWave`'s fast signal trace, by the reader that wellen uses.

mod blocks;

use std::io::{self, BufRead, Seek};
use std::panic::{self, AssertUnwindSafe};

use busprobe_trace::Sink;
use fst_reader::{
    FstFilter, FstHierarchyEntry, FstReader, FstSignalHandle, FstSignalValue, ReadSignalsError,
    ReaderError,
};

use super::playback::{Nanoseconds, Playback};
use super::{Options, ReadError, Summary};
use crate::import::axi4_lite::{Bits, Signal};

/// Reads a fast signal trace into `sink`, as [`read_vcd`](super::read_vcd) does, in the memory of
/// one block of the file.
///
/// The reader trusts its file, and stops the program over a damaged one. So blocks are measured
/// before it sees them, and its panics become errors; a program that does not want their messages
/// on standard error has a [panic hook](std::panic::set_hook) that is silent for them.
///
/// # Errors
/// See [`ReadError`]. A file that was cut off has lost the names of its wires, and is an error.
pub fn read_fst<R: BufRead + Seek>(
    mut input: R,
    options: &Options<'_>,
    sink: &mut dyn Sink,
) -> Result<Summary, ReadError> {
    blocks::check(&mut input)?;
    let read = AssertUnwindSafe(|| read_checked(input, options, sink));
    panic::catch_unwind(read).unwrap_or_else(|_| Err(damaged("a block that makes no sense")))
}

fn read_checked<R: BufRead + Seek>(
    input: R,
    options: &Options<'_>,
    sink: &mut dyn Sink,
) -> Result<Summary, ReadError> {
    let mut reader = FstReader::open(input)?;
    let nanoseconds = nanoseconds(reader.get_header().timescale_exponent);
    let signals = list_signals(&mut reader)?;
    let mut playback = Playback::new(&signals, nanoseconds, options, sink)?;
    let filter =
        FstFilter::filter_signals(playback.ids().map(FstSignalHandle::from_index).collect());
    let mut now = None;
    let read = reader.read_signals(&filter, |time, id, value| {
        if now != Some(time) {
            playback.advance(time, || format!("the block of {time} units of its time"))?;
            now = Some(time);
        }
        if let FstSignalValue::String(digits) = value {
            playback
                .change(id.get_index(), || Bits::new(digits.iter().rev().map(|&digit| bit(digit))));
        }
        Ok(())
    });
    match read {
        Ok(()) => Ok(playback.end()?),
        Err(ReadSignalsError::CallbackError(error)) => Err(ReadError::Io(error)),
        Err(ReadSignalsError::ReadError(error)) => Err(error.into()),
    }
}

impl From<ReaderError> for ReadError {
    fn from(error: ReaderError) -> Self {
        match error {
            ReaderError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                ReadError::Io(error)
            }
            ReaderError::MissingGeometry() | ReaderError::MissingHierarchy() => {
                damaged("it does not name its wires: it was cut off before its end was written")
            }
            error => damaged(&error.to_string()),
        }
    }
}

fn damaged(what: &str) -> ReadError {
    ReadError::Fst { byte: 0, what: what.to_owned() }
}

/// The file's unit of time is ten to the power of `exponent` seconds.
fn nanoseconds(exponent: i8) -> Nanoseconds {
    let power = u32::from(exponent.clamp(-21, 2).unsigned_abs());
    match exponent.saturating_add(9) {
        up @ 0.. => (10_u128.pow(u32::from(up.min(11).unsigned_abs())), 1),
        _ => (1, 10_u128.pow(power - 9)),
    }
}

fn bit(digit: u8) -> Option<bool> {
    match digit {
        b'0' | b'l' | b'L' => Some(false),
        b'1' | b'h' | b'H' => Some(true),
        _ => None,
    }
}

/// All wires, with the scopes they lie in.
fn list_signals<R: BufRead + Seek>(
    reader: &mut FstReader<R>,
) -> Result<Vec<Signal<usize>>, ReaderError> {
    let mut scopes: Vec<String> = Vec::new();
    let mut signals = Vec::new();
    reader.read_hierarchy(|entry| match entry {
        FstHierarchyEntry::Scope { name, .. } => {
            let outer = scopes.last().map_or(String::new(), |outer| format!("{outer}."));
            scopes.push(outer + &name);
        }
        FstHierarchyEntry::UpScope => {
            scopes.pop();
        }
        FstHierarchyEntry::Var { name, length, handle, .. } => {
            // Simulators write the range behind the name: `awaddr [31:0]`.
            let bare = name.split('[').next().unwrap_or_default().trim_end();
            signals.push(Signal {
                scope: scopes.last().cloned().unwrap_or_default(),
                name: bare.to_owned(),
                width: length,
                id: handle.get_index(),
            });
        }
        _ => {}
    })?;
    Ok(signals)
}
