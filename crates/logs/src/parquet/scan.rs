//! Accesses by the column, for those who count them.

use std::fs::File;
use std::ops::Range;
use std::slice;

use busprobe_trace::{Access, Data, Direction, Header, Loss, Record};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::RowGroupReader;
use parquet::file::statistics::Statistics;

use super::columns::Column;
use super::file::{ReadError, TraceFile, rows_of};
use super::rows::Rows;

/// Reads a trace several times as fast as [`Reader`](super::Reader), and of the accesses only what
/// judging takes: their data and times are left out.
///
/// Only the columns that are needed are read, and of those none whose cells the file's statistics
/// say are all the same.
pub struct Scan {
    file: TraceFile,
    group: usize,
    /// Rows of the groups before.
    before: u64,
    columns: Columns,
}

/// One row of a [`Scan`].
#[derive(Debug)]
pub enum Row<'a> {
    /// An access, without its data and time.
    Access(&'a Access),
    /// Any other record, whole.
    Other(&'a Record),
}

/// The columns of a group that accesses are made of, a cell a row.
#[derive(Default)]
struct Columns {
    writes: Cells<bool>,
    seq: Cells<i64>,
    window: Cells<i32>,
    offset: Cells<i64>,
    size: Cells<i32>,
    thread: Cells<i32>,
    site: Cells<i32>,
    texts: Vec<ByteArray>,
}

/// One column of a group.
#[derive(Default)]
struct Cells<T> {
    /// A cell a row; any value where there is none.
    values: Vec<T>,
    /// 1 where a row has a value; empty where all have.
    levels: Vec<i16>,
}

impl<T: Copy + Default> Cells<T> {
    fn fill(&mut self, value: T, rows: usize) {
        self.levels.clear();
        self.values.clear();
        self.values.resize(rows, value);
    }

    /// No row has a value.
    fn fill_none(&mut self, rows: usize) {
        self.fill(T::default(), rows);
        self.levels.resize(rows, 0);
    }

    fn has(&self, row: usize) -> bool {
        self.levels.get(row).is_none_or(|&level| level == 1)
    }

    /// Moves the values, which lie at the front, to their rows.
    fn spread(&mut self, rows: usize) {
        let mut left = self.values.len();
        if left == rows {
            self.levels.clear();
            return;
        }
        self.values.resize(rows, T::default());
        for row in (0..rows).rev() {
            if self.levels[row] == 1 {
                left -= 1;
                self.values[row] = self.values[left];
            }
        }
    }
}

impl Scan {
    /// Rows of `file`.
    ///
    /// # Errors
    /// When it is no Parquet file, or has not the columns of a trace.
    pub fn new(file: File) -> Result<Self, ReadError> {
        let file = TraceFile::new(file)?;
        Ok(Scan { file, group: 0, before: 0, columns: Columns::default() })
    }

    /// What the trace says of itself.
    ///
    /// # Errors
    /// When the first row is not a trace's.
    pub fn header(&self) -> Result<Header, ReadError> {
        let foreign = |what: &str| ReadError::Foreign { what: what.to_owned() };
        if self.file.groups() == 0 {
            return Err(foreign("it has no rows"));
        }
        let group = self.file.group(0)?;
        if rows_of(group.as_ref())? == 0 {
            return Err(foreign("it has no rows"));
        }
        let first = slice::from_ref(&(0..1));
        let rows = Rows::read_these(&self.file, group.as_ref(), Column::ALL, first)?;
        match rows.record(0).map_err(|what| ReadError::Row { row: 1, what })? {
            Record::Trace(header) => Ok(header),
            _ => Err(foreign("its first row is not the trace's own")),
        }
    }

    /// The losses of the whole trace, wherever they are in it.
    ///
    /// # Errors
    /// A damaged file.
    pub fn losses(&self) -> Result<Vec<Loss>, ReadError> {
        let mut losses = Vec::new();
        let mut before = 0;
        for index in 0..self.file.groups() {
            let group = self.file.group(index)?;
            let rows = rows_of(group.as_ref())?;
            // Losses alone have a kind.
            let chunk = self.file.chunk(index, Column::Kind);
            if chunk.is_some_and(|chunk| !is_empty(chunk, rows)) {
                let read = Rows::read(&self.file, group.as_ref(), &columns_of("loss"))?;
                for row in 0..rows {
                    if read.is("loss", row) {
                        let of_row = |what| ReadError::Row { row: before + row as u64 + 1, what };
                        if let Record::Loss(loss) = read.record(row).map_err(of_row)? {
                            losses.push(loss);
                        }
                    }
                }
            }
            before += rows as u64;
        }
        Ok(losses)
    }

    /// Gives the rows of the next group to `take`; whether there was one.
    ///
    /// # Errors
    /// A damaged file, or a row that is no record; the rows before it have been given.
    pub fn next_group(&mut self, mut take: impl FnMut(Row<'_>)) -> Result<bool, ReadError> {
        let index = self.group;
        if index == self.file.groups() {
            return Ok(false);
        }
        let group = self.file.group(index)?;
        let rows = rows_of(group.as_ref())?;
        let others = self.others(index, group.as_ref(), rows)?;
        let records = match &others[..] {
            [] => Rows::default(),
            others => {
                let columns: Vec<Column> =
                    others.iter().flat_map(|(kind, _)| columns_of(kind)).collect();
                let ranges: Vec<Range<usize>> = others.iter().map(|(_, at)| at.clone()).collect();
                Rows::read_these(&self.file, group.as_ref(), &columns, &ranges)?
            }
        };
        self.columns.read(&self.file, index, group.as_ref(), rows)?;
        let mut other = 0;
        let mut at = 0;
        let end = (String::new(), rows..rows);
        for (_, range) in others.iter().chain([&end]) {
            for row in at..range.start {
                let of_row = |what| ReadError::Row { row: self.before + row as u64 + 1, what };
                let access = self.columns.access(row).map_err(of_row)?;
                take(Row::Access(&access));
            }
            for row in range.clone() {
                let of_row = |what| ReadError::Row { row: self.before + row as u64 + 1, what };
                take(Row::Other(&records.record(other).map_err(of_row)?));
                other += 1;
            }
            at = range.end;
        }
        self.before += rows as u64;
        self.group += 1;
        Ok(true)
    }

    /// The rows that are no accesses, as ranges of one kind.
    fn others(
        &self,
        index: usize,
        group: &dyn RowGroupReader,
        rows: usize,
    ) -> Result<Vec<(String, Range<usize>)>, ReadError> {
        let chunk = self.file.chunk(index, Column::T);
        if chunk.is_some_and(|chunk| constant(chunk) == Some(b"access")) {
            return Ok(Vec::new());
        }
        let kinds = Rows::read(&self.file, group, &[Column::T])?;
        let mut others: Vec<(String, Range<usize>)> = Vec::new();
        for row in 0..rows {
            if kinds.is("access", row) {
                continue;
            }
            match others.last_mut() {
                Some((kind, range)) if range.end == row && kinds.is(kind, row) => range.end += 1,
                _ => others.push((kinds.kind(row).to_owned(), row..row + 1)),
            }
        }
        Ok(others)
    }
}

impl Columns {
    fn read(
        &mut self,
        file: &TraceFile,
        index: usize,
        group: &dyn RowGroupReader,
        rows: usize,
    ) -> Result<(), ReadError> {
        let source = Source { file, index, group, rows };
        source.u64(Column::Seq, &mut self.seq)?;
        source.u32(Column::Window, &mut self.window)?;
        source.u64(Column::Offset, &mut self.offset)?;
        source.u32(Column::Size, &mut self.size)?;
        source.u32(Column::Thread, &mut self.thread)?;
        source.u32(Column::Site, &mut self.site)?;
        source.directions(&mut self.writes, &mut self.texts)
    }

    fn access(&self, row: usize) -> Result<Access, String> {
        let missing = |name| Err(format!("no {name} here"));
        for (is_there, name) in [
            (self.writes.has(row), "dir"),
            (self.seq.has(row), "seq"),
            (self.window.has(row), "window"),
            (self.offset.has(row), "offset"),
            (self.size.has(row), "size"),
        ] {
            if !is_there {
                return missing(name);
            }
        }
        let size = self.size.values[row] as u32;
        if size == 0 || size as usize > Data::MAX {
            return Err(format!("an access has 1 to {} bytes, not {size}", Data::MAX));
        }
        let direction = if self.writes.values[row] { Direction::Write } else { Direction::Read };
        Ok(Access {
            seq: self.seq.values[row] as u64,
            window: self.window.values[row] as u32,
            thread: self.thread.values[row] as u32,
            site: self.site.has(row).then(|| self.site.values[row] as u32),
            ..Access::new(direction, self.offset.values[row] as u64, size)
        })
    }
}

/// Where columns are read from.
struct Source<'a> {
    file: &'a TraceFile,
    index: usize,
    group: &'a dyn RowGroupReader,
    rows: usize,
}

impl Source<'_> {
    /// A column's place and footer; `None` when no row has a value.
    fn column(&self, column: Column) -> Option<(usize, &ColumnChunkMetaData)> {
        let chunk = self.file.chunk(self.index, column)?;
        (!is_empty(chunk, self.rows)).then_some((self.file.place(column)?, chunk))
    }

    fn u32(&self, column: Column, cells: &mut Cells<i32>) -> Result<(), ReadError> {
        let Some((place, chunk)) = self.column(column) else {
            cells.fill_none(self.rows);
            return Ok(());
        };
        if let Some(bytes) = constant(chunk).and_then(|bytes| bytes.try_into().ok()) {
            cells.fill(i32::from_le_bytes(bytes), self.rows);
            return Ok(());
        }
        match self.group.get_column_reader(place)? {
            ColumnReader::Int32ColumnReader(column) => self.read::<Int32Type>(column, cells),
            _ => Err(ReadError::of_type(place)),
        }
    }

    fn u64(&self, column: Column, cells: &mut Cells<i64>) -> Result<(), ReadError> {
        let Some((place, chunk)) = self.column(column) else {
            cells.fill_none(self.rows);
            return Ok(());
        };
        if let Some(bytes) = constant(chunk).and_then(|bytes| bytes.try_into().ok()) {
            cells.fill(i64::from_le_bytes(bytes), self.rows);
            return Ok(());
        }
        match self.group.get_column_reader(place)? {
            ColumnReader::Int64ColumnReader(column) => self.read::<Int64Type>(column, cells),
            _ => Err(ReadError::of_type(place)),
        }
    }

    /// Whether each row writes.
    fn directions(
        &self,
        cells: &mut Cells<bool>,
        texts: &mut Vec<ByteArray>,
    ) -> Result<(), ReadError> {
        let Some((place, chunk)) = self.column(Column::Dir) else {
            cells.fill_none(self.rows);
            return Ok(());
        };
        if let Some(letter @ (b"R" | b"W")) = constant(chunk) {
            cells.fill(letter == b"W", self.rows);
            return Ok(());
        }
        let ColumnReader::ByteArrayColumnReader(column) = self.group.get_column_reader(place)?
        else {
            return Err(ReadError::of_type(place));
        };
        texts.clear();
        cells.levels.clear();
        read_all::<ByteArrayType>(column, self.rows, &mut cells.levels, texts)?;
        cells.values.clear();
        cells.values.extend(texts.iter().map(|text| text.data() == b"W"));
        if !texts.iter().all(|text| matches!(text.data(), b"R" | b"W")) {
            let what = "its column dir holds something else than R and W".to_owned();
            return Err(ReadError::Foreign { what });
        }
        cells.spread(self.rows);
        Ok(())
    }

    fn read<D: DataType>(
        &self,
        column: ColumnReaderImpl<D>,
        cells: &mut Cells<D::T>,
    ) -> Result<(), ReadError>
    where
        D::T: Copy,
    {
        cells.values.clear();
        cells.levels.clear();
        read_all::<D>(column, self.rows, &mut cells.levels, &mut cells.values)?;
        cells.spread(self.rows);
        Ok(())
    }
}

