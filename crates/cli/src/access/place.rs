//! PLACE: which part of a window a command means, and what to write there.
//!
//! | text | what |
//! | --- | --- |
//! | `0x10` | the element at offset 0x10 |
//! | `0x10+64` | 64 bytes from there |
//! | `0x10-0x4f` | the same, by its last byte, as /proc/iomem writes ranges |
//! | `0x10:7:4` | bits 7 to 4 of the element, both included |
//! | `0x10:7` | bit 7 |
//!
//! and `PLACE=VALUE[,VALUE...]` to write.

use std::fmt;
use std::str::FromStr;

use busprobe_mmio::{AccessError, Field, Mode, Run, Width, parse_quantity};

use crate::access::block::Block;

/// Part of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Of the first byte, from the window's start.
    pub(crate) offset: u64,
    pub(crate) extent: Extent,
}

/// How much of a window, from the place's offset on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// One element, or as many as another argument says.
    Element,
    /// So many bytes.
    Bytes(u64),
    /// Some bits of one element.
    Field(Field),
}

/// Says when a field is not within an element of that width.
pub(crate) fn check_field(field: Field, width: Width) -> Result<(), AccessError> {
    if field.mask() > width.max_value() {
        return Err(AccessError::FieldOutside { field, width });
    }
    Ok(())
}

impl Place {
    /// The accesses that cover the place: as many as its bytes say, or `count`, or one.
    pub(crate) fn run(self, width: Width, count: Option<u64>, mode: Mode) -> Result<Run, String> {
        let offset = self.offset;
        let count = match (self.extent, count) {
            (Extent::Element, count) => count.unwrap_or(1),
            (Extent::Field(field), None) => {
                check_field(field, width).map_err(|error| error.to_string())?;
                1
            }
            (Extent::Field(_), Some(_)) => {
                return Err(format!("{self}: a field is of one element, so it takes no --count"));
            }
            (Extent::Bytes(_), Some(_)) => {
                return Err(format!("{self} says how much already, so it takes no --count"));
            }
            (Extent::Bytes(_), None) if mode == Mode::Fixed => {
                return Err(format!(
                    "{self}: --fixed stays at one offset; write {offset:#x} --count N"
                ));
            }
            (Extent::Bytes(bytes), None) => whole_elements(bytes, width)
                .ok_or_else(|| format!("{self}: {}", odd_bytes(bytes, width)))?,
        };
        Ok(Run::block(offset, width, count, mode))
    }
}

/// How many elements so many bytes are, if that is a whole number.
pub(crate) fn whole_elements(bytes: u64, width: Width) -> Option<u64> {
    bytes.is_multiple_of(width.bytes()).then(|| bytes / width.bytes())
}

/// What to say of bytes that are no whole number of elements.
pub(crate) fn odd_bytes(bytes: u64, width: Width) -> String {
    format!("{bytes} bytes are no whole number of {width}-bit elements")
}

/// As [`Place::from_str`] reads it.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.offset)?;
        match self.extent {
            Extent::Element => Ok(()),
            Extent::Bytes(length) => write!(f, "+{length:#x}"),
            Extent::Field(field) => write!(f, ":{field}"),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with('-') {
            return Err("an offset is not negative".to_owned());
        }
        if let Some((offset, field)) = text.split_once(':') {
            let field = field.parse().map_err(|error: AccessError| error.to_string())?;
            let extent = Extent::Field(field);
            return Ok(Place { offset: number(offset, "offset")?, extent });
        }
        if let Some((offset, length)) = text.split_once('+') {
            let (offset, length) = (number(offset, "offset")?, number(length, "length")?);
            return match length {
                0 => Err("a range has at least one byte".to_owned()),
                _ if offset.checked_add(length - 1).is_none() => {
                    Err("the range goes beyond 64 bits".to_owned())
                }
                _ => Ok(Place { offset, extent: Extent::Bytes(length) }),
            };
        }
        if let Some((offset, last)) = text.split_once('-') {
            let (offset, last) = (number(offset, "offset")?, number(last, "offset")?);
            let length = last.checked_sub(offset).and_then(|more| more.checked_add(1));
            let Some(length) = length else {
                return Err(format!(
                    "the last byte, {last:#x}, is no end of a range from {offset:#x}"
                ));
            };
            return Ok(Place { offset, extent: Extent::Bytes(length) });
        }
        Ok(Place { offset: number(text, "offset")?, extent: Extent::Element })
    }
}

/// What to write where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) place: Place,
    /// At least one.
    pub(crate) values: Vec<u64>,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((place, values)) = text.split_once('=') else {
            return Err(
                "what is to be written is missing; write PLACE=VALUE, like 0x10=1".to_owned()
            );
        };
        let place = place.parse()?;
        let values = values.split(',').map(value).collect::<Result<_, _>>()?;
        Ok(Assignment { place, values })
    }
}

impl Assignment {
    /// The one value, for where several have no meaning.
    pub(crate) fn value(&self) -> Result<u64, String> {
        match self.values[..] {
            [value] => Ok(value),
            _ => Err(format!("{}: one value belongs there, not {}", self.place, self.values.len())),
        }
    }

