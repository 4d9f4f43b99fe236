//! Columns into records.

use std::fs::File;

use busprobe_trace::{
    Access, Capture, Data, Direction, Header, Level, Loss, LossKind, Mark, PythonLine, Record,
    Site, SourceLine, Syscall, Window,
};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;
use thiserror::Error;

use super::columns::{Column, Kind};
use super::{ROWS, writer};

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

/// Reads records, a group of rows at a time.
pub struct Reader {
    file: SerializedFileReader<File>,
    /// The place in the file of each of our columns.
    places: Vec<Option<usize>>,
    group: usize,
    columns: Vec<Cells>,
    /// The row within the group, and the group's rows.
    row: usize,
    rows: usize,
    /// Rows of the groups before.
    before: u64,
    done: bool,
}

/// One column of a group, a cell a row.
enum Cells {
    None,
    U32(Vec<Option<i32>>),
    U64(Vec<Option<i64>>),
    Text(Vec<Option<ByteArray>>),
}

impl Reader {
    /// Records of `file`.
    ///
    /// # Errors
    /// When it is no Parquet file, or has not the columns of a trace.
    pub fn new(file: File) -> Result<Self, ReadError> {
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
        Ok(Reader {
            file,
            places,
            group: 0,
            columns: Vec::new(),
            row: 0,
            rows: 0,
            before: 0,
            done: false,
        })
    }

    /// Reads the next group; whether there was one.
    fn next_group(&mut self) -> Result<bool, ReadError> {
        if self.group == self.file.num_row_groups() {
            return Ok(false);
        }
        self.before += self.rows as u64;
        let group = self.file.get_row_group(self.group)?;
        self.group += 1;
        self.row = 0;
        self.rows = usize::try_from(group.metadata().num_rows()).unwrap_or(usize::MAX);
        if self.rows > MOST_ROWS {
            let what = format!("a group of {} rows; ours have {ROWS}", self.rows);
            return Err(ReadError::Foreign { what });
        }
        self.columns.clear();
        for (column, place) in Column::ALL.iter().zip(&self.places) {
            let cells = match place {
                Some(place) => read_column(group.as_ref(), *place, column.kind(), self.rows)?,
                None => Cells::None,
            };
            self.columns.push(cells);
        }
        Ok(true)
    }

    fn u32(&self, column: Column) -> Option<u32> {
        match &self.columns[column as usize] {
            Cells::U32(cells) => cells[self.row].map(|value| value as u32),
            _ => None,
        }
    }

    fn u64(&self, column: Column) -> Option<u64> {
        match &self.columns[column as usize] {
            Cells::U64(cells) => cells[self.row].map(|value| value as u64),
            _ => None,
        }
    }

    fn text(&self, column: Column) -> Option<&str> {
        match &self.columns[column as usize] {
            Cells::Text(cells) => cells[self.row].as_ref()?.as_utf8().ok(),
            _ => None,
        }
    }

    fn owned(&self, column: Column) -> Option<String> {
        self.text(column).map(str::to_owned)
    }

    /// The record of the row at hand.
    fn record(&self) -> Result<Record, String> {
        let missing = |column: Column| move || format!("no {} here", column.name());
        let u32 = |column| self.u32(column).ok_or_else(missing(column));
        let u64 = |column| self.u64(column).ok_or_else(missing(column));
        let text = |column| self.text(column).ok_or_else(missing(column));
        Ok(match text(Column::T)? {
            "access" => Record::Access(self.access()?),
            "trace" => Record::Trace(self.header()?),
            "window" => Record::Window(Window {
                id: u32(Column::Id)?,
                name: text(Column::Name)?.to_owned(),
                base: self.u64(Column::Base),
                length: u64(Column::Length)?,
            }),
            "site" => Record::Site(self.site(u32(Column::Id)?, u64(Column::Pc)?)?),
            "syscall" => Record::Syscall(Syscall {
                seq: u64(Column::Seq)?,
                name: text(Column::Name)?.to_owned(),
                window: u32(Column::Window)?,
                offset: u64(Column::Offset)?,
                length: u64(Column::Length)?,
                thread: self.u32(Column::Thread).unwrap_or(0),
                time_ns: self.u64(Column::TimeNs),
            }),
            "mark" => Record::Mark(Mark {
                seq: u64(Column::Seq)?,
                text: text(Column::Text)?.to_owned(),
                thread: self.u32(Column::Thread).unwrap_or(0),
                time_ns: self.u64(Column::TimeNs),
            }),
            "loss" => {
                let kinds = [
                    LossKind::CutOff,
                    LossKind::Missed,
                    LossKind::NotWatched,
                    LossKind::Approximate,
                ];
                Record::Loss(Loss {
                    seq: u64(Column::Seq)?,
                    kind: named(text(Column::Kind)?, &kinds, writer::loss_name)?,
                    detail: text(Column::Detail)?.to_owned(),
                    count: self.u64(Column::Count),
                })
            }
            other => return Err(format!("{other:?} is no kind of record")),
        })
    }

