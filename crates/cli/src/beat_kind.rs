//! What each beat of an operation is, for the pictures of it.

use std::collections::BTreeSet;

use busprobe_verdict::{Beat, Mode, Run, Verdict};

/// What a mark stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The first time that these bytes were put, in order.
    First,
    /// Bytes that had been put before.
    Again,
    /// The first time, but after a later address.
    Late,
    /// The other direction, or nothing of what was meant.
    Stray,
}

impl Kind {
    pub(crate) const ALL: [Kind; 4] = [Kind::First, Kind::Again, Kind::Late, Kind::Stray];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Kind::First => "first time, in order",
            Kind::Again => "again: it had been put before",
            Kind::Late => "out of order: a later address came first",
            Kind::Stray => "not meant at all",
        }
    }
}

/// What each beat is, in order.
pub(crate) fn kinds(beats: &[Beat], verdict: &Verdict) -> Vec<Kind> {
    let intent = verdict.intent();
    let width = u64::from(intent.width());
    let end = |run: &Run, count: u64| run.start.saturating_add(count.saturating_mul(width));
    let is_meant = |beat: &Beat| {
        // Runs ascend and do not overlap.
        let after = intent.runs().partition_point(|run| end(run, run.count) <= beat.offset);
        beat.size > 0
            && beat.direction == intent.direction()
            && intent.runs().get(after).is_some_and(|run| match intent.mode() {
                Mode::Ascending => run.start < beat.end(),
                Mode::Fixed => run.start <= beat.offset && beat.end() <= end(run, 1),
            })
    };
    let mut put: BTreeSet<u64> = BTreeSet::new();
    let mut highest = 0;
    let mut meant = 0;
    beats
        .iter()
        .map(|beat| {
            if !is_meant(beat) {
                return Kind::Stray;
            }
            meant += 1;
            if intent.mode() == Mode::Fixed {
                return if meant <= intent.count() { Kind::First } else { Kind::Again };
            }
            let is_new = (beat.offset..beat.end()).filter(|&byte| put.insert(byte)).count() > 0;
            let is_late = beat.offset < highest;
            highest = highest.max(beat.end());
            match (is_new, is_late) {
                (false, _) => Kind::Again,
                (true, true) => Kind::Late,
                (true, false) => Kind::First,
            }
        })
        .collect()
}
