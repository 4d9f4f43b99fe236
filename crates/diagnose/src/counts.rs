//! Which routines fit a table of counts: so many words written, so many beats seen.

use serde::Serialize;
use thiserror::Error;

use crate::fit::Splitting;
use crate::routine::{Call, Routine, Store};

/// Bytes of a word of such a table.
const WORD: u64 = 4;
/// A table of blocks of more words than this is no table of counts.
const MOST_WORDS: u64 = 1 << 20;

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// How many 32-bit words were written.
    pub words: u64,
    /// How many beats the bus saw.
    pub beats: u64,
}

/// Why a text is no table of counts.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CountsError {
    /// It has no row.
    #[error("no row in it; a row has the words written and the beats seen, as in \"64 68\"")]
    Empty,
    /// A row has more words than any.
    #[error("line {line}: {words} words are too many to compare; the most are {MOST_WORDS}")]
    TooMany {
        /// Which line, from 1.
        line: usize,
        /// Its words.
        words: u64,
    },
}

/// Reads a table: a line for each row, the words written and the beats seen; what follows on the
/// line is a remark, and lines that do not begin with two numbers are headings.
///
/// # Errors
/// When there is no row, or a row of more words than can be compared.
pub fn read_counts(text: &str) -> Result<Vec<Row>, CountsError> {
    let mut rows = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut numbers = line.split_whitespace().map(str::parse);
        let (Some(Ok(words)), Some(Ok(beats))) = (numbers.next(), numbers.next()) else {
            continue;
        };
        if words > MOST_WORDS {
            return Err(CountsError::TooMany { line: index + 1, words });
        }
        rows.push(Row { words, beats });
    }
    if rows.is_empty() { Err(CountsError::Empty) } else { Ok(rows) }
}

/// A routine beside a table.
#[derive(Clone, Serialize)]
pub struct CountsFit {
    /// The routine.
    pub routine: &'static Routine,
    /// What became of stores that are not aligned.
    pub unaligned: Splitting,
    /// Where the source lies modulo 16 for this; empty when it does not matter.
    pub sources: Vec<u64>,
    /// Whether the buffers have to be, or must not be, near each other; `None` when it does not
    /// matter.
    pub near: Option<bool>,
    /// The rows that differ, with the beats that the routine makes.
    pub others: Vec<Row>,
}

/// Each routine beside the table, on a 32-bit bus with an aligned destination, in the way in which
/// it fits best; those that fit most rows first.
#[must_use]
pub fn fit_counts(rows: &[Row]) -> Vec<CountsFit> {
    let mut fits: Vec<CountsFit> =
        Routine::ALL.iter().filter_map(|routine| best(routine, rows)).collect();
    fits.sort_by_key(|fit| fit.others.len());
    fits
}

fn best(routine: &'static Routine, rows: &[Row]) -> Option<CountsFit> {
    let mut ways: Vec<(Call, Splitting, Vec<Row>)> = Vec::new();
    for call in routine.calls(0, 0) {
        for splitting in [Splitting::Beats, Splitting::Bytes] {
            let others = rows.iter().filter_map(|row| {
                let call = Call { length: row.words * WORD, ..call };
                let beats = beats(&routine.stores(&call), splitting);
                (beats != row.beats).then_some(Row { beats, ..*row })
            });
            ways.push((call, splitting, others.collect()));
        }
    }
    let fewest = ways.iter().map(|(_, _, others)| others.len()).min()?;
    ways.retain(|(_, _, others)| others.len() == fewest);
    let (first, unaligned, others) = ways.first()?.clone();
    let alike = ways.iter().filter(|way| way.1 == unaligned && way.2 == others);
    let mut sources: Vec<u64> = alike.clone().map(|(call, ..)| call.source).collect();
    sources.dedup();
    let all_near = alike.clone().all(|(call, ..)| call.near == first.near);
    Some(CountsFit {
        routine,
        unaligned,
        sources: if routine.is_by_source() && sources.len() < 16 { sources } else { Vec::new() },
        near: (routine.is_by_nearness() && all_near).then_some(first.near),
        others,
    })
}

/// The beats that stores become on a 32-bit bus.
fn beats(stores: &[Store], splitting: Splitting) -> u64 {
    stores
        .iter()
        .map(|store| match splitting {
            Splitting::Bytes if !store.offset.is_multiple_of(store.size.min(8).into()) => {
                store.size.into()
            }
            _ => (store.offset + u64::from(store.size)).div_ceil(WORD) - store.offset / WORD,
        })
        .sum()
}
