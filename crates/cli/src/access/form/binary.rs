//! The bytes themselves, as they lie in the window.

use std::io::{self, Write};

use busprobe_mmio::Width;

use crate::access::block::Block;
use crate::access::form::{Content, Form};
use crate::access::manner::Manner;
use crate::access::place::odd_bytes;

/// Writes bytes. What could not be read is written as ones, which many buses answer then.
pub(crate) struct Writer {
    pub(crate) width: Width,
    pub(crate) manner: Manner,
}

impl Form for Writer {
    fn put(&mut self, out: &mut dyn Write, value: Option<u64>) -> io::Result<()> {
        let bytes = self.manner.bytes(value.unwrap_or(u64::MAX), self.width);
        out.write_all(&bytes[..self.width.bytes() as usize])
    }

    fn finish(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn parse(bytes: &[u8], width: Width, manner: Manner) -> Result<Content, String> {
    let block = Block::from_bytes(width, bytes, manner.byte_order());
    let block = block.ok_or_else(|| odd_bytes(bytes.len() as u64, width))?;
    Ok(Content { block, offset: None })
}
