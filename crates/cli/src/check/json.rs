//! Verdicts as a JSON array.

use std::io::{self, Write};

use busprobe_trace::PythonLine;
use serde::Serialize;

use super::judged::{Judged, Output};

/// Writes rows as they come.
pub(super) struct Json<W> {
    out: W,
    rows: u64,
}

#[derive(Default, Serialize)]
struct Row<'a> {
    /// The operation's place among all of the trace, from 1.
    index: Option<u64>,
    operation: Option<String>,
    mark: Option<&'a str>,
    window: Option<u32>,
    thread: Option<u32>,
    first_seq: Option<u64>,
    last_seq: Option<u64>,
    python: Option<&'a PythonLine>,
    function: Option<&'a str>,
    intent: String,
    verdict: Vec<&'static str>,
    words: String,
    accesses: u64,
    beats: u64,
    unseen: &'a [String],
}

impl<W: Write> Json<W> {
    pub(super) fn new(out: W) -> Self {
        Json { out, rows: 0 }
    }
}

fn row<'a>(judged: &'a Judged<'a>) -> Row<'a> {
    let common = Row {
        operation: judged.name(),
        verdict: judged.classes(),
        words: judged.words(),
        ..Row::default()
    };
    match judged {
        Judged::Operation { head, verdict, .. } => Row {
            index: Some(head.index),
            mark: head.mark(),
            window: Some(head.window),
            thread: Some(head.thread),
            first_seq: Some(*head.seq.start()),
            last_seq: Some(*head.seq.end()),
            python: head.python(),
            function: head.function(),
            intent: verdict.intent().to_string(),
            accesses: verdict.accesses(),
            beats: verdict.beat_count(),
            unseen: verdict.unseen(),
            ..common
        },
        Judged::NotFound(listed) => Row { intent: listed.intent().to_string(), ..common },
    }
}

impl<W: Write> Output for Json<W> {
    fn take(&mut self, judged: &Judged) -> io::Result<()> {
        self.out.write_all(if self.rows == 0 { b"[\n" } else { b",\n" })?;
        self.rows += 1;
        Ok(serde_json::to_writer_pretty(&mut self.out, &row(judged))?)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.write_all(if self.rows == 0 { b"[]\n" } else { b"\n]\n" })?;
        self.out.flush()
    }
}
