//! The intent against the beats.

use std::fmt;

use busprobe_trace::{Direction, Event};
use serde::Serialize;

use crate::tally::Tally;
use crate::{Beat, Bus, Intent, Mode};

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
    accesses: u64,
    beats: Vec<Beat>,
    reasons: Vec<String>,
    unseen: Vec<String>,
    others: u64,
}

impl Verdict {
    /// Judges what `events` put on `bus` against `intent`.
    ///
    /// What the events say was not seen (losses, system calls into the window) keeps the verdict
    /// from being exact, and is listed in [`Verdict::unseen`].
    pub fn of<'a>(
        events: impl IntoIterator<Item = &'a Event>,
        bus: &dyn Bus,
        intent: &Intent,
    ) -> Self {
        let mut beats = Vec::new();
        let mut lowering = bus.begin();
        let mut accesses = 0;
        let mut unaligned = 0;
        let mut unseen = Vec::new();
        for event in events {
            match event {
                Event::Access(access) => {
                    accesses += 1;
                    let natural = u64::from(access.size.min(bus.width()).max(1));
                    let natural = 1 << natural.ilog2();
                    unaligned += u64::from(access.offset % natural != 0);
                    lowering.push(access, &mut beats);
                }
                Event::Syscall(call) => unseen.push(format!(
                    "the kernel's own accesses in {} ({} bytes at {:#x})",
                    call.name, call.length, call.offset
                )),
                Event::Loss(loss) => unseen.push(loss.detail.clone()),
                Event::Mark(_) => {}
            }
        }
        lowering.finish(&mut beats);
        let tally = Tally::of(&beats, intent);
        let mut verdict = Verdict {
            intent: intent.clone(),
            classes: Vec::new(),
            accesses,
            others: tally.other_direction,
            beats,
            reasons: Vec::new(),
            unseen,
        };
        verdict.weigh(&tally, unaligned);
        verdict
    }

    fn weigh(&mut self, tally: &Tally, unaligned: u64) {
        let count = self.intent.count();
        let noun = |n: u64| element_noun(self.intent.width(), n);
        let done = match self.intent.direction() {
            Direction::Read => "read",
            Direction::Write => "written",
        };
        let fewest = tally.times().min().unwrap_or(0);
        let most = tally.times().max().unwrap_or(0);
        let again = tally.times().filter(|&times| times > 1).count() as u64;
        let missing = tally.times().filter(|&times| times == 0).count() as u64;
        let uniform = fewest == most;

        let mut found = Vec::new();
        if again > 0 {
            let which = match (uniform, count) {
                (true, 1) => format!("the {}", noun(1)),
                (true, _) => format!("every {}", noun(1)),
                (false, _) => format!("{again} {}", noun(again)),
            };
            found.push((Class::Doubled, format!("{which} {done} {}", often(most))));
        }
        if !uniform && again > 0 {
            found.push((Class::Extra, String::new()));
        }
        if tally.outside > 0 {
            let place = match self.intent.mode() {
                Mode::Ascending => "elsewhere",
                Mode::Fixed => "too many",
            };
            let beats = beat_noun(self.intent.direction(), tally.outside);
            found.push((Class::Extra, format!("{} {beats} {place}", tally.outside)));
        }
        if tally.other_direction > 0 {
            let beats = beat_noun(other(self.intent.direction()), tally.other_direction);
            let text = format!("{} {beats} that nobody asked for", tally.other_direction);
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
        if tally.out_of_order {
            found.push((Class::OutOfOrder, "out of order".to_owned()));
        }
        if tally.split {
            let text =
                format!("a {} in several {}", noun(1), beat_noun(self.intent.direction(), 2));
            found.push((Class::Split, text));
        }
        if tally.merged {
            let text =
                format!("several {} in one {}", noun(2), beat_noun(self.intent.direction(), 1));
            found.push((Class::Merged, text));
        }
        if unaligned > 0 {
            let text = format!("{unaligned} unaligned");
            found.push((Class::Unaligned, text));
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
        self.accesses
    }

    /// What the bus saw, in order.
    #[must_use]
    pub fn beats(&self) -> &[Beat] {
        &self.beats
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
        let direction = self.intent.direction();
        let matching = self.beats.len() as u64 - self.others;
        write!(f, "{matching} {}", beat_noun(direction, matching))?;
        if self.others > 0 {
            write!(f, " and {} {}", self.others, beat_noun(other(direction), self.others))?;
        }
        let count = self.intent.count();
        write!(f, " for {count} {}: ", element_noun(self.intent.width(), count))?;
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

fn often(times: u32) -> String {
    match times {
        2 => "twice".to_owned(),
        times => format!("{times} times"),
    }
}
