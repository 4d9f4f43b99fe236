//! Linux's trace events `rwmmio` in ftrace's text (`include/trace/events/rwmmio.h`).
//!
//! ```text
//! kworker/0:1-9  [000] .....  7.250011: rwmmio_write: setup+0x24/0x60 width=32 val=0x2 addr=0xffff800008a00004
//! cat-812        [001] .....  7.250019: rwmmio_post_read: readl+0x8/0x10 -> probe+0x40/0x90 width=32 val=0x1 addr=0xffff800008a00008
//! ```
//! The width is in bits. Addresses are the kernel's own (virtual). A write is taken from the event
//! before it, a read from the event after it; the other two say the same again.

use busprobe_trace::{Direction, LossKind};

use super::out::{Out, Seen};
use super::scan::{self, Scan};
use super::sites::Code;
use super::{Dialect, Expected, Reading};

const FORM: Expected =
    "\"cat-812 [000] ..... 7.25: rwmmio_write: setup+0x24/0x60 width=32 val=0x2 addr=0xffff8000\"";

pub(super) struct Rwmmio;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Event {
    Access(Direction),
    /// The same access from its other side.
    Echo,
}

pub(super) fn claims(line: &[u8]) -> bool {
    split(line).is_some()
}

/// The event, what is before its name and what is after it.
fn split(line: &[u8]) -> Option<(Event, &[u8], &[u8])> {
    let at = line.windows(9).position(|window| window == b": rwmmio_")?;
    let (before, mut scan) = (&line[..at], Scan::new(&line[at + 9..]));
    let event = match scan.until(b':')? {
        b"write" => Event::Access(Direction::Write),
        b"post_read" => Event::Access(Direction::Read),
        b"read" | b"post_write" => Event::Echo,
        _ => return None,
    };
    Some((event, before, scan.rest()))
}

fn access<'a>(direction: Direction, before: &[u8], after: &'a [u8]) -> Option<Seen<'a>> {
    let fields = after.windows(7).position(|window| window == b" width=")?;
    let (callers, mut scan) = (after[..fields].trim_ascii(), Scan::new(&after[fields..]));
    let bits = scan.decimal_after(" width=")?;
    let value = scan.number_after(" val=")?;
    let address = scan.hex_after(" addr=")?;
    let size = scan::size(bits / 8).filter(|_| bits % 8 == 0)?;
    // `accessor -> its caller`: the accessor is where the instruction is.
    let arrow = callers.windows(4).position(|window| window == b" -> ");
    let symbol = arrow.map_or(callers, |at| &callers[..at]);
    Some(Seen {
        data: Some(scan::data(value, size)?),
        thread: thread(before),
        time_ns: time(before),
        code: (!symbol.is_empty()).then_some(Code { pc: 0, symbol }),
        ..Seen::new(direction, address, size)
    })
}

/// The digits after the last `-` of the task, which ends before the CPU's `[`.
fn thread(before: &[u8]) -> u32 {
    let task = before.split(|&byte| byte == b'[').next().unwrap_or_default().trim_ascii();
    let id = task.rsplit(|&byte| byte == b'-').next().unwrap_or_default();
    Scan::new(id).decimal().and_then(|id| u32::try_from(id).ok()).unwrap_or(0)
}

/// The last word before the event's name.
fn time(before: &[u8]) -> Option<u64> {
    Scan::new(before.rsplit(|&byte| byte == b' ').next()?).seconds()
}

/// `CPU:1 [LOST 45 EVENTS]`
fn lost(line: &[u8]) -> Option<u64> {
    let mut scan = Scan::new(line);
    scan.decimal_after("CPU:")?;
    if scan.skip(" [LOST ") { scan.decimal() } else { None }
}

impl Dialect for Rwmmio {
    fn read(&mut self, line: &[u8], out: &mut Out) -> Result<Reading, Expected> {
        if let Some(count) = lost(line) {
            let detail = format!("ftrace lost {count} events before line {}", out.line);
            out.loss(LossKind::Missed, detail, Some(count));
            return Ok(Reading::Own);
        }
        match split(line) {
            Some((Event::Access(direction), before, after)) => {
                out.access(access(direction, before, after).ok_or(FORM)?);
                Ok(Reading::Own)
            }
            Some((Event::Echo, ..)) => Ok(Reading::Own),
            None => Ok(Reading::Foreign),
        }
    }
}
