//! What beats did to the elements of an intent.

use std::collections::HashMap;

use crate::counts::Counts;
use crate::{Beat, Intent, Mode};

/// What beats did to an intent, as far as a verdict speaks of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// How often the element was put that was put least, and the one that was put most.
    pub(crate) fewest: u64,
    pub(crate) most: u64,
    /// Elements put more than once, and how often the one of them that was put least.
    pub(crate) again: u64,
    pub(crate) fewest_again: u64,
    /// Elements not put.
    pub(crate) missing: u64,
    /// Beats of the intent's direction that touch nothing of it.
    pub(crate) outside: u64,
    /// Whether a beat touched only a part of an element.
    pub(crate) split: bool,
    /// Whether a beat touched several elements.
    pub(crate) merged: bool,
    /// Whether an element was first touched after a later one.
    pub(crate) out_of_order: bool,
}

impl Outcome {
    /// Takes in how often each element was put that was put at all, of `count` elements.
    pub(crate) fn weigh(&mut self, times: impl Iterator<Item = u64>, count: u64) {
        let mut put = 0;
        let (mut fewest, mut fewest_again) = (u64::MAX, u64::MAX);
        for times in times {
            put += 1;
            fewest = fewest.min(times);
            self.most = self.most.max(times);
            if times > 1 {
                self.again += 1;
                fewest_again = fewest_again.min(times);
            }
        }
        self.fewest_again = if self.again == 0 { 0 } else { fewest_again };
        self.missing = count - put;
        self.fewest = if self.missing > 0 || put == 0 { 0 } else { fewest };
    }
}

/// The beats against a given intent.
pub(crate) struct Tally {
    intent: Intent,
    /// How many elements lie before each run of the intent.
    before: Vec<u64>,
    /// How often each element was put in full, by its place in the intent.
    times: Counts,
    /// The bytes that came in pieces so far, of elements whose last put is not complete.
    pieces: HashMap<u64, u8>,
    /// The last element that was touched.
    newest: Option<u64>,
    /// Whole puts at a fixed address.
    fixed: u64,
    outcome: Outcome,
}

impl Tally {
    pub(crate) fn new(intent: Intent) -> Self {
        let before = intent.runs().iter().scan(0, |sum, run| {
            let before = *sum;
            *sum += run.count;
            Some(before)
        });
        Tally {
            before: before.collect(),
            intent,
            times: Counts::default(),
            pieces: HashMap::new(),
            newest: None,
            fixed: 0,
            outcome: Outcome::default(),
        }
    }

    pub(crate) fn intent(&self) -> &Intent {
        &self.intent
    }

    /// Takes a beat of the intent's direction.
    pub(crate) fn put(&mut self, beat: &Beat) {
        match self.intent.mode() {
            Mode::Ascending => self.put_ascending(beat),
            Mode::Fixed => self.put_fixed(beat),
        }
    }

    pub(crate) fn finish(mut self) -> (Intent, Outcome) {
        let count = self.intent.count();
        match self.intent.mode() {
            Mode::Ascending => {
                let times = self.times.all().map(|(_, times)| times);
                self.outcome.weigh(times, count);
            }
            Mode::Fixed => {
                let put = self.fixed.min(count);
                self.outcome.outside += self.fixed - put;
                self.outcome.weigh((0..put).map(|_| 1), count);
            }
        }
        (self.intent, self.outcome)
    }

    fn put_ascending(&mut self, beat: &Beat) {
        let width = u64::from(self.intent.width());
        let mut touched = 0;
        let runs = self.intent.runs();
        // Runs ascend and do not overlap.
        let first = runs.partition_point(|run| run.end(width) <= beat.offset);
        for index in first..runs.len() {
            let run = self.intent.runs()[index];
            // A beat without strobes touches nothing.
            if run.start >= beat.end() || beat.offset >= beat.end() {
                break;
            }
            let from = beat.offset.max(run.start) - run.start;
            let to = beat.end().min(run.end(width)) - run.start;
            touched += self.touch(self.before[index], from, to, width);
        }
        self.outcome.merged |= touched > 1;
        self.outcome.outside += u64::from(touched == 0);
    }

    /// Takes the bytes `from..to` of a run before which so many elements lie; how many of its
    /// elements they touch.
    fn touch(&mut self, before: u64, from: u64, to: u64, width: u64) -> u64 {
        let (first, last) = (from / width, (to - 1) / width);
        for index in first..=last {
            let low = from.max(index * width) - index * width;
            let high = to.min((index + 1) * width) - index * width;
            let element = before + index;
            self.order(element);
            if high - low == width {
                self.times.add(element, element);
            } else {
                self.add_piece(element, low, high, width);
            }
        }
        last - first + 1
    }

    /// Notes that an element is touched.
    fn order(&mut self, element: u64) {
        if self.newest.is_some_and(|newest| newest > element) {
            let is_first = self.times.times(element) == 0 && !self.pieces.contains_key(&element);
            self.outcome.out_of_order |= is_first;
        } else {
            self.newest = Some(element);
        }
    }

    fn add_piece(&mut self, element: u64, low: u64, high: u64, width: u64) {
        let mask = |bytes: u64| ((1_u16 << bytes) - 1) as u8;
        self.outcome.split = true;
        let pieces = self.pieces.entry(element).or_default();
        *pieces |= mask(high) & !mask(low);
        if *pieces == mask(width) {
            self.pieces.remove(&element);
            self.times.add(element, element);
        }
    }

    /// At one address the elements cannot be told apart: each whole put is the next element's.
    fn put_fixed(&mut self, beat: &Beat) {
        let Some(run) = self.intent.runs().first() else { return };
        let width = self.intent.width();
        let carries = beat.end() > beat.offset;
        if beat.offset == run.start && beat.size == width {
            self.fixed += 1;
        } else if carries && beat.offset >= run.start && beat.end() <= run.start + u64::from(width)
        {
            self.outcome.split = true;
        } else {
            self.outcome.outside += 1;
        }
    }
}
