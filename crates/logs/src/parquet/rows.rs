//! Rows into records.

use std::ops::Range;
use std::slice;

use busprobe_trace::{
    Access, Capture, Data, Direction, Header, Level, Loss, LossKind, Mark, PythonLine, Record,
    Site, SourceLine, Syscall, Window,
};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::file::reader::RowGroupReader;

use super::columns::{Column, Kind};
use super::file::{ReadError, TraceFile, rows_of};
use super::writer;

/// Rows of one group, column by column.
#[derive(Default)]
pub(super) struct Rows {
    columns: Vec<Cells>,
    count: usize,
}

/// One column of a group, a cell a row.
enum Cells {
    None,
    U32(Vec<Option<i32>>),
    U64(Vec<Option<i64>>),
    Text(Vec<Option<ByteArray>>),
}

impl Rows {
    /// All rows of a group, and of them some columns.
    pub(super) fn read(
        file: &TraceFile,
        group: &dyn RowGroupReader,
        columns: &[Column],
    ) -> Result<Self, ReadError> {
        let all = 0..rows_of(group)?;
        Rows::read_these(file, group, columns, slice::from_ref(&all))
    }

    /// Some rows of a group, and of them some columns.
    pub(super) fn read_these(
        file: &TraceFile,
        group: &dyn RowGroupReader,
        columns: &[Column],
        ranges: &[Range<usize>],
    ) -> Result<Self, ReadError> {
        let read = |column: &Column| match file.place(*column).filter(|_| columns.contains(column))
        {
            Some(place) => read_column(group, place, column.kind(), ranges),
            None => Ok(Cells::None),
        };
        let columns = Column::ALL.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Rows { columns, count: ranges.iter().map(Range::len).sum() })
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// What kind of record a row is.
    pub(super) fn kind(&self, row: usize) -> &str {
        Row { rows: self, row }.text(Column::T).unwrap_or("")
    }

    /// Whether a row is of that kind.
    pub(super) fn is(&self, kind: &str, row: usize) -> bool {
        self.kind(row) == kind
    }

    /// The record of a row.
    pub(super) fn record(&self, row: usize) -> Result<Record, String> {
        Row { rows: self, row }.record()
    }
}

/// One row.
struct Row<'a> {
    rows: &'a Rows,
    row: usize,
}

impl<'a> Row<'a> {
    fn u32(&self, column: Column) -> Option<u32> {
        match &self.rows.columns[column as usize] {
            Cells::U32(cells) => cells[self.row].map(|value| value as u32),
            _ => None,
        }
    }

    fn u64(&self, column: Column) -> Option<u64> {
        match &self.rows.columns[column as usize] {
            Cells::U64(cells) => cells[self.row].map(|value| value as u64),
            _ => None,
        }
    }

    fn text(&self, column: Column) -> Option<&'a str> {
        match &self.rows.columns[column as usize] {
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
            selection: self.owned(Column::Selection),
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
    ranges: &[Range<usize>],
) -> Result<Cells, ReadError> {
    Ok(match (group.get_column_reader(place)?, kind) {
        (ColumnReader::Int32ColumnReader(column), Kind::U32) => Cells::U32(cells(column, ranges)?),
        (ColumnReader::Int64ColumnReader(column), Kind::U64) => Cells::U64(cells(column, ranges)?),
        (ColumnReader::ByteArrayColumnReader(column), Kind::Text) => {
            Cells::Text(cells(column, ranges)?)
        }
        _ => return Err(ReadError::of_type(place)),
    })
}

/// The cells of ascending ranges of rows.
fn cells<D: DataType>(
    mut column: ColumnReaderImpl<D>,
    ranges: &[Range<usize>],
) -> Result<Vec<Option<D::T>>, ReadError> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let mut at = 0;
    for range in ranges {
        column.skip_records(range.start - at)?;
        let end = levels.len() + range.len();
        while levels.len() < end {
            let left = end - levels.len();
            let (read, _, _) = column.read_records(left, Some(&mut levels), None, &mut values)?;
            if read == 0 {
                return Err(ReadError::too_short());
            }
        }
        at = range.end;
    }
    let mut values = values.into_iter();
    Ok(levels.iter().map(|&level| if level == 1 { values.next() } else { None }).collect())
}
