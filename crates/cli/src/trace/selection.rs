//! Which part of what is seen goes into the trace: the options, and what they mean.

use std::ops::Range;

use busprobe_capture::{Filter, Selection, Trigger};
use busprobe_mmio::parse_quantity;
use busprobe_trace::Direction;
use clap::ValueEnum;

#[derive(clap::Args)]
#[command(next_help_heading = "What to record")]
pub(super) struct Options {
    /// Record what touches these bytes of a window: OFFSET+LENGTH or FROM..END; may be given
    /// several times. What is not recorded still happens, and the trace says how much that was
    #[arg(long, value_name = "RANGE", value_parser = parse_range)]
    range: Vec<Range<u64>>,

    /// Record loads alone or stores alone
    #[arg(long, value_name = "reads|writes", hide_possible_values = true)]
    only: Option<Only>,

    /// Record accesses of so many bytes: 4, or 1,2
    #[arg(long, value_name = "BYTES", value_delimiter = ',')]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=64))]
    size: Vec<u32>,

    /// Record accesses by the code of this library or program, by file name or path: libc.so.6;
    /// may be given several times
    #[arg(long, value_name = "NAME")]
    module: Vec<String>,

    /// Record accesses of this thread; may be given several times
    #[arg(long, value_name = "TID")]
    thread: Vec<u32>,

    /// Record from this event on: an access ("W 0x10", "R 0x4", "W 0x10=0x1") or a mark
    /// (mark:TEXT)
    #[arg(long, value_name = "EVENT", value_parser = parse_trigger)]
    start_at: Option<Trigger>,

    /// Record up to this event, itself included
    #[arg(long, value_name = "EVENT", value_parser = parse_trigger)]
    stop_at: Option<Trigger>,

    /// Record so many accesses. Then, as after --stop-at, a program that was started here runs on
    /// to its end, unwatched, and one that was attached to is let go
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Only {
    Reads,
    Writes,
}

impl Options {
    pub(super) fn selection(self) -> Selection {
        let words = self.words();
        let Options { range, only, size, module, thread, start_at, stop_at, limit } = self;
        let direction = only.map(|only| match only {
            Only::Reads => Direction::Read,
            Only::Writes => Direction::Write,
        });
        let filter =
            Filter { ranges: range, direction, sizes: size, modules: module, threads: thread };
        Selection { filter, start: start_at, stop: stop_at, limit, words }
    }

    /// The options that are given, as they could be given again.
    fn words(&self) -> Option<String> {
        let mut words = Vec::new();
        let mut word = |option: &str, value: String| words.push(format!("--{option} {value}"));
        for Range { start, end } in &self.range {
            word("range", format!("{start:#x}..{end:#x}"));
        }
        match self.only {
            Some(Only::Reads) => word("only", "reads".to_owned()),
            Some(Only::Writes) => word("only", "writes".to_owned()),
            None => {}
        }
        self.size.iter().for_each(|size| word("size", size.to_string()));
        self.module.iter().for_each(|name| word("module", name.clone()));
        self.thread.iter().for_each(|thread| word("thread", thread.to_string()));
        self.start_at.iter().for_each(|event| word("start-at", format!("\"{event}\"")));
        self.stop_at.iter().for_each(|event| word("stop-at", format!("\"{event}\"")));
        self.limit.iter().for_each(|limit| word("limit", limit.to_string()));
        (!words.is_empty()).then(|| words.join(" "))
    }
}

fn parse_range(text: &str) -> Result<Range<u64>, String> {
    let both = |(start, end)| Some((parse_quantity(start)?, parse_quantity(end)?));
    let range = if let Some((start, end)) = text.split_once("..").and_then(both) {
        Some(start..end)
    } else {
        let (start, length) = text.split_once('+').and_then(both).unwrap_or((0, 0));
        start.checked_add(length).map(|end| start..end)
    };
    range
        .filter(|range| !range.is_empty())
        .ok_or_else(|| "a range is OFFSET+LENGTH or FROM..END: 0x10+4, 0x10..0x14".to_owned())
}

fn parse_trigger(text: &str) -> Result<Trigger, String> {
    if let Some(mark) = text.strip_prefix("mark:") {
        return Ok(Trigger::Mark(mark.to_owned()));
    }
    parse_access(text)
        .ok_or_else(|| "an event is \"W 0x10\", \"R 0x4\", \"W 0x10=0x1\" or mark:TEXT".to_owned())
}

fn parse_access(text: &str) -> Option<Trigger> {
    let (letter, place) = text.split_once(' ')?;
    let direction = match letter {
        "R" => Direction::Read,
        "W" => Direction::Write,
        _ => return None,
    };
    let (offset, value) = match place.trim_start().split_once('=') {
        Some((offset, value)) => (offset, Some(parse_quantity(value)?)),
        None => (place.trim_start(), None),
    };
    Some(Trigger::Access { direction, offset: parse_quantity(offset)?, value })
}