    fn access(&self) -> Result<Access, String> {
        let direction = match self.text(Column::Dir) {
            Some("R") => Direction::Read,
            Some("W") => Direction::Write,
            _ => return Err("dir is R or W".to_owned()),
        };
        let number = |value: Option<u64>, name| value.ok_or_else(|| format!("no {name} here"));
        let data = match self.text(Column::Data) {
            Some(text) => {
                let data = Data::parse(text);
                Some(data.ok_or_else(|| format!("{text:?} is no data: 0x, two digits a byte"))?)
            }
            None => None,
        };
        let access = Access {
            seq: number(self.u64(Column::Seq), "seq")?,
            window: number(self.u32(Column::Window).map(u64::from), "window")? as u32,
            data,
            thread: self.u32(Column::Thread).unwrap_or(0),
            time_ns: self.u64(Column::TimeNs),
            site: self.u32(Column::Site),
            ..Access::new(
                direction,
                number(self.u64(Column::Offset), "offset")?,
                number(self.u32(Column::Size).map(u64::from), "size")? as u32,
            )
        };
        access.validate()?;
        Ok(access)
    }

    fn header(&self) -> Result<Header, String> {
        let levels = [Level::Instruction, Level::Bus];
        let captures = [
            Capture::Native,
            Capture::Qemu,
            Capture::Guest,
            Capture::Lab,
            Capture::Sim,
            Capture::Recorder,
            Capture::Import,
        ];
        let version = self.u32(Column::Version).ok_or("no version here")?;
        if version > Header::VERSION {
            let newest = Header::VERSION;
            return Err(format!(
                "format version {version}, and this busprobe reads up to {newest}"
            ));
        }
        let command = self.text(Column::Command).unwrap_or("[]");
        Ok(Header {
            version,
            cpu: self.owned(Column::Cpu),
            command: serde_json::from_str(command).map_err(|error| format!("command: {error}"))?,
            ..Header::new(
                named(self.text(Column::Level).unwrap_or(""), &levels, writer::level_name)?,
                named(self.text(Column::Capture).unwrap_or(""), &captures, writer::capture_name)?,
                self.text(Column::Machine).unwrap_or("unknown"),
            )
        })
    }

    fn site(&self, id: u32, pc: u64) -> Result<Site, String> {
        let line = |file, line| Some((self.owned(file)?, self.u32(line)?));
        let stack = self.text(Column::Stack).unwrap_or("[]");
        Ok(Site {
            id,
            pc,
            module: self.owned(Column::Module),
            build_id: self.owned(Column::BuildId),
            address: self.u64(Column::Address),
            symbol: self.owned(Column::Symbol),
            symbol_offset: self.u64(Column::SymbolOffset),
            source: line(Column::SourceFile, Column::SourceLine)
                .map(|(file, line)| SourceLine { file, line }),
            python: line(Column::PythonFile, Column::PythonLine).map(|(file, line)| {
                let function = self.owned(Column::PythonFunction).unwrap_or_default();
                PythonLine {
                    file,
                    line,
                    function,
                    offset: self.u32(Column::PythonOffset),
                    instruction: self.owned(Column::PythonInstruction),
                }
            }),
            text: self.owned(Column::Text),
            stack: serde_json::from_str(stack).map_err(|error| format!("stack: {error}"))?,
        })
    }
}

fn named<T: Copy>(text: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, String> {
    let found = all.iter().copied().find(|&one| name(one) == text);
    found.ok_or_else(|| {
        let names = all.iter().map(|&one| name(one)).collect::<Vec<_>>().join(", ");
        format!("{text:?} is none of {names}")
    })
}

fn read_column(
    group: &dyn RowGroupReader,
    place: usize,
    kind: Kind,
    rows: usize,
) -> Result<Cells, ReadError> {
    Ok(match (group.get_column_reader(place)?, kind) {
        (ColumnReader::Int32ColumnReader(column), Kind::U32) => Cells::U32(cells(column, rows)?),
        (ColumnReader::Int64ColumnReader(column), Kind::U64) => Cells::U64(cells(column, rows)?),
        (ColumnReader::ByteArrayColumnReader(column), Kind::Text) => {
            Cells::Text(cells(column, rows)?)
        }
        _ => {
            let what = format!("its column {place} is of another type than a trace's");
            return Err(ReadError::Foreign { what });
        }
    })
}

fn cells<D: DataType>(
    mut column: ColumnReaderImpl<D>,
    rows: usize,
) -> Result<Vec<Option<D::T>>, ReadError> {
    let (mut levels, mut values) = (Vec::with_capacity(rows), Vec::new());
    while levels.len() < rows {
        let left = rows - levels.len();
        let (read, _, _) = column.read_records(left, Some(&mut levels), None, &mut values)?;
        if read == 0 {
            let what = "a column has fewer rows than the others".to_owned();
            return Err(ReadError::Foreign { what });
        }
    }
    let mut values = values.into_iter();
    Ok(levels.iter().map(|&level| if level == 1 { values.next() } else { None }).collect())
}

impl Iterator for Reader {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        while self.row == self.rows {
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
        let record = self.record().map_err(|what| ReadError::Row { row, what });
        self.row += 1;
        self.done = record.is_err();
        Some(record)
    }
}
