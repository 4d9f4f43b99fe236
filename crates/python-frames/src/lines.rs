//! From a bytecode instruction to its line: three tables in six versions.

use crate::object::LONGEST_TABLE;

/// How a code object keeps its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineTable {
    /// `co_lnotab` of 3.8 and 3.9: pairs of steps in bytecode and in lines
    /// (`Objects/lnotab_notes.txt`).
    Lnotab,
    /// `co_linetable` of 3.10: the same, ranges without a line included (PEP 626).
    Ranges,
    /// `co_linetable` from 3.11 on: an entry a range, columns included
    /// (`Objects/locations.md`).
    Locations,
}

impl LineTable {
    /// The line of the instruction at that byte offset, in code that begins in line `first`;
    /// `None` when it belongs to no line, as what the compiler adds may.
    pub(crate) fn line(self, table: &[u8], first: i32, offset: u32) -> Option<u32> {
        let line = match self {
            LineTable::Lnotab => lnotab(table, first, offset)?,
            LineTable::Ranges => ranges(table, first, offset)?,
            LineTable::Locations => locations(table, first, offset)?,
        };
        u32::try_from(line).ok().filter(|line| *line > 0)
    }
}

fn lnotab(table: &[u8], first: i32, offset: u32) -> Option<i32> {
    let (mut at, mut line) = (0_u32, first);
    for [step, lines] in table.as_chunks::<2>().0 {
        at += u32::from(*step);
        if at > offset {
            return Some(line);
        }
        line = line.checked_add((*lines as i8).into())?;
    }
    // The last line goes to the end of the code, unless there is more of the table.
    ((table.len() as u64) < LONGEST_TABLE).then_some(line)
}

fn ranges(table: &[u8], first: i32, offset: u32) -> Option<i32> {
    const NO_LINE: i8 = -128;
    let (mut end, mut line) = (0_u32, first);
    for [step, lines] in table.as_chunks::<2>().0 {
        let lines = *lines as i8;
        if lines != NO_LINE {
            line = line.checked_add(lines.into())?;
        }
        end += u32::from(*step);
        if offset < end {
            return (lines != NO_LINE).then_some(line);
        }
    }
    None
}

fn locations(table: &[u8], first: i32, offset: u32) -> Option<i32> {
    const UNIT: u32 = 2;
    let mut rest = table.iter().copied().peekable();
    let (mut end, mut line) = (0_u32, first);
    while let Some(head) = rest.next() {
        let kind = head >> 3 & 0xf;
        let step = match kind {
            10..=12 => i32::from(kind) - 10,
            13 | 14 => signed(&mut rest)?,
            _ => 0,
        };
        // The first byte of an entry alone has its top bit set.
        while rest.next_if(|byte| byte & 0x80 == 0).is_some() {}
        line = line.checked_add(step)?;
        end += UNIT * (u32::from(head & 7) + 1);
        if offset < end {
            return (kind != 15).then_some(line);
        }
    }
    None
}

/// A number of 6 bits a byte, lowest first; its lowest bit is the sign.
fn signed(bytes: &mut impl Iterator<Item = u8>) -> Option<i32> {
    let (mut value, mut shift) = (0_u32, 0);
    loop {
        let byte = bytes.next()?;
        value |= u32::from(byte & 0x3f).checked_shl(shift)?;
        shift += 6;
        if byte & 0x40 == 0 {
            break;
        }
    }
    let magnitude = (value >> 1) as i32;
    Some(if value & 1 == 1 { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Each from `compile("a = 1\n\n\nb = 2\n", "x", "exec")` of that version: the stores of `a`
    // and `b`, by their offsets in `dis` (3.9.18, 3.10.13, 3.12.1).
    #[test]
    fn each_table_gives_the_lines_of_dis() {
        for (kind, table, lines) in [
            (LineTable::Lnotab, &b"\x04\x03"[..], [(2, Some(1)), (6, Some(4))]),
            (LineTable::Ranges, &b"\x04\x00\x08\x03"[..], [(2, Some(1)), (6, Some(4))]),
            (
                LineTable::Locations,
                &b"\xf0\x03\x01\x01\x01\xd8\x04\x05\x80\x01\xf0\x06\x00\x05\x06\x81\x01"[..],
                [(4, Some(1)), (8, Some(4))],
            ),
        ] {
            for (offset, line) in lines {
                assert_eq!(kind.line(table, 1, offset), line, "{kind:?} at {offset}");
            }
        }
    }

    #[test]
    fn a_table_that_was_cut_off_tells_no_line_behind_the_cut() {
        let table = [2_u8, 1].repeat(LONGEST_TABLE as usize / 2);
        assert_eq!(LineTable::Lnotab.line(&table, 1, 4), Some(3));
        assert_eq!(LineTable::Lnotab.line(&table, 1, 1 << 20), None);
    }

    proptest! {
        #[test]
        fn no_table_makes_it_panic(
            table in prop::collection::vec(any::<u8>(), 0..64),
            first: i32,
            offset: u32,
        ) {
            for kind in [LineTable::Lnotab, LineTable::Ranges, LineTable::Locations] {
                let _ = kind.line(&table, first, offset);
            }
        }
    }
}
