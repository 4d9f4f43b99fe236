//! The intent against the beats.

use std::fmt;

use busprobe_trace::{Direction, Event};
use serde::Serialize;

use crate::tally::Outcome;
use crate::{Beat, Bus, Intent, Judge, Mode};

/// One way in which beats are not, or are, what was meant; several can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Each element once, in order, at its width, and nothing else.
    Exact,
    /// An element was put more than once.
    Doubled,
    /// There are beats that no whole repetition of the intent explains: a part of it again,
    /// another place, the other direction.
    Extra,
    /// An element was not put.
    Missing,
    /// An element first came after a later one.
    #[serde(rename = "out of order")]
    OutOfOrder,
    /// An element came in several beats.
    Split,
    /// One beat carried several elements.
    Merged,
    /// An access began inside its bus word.
    Unaligned,
}

impl Class {
    /// As verdicts and JSON write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Class::Exact => "exact",
            Class::Doubled => "doubled",
            Class::Extra => "extra",
            Class::Missing => "missing",
            Class::OutOfOrder => "out of order",
            Class::Split => "split",
            Class::Merged => "merged",
            Class::Unaligned => "unaligned",
        }
    }
}

/// What became of an intent on a bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    intent: Intent,
    classes: Vec<Class>,
    seen: Seen,
    reasons: Vec<String>,
    unseen: Vec<String>,
}

/// What was there to judge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) accesses: u64,
    /// Accesses that begin inside their bus word.
    pub(crate) unaligned: u64,
    /// Beats of the intent's direction, and of the other.
    pub(crate) matching: u64,
    pub(crate) others: u64,
    /// The first of them, in order.
    pub(crate) beats: Vec<Beat>,
}

impl Verdict {
    /// Judges what `events` put on `bus` against `intent`.
    ///
    /// What the events say was not seen (losses, system calls into the window) keeps the verdict
    /// from being exact, and is listed in [`Verdict::unseen`].
    #[expect(clippy::missing_panics_doc, reason = "one intent always gets one verdict")]
    pub fn of<'a>(
        events: impl IntoIterator<Item = &'a Event>,
        bus: &dyn Bus,
        intent: &Intent,
    ) -> Self {
        let mut judge = Judge::against(bus, vec![intent.clone()]).keeping_beats(usize::MAX);
        for event in events {
            judge.event(event);
        }
        judge.finish().pop().expect("an intent that is given gets its verdict")
    }

    pub(crate) fn new(intent: Intent, outcome: &Outcome, seen: Seen, unseen: Vec<String>) -> Self {
        let mut verdict =
            Verdict { intent, classes: Vec::new(), seen, reasons: Vec::new(), unseen };
        verdict.weigh(outcome);
        verdict
    }

    /// Of an operation that has no access, and of which no intent is known.
    pub(crate) fn of_nothing_seen(unseen: Vec<String>) -> Self {
        let intent = Intent::of_runs(Direction::Write, 1, Vec::new());
        Verdict::new(intent, &Outcome::default(), Seen::default(), unseen)
    }

    fn weigh(&mut self, outcome: &Outcome) {
        let count = self.intent.count();
        let noun = |n: u64| element_noun(self.intent.width(), n);
        let direction = self.intent.direction();
        let done = match direction {
            Direction::Read => "read",
            Direction::Write => "written",
        };
        let Outcome { again, missing, .. } = *outcome;
        let uniform = outcome.fewest == outcome.most;

        let mut found = Vec::new();
        if again > 0 {
            let which = match (uniform, count) {
                (true, 1) => format!("the {}", noun(1)),
                (true, _) => format!("every {}", noun(1)),
                (false, _) => format!("{again} {}", noun(again)),
            };
            let up_to = if outcome.fewest_again == outcome.most { "" } else { "up to " };
            let often = often(outcome.most);
            found.push((Class::Doubled, format!("{which} {done} {up_to}{often}")));
        }
        if !uniform && again > 0 {
            found.push((Class::Extra, String::new()));
        }
        if outcome.outside > 0 {
            let place = match self.intent.mode() {
                Mode::Ascending => "elsewhere",
                Mode::Fixed => "too many",
            };
            let beats = beat_noun(direction, outcome.outside);
            found.push((Class::Extra, format!("{} {beats} {place}", outcome.outside)));
        }
        if self.seen.others > 0 {
            let beats = beat_noun(other(direction), self.seen.others);
            let text = format!("{} {beats} that nobody asked for", self.seen.others);
            found.push((Class::Extra, text));
        }
        if missing > 0 {
            let text = if missing == count && count > 1 {
                format!("every {} missing", noun(1))
            } else {
                format!("{missing} {} missing", noun(missing))
            };
            found.push((Class::Missing, text));
        }
        if outcome.out_of_order {
            found.push((Class::OutOfOrder, "out of order".to_owned()));
        }
        if outcome.split {
            let text = format!("a {} in several {}", noun(1), beat_noun(direction, 2));
            found.push((Class::Split, text));
        }
        if outcome.merged {
            let text = format!("several {} in one {}", noun(2), beat_noun(direction, 1));
            found.push((Class::Merged, text));
        }
        if self.seen.unaligned > 0 {
            found.push((Class::Unaligned, format!("{} unaligned", self.seen.unaligned)));
        }
        for (class, reason) in found {
            if !self.classes.contains(&class) {
                self.classes.push(class);
            }
            if !reason.is_empty() {
                self.reasons.push(reason);
            }
        }
        if self.classes.is_empty() && self.unseen.is_empty() {
            self.classes.push(Class::Exact);
        }
    }

    /// What was meant.
    #[must_use]
    pub fn intent(&self) -> &Intent {
        &self.intent
    }

    /// Whether the bus saw what was meant, and all of it was seen.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.classes == [Class::Exact]
    }

    /// All that holds; `[Exact]` alone when it is, nothing at all when nothing is wrong in what
    /// was seen but not everything was seen.
    #[must_use]
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// How many accesses were judged.
    #[must_use]
    pub fn accesses(&self) -> u64 {
        self.seen.accesses
    }

    /// What the bus saw, in order: all of it, unless the [`Judge`] was to keep fewer.
    #[must_use]
    pub fn beats(&self) -> &[Beat] {
        &self.seen.beats
    }

    /// How many transactions the bus saw.
    #[must_use]
    pub fn beat_count(&self) -> u64 {
        self.seen.matching + self.seen.others
    }

    /// What the trace does not show, a sentence each.
    #[must_use]
    pub fn unseen(&self) -> &[String] {
        &self.unseen
    }
}

