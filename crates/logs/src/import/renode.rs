//! Renode's log of a peripheral's accesses (`sysbus LogPeripheralAccess`).
//!
//! ```text
//! 18:02:11.1234 [INFO] led: [cpu: 0x40000988] WriteUInt32 to 0x8 (Output), value 0x7
//! [18:02:11.1234] [INFO] led: [cpu: 0x40000990] ReadUInt32 from 0x8 (Output), returned 0x7 (3)
//! ```
//! The address counts from the peripheral's start, so each peripheral is a window. A number in
//! brackets at the end says how many identical lines this one stands for.

use busprobe_trace::Direction;

use super::out::{Out, Seen};
use super::scan::{self, Scan};
use super::sites::Code;
use super::windows::Region;
use super::{Dialect, Expected, Reading};

const FORM: Expected =
    "\"18:02:11.1234 [INFO] led: [cpu: 0x40000988] WriteUInt32 to 0x8 (Output), value 0x7\"";

pub(super) struct Renode;

/// The parts of a line that is an access.
#[derive(Clone, Copy)]
struct Parts<'a> {
    time_ns: Option<u64>,
    peripheral: &'a [u8],
    pc: Option<u64>,
    direction: Direction,
    size: u32,
    rest: Scan<'a>,
}

pub(super) fn claims(line: &[u8]) -> bool {
    parts(line).is_some()
}

fn parts(line: &[u8]) -> Option<Parts<'_>> {
    let mut scan = Scan::new(line);
    let bracket = scan.skip("[");
    let time_ns = Some(scan.clock()?);
    if bracket && !scan.skip("]") || !scan.skip(" [") {
        return None;
    }
    scan.until(b']')?;
    scan.spaces();
    let peripheral = scan.until(b':')?;
    scan.spaces();
    let mut pc = None;
    if scan.skip("[") {
        let mut cpu = Scan::new(scan.until(b']')?);
        cpu.until(b':')?;
        cpu.spaces();
        pc = cpu.hex();
        scan.spaces();
    }
    let direction = if scan.skip("Write") {
        Direction::Write
    } else if scan.skip("Read") {
        Direction::Read
    } else {
        return None;
    };
    let widths = [
        ("Byte ", 1),
        ("UInt16 ", 2),
        ("UInt32 ", 4),
        ("UInt64 ", 8),
        ("Word ", 2),
        ("DoubleWord ", 4),
        ("QuadWord ", 8),
    ];
    let size = widths.into_iter().find(|(name, _)| scan.skip(name))?.1;
    Some(Parts { time_ns, peripheral, pc, direction, size, rest: scan })
}

/// The access, and how often it was made.
fn access(parts: Parts<'_>) -> Option<(Seen<'_>, u64)> {
    let Parts { time_ns, peripheral, pc, direction, size, rest: mut scan } = parts;
    let (preposition, value) = match direction {
        Direction::Write => ("to ", ", value "),
        Direction::Read => ("from ", ", returned "),
    };
    let address = scan.hex_after(preposition)?;
    scan.spaces();
    if scan.skip("(") {
        scan.until(b')')?;
    }
    let value = scan.hex_after(value)?;
    let times = if scan.skip(" (") { scan.decimal().filter(|_| scan.skip(")"))? } else { 1 };
    scan.skip(".");
    if !scan.is_empty() {
        return None;
    }
    let seen = Seen {
        data: Some(scan::data(value, size)?),
        time_ns,
        region: Region::Within(peripheral),
        code: pc.map(|pc| Code { pc, symbol: b"" }),
        ..Seen::new(direction, address, size)
    };
    Some((seen, times))
}

impl Dialect for Renode {
    fn read(&mut self, line: &[u8], out: &mut Out) -> Result<Reading, Expected> {
        let Some(parts) = parts(line) else { return Ok(Reading::Foreign) };
        let (seen, times) = access(parts).ok_or(FORM)?;
        out.repeat(seen, times);
        Ok(Reading::Own)
    }
}
