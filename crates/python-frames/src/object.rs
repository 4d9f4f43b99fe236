//! Python's own objects: which type one is of, text and bytes.

use crate::layout::Layout;
use crate::memory::{Memory, bytes, u64_at};

/// `PyObject`: the type, after the count of references.
pub(crate) const TYPE: u64 = 8;
/// `PyVarObject`: how many items.
pub(crate) const SIZE: u64 = 16;
/// `PyBytesObject`: its bytes.
pub(crate) const BYTES: u64 = 32;

/// `PyASCIIObject`: bits that say how the characters are kept.
const STATE: u64 = 32;

/// Longer texts than this name no file and no function.
const LONGEST_TEXT: u64 = 1 << 16;
/// Of a longer table this much is looked at.
pub(crate) const LONGEST_TABLE: u64 = 1 << 18;

/// The addresses of the types that objects are recognised by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Types {
    pub(crate) code: u64,
    pub(crate) frame: u64,
    pub(crate) text: u64,
    pub(crate) bytes: u64,
}

/// How many bytes the text at `address` has in memory, its head included.
pub(crate) fn text_length(
    memory: &dyn Memory,
    layout: &Layout,
    types: &Types,
    address: u64,
) -> Option<usize> {
    let head = bytes(memory, address, layout.ascii_text as usize)?;
    let (start, length) = text_range(layout, types, |at| u64_at(&head, at))?;
    Some((start + length) as usize)
}

/// The text of an object that has been read.
pub(crate) fn text(layout: &Layout, types: &Types, object: &[u8]) -> Option<String> {
    let (start, length) = text_range(layout, types, |at| u64_at(object, at))?;
    let characters = object.get(start as usize..(start + length) as usize)?;
    match kind(u64_at(object, STATE)?)? {
        1 => Some(characters.iter().copied().map(char::from).collect()),
        2 => {
            let units = characters.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
            Some(lossy(units.map(u32::from)))
        }
        _ => {
            let units = characters.as_chunks::<4>().0.iter().map(|unit| u32::from_le_bytes(*unit));
            Some(lossy(units))
        }
    }
}

/// Bytes of a file's name that are not text are surrogates in Python (PEP 383).
fn lossy(characters: impl Iterator<Item = u32>) -> String {
    characters.map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// `PyASCIIObject`: two bits on interning, then three for the bytes of a character.
fn kind(state: u64) -> Option<u64> {
    let kind = state >> 2 & 7;
    matches!(kind, 1 | 2 | 4).then_some(kind)
}

/// Where the characters of a text begin, and how many bytes they are; `word` gives 8 bytes of it.
pub(crate) fn text_range(
    layout: &Layout,
    types: &Types,
    word: impl Fn(u64) -> Option<u64>,
) -> Option<(u64, u64)> {
    const COMPACT: u64 = 1 << 5;
    const ASCII: u64 = 1 << 6;
    let (length, state) = (word(SIZE)?, word(STATE)?);
    if word(TYPE)? != types.text || state & COMPACT == 0 || length > LONGEST_TEXT {
        return None;
    }
    let start = if state & ASCII == 0 { layout.other_text } else { layout.ascii_text };
    Some((start, length * kind(state)?))
}

/// How many bytes there are to the bytes object at `address`, without its head.
pub(crate) fn bytes_length(memory: &dyn Memory, types: &Types, address: u64) -> Option<u32> {
    let head = bytes(memory, address, BYTES as usize)?;
    bytes_length_of(types, &head)
}

/// The same, of a head that has been read.
pub(crate) fn bytes_length_of(types: &Types, head: &[u8]) -> Option<u32> {
    if u64_at(head, TYPE)? != types.bytes {
        return None;
    }
    u32::try_from(u64_at(head, SIZE)?).ok()
}

/// As much of a table of so many bytes as is looked at.
pub(crate) fn table_length(length: u32) -> usize {
    u64::from(length).min(LONGEST_TABLE) as usize
}
