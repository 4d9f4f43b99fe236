//! Records into columns.

use std::collections::HashMap;
use std::io::{self, Write};

use busprobe_trace::{
    Access, Capture, Header, Level, LossKind, PythonLine, Record, Sink, Site, SourceLine,
};
use parquet::basic::{Compression, Encoding};
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::ColumnPath;

use super::ROWS;
use super::columns::{Column, Kind, schema};
use crate::export::Exporter;

/// Writes records as they come, a group of rows at a time.
pub struct Writer<W: Write + Send> {
    out: Out<W>,
    columns: Vec<Values>,
    rows: usize,
    sites: HashMap<u32, Site>,
}

/// The file, begun when there is something to write, since that can fail.
enum Out<W: Write + Send> {
    Fresh(W),
    Begun(SerializedFileWriter<W>),
    Failed,
}

impl<W: Write + Send> Out<W> {
    fn begun(&mut self) -> Result<&mut SerializedFileWriter<W>, ParquetError> {
        if let Out::Fresh(_) = self
            && let Out::Fresh(out) = std::mem::replace(self, Out::Failed)
        {
            *self = Out::Begun(SerializedFileWriter::new(out, schema(), properties().into())?);
        }
        match self {
            Out::Begun(out) => Ok(out),
            _ => Err(ParquetError::General("the file could not be begun".to_owned())),
        }
    }
}

/// What goes up step by step is kept as its steps.
fn properties() -> WriterProperties {
    let all = WriterProperties::builder().set_compression(Compression::SNAPPY);
    let ascending = [Column::Seq, Column::TimeNs];
    let of_each = ascending.into_iter().fold(all, |properties, column| {
        let path = ColumnPath::from(column.name());
        properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED)
    });
    of_each.build()
}

/// One column of the group of rows at hand.
struct Values {
    /// 1 where a row has a value; rows at the end that have none may be left out.
    levels: Vec<i16>,
    cells: Cells,
}

enum Cells {
    U32(Vec<i32>),
    U64(Vec<i64>),
    Text(Vec<ByteArray>),
}

impl Values {
    fn new(kind: Kind) -> Self {
        let cells = match kind {
            Kind::U32 => Cells::U32(Vec::new()),
            Kind::U64 => Cells::U64(Vec::new()),
            Kind::Text => Cells::Text(Vec::new()),
        };
        Values { levels: Vec::new(), cells }
    }

    fn write(
        &mut self,
        column: &mut SerializedColumnWriter<'_>,
        rows: usize,
    ) -> Result<(), ParquetError> {
        self.levels.resize(rows, 0);
        let levels = Some(self.levels.as_slice());
        match &mut self.cells {
            Cells::U32(cells) => {
                column.typed::<Int32Type>().write_batch(cells, levels, None)?;
                cells.clear();
            }
            Cells::U64(cells) => {
                column.typed::<Int64Type>().write_batch(cells, levels, None)?;
                cells.clear();
            }
            Cells::Text(cells) => {
                column.typed::<ByteArrayType>().write_batch(cells, levels, None)?;
                cells.clear();
            }
        }
        self.levels.clear();
        Ok(())
    }
}

impl<W: Write + Send> Writer<W> {
    /// Records to `out`.
    pub fn new(out: W) -> Self {
        Writer {
            out: Out::Fresh(out),
            columns: Column::ALL.iter().map(|column| Values::new(column.kind())).collect(),
            rows: 0,
            sites: HashMap::new(),
        }
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.out.begun()?.next_row_group()?;
        for values in &mut self.columns {
            if let Some(mut column) = group.next_column()? {
                values.write(&mut column, self.rows)?;
                column.close()?;
            }
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }

    /// The cells of a column, with the row at hand marked as having a value.
    fn cells(&mut self, column: Column) -> &mut Cells {
        let values = &mut self.columns[column as usize];
        values.levels.resize(self.rows, 0);
        values.levels.push(1);
        &mut values.cells
    }

    fn number(&mut self, column: Column, value: impl Into<Option<u64>>) {
        let Some(value) = value.into() else { return };
        match self.cells(column) {
            Cells::U32(cells) => cells.push(value as i32),
            Cells::U64(cells) => cells.push(value as i64),
            Cells::Text(_) => unreachable!("{column:?} holds text"),
        }
    }

    fn text<'a>(&mut self, column: Column, value: impl Into<Option<&'a str>>) {
        let Some(value) = value.into() else { return };
        match self.cells(column) {
            Cells::Text(cells) => cells.push(ByteArray::from(value)),
            _ => unreachable!("{column:?} holds numbers"),
        }
    }

    fn header(&mut self, header: &Header) -> io::Result<()> {
        self.text(Column::T, "trace");
        self.number(Column::Version, u64::from(header.version));
        self.text(Column::Level, level_name(header.level));
        self.text(Column::Capture, capture_name(header.capture));
        self.text(Column::Machine, &*header.machine);
        self.text(Column::Cpu, header.cpu.as_deref());
        self.text(Column::Command, &*serde_json::to_string(&header.command)?);
        self.text(Column::Selection, header.selection.as_deref());
        Ok(())
    }

