//! What else than a copy routine can, or cannot, make the beats of a block.

use std::collections::HashSet;

use serde::Serialize;

use busprobe_trace::{Data, Direction};
use busprobe_verdict::{Beat, Impossible, bus_by_name};

use crate::block::Block;

/// A cause that was thought of, and whether it can make the beats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// What it is.
    pub kind: CauseKind,
    /// Whether it can make exactly these beats.
    pub fits: bool,
    /// How, or why not.
    pub words: String,
}

/// The causes that are thought of, besides copy routines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    /// The program puts each element once, in order.
    EachOnce,
    /// The program puts elements at one address, a FIFO's.
    Fifo,
    /// Each beat comes again at once: a retry, a log that shows each twice, or a program that
    /// copies element by element.
    EachRepeated,
    /// Each element is read before it is written, as `ctypes` does.
    ReadBeforeWrite,
    /// The place is zeroed before it is written, as `struct.pack_into` does.
    ZeroedFirst,
    /// 64-bit accesses cut in two, the upper half first.
    UpperHalfFirst,
    /// Wider accesses cut into bytes.
    Bytes,
    /// The processor's write-combining buffers.
    WriteCombining,
}

/// All causes that have something to say of the block, those that fit first.
pub(crate) fn causes(block: &Block) -> Vec<Cause> {
    let mut causes: Vec<Cause> = [
        each_once(block),
        fifo(block),
        each_repeated(block),
        read_before_write(block),
        zeroed_first(block),
        upper_half_first(block),
        bytes(block),
        write_combining(block),
    ]
    .into_iter()
    .flatten()
    .collect();
    causes.sort_by_key(|cause| !cause.fits);
    causes
}

fn fits(kind: CauseKind, words: impl Into<String>) -> Cause {
    Cause { kind, fits: true, words: words.into() }
}

fn cannot(kind: CauseKind, words: impl Into<String>) -> Cause {
    Cause { kind, fits: false, words: words.into() }
}

fn is_ascending(beats: &[Beat]) -> bool {
    beats.windows(2).all(|pair| pair[0].end() == pair[1].offset)
}

fn each_once(block: &Block) -> Option<Cause> {
    let first = block.beats.first()?;
    let same = block.beats.iter().all(|beat| beat.size == first.size);
    let is_once = block.direction.is_some() && same && is_ascending(block.beats);
    if !is_once {
        return None;
    }
    let bits = first.size * 8;
    Some(fits(
        CauseKind::EachOnce,
        match (block.beats.len(), block.direction) {
            (1, Some(Direction::Read)) => format!("one {bits}-bit load"),
            (1, _) => format!("one {bits}-bit store"),
            (count, Some(Direction::Read)) => {
                format!("a loop of {count} {bits}-bit loads, ascending")
            }
            (count, _) => format!("a loop of {count} {bits}-bit stores, ascending"),
        },
    ))
}

fn fifo(block: &Block) -> Option<Cause> {
    let first = block.beats.first()?;
    let one_place =
        block.beats.iter().all(|beat| (beat.offset, beat.size) == (first.offset, first.size));
    if block.beats.len() < 2 || !one_place || block.direction.is_none() {
        return None;
    }
    let (count, bits) = (block.beats.len(), first.size * 8);
    Some(fits(CauseKind::Fifo, format!("{count} {bits}-bit accesses to one address, as to a FIFO")))
}

/// How often each beat comes in a row, when all come equally often.
fn repeats(beats: &[Beat]) -> Option<usize> {
    let runs: Vec<usize> = beats.chunk_by(|one, other| one == other).map(<[Beat]>::len).collect();
    let first = *runs.first()?;
    (first > 1 && runs.iter().all(|run| *run == first)).then_some(first)
}

fn each_repeated(block: &Block) -> Option<Cause> {
    let kind = CauseKind::EachRepeated;
    if !block.repeats() || block.direction.is_none() {
        return None;
    }
    if let Some(times) = repeats(block.beats) {
        let times = if times == 2 { "twice".to_owned() } else { format!("{times} times") };
        return Some(fits(
            kind,
            format!(
                "each beat {times} in a row: a slave or bridge that retries, a log that shows \
                 each {times} (QEMU does for a region within a region), or a copy of one element \
                 at a time (a strided slice)"
            ),
        ));
    }
    let runs = block.beats.chunk_by(|one, other| one == other).count();
    let different = block.beats.iter().map(key).collect::<HashSet<_>>().len();
    let why = if different == block.beats.len() {
        "bytes come again, but no whole beat does"
    } else if different < runs {
        "the repetitions do not follow at once"
    } else {
        "not every beat comes equally often"
    };
    let what = "a retry by a slave or bridge, or a log that shows each beat twice";
    Some(cannot(kind, format!("{what}: {why}")))
}

/// What makes beats equal.
fn key(beat: &Beat) -> (Direction, u64, u32, Option<Data>) {
    (beat.direction, beat.offset, beat.size, beat.data)
}

