//! Where in a log one operation ends and the next begins, when nothing marks it.

use busprobe_verdict::Beat;

use crate::block::Block;
use crate::cause::{CauseKind, causes};
use crate::fit::fits;

/// An operation is looked for between so many places where it can end; fewer in a log that has
/// more of them than [`MOST_TRIES`] allows.
const MOST_BREAKS: usize = 96;
const MOST_TRIES: usize = 50_000;
/// What touches its bytes more often than this on average is no one operation.
const MOST_TIMES: u64 = 4;
/// So many single beats in a row are not so many operations that are explained.
const FEWEST_SINGLES: usize = 4;

/// What an operation costs, and a beat that nothing explains. The cheapest way to cut is taken.
const OPERATION: u32 = 10;
const UNEXPLAINED: u32 = 15;

/// Cuts beats into operations: all of it is one if something makes it so, and else as few as can
/// be of those that something makes.
pub(crate) fn segment(beats: &[Beat]) -> Vec<&[Beat]> {
    if beats.is_empty() {
        return Vec::new();
    }
    let mut size = Size::default();
    size.add(beats);
    if size.can_be_one() && is_explained(beats) {
        return vec![beats];
    }
    let breaks = breaks(beats);
    let reach = (MOST_TRIES / breaks.len()).clamp(4, MOST_BREAKS);
    // The cheapest way to cut all before each break, and where its last operation begins.
    let mut cheapest = vec![(u32::MAX, 0); breaks.len()];
    cheapest[0].0 = 0;
    for end in 1..breaks.len() {
        let mut size = Size::default();
        for begin in (end.saturating_sub(reach)..end).rev() {
            size.add(&beats[breaks[begin]..breaks[begin + 1]]);
            let part = &beats[breaks[begin]..breaks[end]];
            let unexplained =
                u32::try_from(part.len()).unwrap_or(u32::MAX).saturating_mul(UNEXPLAINED);
            let at_least = cheapest[begin].0.saturating_add(OPERATION.min(unexplained));
            if at_least > cheapest[end].0 {
                continue;
            }
            let is_explained = size.can_be_one() && is_explained(part);
            let price = if is_explained { OPERATION } else { unexplained };
            let cost = cheapest[begin].0.saturating_add(price);
            if cost <= cheapest[end].0 {
                cheapest[end] = (cost, begin);
            }
        }
    }
    let mut parts = Vec::new();
    let mut end = breaks.len() - 1;
    while end > 0 {
        let begin = cheapest[end].1;
        parts.push((breaks[begin], breaks[end]));
        end = begin;
    }
    parts.reverse();
    join_singles(beats, &parts)
}

/// How much beats touch, and where.
struct Size {
    start: u64,
    end: u64,
    bytes: u64,
}

impl Default for Size {
    fn default() -> Self {
        Size { start: u64::MAX, end: 0, bytes: 0 }
    }
}

impl Size {
    fn add(&mut self, beats: &[Beat]) {
        for beat in beats {
            self.start = self.start.min(beat.offset);
            self.end = self.end.max(beat.end());
            self.bytes += u64::from(beat.size);
        }
    }

    /// Whether one operation can touch so much in so little room.
    fn can_be_one(&self) -> bool {
        self.bytes / MOST_TIMES <= self.end - self.start
    }
}

/// Where an operation can begin or end: wherever a beat does not go on from the one before.
fn breaks(beats: &[Beat]) -> Vec<usize> {
    let follows = |at: usize| {
        let (last, next) = (&beats[at - 1], &beats[at]);
        last.end() == next.offset && (last.size, last.direction) == (next.size, next.direction)
    };
    let inner = (1..beats.len()).filter(|&at| !follows(at));
    std::iter::once(0).chain(inner).chain([beats.len()]).collect()
}

/// Whether something is known that makes these beats as one operation.
fn is_explained(beats: &[Beat]) -> bool {
    let block = Block::of(beats);
    let of_itself = |kind: CauseKind| !matches!(kind, CauseKind::WriteCombining | CauseKind::Fifo);
    causes(&block).iter().any(|cause| cause.fits && of_itself(cause.kind))
        || !fits(&block).is_empty()
}

/// Single beats next to each other are one block that nothing explains.
fn join_singles<'a>(beats: &'a [Beat], parts: &[(usize, usize)]) -> Vec<&'a [Beat]> {
    let is_single = |part: &(usize, usize)| part.1 - part.0 <= 2;
    let mut joined = Vec::new();
    for run in parts.chunk_by(|one, other| is_single(one) && is_single(other)) {
        match run {
            [(begin, _), .., (_, end)] if run.len() >= FEWEST_SINGLES => {
                joined.push(&beats[*begin..*end]);
            }
            _ => joined.extend(run.iter().map(|(begin, end)| &beats[*begin..*end])),
        }
    }
    joined
}