    fn site(&mut self, site: &Site) -> io::Result<()> {
        self.number(Column::Pc, site.pc);
        self.text(Column::Module, site.module.as_deref());
        self.text(Column::BuildId, site.build_id.as_deref());
        self.text(Column::Symbol, site.symbol.as_deref());
        self.number(Column::SymbolOffset, site.symbol_offset);
        if let Some(SourceLine { file, line }) = &site.source {
            self.text(Column::SourceFile, &**file);
            self.number(Column::SourceLine, u64::from(*line));
        }
        if let Some(PythonLine { file, line, function, offset, instruction }) = &site.python {
            self.text(Column::PythonFile, &**file);
            self.number(Column::PythonLine, u64::from(*line));
            self.text(Column::PythonFunction, &**function);
            self.number(Column::PythonOffset, offset.map(u64::from));
            self.text(Column::PythonInstruction, instruction.as_deref());
        }
        self.text(Column::Text, site.text.as_deref());
        if !site.stack.is_empty() {
            self.text(Column::Stack, &*serde_json::to_string(&site.stack)?);
        }
        Ok(())
    }

    fn access(&mut self, access: &Access) -> io::Result<()> {
        self.text(Column::T, "access");
        self.number(Column::Seq, access.seq);
        self.text(Column::Dir, access.direction.letter().encode_utf8(&mut [0; 4]) as &str);
        self.number(Column::Window, u64::from(access.window));
        self.number(Column::Offset, access.offset);
        self.number(Column::Size, u64::from(access.size));
        if let Some(data) = access.data {
            self.text(Column::Data, &*data.to_string());
        }
        self.number(Column::Thread, u64::from(access.thread));
        self.number(Column::TimeNs, access.time_ns);
        self.number(Column::Site, access.site.map(u64::from));
        if let Some(site) = access.site.and_then(|id| self.sites.remove(&id)) {
            self.site(&site)?;
            self.sites.insert(site.id, site);
        }
        Ok(())
    }
}

pub(super) fn level_name(level: Level) -> &'static str {
    match level {
        Level::Instruction => "instruction",
        Level::Bus => "bus",
    }
}

pub(super) fn capture_name(capture: Capture) -> &'static str {
    match capture {
        Capture::Native => "native",
        Capture::Qemu => "qemu",
        Capture::Guest => "guest",
        Capture::Lab => "lab",
        Capture::Sim => "sim",
        Capture::Recorder => "recorder",
        Capture::Import => "import",
    }
}

pub(super) fn loss_name(kind: LossKind) -> &'static str {
    match kind {
        LossKind::CutOff => "cut-off",
        LossKind::Missed => "missed",
        LossKind::NotWatched => "not-watched",
        LossKind::Approximate => "approximate",
    }
}

fn io_error(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

impl<W: Write + Send> Sink for Writer<W> {
    fn put(&mut self, record: &Record) -> io::Result<()> {
        match record {
            Record::Trace(header) => self.header(header)?,
            Record::Window(window) => {
                self.text(Column::T, "window");
                self.number(Column::Id, u64::from(window.id));
                self.text(Column::Name, &*window.name);
                self.number(Column::Base, window.base);
                self.number(Column::Length, window.length);
            }
            Record::Site(site) => {
                self.text(Column::T, "site");
                self.number(Column::Id, u64::from(site.id));
                self.number(Column::Address, site.address);
                self.site(site)?;
                self.sites.insert(site.id, site.clone());
            }
            Record::Access(access) => self.access(access)?,
            Record::Repeat(repeat) => {
                let mut accesses = repeat.accesses().map(Record::Access);
                return accesses.try_for_each(|access| self.put(&access));
            }
            Record::Syscall(call) => {
                self.text(Column::T, "syscall");
                self.number(Column::Seq, call.seq);
                self.text(Column::Name, &*call.name);
                self.number(Column::Window, u64::from(call.window));
                self.number(Column::Offset, call.offset);
                self.number(Column::Length, call.length);
                self.number(Column::Thread, u64::from(call.thread));
                self.number(Column::TimeNs, call.time_ns);
            }
            Record::Mark(mark) => {
                self.text(Column::T, "mark");
                self.number(Column::Seq, mark.seq);
                self.text(Column::Text, &*mark.text);
                self.number(Column::Thread, u64::from(mark.thread));
                self.number(Column::TimeNs, mark.time_ns);
            }
            Record::Loss(loss) => {
                self.text(Column::T, "loss");
                self.number(Column::Seq, loss.seq);
                self.text(Column::Kind, loss_name(loss.kind));
                self.text(Column::Detail, &*loss.detail);
                self.number(Column::Count, loss.count);
            }
        }
        self.rows += 1;
        if self.rows == ROWS { self.write_group().map_err(io_error) } else { Ok(()) }
    }
}

impl<W: Write + Send> Exporter for Writer<W> {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        if self.rows > 0 {
            self.write_group().map_err(io_error)?;
        }
        let out = self.out.begun().map_err(io_error)?;
        out.finish().map_err(io_error)?;
        out.inner_mut().flush()
    }
}
