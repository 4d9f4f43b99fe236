//! Whether the blocks of a file are as long as they say, before they are read.
//!
//! The layout is that of `GTKWave`'s `fstapi.c`: a block is a byte that tells its kind, its length
//! as 64 bits (big-endian, with those 8 bytes), and what it holds.

use std::io::{BufRead, Read, Seek, SeekFrom};

use super::ReadError;

const HEADER: u8 = 0;
const VALUES: u8 = 1;
const BLACKOUT: u8 = 2;
const GEOMETRY: u8 = 3;
const HIERARCHY: u8 = 4;
const VALUES_ALIASED: u8 = 5;
const HIERARCHY_LZ4: u8 = 6;
const HIERARCHY_LZ4_TWICE: u8 = 7;
const VALUES_ALIASED_2: u8 = 8;
const COMPRESSED_FILE: u8 = 254;
const SKIPPED: u8 = 255;

const HEADER_LENGTH: u64 = 329;

/// Deflate, the tightest of the compressions, makes no more bytes than these of one.
const TIGHTEST: u64 = 1032;

/// Passes the blocks, and goes back to the beginning.
pub(super) fn check(input: &mut (impl BufRead + Seek)) -> Result<(), ReadError> {
    let length = input.seek(SeekFrom::End(0))?;
    input.seek(SeekFrom::Start(0))?;
    let mut block = Block { at: 0, kind: 0, length: 0 };
    while block.at < length {
        let mut kind = [0];
        input.read_exact(&mut kind)?;
        block.kind = kind[0];
        if length - block.at < 9 {
            return Err(block.cut_off());
        }
        block.length = number(input)?;
        if block.kind == SKIPPED && block.length == 0 {
            return Err(block.error("the file was cut off while it was written"));
        }
        if block.at == 0 && block.kind == COMPRESSED_FILE {
            return Err(block.error("the file is compressed as a whole, which is not read"));
        }
        if block.length < 8 || block.length > length - block.at - 1 {
            return Err(block.cut_off());
        }
        block.check(input)?;
        block.at += 1 + block.length;
        input.seek(SeekFrom::Start(block.at))?;
    }
    if length == 0 {
        return Err(block.error("the file is empty"));
    }
    input.seek(SeekFrom::Start(0))?;
    Ok(())
}

fn number(input: &mut impl Read) -> Result<u64, ReadError> {
    let mut bytes = [0; 8];
    input.read_exact(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes))
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn variable_number(input: &mut impl Read) -> Result<u64, ReadError> {
    let mut value = 0;
    for place in (0..u64::BITS).step_by(7) {
        let mut byte = [0];
        input.read_exact(&mut byte)?;
        value |= u64::from(byte[0] & 0x7F) << place;
        if byte[0] & 0x80 == 0 {
            break;
        }
    }
    Ok(value)
}

/// A block's table of its wires' changes.
#[derive(Default)]
struct Table {
    /// Of how many wires it speaks.
    wires: u64,
    /// Where the changes begin of each wire that has its own, ascending.
    places: Vec<u64>,
}

impl Table {
    /// The table as it is packed: steps from one place to the next, and between them runs of wires
    /// that do not change, and wires that change as another does.
    fn unpack(mut bytes: &[u8], is_aliased_2: bool) -> Self {
        let mut table = Table::default();
        let mut place = 0_u64;
        while let [first, ..] = bytes {
            let is_step = first & 1 == 1;
            let (wires, step) = if is_aliased_2 && is_step {
                // Signed; what is not positive is an alias.
                (1, signed_number(&mut bytes) >> 1)
            } else {
                let Ok(number) = variable_number(&mut bytes) else { break };
                if number == 0 && !is_aliased_2 {
                    // The number of the wire whose changes these are.
                    let _ = variable_number(&mut bytes);
                }
                match number >> 1 {
                    half if is_step => (1, half as i64),
                    0 if !is_aliased_2 => (1, 0),
                    half => (half, 0),
                }
            };
            table.wires = table.wires.saturating_add(wires);
            if step > 0 {
                place = place.saturating_add(step as u64);
                table.places.push(place);
            }
        }
        table
    }
}

/// As [`variable_number`], the last byte's bit 6 being the sign of all above it.
fn signed_number(bytes: &mut &[u8]) -> i64 {
    let (mut value, mut shift) = (0_i64, 0);
    while let [byte, rest @ ..] = bytes {
        *bytes = rest;
        if shift < u64::BITS {
            value |= i64::from(byte & 0x7F) << shift;
            shift += 7;
        }
        if byte & 0x80 == 0 {
            if byte & 0x40 != 0 && shift < u64::BITS {
                value |= -1 << shift;
            }
            break;
        }
    }
    value
}

struct Block {
    at: u64,
    kind: u8,
    length: u64,
}

