//! `qemu_ram_write: addr 0x0, data 0x1, size 0x4`: what a device model prints from its own
//! callback. Offsets count from the device's start; `qemu_ram_read` is the same for reads. What
//! follows the size on the line is someone's remark.

use busprobe_trace::Direction;

use super::out::{Out, Seen};
use super::scan::{self, Scan};
use super::{Dialect, Expected, Reading};

const FORM: Expected = "\"qemu_ram_write: addr 0x0, data 0x1, size 0x4\"";

pub(super) struct RamWrite;

pub(super) fn claims(line: &[u8]) -> bool {
    direction(&mut Scan::new(line)).is_some()
}

fn direction(scan: &mut Scan) -> Option<Direction> {
    if scan.skip("qemu_ram_write:") {
        Some(Direction::Write)
    } else if scan.skip("qemu_ram_read:") {
        Some(Direction::Read)
    } else {
        None
    }
}

fn access(direction: Direction, mut scan: Scan<'_>) -> Option<Seen<'_>> {
    scan.spaces();
    let address = scan.number_after("addr ")?;
    let value = scan.number_after(", data ")?;
    let size = scan::size(scan.number_after(", size ")?)?;
    let data = Some(scan::data(value, size)?);
    Some(Seen { data, ..Seen::new(direction, address, size) })
}

impl Dialect for RamWrite {
    fn read(&mut self, line: &[u8], out: &mut Out) -> Result<Reading, Expected> {
        let mut scan = Scan::new(line);
        let Some(direction) = direction(&mut scan) else { return Ok(Reading::Foreign) };
        out.access(access(direction, scan).ok_or(FORM)?);
        Ok(Reading::Own)
    }
}
