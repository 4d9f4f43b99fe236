//! One cell of the table: what one way of writing so many words put on the bus.

use busprobe_verdict::{Class, Verdict};
use serde::Serialize;

use super::lab::Facts;

/// One cell, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(crate) struct Cell {
    pub(crate) way: String,
    pub(crate) words: u64,
    pub(crate) accesses: u64,
    pub(crate) beats: usize,
    pub(crate) verdict: Vec<&'static str>,
    /// Offset and size of each beat, in bus order.
    pub(crate) sequence: Vec<(u64, u32)>,
    /// Whose code it was, in the lab.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lab: Option<Facts>,
}

impl Cell {
    pub(crate) fn new(way: &str, words: u64, verdict: &Verdict) -> Self {
        Cell {
            way: way.to_owned(),
            words,
            accesses: verdict.accesses(),
            beats: verdict.beats().len(),
            verdict: verdict.classes().iter().copied().map(Class::name).collect(),
            sequence: verdict.beats().iter().map(|beat| (beat.offset, beat.size)).collect(),
            lab: None,
        }
    }
}
