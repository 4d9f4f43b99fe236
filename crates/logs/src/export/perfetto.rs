//! The Trace Event Format, as Perfetto and Chrome's viewer read it: a track for each thread of each
//! window. Where the trace has no time, each event takes a microsecond, in the trace's order.

use std::collections::HashMap;
use std::io::{self, Write};

use busprobe_trace::{Record, Sink, Site};
use serde_json::{Value, json};

use super::Exporter;

pub(super) struct Perfetto<W: Write> {
    out: W,
    began: bool,
    sites: HashMap<u32, Site>,
}

/// A trace without time is spread over it.
const UNTIMED_US: u64 = 1;

impl<W: Write> Perfetto<W> {
    pub(super) fn new(out: W) -> Self {
        Perfetto { out, began: false, sites: HashMap::new() }
    }

    fn event(&mut self, event: &Value) -> io::Result<()> {
        let before: &[u8] =
            if self.began { b",\n" } else { b"{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n" };
        self.began = true;
        self.out.write_all(before)?;
        serde_json::to_writer(&mut self.out, event)?;
        Ok(())
    }
}

/// Microseconds, as the format counts: when, and how long.
#[expect(clippy::cast_precision_loss, reason = "a hundred days are exact to the nanosecond")]
fn span(seq: u64, time_ns: Option<u64>) -> (Value, Value) {
    match time_ns {
        Some(ns) => (json!(ns as f64 / 1000.0), json!(0.001)),
        None => (json!(seq * UNTIMED_US), json!(UNTIMED_US)),
    }
}

impl<W: Write> Sink for Perfetto<W> {
    fn put(&mut self, record: &Record) -> io::Result<()> {
        match record {
            Record::Trace(_) => Ok(()),
            Record::Site(site) => {
                self.sites.insert(site.id, site.clone());
                Ok(())
            }
            Record::Window(window) => self.event(&json!({
                "name": "process_name", "ph": "M", "pid": window.id,
                "args": {"name": format!("window {}", window.name)},
            })),
            Record::Access(access) => {
                let (ts, dur) = span(access.seq, access.time_ns);
                let site = access.site.and_then(|id| self.sites.get(&id));
                self.event(&json!({
                    "name": format!("{} {:#x}", access.direction.letter(), access.offset),
                    "cat": "access", "ph": "X", "ts": ts, "dur": dur,
                    "pid": access.window, "tid": access.thread,
                    "args": {
                        "seq": access.seq, "size": access.size,
                        "data": access.data.map(|data| data.to_string()),
                        "site": site.map(ToString::to_string),
                    },
                }))
            }
            Record::Repeat(repeat) => {
                repeat.accesses().map(Record::Access).try_for_each(|access| self.put(&access))
            }
            Record::Syscall(call) => {
                let (ts, dur) = span(call.seq, call.time_ns);
                self.event(&json!({
                    "name": call.name, "cat": "syscall", "ph": "X", "ts": ts, "dur": dur,
                    "pid": call.window, "tid": call.thread,
                    "args": {"seq": call.seq, "offset": call.offset, "length": call.length},
                }))
            }
            Record::Mark(mark) => {
                let (ts, _) = span(mark.seq, mark.time_ns);
                self.event(&json!({
                    "name": mark.text, "cat": "mark", "ph": "i", "s": "g", "ts": ts,
                    "pid": 0, "tid": mark.thread,
                }))
            }
            Record::Loss(loss) => {
                let (ts, _) = span(loss.seq, None);
                self.event(&json!({
                    "name": format!("LOSS {}", loss.detail), "cat": "loss", "ph": "i", "s": "g",
                    "ts": ts, "pid": 0, "tid": 0, "args": {"count": loss.count},
                }))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> Exporter for Perfetto<W> {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        let end: &[u8] = if self.began { b"\n]}\n" } else { b"{\"traceEvents\":[]}\n" };
        self.out.write_all(end)?;
        self.flush()
    }
}