    /// The values as elements.
    pub(crate) fn block(&self, width: Width) -> Result<Block, String> {
        Block::from_values(width, &self.values).map_err(|error| format!("{}: {error}", self.place))
    }
}

/// A value of an element or a field.
pub(crate) fn value(text: &str) -> Result<u64, String> {
    if text.starts_with('-') {
        return Err(format!("{text}: values are not negative; write the bits, like 0xffffffff"));
    }
    number(text, "value")
}

/// An offset by itself.
pub(crate) fn offset(text: &str) -> Result<u64, String> {
    number(text, "offset")
}

/// A number of elements.
pub(crate) fn count(text: &str) -> Result<u64, String> {
    match number(text, "count")? {
        0 => Err("at least one".to_owned()),
        count => Ok(count),
    }
}

fn number(text: &str, what: &str) -> Result<u64, String> {
    parse_quantity(text)
        .ok_or_else(|| format!("{text:?} is no {what}; numbers are decimal or 0x, with K, M or G"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(text: &str) -> Place {
        text.parse().unwrap()
    }

    fn problem(text: &str) -> String {
        text.parse::<Place>().unwrap_err()
    }

    #[test]
    fn a_range_is_written_by_its_length_or_by_its_last_byte() {
        assert_eq!(place("0x10+64"), place("16-0x4f"));
        assert_eq!(place("1K+1K").run(Width::W32, None, Mode::Incr).unwrap().count, 256);
        assert_eq!(place("0-0").extent, Extent::Bytes(1));
    }

    #[test]
    fn a_field_includes_both_its_bits() {
        let Extent::Field(field) = place("0x10:7:4").extent else { panic!("no field") };
        assert_eq!(field.mask(), 0xf0);
        assert_eq!(place("0x10:7"), place("0x10:7:7"));
        assert!(check_field(field, Width::W8).is_ok());
        let Extent::Field(field) = place("0:8").extent else { panic!("no field") };
        assert!(check_field(field, Width::W8).is_err());
    }

    #[test]
    fn what_is_no_place_is_told_why() {
        for (text, expected) in [
            ("", "\"\" is no offset"),
            ("-4", "an offset is not negative"),
            ("0x10:4:7", "4:7 is no field: write HI:LO"),
            ("0x10:64", "64 is no field"),
            ("0x10:7:4:1", "7:4:1 is no field"),
            ("0x10+0", "at least one byte"),
            ("0x10+", "\"\" is no length"),
            ("0x20-0x10", "the last byte, 0x10, is no end of a range from 0x20"),
            ("0-0xffffffffffffffff", "is no end of a range from 0x0"),
            ("0xffffffffffffffff+2", "beyond 64 bits"),
            ("10h", "\"10h\" is no offset"),
        ] {
            let problem = problem(text);
            assert!(problem.contains(expected), "{text}: {problem}");
        }
    }

    #[test]
    fn what_is_no_assignment_is_told_why() {
        for (text, expected) in [
            ("0x10", "write PLACE=VALUE"),
            ("0x10=", "\"\" is no value"),
            ("0x10=-1", "values are not negative"),
            ("0x10=1,2,x", "\"x\" is no value"),
            ("0x10=0x10000000000000000", "is no value"),
            ("=1", "\"\" is no offset"),
        ] {
            let problem = text.parse::<Assignment>().unwrap_err();
            assert!(problem.contains(expected), "{text}: {problem}");
        }
    }

    fn any_place() -> impl Strategy<Value = Place> {
        let field = (0..64_u32, 0..64_u32)
            .prop_map(|(a, b)| Extent::Field(Field::new(a.max(b), a.min(b)).unwrap()));
        let bytes = (1..=u64::MAX / 2).prop_map(Extent::Bytes);
        let extent = prop_oneof![Just(Extent::Element), bytes, field];
        (0..=u64::MAX / 2, extent).prop_map(|(offset, extent)| Place { offset, extent })
    }

    proptest! {
        #[test]
        fn a_place_reads_back_as_it_was_written(place in any_place()) {
            prop_assert_eq!(place.to_string().parse(), Ok(place));
        }

        #[test]
        fn no_text_panics(text in "[0-9a-fx:+=,KMG-]{0,24}") {
            let _ = text.parse::<Place>();
            let _ = text.parse::<Assignment>();
        }

        #[test]
        fn a_range_is_covered_by_its_accesses_and_no_more(
            offset in 0..1_u64 << 40, elements in 1..1_u64 << 40, odd in 0..8_u64, bits in 3..7_u32
        ) {
            let width = Width::from_bits(1 << bits).unwrap();
            let odd = odd % width.bytes();
            let length = elements * width.bytes() + odd;
            let run = place(&format!("{offset}+{length}")).run(width, None, Mode::Incr);
            prop_assert_eq!(run.is_ok(), odd == 0);
            if let Ok(run) = run {
                prop_assert_eq!((run.offset, run.count, run.stride), (offset, elements, width.bytes() as i64));
            }
        }
    }
}
