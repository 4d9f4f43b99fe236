//! An operation as a picture in characters: the order of its beats against their addresses.

use std::collections::BTreeSet;
use std::fmt::Write;

use busprobe_trace::Direction;
use busprobe_verdict::Verdict;

use crate::beat_kind::{Kind, kinds};

/// Rows of a picture at the most; more addresses share rows.
const MOST_ROWS: usize = 16;

/// Beats that pictures are made of; of longer operations the first so many are drawn.
pub(crate) const MOST_BEATS: usize = 4096;

/// Columns of the terminal, or as many as a common one has.
pub(crate) fn columns() -> u16 {
    terminal_size::terminal_size().map_or(100, |(width, _)| width.0)
}

/// The picture, with what its marks mean; empty when there is nothing to draw.
///
/// Time goes to the right and the address up. A beat is one mark; where there are more beats than
/// columns, or more elements than rows, a mark stands for the most telling of several.
pub(crate) fn picture(verdict: &Verdict, columns: usize) -> String {
    let unit = u64::from(verdict.intent().width().max(1));
    let beats = &verdict.beats()[..verdict.beats().len().min(MOST_BEATS)];
    let touched = beats.iter().flat_map(|beat| {
        let first = beat.offset / unit;
        (first..=beat.end().saturating_sub(1).max(beat.offset) / unit).take(64)
    });
    let elements: Vec<u64> = touched.collect::<BTreeSet<_>>().into_iter().collect();
    if elements.is_empty() {
        return String::new();
    }
    let kinds = kinds(beats, verdict);
    let per_row = elements.len().div_ceil(MOST_ROWS);
    let rows = elements.len().div_ceil(per_row);
    let label = |row: usize| format!("{:#x}", elements[row * per_row] * unit);
    let margin = (0..rows).map(|row| label(row).len()).max().unwrap_or(0);
    let room = columns.saturating_sub(margin + 4).max(8);
    let per_column = beats.len().div_ceil(room);
    let mut cells = vec![vec![None; beats.len().div_ceil(per_column)]; rows];
    for (index, (beat, kind)) in beats.iter().zip(&kinds).enumerate() {
        let first = elements.partition_point(|&element| element < beat.offset / unit);
        let last = beat.end().saturating_sub(1).max(beat.offset) / unit;
        for row in first..elements.len() {
            if elements[row] > last {
                break;
            }
            let cell = &mut cells[row / per_row][index / per_column];
            *cell = (*cell).max(Some(rank(*kind)));
        }
    }

    let mut text = String::new();
    for (row, cells) in cells.iter().enumerate().rev() {
        let line: String =
            cells.iter().map(|cell| cell.map_or(' ', |rank| MARKS[rank].1)).collect();
        let _ = writeln!(text, "  {:>margin$} |{}", label(row), line.trim_end());
    }
    let _ = writeln!(text, "  {:>margin$} +{}", "", "-".repeat(cells[0].len()));
    let _ =
        writeln!(text, "  {:>margin$}  {}", "", legend(&kinds, verdict, beats.len(), per_column));
    text
}

/// The marks, the most telling last.
const MARKS: [(Kind, char); 4] =
    [(Kind::First, 'o'), (Kind::Late, '<'), (Kind::Again, 'x'), (Kind::Stray, '!')];

fn rank(kind: Kind) -> usize {
    MARKS.iter().position(|(known, _)| *known == kind).unwrap_or(0)
}

fn legend(kinds: &[Kind], verdict: &Verdict, drawn: usize, per_column: usize) -> String {
    let mut parts = Vec::new();
    for (kind, mark) in MARKS {
        let count = kinds.iter().filter(|&&other| other == kind).count();
        if count > 0 {
            parts.push(format!("{mark} {count} {}", words(kind, verdict)));
        }
    }
    if per_column > 1 {
        parts.push(format!("{per_column} beats a column"));
    }
    let left = verdict.beat_count() - drawn as u64;
    if left > 0 {
        parts.push(format!("{left} more beats are not drawn"));
    }
    parts.join(", ")
}

fn words(kind: Kind, verdict: &Verdict) -> &'static str {
    match (kind, verdict.intent().direction()) {
        (Kind::First, _) => "first time",
        (Kind::Again, _) => "again",
        (Kind::Late, _) => "out of order",
        (Kind::Stray, Direction::Write) => "not a write that was meant",
        (Kind::Stray, Direction::Read) => "not a read that was meant",
    }
}

#[cfg(test)]
mod tests {
    use busprobe_trace::{Access, Direction, Event};
    use busprobe_verdict::AxiLite;

    use super::*;

    fn drawn(writes: &[(u64, u32)], intent: &str, columns: usize) -> String {
        let write = |&(offset, size): &(u64, u32)| {
            Event::Access(Access::new(Direction::Write, offset, size))
        };
        let events: Vec<Event> = writes.iter().map(write).collect();
        let verdict = Verdict::of(&events, &AxiLite::BITS_32, &intent.parse().unwrap());
        picture(&verdict, columns)
    }

    #[test]
    fn a_doubled_block_is_two_lines_upwards() {
        let expected = "  0xc |   o   x
  0x8 |  o   x
  0x4 | o   x
  0x0 |o   x
      +--------
       o 4 first time, x 4 again
";
        assert_eq!(drawn(&[(0, 16), (0, 16)], "W 0 4x32", 80), expected);
    }

    #[test]
    fn what_comes_late_and_what_is_not_meant_have_marks_of_their_own() {
        let expected = "  0x40 |  !
   0x4 |o
   0x0 | <
       +---
        o 1 first time, < 1 out of order, ! 1 not a write that was meant
";
        assert_eq!(drawn(&[(4, 4), (0, 4), (64, 4)], "W 0 2x32", 80), expected);
    }

    #[test]
    fn a_long_operation_fits_the_terminal() {
        let block: Vec<(u64, u32)> = (0..1000).map(|word| (word * 4, 4)).collect();
        let picture = drawn(&block, "W 0 1000x32", 60);
        assert!(picture.lines().all(|line| line.len() <= 60), "{picture}");
        assert_eq!(picture.lines().count(), MOST_ROWS + 2);
        assert!(picture.contains("o 1000 first time, 20 beats a column"), "{picture}");
    }

    #[test]
    fn a_fifo_is_one_line() {
        let picture = drawn(&[(8, 4), (8, 4), (8, 4)], "W 8 2x32 fixed", 80);
        assert!(picture.starts_with("  0x8 |oox\n"), "{picture}");
    }

    #[test]
    fn nothing_is_no_picture() {
        assert_eq!(drawn(&[], "W 0 1x32", 80), "");
    }
}