impl Block {
    fn error(&self, what: &str) -> ReadError {
        ReadError::Fst { byte: self.at, what: what.to_owned() }
    }

    fn cut_off(&self) -> ReadError {
        self.error("a block that ends beyond the end of the file: it was cut off, or is no FST")
    }

    /// Whether so many bytes can come of the block.
    fn holds(&self, unpacked: u64) -> Result<(), ReadError> {
        if unpacked > self.length.saturating_mul(TIGHTEST) {
            return Err(self.error("a block that unpacks to more than it can hold"));
        }
        Ok(())
    }

    /// How many wires a block of values says that it has: at its beginning, and of its changes.
    fn check_wires(&self, input: &mut (impl Read + Seek)) -> Result<(), ReadError> {
        input.seek(SeekFrom::Start(self.at + 1 + 8 * 4))?;
        let (unpacked, packed) = (variable_number(input)?, variable_number(input)?);
        let wires = variable_number(input)?;
        if packed > self.length {
            return Err(self.error("first values that are longer than their block"));
        }
        input.seek(SeekFrom::Current(packed as i64))?;
        let changing = variable_number(input)?;
        [unpacked, wires, changing].into_iter().try_for_each(|count| self.holds(count))?;
        self.check_changes(input, changing)
    }

    /// How much the changes of each of `wires` wires say that they unpack to. `input` is where they
    /// begin; a table behind them tells where each wire's are.
    fn check_changes(&self, input: &mut (impl Read + Seek), wires: u64) -> Result<(), ReadError> {
        let too_long = || self.error("a table of wires that is longer than its block");
        let start = input.stream_position()?;
        let end = self.at + 1 + self.length;
        input.seek(SeekFrom::Start(end - 16))?;
        let times = number(input)?;
        let behind = (end - 24 - 8).checked_sub(times).ok_or_else(too_long)?;
        input.seek(SeekFrom::Start(behind))?;
        let length = number(input)?;
        let table_start = behind.checked_sub(length).filter(|&at| at >= start);
        let table_start = table_start.ok_or_else(too_long)?;
        let mut bytes = vec![0; length as usize];
        input.seek(SeekFrom::Start(table_start))?;
        input.read_exact(&mut bytes)?;
        let table = Table::unpack(&bytes, self.kind == VALUES_ALIASED_2);
        if table.wires > wires {
            return Err(self.error("a table of more wires than its block has"));
        }
        let values = table_start - start;
        if table.places.last().is_some_and(|&last| last >= values) {
            return Err(self.error("values of a wire that begin behind all values"));
        }
        for (index, &place) in table.places.iter().enumerate() {
            let next = table.places.get(index + 1).copied().unwrap_or(values);
            input.seek(SeekFrom::Start(start + place))?;
            let unpacked = variable_number(input)?;
            if unpacked > (next - place).saturating_mul(TIGHTEST) {
                return Err(self.error("values of a wire that unpack to more than they can hold"));
            }
        }
        Ok(())
    }

    /// What the block says of its own sizes.
    fn check(&self, input: &mut (impl Read + Seek)) -> Result<(), ReadError> {
        let at_least = match self.kind {
            HEADER => HEADER_LENGTH,
            VALUES | VALUES_ALIASED | VALUES_ALIASED_2 => 8 * 7,
            GEOMETRY => 8 * 3,
            HIERARCHY | HIERARCHY_LZ4 | HIERARCHY_LZ4_TWICE => 8 * 2,
            BLACKOUT => 8 + 1,
            SKIPPED => 8,
            _ => return Err(self.error("a block of an unknown kind")),
        };
        if self.length < at_least || (self.kind == HEADER && self.length != HEADER_LENGTH) {
            return Err(self.error("a block that is too short for its kind"));
        }
        match self.kind {
            HIERARCHY | HIERARCHY_LZ4 => self.holds(number(input)?),
            HIERARCHY_LZ4_TWICE => {
                // Compressed a second time, a byte stands for still more.
                self.holds(number(input)? / 256)?;
                self.holds(variable_number(input)?)
            }
            // Each time that the dump was switched has a byte and at least one of time.
            BLACKOUT if variable_number(input)? > self.length / 2 => {
                Err(self.error("more times without a dump than it can hold"))
            }
            GEOMETRY => {
                let (unpacked, count) = (number(input)?, number(input)?);
                self.holds(unpacked)?;
                self.holds(count)
            }
            VALUES | VALUES_ALIASED | VALUES_ALIASED_2 => {
                self.check_wires(input)?;
                let end = self.at + 1 + self.length;
                input.seek(SeekFrom::Start(end - 24))?;
                let (unpacked, packed, count) = (number(input)?, number(input)?, number(input)?);
                self.holds(unpacked)?;
                self.holds(count)?;
                if packed > self.length - 8 * 7 {
                    return Err(self.error("a table of times that is longer than its block"));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
