//! One line of the log.

use crate::Direction;

/// The widest access that QEMU hands to a device, in bytes.
const WIDEST: u32 = 8;

/// One access as the log has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) direction: Direction,
    pub(super) place: Place,
    pub(super) value: u64,
    pub(super) size: u32,
    /// QEMU's own address of the region that was accessed, to tell regions apart.
    pub(super) region: Option<u64>,
    /// QEMU's thread that emulates the CPU, 0 when the log does not say.
    pub(super) thread: u32,
    /// Since 1970.
    pub(super) time_ns: Option<u64>,
}

/// What an address counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Bus(u64),
    Page(u64),
    Device(u64),
}

/// The access in a line, `None` when the line tells of something else, and what is wrong with a
/// line that begins as one of an access and does not go on as one.
pub(super) fn parse(line: &str) -> Result<Option<Event>, String> {
    let (thread, time_ns, message) = split_prefix(line);
    let (name, rest) = message.split_once(' ').unwrap_or((message, ""));
    let (kind, direction) = match name.trim_end_matches(':').rsplit_once('_') {
        Some((kind, "read")) => (kind, Direction::Read),
        Some((kind, "write")) => (kind, Direction::Write),
        _ => return Ok(None),
    };
    // The device's own message calls what it has otherwise than QEMU's events do.
    let (place, address, value): (fn(u64) -> Place, _, _) = match kind {
        "memory_region_ops" | "memory_region_ram_device" => (Place::Bus, "addr", "value"),
        "memory_region_subpage" => (Place::Page, "offset", "value"),
        "qemu_ram" => (Place::Device, "addr", "data"),
        _ => return Ok(None),
    };
    let fields = Fields(rest);
    let size = fields.number("size")?;
    Ok(Some(Event {
        direction,
        place: place(fields.number(address)?),
        value: fields.number(value)?,
        size: u32::try_from(size)
            .ok()
            .filter(|size| (1..=WIDEST).contains(size))
            .ok_or_else(|| format!("size {size}, and QEMU's accesses have 1 to {WIDEST} bytes"))?,
        region: fields.optional_number("mr")?,
        thread,
        time_ns,
    }))
}

/// The thread, the time and the rest of a line: `811@1732312801.123456:rest`, `2025-...Z rest`, or
/// `rest` alone.
fn split_prefix(line: &str) -> (u32, Option<u64>, &str) {
    let with_thread = || {
        let (prefix, rest) = line.split_once(':')?;
        let (thread, time) = prefix.split_once('@')?;
        Some((thread.parse().ok()?, Some(seconds(time)?), rest))
    };
    let with_date = || {
        let (time, rest) = line.split_once(' ')?;
        Some((0, Some(date(time)?), rest))
    };
    with_thread().or_else(with_date).unwrap_or((0, None, line))
}

/// `1732312801.123456` in nanoseconds.
fn seconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let nanoseconds: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let whole: u64 = whole.parse().ok()?;
    whole.checked_mul(1_000_000_000)?.checked_add(nanoseconds.parse().ok()?)
}

/// `2025-12-04T20:26:55.123456Z` in nanoseconds since 1970.
fn date(text: &str) -> Option<u64> {
    let (day, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut day = day.split('-').map(str::parse::<u64>);
    let (year, month, day) = (day.next()?.ok()?, day.next()?.ok()?, day.next()?.ok()?);
    let (hour, rest) = time.split_once(':')?;
    let (minute, second) = rest.split_once(':')?;
    let (hour, minute): (u64, u64) = (hour.parse().ok()?, minute.parse().ok()?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March, so that the leap day is the last; 719,468 days lie before 1970.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let minutes = (days - 719_468) * 24 * 60 + hour.checked_mul(60)?.checked_add(minute)?;
    minutes.checked_mul(60_000_000_000)?.checked_add(seconds(second)?)
}

/// `addr 0xa000000 value 0x1 size 4 name 'virtio-mmio'`, in any order, commas or none.
struct Fields<'a>(&'a str);

impl Fields<'_> {
    fn number(&self, name: &str) -> Result<u64, String> {
        self.optional_number(name)?.ok_or_else(|| format!("the access has no {name}"))
    }

    /// Hexadecimal with `0x`, else decimal.
    fn optional_number(&self, name: &str) -> Result<Option<u64>, String> {
        // The region's name comes last, in quotes, and may hold anything.
        let fields = self.0.split(" name '").next().unwrap_or_default();
        let mut words = fields.split([' ', ',']).filter(|word| !word.is_empty());
        if !words.any(|word| word == name) {
            return Ok(None);
        }
        let word = words.next().unwrap_or_default();
        match word.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => word.parse(),
        }
        .map(Some)
        .map_err(|_| format!("{name} {word:?} is no number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_counted_from_1970() {
        // date -u -d 2025-12-04T20:26:55Z +%s; the second is the day after a leap day.
        assert_eq!(date("2025-12-04T20:26:55.123456Z"), Some(1_764_880_015_123_456_000));
        assert_eq!(date("2024-03-01T00:00:00.000000Z"), Some(1_709_251_200_000_000_000));
        assert_eq!(date("1970-01-01T00:00:00Z"), Some(0));
    }
}
