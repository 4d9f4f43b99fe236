//! Records, one by one.

use std::fs::File;

use busprobe_trace::Record;

use super::columns::Column;
use super::file::{ReadError, TraceFile};
use super::rows::Rows;

/// Reads records, a group of rows at a time.
pub struct Reader {
    file: TraceFile,
    group: usize,
    rows: Rows,
    /// The row within the group.
    row: usize,
    /// Rows of the groups before.
    before: u64,
    done: bool,
}

impl Reader {
    /// Records of `file`.
    ///
    /// # Errors
    /// When it is no Parquet file, or has not the columns of a trace.
    pub fn new(file: File) -> Result<Self, ReadError> {
        let file = TraceFile::new(file)?;
        Ok(Reader { file, group: 0, rows: Rows::default(), row: 0, before: 0, done: false })
    }

    /// Reads the next group; whether there was one.
    fn next_group(&mut self) -> Result<bool, ReadError> {
        if self.group == self.file.groups() {
            return Ok(false);
        }
        self.before += self.rows.len() as u64;
        self.row = 0;
        // One group at a time is in memory.
        self.rows = Rows::default();
        let group = self.file.group(self.group)?;
        self.rows = Rows::read(&self.file, group.as_ref(), Column::ALL)?;
        self.group += 1;
        Ok(true)
    }
}

impl Iterator for Reader {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        while self.row == self.rows.len() {
            match self.next_group() {
                Ok(true) => {}
                Ok(false) => {
                    self.done = true;
                    return None;
                }
                Err(error) => {
                    self.done = true;
                    return Some(Err(error));
                }
            }
        }
        let row = self.before + self.row as u64 + 1;
        let record = self.rows.record(self.row).map_err(|what| ReadError::Row { row, what });
        self.row += 1;
        self.done = record.is_err();
        Some(record)
    }
}
