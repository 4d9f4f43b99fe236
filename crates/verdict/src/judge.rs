//! Judging an operation as it goes by.

use busprobe_trace::{Access, Direction, Event, PythonLine};

use crate::coverage::Coverage;
use crate::tally::Tally;
use crate::verdict::Seen;
use crate::{Beat, Bus, Intent, Lowering, Verdict};

/// Judges an operation while it goes by, in memory that grows with the elements it touches and not
/// with how often it does.
///
/// ```
/// use busprobe_trace::{Access, Direction};
/// use busprobe_verdict::{AxiLite, Judge};
///
/// let mut judge = Judge::inferring(&AxiLite::BITS_32, None);
/// for offset in [0, 4, 4] {
///     judge.access(&Access::new(Direction::Write, offset, 4));
/// }
/// assert_eq!(judge.finish()[0].to_string(), "3 writes for 2 words: 1 word written twice");
/// ```
pub struct Judge {
    bus_width: u32,
    lowering: Box<dyn Lowering>,
    /// What the access at hand brought out on the bus.
    lowered: Vec<Beat>,
    meant: Meant,
    /// What was seen of the reads and of the writes.
    seen: [Seen; 2],
    unseen: Vec<String>,
    /// The first beats, of both directions in their order, and how many to keep.
    beats: Vec<Beat>,
    keep: usize,
}

enum Meant {
    Given(Vec<Tally>),
    /// What is there tells what was meant: the reads, the writes, and whether the program said
    /// that it writes.
    Inferred {
        coverage: Box<[Coverage; 2]>,
        says_write: bool,
    },
}

impl Judge {
    /// Judges against what was most likely meant, as [`Intent::infer`] finds it: the writes as one
    /// intent and the reads as another.
    ///
    /// But a Python instruction that stores asks for no read: where `line` has one, reads of what
    /// is written too are no intent of their own.
    #[must_use]
    pub fn inferring(bus: &dyn Bus, line: Option<&PythonLine>) -> Self {
        let instruction = line.and_then(|line| line.instruction.as_deref());
        let says_write = instruction.is_some_and(|name| name.starts_with("STORE_"));
        let coverage = Box::new([Coverage::new(bus.width()), Coverage::new(bus.width())]);
        Judge::new(bus, Meant::Inferred { coverage, says_write })
    }

    /// Judges against what was meant. With intents of both directions, each is for the accesses
    /// of its own.
    #[must_use]
    pub fn against(bus: &dyn Bus, intents: Vec<Intent>) -> Self {
        Judge::new(bus, Meant::Given(intents.into_iter().map(Tally::new).collect()))
    }

    fn new(bus: &dyn Bus, meant: Meant) -> Self {
        let (lowered, seen, unseen, beats) = Default::default();
        let (bus_width, lowering) = (bus.width(), bus.begin());
        Judge { bus_width, lowering, lowered, meant, seen, unseen, beats, keep: 0 }
    }

    /// Keeps the first `most` beats for [`Verdict::beats`], instead of none.
    #[must_use]
    pub fn keeping_beats(self, most: usize) -> Self {
        Judge { keep: most, ..self }
    }

    /// Takes an access.
    pub fn access(&mut self, access: &Access) {
        let seen = &mut self.seen[access.direction as usize];
        seen.accesses += 1;
        let natural = 1_u64 << access.size.min(self.bus_width).max(1).ilog2();
        seen.unaligned += u64::from(!access.offset.is_multiple_of(natural));
        self.lowering.push(access, &mut self.lowered);
        if let Meant::Inferred { coverage, .. } = &mut self.meant {
            coverage[access.direction as usize].access(access, &self.lowered);
        }
        self.take_lowered();
    }

    /// Takes what came out on the bus.
    fn take_lowered(&mut self) {
        for beat in &self.lowered {
            self.seen[beat.direction as usize].matching += 1;
            match &mut self.meant {
                Meant::Inferred { coverage, .. } => coverage[beat.direction as usize].beat(beat),
                Meant::Given(tallies) => {
                    for tally in tallies {
                        if tally.intent().direction() == beat.direction {
                            tally.put(beat);
                        }
                    }
                }
            }
        }
        let room = self.keep.saturating_sub(self.beats.len());
        self.beats.extend(self.lowered.drain(..).take(room));
    }

    /// Takes something that was not seen.
    pub fn unseen(&mut self, what: String) {
        self.unseen.push(what);
    }

    /// Takes whatever happened.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Access(access) => self.access(access),
            Event::Syscall(call) => self.unseen(format!(
                "the kernel's own accesses in {} ({} bytes at {:#x})",
                call.name, call.length, call.offset
            )),
            Event::Loss(loss) => self.unseen(loss.detail.clone()),
            Event::Mark(_) => {}
        }
    }

    /// The verdicts: one for each intent, or for the writes and the reads that there were; where
    /// there were none, one that says what was not seen.
    #[must_use]
    pub fn finish(mut self) -> Vec<Verdict> {
        self.lowering.finish(&mut self.lowered);
        self.take_lowered();
        match std::mem::replace(&mut self.meant, Meant::Given(Vec::new())) {
            Meant::Given(tallies) => {
                let has = |direction| tallies.iter().any(|t| t.intent().direction() == direction);
                let one_way = has(Direction::Read) && has(Direction::Write);
                let judge = |tally: Tally| {
                    let direction = tally.intent().direction();
                    let (intent, outcome) = tally.finish();
                    let seen = if one_way { self.one_way(direction) } else { self.both(direction) };
                    Verdict::new(intent, &outcome, seen, self.unseen.clone())
                };
                tallies.into_iter().map(judge).collect()
            }
            Meant::Inferred { coverage, says_write } => self.inferred(*coverage, says_write),
        }
    }

    fn inferred(&self, [reads, writes]: [Coverage; 2], says_write: bool) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        let reads_are_meant =
            reads.is_empty() || writes.is_empty() || !says_write || !reads.is_within(&writes);
        for (coverage, direction) in [(writes, Direction::Write), (reads, Direction::Read)] {
            if coverage.is_empty() || (direction == Direction::Read && !reads_are_meant) {
                continue;
            }
            let (intent, outcome) = coverage.finish(direction);
            let seen = if reads_are_meant { self.one_way(direction) } else { self.both(direction) };
            verdicts.push(Verdict::new(intent, &outcome, seen, self.unseen.clone()));
        }
        if verdicts.is_empty() {
            verdicts.push(Verdict::of_nothing_seen(self.unseen.clone()));
        }
        verdicts
    }

    /// What there was of one direction.
    fn one_way(&self, direction: Direction) -> Seen {
        let beats = self.beats.iter().filter(|beat| beat.direction == direction);
        Seen { beats: beats.copied().collect(), ..self.seen[direction as usize].clone() }
    }

    /// What there was of both directions, where one was meant.
    fn both(&self, direction: Direction) -> Seen {
        let [reads, writes] = &self.seen;
        let (one, other) =
            if direction == Direction::Read { (reads, writes) } else { (writes, reads) };
        Seen {
            accesses: one.accesses + other.accesses,
            unaligned: one.unaligned + other.unaligned,
            matching: one.matching,
            others: other.matching,
            beats: self.beats.clone(),
        }
    }
}
