//! QEMU's trace events of memory regions, as its log backend prints them (`system/memory.c` and
//! `trace-events` in the QEMU sources).
//!
//! ```text
//! memory_region_ops_write cpu 0 mr 0x55f2 addr 0xa000000 value 0x3020100 size 4 name 'dev'
//! 719585@1608130130.441190:memory_region_ops_write cpu 0 mr 0x562f addr 0x3d4 value 0x70e size 2
//! 2025-07-21T18:43:28.089797Z memory_region_ops_read cpu 0 mr 0x55f2 addr 0x8 value 0x1 size 4
//! ```
//! The address is the absolute one; a subpage has the offset in its page instead. The CPU's number
//! becomes the thread. An access to a region within a region is logged once for each, the outer
//! one first when it is a write and last when it is a read: the innermost is kept.

use busprobe_trace::Direction;

use super::out::{Out, Seen};
use super::scan::{self, Scan};
use super::windows::Region;
use super::{Dialect, Expected, Reading};

const FORM: Expected =
    "\"memory_region_ops_write cpu 0 mr 0x55f2 addr 0xa000000 value 0x1 size 4 name 'dev'\"";

/// Regions lie in one another no deeper than this.
const DEEPEST: usize = 16;

/// A subpage's offset counts from its page.
const IN_PAGE: u64 = 0xfff;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Event {
    Ops(Direction),
    Subpage(Direction),
}

struct Line<'a> {
    event: Event,
    mr: u64,
    seen: Seen<'a>,
    name: &'a [u8],
}

/// An access that the next line may show again from another region.
struct Held {
    event: Event,
    seen: Seen<'static>,
    region: Vec<u8>,
}

#[derive(Default)]
pub(super) struct QemuTrace {
    held: Option<Held>,
    /// The regions that have shown the held access.
    shown_by: Vec<u64>,
}

pub(super) fn claims(line: &[u8]) -> bool {
    let mut scan = Scan::new(line);
    time(&mut scan);
    event(&mut scan).is_some()
}

impl Dialect for QemuTrace {
    fn read(&mut self, line: &[u8], out: &mut Out) -> Result<Reading, Expected> {
        let mut scan = Scan::new(line);
        let time_ns = time(&mut scan);
        let Some(event) = event(&mut scan) else { return Ok(Reading::Foreign) };
        let line = parse(event, time_ns, scan).ok_or(FORM)?;
        if self.is_shown_again(&line) {
            out.nested += 1;
            self.shown_by.push(line.mr);
            if direction(event) == Direction::Write {
                self.hold(&line);
            }
        } else {
            self.finish(out);
            self.shown_by.push(line.mr);
            self.hold(&line);
        }
        Ok(Reading::Own)
    }

    fn finish(&mut self, out: &mut Out) {
        if let Some(held) = &self.held
            && !self.shown_by.is_empty()
        {
            out.access(Seen { region: Region::Named(&held.region), ..held.seen });
        }
        self.shown_by.clear();
    }
}

impl QemuTrace {
    fn is_shown_again(&self, line: &Line) -> bool {
        let Some(held) = &self.held else { return false };
        if self.shown_by.is_empty()
            || self.shown_by.len() >= DEEPEST
            || self.shown_by.contains(&line.mr)
        {
            return false;
        }
        let is_in_page = |event| matches!(event, Event::Subpage(_));
        let mask =
            if is_in_page(held.event) || is_in_page(line.event) { IN_PAGE } else { u64::MAX };
        held.seen.direction == line.seen.direction
            && held.seen.address & mask == line.seen.address & mask
            && held.seen.size == line.seen.size
            && held.seen.data == line.seen.data
            && held.seen.thread == line.seen.thread
    }

    fn hold(&mut self, line: &Line) {
        let mut region = self.held.take().map(|held| held.region).unwrap_or_default();
        region.clear();
        if line.name.is_empty() {
            region.extend_from_slice(format!("mr {:#x}", line.mr).as_bytes());
        } else {
            region.extend_from_slice(line.name);
        }
        let seen = Seen { region: Region::Bus, code: None, ..line.seen };
        self.held = Some(Held { event: line.event, seen, region });
    }
}

fn direction(event: Event) -> Direction {
    match event {
        Event::Ops(direction) | Event::Subpage(direction) => direction,
    }
}

/// Passes `tid@seconds.micros:` or an ISO 8601 time, if one is there.
fn time(scan: &mut Scan) -> Option<u64> {
    if !scan.rest().first()?.is_ascii_digit() {
        return None;
    }
    let mut ahead = *scan;
    let time = tid_and_time(&mut ahead).or_else(|| {
        ahead = *scan;
        iso_time(&mut ahead)
    });
    if time.is_some() {
        *scan = ahead;
    }
    time
}

fn tid_and_time(scan: &mut Scan) -> Option<u64> {
    scan.decimal()?;
    let time = if scan.skip("@") { scan.seconds()? } else { return None };
    scan.skip(":").then_some(time)
}

fn iso_time(scan: &mut Scan) -> Option<u64> {
    let year = scan.decimal().filter(|year| (1970..2500).contains(year))?;
    let month = scan.decimal_after("-")?;
    let day = scan.decimal_after("-")?;
    let clock = if scan.skip("T") { scan.clock()? } else { return None };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !scan.skip("Z ") {
        return None;
    }
    (days_since_1970(year, month, day) * 86_400_000_000_000).checked_add(clock)
}

/// Days of the Gregorian calendar, counted in years that begin in March, so that the odd day is
/// the last.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 719_469
}

fn event(scan: &mut Scan) -> Option<Event> {
    if !scan.skip("memory_region_") {
        return None;
    }
    let subpage = scan.skip("subpage_");
    if !subpage && !scan.skip("ops_") && !scan.skip("ram_device_") {
        return None;
    }
    let direction = if scan.skip("write ") {
        Direction::Write
    } else if scan.skip("read ") {
        Direction::Read
    } else {
        return None;
    };
    Some(if subpage { Event::Subpage(direction) } else { Event::Ops(direction) })
}

fn parse(event: Event, time_ns: Option<u64>, mut scan: Scan<'_>) -> Option<Line<'_>> {
    // -1 stands for no CPU: the access is another device's.
    let cpu = if scan.skip("cpu -1") { 0 } else { scan.decimal_after("cpu ")? };
    let mr = if scan.rest().starts_with(b" mr ") { scan.hex_after(" mr ")? } else { 0 };
    let address = match event {
        Event::Ops(_) => scan.hex_after(" addr ")?,
        Event::Subpage(_) => scan.hex_after(" offset ")?,
    };
    let value = scan.hex_after(" value ")?;
    let size = scan::size(scan.decimal_after(" size ")?)?;
    let name = if scan.skip(" name '") { scan.until(b'\'')? } else { &[] };
    if !scan.is_empty() {
        return None;
    }
    let seen = Seen {
        data: Some(scan::data(value, size)?),
        thread: u32::try_from(cpu).ok()?,
        time_ns,
        ..Seen::new(direction(event), address, size)
    };
    Some(Line { event, mr, seen, name })
}
