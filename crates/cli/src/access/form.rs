//! The forms that elements have outside of a window: rows of text, bytes, `$readmemh` words, JSON.

pub(crate) mod binary;
pub(crate) mod hex;
pub(crate) mod json;
pub(crate) mod text;

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use busprobe_mmio::{Field, Width};
use clap::ValueEnum;

use crate::access::block::Block;
use crate::access::manner::Manner;
use crate::trouble::Trouble;

/// Writes elements as they come.
pub(crate) trait Form {
    /// One element; `None` when it could not be read.
    fn put(&mut self, out: &mut dyn Write, value: Option<u64>) -> io::Result<()>;

    /// What comes after the last.
    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()>;
}

/// How a file holds elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileForm {
    /// The bytes themselves, as they lie in the window
    Bin,
    /// One word in hexadecimal a line, as Verilog's $readmemh reads it
    Hex,
    /// An object with "width", "offset" and "values"
    Json,
}

impl FileForm {
    /// By the end of the name: `.hex` and `.mem`, `.json`, and bytes for all others.
    pub(crate) fn of(path: &Path) -> Self {
        match path.extension().and_then(|end| end.to_str()) {
            Some("hex" | "mem") => FileForm::Hex,
            Some("json") => FileForm::Json,
            _ => FileForm::Bin,
        }
    }
}

/// What a file holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) block: Block,
    /// Where it belongs, if the file says so.
    pub(crate) offset: Option<u64>,
}

/// Reads a file of elements, or standard input when the path is `-`. The width is the one asked
/// for, else the one that the file shows, else 32 bits.
pub(crate) fn load(
    path: &Path,
    form: Option<FileForm>,
    width: Option<Width>,
    manner: Manner,
) -> Result<Content, Trouble> {
    let mut bytes = Vec::new();
    let read = match path.to_str() {
        Some("-") => io::stdin().lock().read_to_end(&mut bytes).map(drop),
        _ => fs::read(path).map(|read| bytes = read),
    };
    read.map_err(|error| Trouble::of_file(path, &error))?;
    let content = match form.unwrap_or_else(|| FileForm::of(path)) {
        FileForm::Bin => binary::parse(&bytes, width.unwrap_or(Width::W32), manner),
        FileForm::Hex => hex::parse(&bytes, width),
        FileForm::Json => json::parse(&bytes, width),
    };
    let in_file = |problem: String| Trouble::new(format!("{}: {problem}", path.display()));
    let content = content.map_err(in_file)?;
    match content.block.len() {
        0 => Err(in_file("it holds no elements".to_owned())),
        _ => Ok(content),
    }
}

/// A value in hexadecimal, padded to its width.
pub(crate) fn padded(value: u64, width: Width) -> String {
    format!("{value:#0length$x}", length = 2 + digits(width))
}

/// The value of a field in hexadecimal, padded to its own bits.
pub(crate) fn padded_field(value: u64, field: Field) -> String {
    let bits = field.mask().count_ones() as usize;
    format!("{value:#0length$x}", length = 2 + bits.div_ceil(4))
}

/// Hexadecimal digits of an element.
fn digits(width: Width) -> usize {
    2 * width.bytes() as usize
}

/// What to say of an element that a file marks as unknown.
fn unknown(place: &str) -> String {
    format!("{place} is unknown: it could not be read when the file was written")
}
