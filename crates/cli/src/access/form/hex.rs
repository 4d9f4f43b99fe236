//! Words in hexadecimal, as Verilog's `$readmemh` reads them (IEEE 1364-2005, 17.2.9): separated
//! by space, `_` between digits, `//` before a comment, `x` for digits that are not known.

use std::io::{self, Write};

use busprobe_mmio::Width;

use crate::access::block::Block;
use crate::access::form::{Content, Form, digits, unknown};

/// Writes one word a line.
pub(crate) struct Writer {
    pub(crate) width: Width,
}

impl Form for Writer {
    fn put(&mut self, out: &mut dyn Write, value: Option<u64>) -> io::Result<()> {
        let length = digits(self.width);
        match value {
            Some(value) => writeln!(out, "{value:0length$x}"),
            None => writeln!(out, "{}", "x".repeat(length)),
        }
    }

    fn finish(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Reads words; without a width, the first word's digits show it.
pub(crate) fn parse(bytes: &[u8], width: Option<Width>) -> Result<Content, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is no text".to_owned())?;
    let mut width = width;
    let mut values = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let words = line.split("//").next().unwrap_or_default();
        for word in words.split_whitespace() {
            let digits = word.replace('_', "");
            let width = match width {
                Some(width) => width,
                None => *width.insert(shown_width(&digits).ok_or_else(|| {
                    format!("line {number}: {word:?} has the digits of no width; give --width")
                })?),
            };
            let value = parse_word(&digits).map_err(|what| match what {
                Unreadable::Unknown => unknown(&format!("line {number}: {word:?}")),
                Unreadable::NoWord => format!("line {number}: {word:?} is no hexadecimal word"),
            })?;
            if value > width.max_value() {
                return Err(format!("line {number}: {word:?} does not fit into {width} bits"));
            }
            values.push(value);
        }
    }
    let block = Block::from_values(width.unwrap_or(Width::W32), &values);
    Ok(Content { block: block.map_err(|error| error.to_string())?, offset: None })
}

fn shown_width(digits: &str) -> Option<Width> {
    Width::from_bits(4 * u32::try_from(digits.len()).ok()?)
}

enum Unreadable {
    Unknown,
    NoWord,
}

fn parse_word(digits: &str) -> Result<u64, Unreadable> {
    if digits.bytes().any(|digit| matches!(digit, b'x' | b'X' | b'z' | b'Z')) {
        return Err(Unreadable::Unknown);
    }
    // from_str_radix takes a sign, which no word has.
    match u64::from_str_radix(digits, 16) {
        Ok(value) if !digits.starts_with('+') => Ok(value),
        _ => Err(Unreadable::NoWord),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        parse(text.as_bytes(), None).unwrap_err()
    }

    #[test]
    fn words_comments_and_underlines_are_read() {
        let text = "// a table\n0011 00_22\n\n33 // short\n";
        let content = parse(text.as_bytes(), None).unwrap();
        assert_eq!(content.block, Block::W16(vec![0x11, 0x22, 0x33]));
    }

    #[test]
    fn a_bad_word_is_named_with_its_line() {
        assert_eq!(
            problem("0001\n0x02\n"),
            "line 2: \"0x02\" is unknown: it could not be read when the file was written"
        );
        assert_eq!(problem("0001\n+002\n"), "line 2: \"+002\" is no hexadecimal word");
        assert_eq!(
            problem("@10 0001\n"),
            "line 1: \"@10\" has the digits of no width; give --width"
        );
        assert_eq!(problem("01\n\n002 100\n"), "line 3: \"100\" does not fit into 8 bits");
        assert_eq!(parse(&[0xff], None).unwrap_err(), "it is no text");
    }
}
