//! A Parquet file that holds a trace.

use std::fs::File;

use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;
use thiserror::Error;

use super::ROWS;
use super::columns::Column;

/// A group of more rows than this is none of ours, and would fill the memory.
const MOST_ROWS: usize = 16 * ROWS;

/// Why a file could not be read, or not to its end.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It is no Parquet file, or a damaged one.
    #[error("not a Parquet file that can be read: {0}")]
    Parquet(#[from] ParquetError),
    /// It is a Parquet file of something else.
    #[error("no busprobe trace: {what}")]
    Foreign {
        /// What is not there.
        what: String,
    },
    /// A row is no record.
    #[error("row {row}: {what}")]
    Row {
        /// From 1.
        row: u64,
        /// What was expected there.
        what: String,
    },
}

impl ReadError {
    pub(super) fn of_type(place: usize) -> Self {
        let what = format!("its column {place} is of another type than a trace's");
        ReadError::Foreign { what }
    }

    pub(super) fn too_short() -> Self {
        ReadError::Foreign { what: "a column has fewer rows than the others".to_owned() }
    }
}

/// A file that has a trace's columns.
pub(super) struct TraceFile {
    file: SerializedFileReader<File>,
    /// The place in the file of each of our columns.
    places: Vec<Option<usize>>,
}

impl TraceFile {
    pub(super) fn new(file: File) -> Result<Self, ReadError> {
        let file = SerializedFileReader::new(file)?;
        let schema = file.metadata().file_metadata().schema_descr_ptr();
        let mut places = Vec::new();
        for column in Column::ALL {
            let place = schema.columns().iter().position(|found| found.name() == column.name());
            if let Some(place) = place {
                let found = schema.column(place);
                if found.max_def_level() != 1 || found.max_rep_level() != 0 {
                    let what = format!("its column {} is not a plain optional one", column.name());
                    return Err(ReadError::Foreign { what });
                }
            }
            places.push(place);
        }
        if places[Column::T as usize].is_none() {
            let what = "it has no column t; `busprobe export -o FILE.parquet` writes one";
            return Err(ReadError::Foreign { what: what.to_owned() });
        }
        Ok(TraceFile { file, places })
    }

    /// Where a column lies in the file.
    pub(super) fn place(&self, column: Column) -> Option<usize> {
        self.places[column as usize]
    }

    /// How many groups of rows there are.
    pub(super) fn groups(&self) -> usize {
        self.file.num_row_groups()
    }

    pub(super) fn group(&self, index: usize) -> Result<Box<dyn RowGroupReader + '_>, ReadError> {
        Ok(self.file.get_row_group(index)?)
    }

    /// What a group's footer says of a column; `None` when the file has no such column.
    pub(super) fn chunk(&self, index: usize, column: Column) -> Option<&ColumnChunkMetaData> {
        Some(self.file.metadata().row_group(index).column(self.place(column)?))
    }
}

/// How many rows a group has.
pub(super) fn rows_of(group: &dyn RowGroupReader) -> Result<usize, ReadError> {
    let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(usize::MAX);
    if rows > MOST_ROWS {
        let what = format!("a group of {rows} rows; ours have {ROWS}");
        return Err(ReadError::Foreign { what });
    }
    Ok(rows)
}
