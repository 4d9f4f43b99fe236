//! One load or store by one instruction.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Which way the data went, seen from the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// A load.
    #[serde(rename = "R")]
    Read,
    /// A store.
    #[serde(rename = "W")]
    Write,
}

impl Direction {
    /// `R` or `W`, as traces write it.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Direction::Read => 'R',
            Direction::Write => 'W',
        }
    }
}

/// The bytes of an access, in address order; at most [`Data::MAX`].
///
/// Traces write them as one hexadecimal number, the bytes' little-endian value, padded to the
/// access's size: the store of 1 by a 32-bit instruction is `0x00000001`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Data {
    bytes: [u8; Self::MAX],
    length: u8,
}

impl Data {
    /// The widest access known: one AVX-512 register.
    pub const MAX: usize = 64;

    /// # Panics
    /// When `bytes` holds more than [`Data::MAX`].
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut all = [0; Self::MAX];
        all[..bytes.len()].copy_from_slice(bytes);
        Data { bytes: all, length: bytes.len() as u8 }
    }

    /// The bytes in address order.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length.into()]
    }

    /// Reads `0x…`, two digits a byte, as [`Data`] is written.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("0x")?.as_bytes();
        if digits.is_empty() || digits.len() % 2 != 0 || digits.len() > 2 * Self::MAX {
            return None;
        }
        let mut data = Data { bytes: [0; Self::MAX], length: (digits.len() / 2) as u8 };
        for (byte, pair) in data.bytes.iter_mut().zip(digits.rchunks(2)) {
            let digit = |d: u8| char::from(d).to_digit(16);
            *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
        }
        Some(data)
    }
}

/// Padded to the size, as trace files have it; `{:#}` leaves out leading zeros.
impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.bytes();
        f.write_str("0x")?;
        if f.alternate() {
            while let [rest @ .., 0] = bytes {
                bytes = rest;
            }
            let Some((top, rest)) = bytes.split_last() else { return f.write_str("0") };
            write!(f, "{top:x}")?;
            bytes = rest;
        }
        bytes.iter().rev().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Data;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a string \"0x...\" of 1 to {} bytes, two digits a byte", Data::MAX)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Data, E> {
                Data::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// One load or store by one instruction, within one window.
///
/// An instruction that reads and writes the same place (`lock add [m], 1`) makes two accesses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Place among all events of the trace, from 0.
    pub seq: u64,
    /// Load or store.
    #[serde(rename = "dir")]
    pub direction: Direction,
    /// Which window, by its id.
    pub window: u32,
    /// First byte, counted from the window's start.
    pub offset: u64,
    /// Bytes, 1 to 64.
    pub size: u32,
    /// What was loaded or stored; `None` when it could not be known without touching the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Data>,
    /// The thread's id as the system counts them, 0 when there is none.
    #[serde(default)]
    pub thread: u32,
    /// Nanoseconds since the capture began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_ns: Option<u64>,
    /// Where it came from, by the site's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<u32>,
}

impl Access {
    /// An access of window 0 of which no more is known.
    #[must_use]
    pub fn new(direction: Direction, offset: u64, size: u32) -> Self {
        Access {
            seq: 0,
            direction,
            window: 0,
            offset,
            size,
            data: None,
            thread: 0,
            time_ns: None,
            site: None,
        }
    }

    /// Whether an instruction can make it.
    ///
    /// # Errors
    /// What no access can have: a size beyond a register's, data of another size.
    pub fn validate(&self) -> Result<(), String> {
        let size = self.size as usize;
        if size == 0 || size > Data::MAX {
            return Err(format!("an access has 1 to {} bytes, not {size}", Data::MAX));
        }
        match self.data {
            Some(data) if data.bytes().len() != size => {
                Err(format!("{} bytes of data for an access of {size}", data.bytes().len()))
            }
            _ => Ok(()),
        }
    }

    /// One past the last byte.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.size.into())
    }
}
