//! Comma-separated values (RFC 4180): a row an event, with its site beside it.
//!
//! `address` is the bus address, or the offset when the window has no base. Data and addresses are
//! hexadecimal.

use std::collections::HashMap;
use std::io::{self, Write};

use busprobe_trace::{Record, Sink, Site, Window};

use super::Exporter;

const COLUMNS: [&str; 16] = [
    "seq",
    "kind",
    "window",
    "offset",
    "address",
    "size",
    "data",
    "thread",
    "time_ns",
    "pc",
    "module",
    "symbol",
    "symbol_offset",
    "source",
    "python",
    "text",
];

pub(super) struct Csv<W: Write> {
    out: csv::Writer<W>,
    began: bool,
    windows: HashMap<u32, Window>,
    sites: HashMap<u32, Site>,
}

/// The columns of one row; those that do not apply are empty.
#[derive(Default)]
struct Row {
    seq: u64,
    kind: &'static str,
    place: Option<(u32, u64)>,
    size: Option<u64>,
    data: Option<String>,
    thread: u32,
    time_ns: Option<u64>,
    site: Option<u32>,
    text: Option<String>,
}

impl<W: Write> Csv<W> {
    pub(super) fn new(out: W) -> Self {
        Csv {
            out: csv::Writer::from_writer(out),
            began: false,
            windows: HashMap::new(),
            sites: HashMap::new(),
        }
    }

    fn write(&mut self, row: Row) -> io::Result<()> {
        if !self.began {
            self.began = true;
            self.out.write_record(COLUMNS)?;
        }
        let window = row.place.map(|(window, _)| window);
        let offset = row.place.map(|(_, offset)| offset);
        let base = window.and_then(|id| self.windows.get(&id)?.base).unwrap_or(0);
        let site = row.site.and_then(|id| self.sites.get(&id));
        let source = site.and_then(|site| site.source.as_ref());
        let python = site.and_then(|site| site.python.as_ref());
        self.out.write_record([
            row.seq.to_string(),
            row.kind.to_owned(),
            or_empty(window),
            offset.map_or(String::new(), hex),
            offset.map_or(String::new(), |offset| hex(base.saturating_add(offset))),
            or_empty(row.size),
            or_empty(row.data),
            row.thread.to_string(),
            or_empty(row.time_ns),
            site.filter(|site| site.pc != 0).map_or(String::new(), |site| hex(site.pc)),
            or_empty(site.and_then(|site| site.module.clone())),
            or_empty(site.and_then(|site| site.symbol.clone())),
            site.and_then(|site| site.symbol_offset).map_or(String::new(), hex),
            source.map_or(String::new(), |at| format!("{}:{}", at.file, at.line)),
            python.map_or(String::new(), |at| format!("{}:{}", at.file, at.line)),
            or_empty(row.text.or_else(|| site?.text.clone())),
        ])?;
        Ok(())
    }
}

fn or_empty(value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

fn hex(value: u64) -> String {
    format!("{value:#x}")
}

impl<W: Write> Sink for Csv<W> {
    fn put(&mut self, record: &Record) -> io::Result<()> {
        let row = match record {
            Record::Trace(_) => return Ok(()),
            Record::Window(window) => {
                self.windows.insert(window.id, window.clone());
                return Ok(());
            }
            Record::Site(site) => {
                self.sites.insert(site.id, site.clone());
                return Ok(());
            }
            Record::Access(access) => Row {
                seq: access.seq,
                kind: match access.direction {
                    busprobe_trace::Direction::Read => "R",
                    busprobe_trace::Direction::Write => "W",
                },
                place: Some((access.window, access.offset)),
                size: Some(access.size.into()),
                data: access.data.map(|data| data.to_string()),
                thread: access.thread,
                time_ns: access.time_ns,
                site: access.site,
                text: None,
            },
            Record::Repeat(repeat) => {
                let mut accesses = repeat.accesses().map(Record::Access);
                return accesses.try_for_each(|access| self.put(&access));
            }
            Record::Syscall(call) => Row {
                seq: call.seq,
                kind: "syscall",
                place: Some((call.window, call.offset)),
                size: Some(call.length),
                thread: call.thread,
                time_ns: call.time_ns,
                text: Some(call.name.clone()),
                ..Row::default()
            },
            Record::Mark(mark) => Row {
                seq: mark.seq,
                kind: "mark",
                thread: mark.thread,
                time_ns: mark.time_ns,
                text: Some(mark.text.clone()),
                ..Row::default()
            },
            Record::Loss(loss) => Row {
                seq: loss.seq,
                kind: "loss",
                size: None,
                text: Some(loss.detail.clone()),
                ..Row::default()
            },
        };
        self.write(row)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> Exporter for Csv<W> {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.flush()
    }
}