/// One line: `8 writes for 4 words: every word written twice`.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.intent.count() == 0 {
            return write!(f, "no access was seen, and not seen: {}", self.unseen.join("; "));
        }
        let direction = self.intent.direction();
        let Seen { matching, others, .. } = self.seen;
        write!(f, "{matching} {}", beat_noun(direction, matching))?;
        if others > 0 {
            write!(f, " and {others} {}", beat_noun(other(direction), others))?;
        }
        let count = self.intent.count();
        write!(f, " for {count} {}", element_noun(self.intent.width(), count))?;
        match (self.intent.mode(), direction) {
            (Mode::Fixed, Direction::Read) => f.write_str(" from one address: ")?,
            (Mode::Fixed, Direction::Write) => f.write_str(" to one address: ")?,
            (Mode::Ascending, _) => f.write_str(": ")?,
        }
        match (&self.reasons[..], &self.unseen[..]) {
            ([], []) => f.write_str("exact"),
            ([], unseen) => {
                write!(f, "nothing wrong in what was seen, but not seen: {}", unseen.join("; "))
            }
            (reasons, []) => f.write_str(&reasons.join(", ")),
            (reasons, unseen) => {
                write!(f, "{}; not seen: {}", reasons.join(", "), unseen.join("; "))
            }
        }
    }
}

fn other(direction: Direction) -> Direction {
    match direction {
        Direction::Read => Direction::Write,
        Direction::Write => Direction::Read,
    }
}

fn beat_noun(direction: Direction, count: u64) -> &'static str {
    match (direction, count) {
        (Direction::Read, 1) => "read",
        (Direction::Read, _) => "reads",
        (Direction::Write, 1) => "write",
        (Direction::Write, _) => "writes",
    }
}

fn element_noun(width: u32, count: u64) -> &'static str {
    match (width, count) {
        (1, 1) => "byte",
        (1, _) => "bytes",
        (2, 1) => "16-bit word",
        (2, _) => "16-bit words",
        (4, 1) => "word",
        (4, _) => "words",
        (_, 1) => "64-bit word",
        (_, _) => "64-bit words",
    }
}

fn often(times: u64) -> String {
    match times {
        2 => "twice".to_owned(),
        times => format!("{times} times"),
    }
}
