//! `DynamoRIO`'s traces of memory as text.
//!
//! ```text
//! 0x00007ffeacab0ec8:  8, w
//! 0x00007f59c2d002d3,w,8,0x00007ffeacab0ec8
//!     10  2: W0.T3256418 write  8 byte(s) @ 0x00007ffeacab0ec8 by PC 0x00007f59c2d002d3
//! ```
//! The first form is the `memtrace_simple` sample's (an address with an opcode instead of `r` or
//! `w` is an instruction's), the second `memtrace_x86`'s, the third the `view` tool's of
//! drmemtrace. Addresses are the program's own, and there is no data.

use busprobe_trace::Direction;

use super::out::{Out, Seen};
use super::scan::{self, Scan};
use super::sites::Code;
use super::{Dialect, Expected, Reading};

const FORM: Expected = "\"0x00007ffeacab0ec8:  8, w\", \"0x00007f59c2d002d3,w,8,0x00007ffeacab0ec8\" \
    or \"10 2: T812 write 8 byte(s) @ 0x00007ffeacab0ec8 by PC 0x00007f59c2d002d3\"";

pub(super) struct DynamoRio;

pub(super) fn claims(line: &[u8]) -> bool {
    matches!(parse(line), Some(Said::Access(_) | Said::Instruction))
}

enum Said {
    Access(Seen<'static>),
    Instruction,
    Nothing,
}

/// `None` when the line begins as one of the forms and goes on otherwise.
fn parse(line: &[u8]) -> Option<Said> {
    let mut scan = Scan::new(line);
    if scan.skip("0x") {
        let Some(number) = scan.hex_digits() else { return Some(Said::Nothing) };
        if scan.skip(":") {
            return simple(number, scan);
        }
        if scan.skip(",") {
            return with_pc(number, scan);
        }
        return Some(Said::Nothing);
    }
    view(scan)
}

fn direction(letter: &[u8]) -> Option<Direction> {
    match letter {
        b"r" => Some(Direction::Read),
        b"w" => Some(Direction::Write),
        _ => None,
    }
}

fn simple(address: u64, mut scan: Scan) -> Option<Said> {
    scan.spaces();
    let bytes = scan.decimal()?;
    let what = if scan.skip(",") { scan.rest().trim_ascii() } else { return None };
    match direction(what) {
        Some(direction) => Some(Said::Access(Seen::new(direction, address, scan::size(bytes)?))),
        None if what.is_empty() => None,
        None => what.iter().all(u8::is_ascii_alphanumeric).then_some(Said::Instruction),
    }
}

fn with_pc(pc: u64, mut scan: Scan) -> Option<Said> {
    let direction = direction(scan.until(b',')?)?;
    let size = scan::size(scan.decimal()?)?;
    let address = if scan.skip(",") { scan.hex()? } else { return None };
    let code = Some(Code { pc, symbol: b"" });
    scan.is_empty().then_some(Said::Access(Seen { code, ..Seen::new(direction, address, size) }))
}

/// `record instruction: thread what N byte(s) @ address ...`
fn view(mut scan: Scan) -> Option<Said> {
    let Some(thread) = view_thread(&mut scan) else { return Some(Said::Nothing) };
    let Some(what) = scan.word() else { return Some(Said::Nothing) };
    let direction = match what {
        b"read" => Direction::Read,
        b"write" => Direction::Write,
        b"ifetch" => return Some(Said::Instruction),
        _ => return Some(Said::Nothing),
    };
    let size = scan::size(scan.decimal()?)?;
    let address = scan.hex_after(" byte(s) @ ")?;
    let pc = scan.hex_after(" by PC ")?;
    let code = Some(Code { pc, symbol: b"" });
    Some(Said::Access(Seen { thread, code, ..Seen::new(direction, address, size) }))
}

/// Passes ` 10  2: W0.T3256418 `; the workload before the thread may be missing.
fn view_thread(scan: &mut Scan) -> Option<u32> {
    scan.spaces();
    scan.decimal()?;
    scan.spaces();
    scan.decimal()?;
    let word = if scan.skip(":") { scan.word()? } else { return None };
    let thread = word.rsplit(|&byte| byte == b'.').next()?;
    let id = Scan::new(thread.strip_prefix(b"T")?).decimal()?;
    u32::try_from(id).ok()
}

impl Dialect for DynamoRio {
    fn read(&mut self, line: &[u8], out: &mut Out) -> Result<Reading, Expected> {
        match parse(line).ok_or(FORM)? {
            Said::Access(seen) => out.access(seen),
            Said::Instruction => {}
            Said::Nothing => return Ok(Reading::Foreign),
        }
        Ok(Reading::Own)
    }
}
