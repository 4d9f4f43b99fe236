//! Records to bytes and back.

use std::io::{self, Read};

use crate::{Module, Record};

/// Bytes of the longest record with its length: Linux's `PIPE_BUF`.
pub const LONGEST: usize = 4096;

/// All texts of a record together are no longer; longer ones are cut. No path or instruction of a
/// working program is near.
pub const LONGEST_TEXT: usize = 3072;

/// The bytes of one record, length first.
#[must_use]
pub fn frame(record: &Record) -> Vec<u8> {
    let encoded = encode(record).unwrap_or_else(|| encode(&shortened(record)).unwrap_or_default());
    let mut bytes = (encoded.len() as u16).to_le_bytes().to_vec();
    bytes.extend(encoded);
    bytes
}

fn encode(record: &Record) -> Option<Vec<u8>> {
    postcard::to_allocvec(record).ok().filter(|bytes| bytes.len() + 2 <= LONGEST)
}

/// The record without what made it too long.
fn shortened(record: &Record) -> Record {
    let mut record = record.clone();
    if let Record::Site(site) = &mut record {
        let cut = site.text.floor_char_boundary(LONGEST_TEXT);
        site.text.truncate(cut);
        site.module =
            site.module.take().filter(|Module { path, .. }| path.len() + cut < LONGEST_TEXT);
    }
    record
}

/// Records from a stream.
pub struct Reader<R> {
    input: R,
    body: Vec<u8>,
}

impl<R: Read> Reader<R> {
    /// Records from `input`; give it a buffered one.
    pub fn new(input: R) -> Self {
        Reader { input, body: Vec::new() }
    }

    /// The next record, `None` at the end.
    ///
    /// # Errors
    /// What the input says; [`io::ErrorKind::UnexpectedEof`] when it ends within a record;
    /// [`io::ErrorKind::InvalidData`] when the bytes are no record.
    pub fn next_record(&mut self) -> io::Result<Option<Record>> {
        let mut length = [0; 2];
        let begun = loop {
            match self.input.read(&mut length) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if begun == 0 {
            return Ok(None);
        }
        self.input.read_exact(&mut length[begun..])?;
        self.body.resize(u16::from_le_bytes(length).into(), 0);
        self.input.read_exact(&mut self.body)?;
        match postcard::take_from_bytes(&self.body) {
            Ok((record, [])) => Ok(Some(record)),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "not a record of this format")),
        }
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_record().transpose()
    }
}