fn read_all<D: DataType>(
    mut column: ColumnReaderImpl<D>,
    rows: usize,
    levels: &mut Vec<i16>,
    values: &mut Vec<D::T>,
) -> Result<(), ReadError> {
    while levels.len() < rows {
        let left = rows - levels.len();
        if column.read_records(left, Some(levels), None, values)?.0 == 0 {
            return Err(ReadError::too_short());
        }
    }
    Ok(())
}

/// Whether no row has a value.
fn is_empty(chunk: &ColumnChunkMetaData, rows: usize) -> bool {
    let nulls = chunk.statistics().and_then(Statistics::null_count_opt);
    nulls == Some(rows as u64)
}

/// The one value that all rows have.
fn constant(chunk: &ColumnChunkMetaData) -> Option<&[u8]> {
    let statistics = chunk.statistics()?;
    let exact = statistics.min_is_exact() && statistics.max_is_exact();
    let (least, most) = (statistics.min_bytes_opt()?, statistics.max_bytes_opt()?);
    (exact && statistics.null_count_opt() == Some(0) && least == most).then_some(least)
}

/// The columns that a kind of record other than an access has.
fn columns_of(kind: &str) -> Vec<Column> {
    match kind {
        "mark" => vec![Column::T, Column::Seq, Column::Text, Column::Thread, Column::TimeNs],
        "loss" => vec![Column::T, Column::Seq, Column::Kind, Column::Detail, Column::Count],
        _ => Column::ALL.to_vec(),
    }
}
