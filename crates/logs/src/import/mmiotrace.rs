//! Linux's mmiotrace (`Documentation/trace/mmiotrace.rst` and `kernel/trace/trace_mmiotrace.c`).
//!
//! ```text
//! VERSION 20070824
//! MAP 42.130011 1 0xfebd0000 0xffffc90000080000 0x4000 0x0 0
//! W 4 42.130012 1 0xfebd0014 0x1 0x0 0
//! MARK 42.200000 Lost 5 events.
//! UNMAP 42.300000 1 0x0 0
//! ```
//! The width is in bytes and the address is the physical one. Each mapping is a window.

use busprobe_trace::{Direction, LossKind};

use super::out::{Out, Seen};
use super::scan::{self, Scan};
use super::sites::Code;
use super::windows::{Range, Region};
use super::{Dialect, Expected, Reading};

const ACCESS: Expected = "\"W 4 42.130012 1 0xfebd0014 0x1 0x0 0\"";
const MAP: Expected = "\"MAP 42.130011 1 0xfebd0000 0xffffc90000080000 0x4000 0x0 0\"";
const MARK: Expected = "\"MARK 42.200000 text\"";

pub(super) struct Mmiotrace;

pub(super) fn claims(line: &[u8]) -> bool {
    line.starts_with(b"VERSION 2007")
        || access(line).is_some()
        || (line.starts_with(b"MAP ") && map(line).is_some())
}

fn access(line: &[u8]) -> Option<Seen<'static>> {
    let mut scan = Scan::new(line);
    let direction = match scan.word()? {
        b"R" => Direction::Read,
        b"W" => Direction::Write,
        _ => return None,
    };
    let size = scan::size(scan.decimal()?)?;
    scan.spaces();
    let time_ns = Some(scan.seconds()?);
    let map = scan.decimal_after(" ")?;
    let address = scan.hex_after(" ")?;
    let value = scan.hex_after(" ")?;
    let pc = scan.hex_after(" ")?;
    let thread = scan.decimal_after(" ")?;
    Some(Seen {
        data: Some(scan::data(value, size)?),
        thread: u32::try_from(thread).ok()?,
        time_ns,
        region: Region::Declared(u32::try_from(map).ok()?),
        // The kernel leaves 0 where it has not looked.
        code: (pc != 0).then_some(Code { pc, symbol: b"" }),
        ..Seen::new(direction, address, size)
    })
}

fn map(line: &[u8]) -> Option<(u32, Range)> {
    let mut scan = Scan::new(line);
    scan.word()?;
    scan.seconds()?;
    let number = u32::try_from(scan.decimal_after(" ")?).ok()?;
    let base = scan.hex_after(" ")?;
    scan.hex_after(" ")?;
    Some((number, Range { base, length: scan.hex_after(" ")? }))
}

fn mark(line: &[u8], out: &mut Out) -> Option<()> {
    let mut scan = Scan::new(line);
    scan.word()?;
    let time_ns = scan.seconds()?;
    scan.spaces();
    let mut lost = scan;
    if lost.skip("Lost ")
        && let Some(count) = lost.decimal()
    {
        let detail = format!("mmiotrace lost {count} events before line {}", out.line);
        out.loss(LossKind::Missed, detail, Some(count));
    } else {
        out.mark(scan::text(scan.rest()), Some(time_ns));
    }
    Some(())
}

impl Dialect for Mmiotrace {
    fn read(&mut self, line: &[u8], out: &mut Out) -> Result<Reading, Expected> {
        match line.split(|&byte| byte == b' ').next().unwrap_or_default() {
            b"R" | b"W" => out.access(access(line).ok_or(ACCESS)?),
            b"MAP" => {
                let (number, range) = map(line).ok_or(MAP)?;
                out.window(number, range, &format!("map {number}"));
            }
            b"MARK" => mark(line, out).ok_or(MARK)?,
            b"UNKNOWN" => {
                let detail =
                    format!("line {}: an instruction that mmiotrace did not know", out.line);
                out.loss(LossKind::Missed, detail, Some(1));
            }
            b"VERSION" | b"PCIDEV" | b"UNMAP" | b"LSPCI" | b"READ" => {}
            _ => return Ok(Reading::Foreign),
        }
        Ok(Reading::Own)
    }
}