fn read_before_write(block: &Block) -> Option<Cause> {
    let pairs = block.beats.chunks(2).all(|pair| match pair {
        [read, write] => {
            read.direction == Direction::Read
                && write.direction == Direction::Write
                && (read.offset, read.size) == (write.offset, write.size)
        }
        _ => false,
    });
    if !pairs || block.beats.is_empty() {
        return None;
    }
    Some(fits(
        CauseKind::ReadBeforeWrite,
        "each element read and then written: an update of bits, or Python's ctypes, which loads \
         a field before it stores it",
    ))
}

fn zeroed_first(block: &Block) -> Option<Cause> {
    if block.direction != Some(Direction::Write) || !block.with_data || !block.repeats() {
        return None;
    }
    let is_zero = |beat: &Beat| beat.data.is_some_and(|data| data.bytes().iter().all(|b| *b == 0));
    let zeros = block.beats.iter().take_while(|beat| is_zero(beat)).count();
    let (zeroed, written) = block.beats.split_at(zeros);
    let covers = |beats: &[Beat]| {
        let first = beats.first().map(|beat| beat.offset);
        let last = beats.last().map(Beat::end);
        is_ascending(beats) && (first, last) == (Some(block.start), Some(block.end))
    };
    if !(covers(zeroed) && covers(written)) {
        return None;
    }
    Some(fits(
        CauseKind::ZeroedFirst,
        "zeros over all of it and then the elements: Python's struct.pack_into, which clears the \
         bytes before it packs them",
    ))
}

fn upper_half_first(block: &Block) -> Option<Cause> {
    let mut pairs = block.beats.chunks(2);
    let halves = pairs.all(|pair| match pair {
        [upper, lower] => {
            let double = u64::from(lower.size) * 2;
            upper.size == lower.size
                && lower.end() == upper.offset
                && lower.offset.is_multiple_of(double)
        }
        _ => false,
    });
    if !halves || block.beats.is_empty() || block.direction.is_none() {
        return None;
    }
    let bits = block.widest * 16;
    Some(fits(
        CauseKind::UpperHalfFirst,
        format!("{bits}-bit accesses cut in two, the upper half first (hi_lo)"),
    ))
}

fn bytes(block: &Block) -> Option<Cause> {
    let bytes = block.beats.iter().filter(|beat| beat.size == 1).count();
    if bytes < 4 || block.direction.is_none() {
        return None;
    }
    if bytes == block.beats.len() && is_ascending(block.beats) && block.length().is_multiple_of(4) {
        return Some(fits(
            CauseKind::Bytes,
            "wider accesses cut into bytes: by a bus of 8 bits, by QEMU before 9.0 when they are \
             not aligned, or by a loop of bytes",
        ));
    }
    None
}

fn write_combining(block: &Block) -> Option<Cause> {
    let kind = CauseKind::WriteCombining;
    if block.direction != Some(Direction::Write) || block.beats.len() < 2 {
        return None;
    }
    // A transaction wider than the log's widest beat was cut on its way.
    let width = match block.widest {
        0..=4 => 32,
        _ => 512,
    };
    let meant = block.meant();
    let judge = |name: &str| {
        let bus = bus_by_name(&format!("{name}:width={width}")).ok()?;
        Some(bus.could(&meant, block.beats))
    };
    let (x86, arm) = (judge("wc-x86")?, judge("normal-nc-arm")?);
    match (x86, arm) {
        (Ok(()), Ok(())) => Some(fits(
            kind,
            "write combining of stores that put each element once, where the memory is mapped so \
             (x86 WC, Arm Normal non-cacheable)",
        )),
        (Ok(()), Err(_)) => {
            Some(fits(kind, "x86 write combining of stores that put each element once"))
        }
        (Err(_), Ok(())) => Some(fits(
            kind,
            "Arm's Normal non-cacheable memory, gathering stores that put each element once",
        )),
        (Err(why), Err(_)) => Some(cannot(
            kind,
            match why {
                Impossible::TooOften { .. } => format!(
                    "write combining: {why}; combining joins stores and never repeats one, so it \
                     makes no duplicates"
                ),
                _ => format!("write combining of stores that put each element once: {why}"),
            },
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why_it_is_no_retry(offsets: &[u64]) -> String {
        let beat = |&offset| Beat { direction: Direction::Write, offset, size: 4, data: None };
        let beats: Vec<Beat> = offsets.iter().map(beat).collect();
        each_repeated(&Block::of(&beats)).unwrap().words
    }

    #[test]
    fn why_a_retry_is_impossible_is_said_of_the_beats_at_hand() {
        assert!(why_it_is_no_retry(&[0, 4, 0, 4]).ends_with("do not follow at once"));
        assert!(why_it_is_no_retry(&[0, 0, 4]).ends_with("not every beat comes equally often"));
        assert!(why_it_is_no_retry(&[0, 2]).ends_with("no whole beat does"));
    }
}
