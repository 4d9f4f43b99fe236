//! Value change dumps (IEEE 1364-2005 clause 18).

use std::io::{self, BufRead};

use busprobe_trace::Sink;
use vcd::{Command, IdCode, Parser, Scope, ScopeItem, SimulationCommand, Value};

use super::playback::Playback;
use super::{Options, ReadError, Summary};
use crate::import::axi4_lite::{Bits, Signal};
use crate::import::lines::BoundedLines;

/// Reads a value change dump into `sink`: a header, the window, and what the link carried.
///
/// Transactions are in the order in which their responses were taken; `time_ns` is the time of that
/// in the simulation.
///
/// # Errors
/// See [`ReadError`]. A file that ends in the middle is no error but a loss in the trace.
pub fn read_vcd<R: BufRead>(
    input: R,
    options: &Options<'_>,
    sink: &mut dyn Sink,
) -> Result<Summary, ReadError> {
    let mut parser = Parser::new(BoundedLines::new(input));
    let header = parser.parse_header().map_err(|error| trouble(&parser, error))?;
    let nanoseconds = header.timescale.map_or((1, 1), |(count, unit)| {
        (u128::from(count) * 1_000_000_000, u128::from(unit.divisor()))
    });
    let mut signals = Vec::new();
    list_signals(&header.items, "", &mut signals);
    let mut playback = Playback::new(&signals, nanoseconds, options, sink)?;
    loop {
        match parser.next().transpose() {
            Ok(Some(Command::Timestamp(time))) => {
                playback.advance(time, || format!("line {}", parser.line()))?;
            }
            Ok(Some(Command::ChangeScalar(id, value))) => {
                playback.change(id, || Bits::new([bit(value)].into_iter()));
            }
            Ok(Some(Command::ChangeVector(id, vector))) => playback.change(id, || {
                let places = (0..vector.len()).rev();
                Bits::new(places.map(|place| vector.get(place).and_then(bit)))
            }),
            Ok(Some(Command::Begin(SimulationCommand::Dumpoff))) => playback.dump_off()?,
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                playback.cut_off(format!("line {}", parser.line()))?;
                break;
            }
            Err(error) => return Err(trouble(&parser, error)),
        }
    }
    Ok(playback.end()?)
}

fn bit(value: Value) -> Option<bool> {
    match value {
        Value::V0 => Some(false),
        Value::V1 => Some(true),
        Value::X | Value::Z => None,
    }
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

fn trouble<R: BufRead>(parser: &Parser<R>, error: io::Error) -> ReadError {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::Other => {
            ReadError::Vcd { line: parser.line(), what: error.to_string() }
        }
        _ => ReadError::Io(error),
    }
}
