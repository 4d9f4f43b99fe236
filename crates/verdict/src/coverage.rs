//! What accesses of one direction were most likely meant to be, found as they go by.

use busprobe_trace::{Access, Direction};

use crate::counts::Counts;
use crate::tally::Outcome;
use crate::{Beat, Intent, Run};

/// All that was put in one direction, at the width that fits all of it.
pub(crate) struct Coverage {
    /// Bytes of an element: what all accesses so far are made of and aligned to.
    width: u64,
    /// How often each element was put, by its offset over the width.
    times: Counts,
    /// Bytes of the widest beat.
    widest: u32,
    out_of_order: bool,
    accesses: u64,
    /// The one access that has come again and again from one instruction.
    same: Option<(u64, u32, Option<u32>)>,
}

impl Coverage {
    /// Nothing yet, on a bus of `width` bytes.
    pub(crate) fn new(width: u32) -> Self {
        Coverage {
            width: u64::from(Intent::widest(width)),
            times: Counts::default(),
            widest: 0,
            out_of_order: false,
            accesses: 0,
            same: None,
        }
    }

    /// Takes an access and what became of it.
    pub(crate) fn put(&mut self, access: &Access, beats: &[Beat]) {
        if access.size == 0 {
            return;
        }
        let this = (access.offset, access.size, access.site);
        self.accesses += 1;
        match self.same {
            _ if self.accesses == 1 => self.same = access.site.map(|_| this),
            Some(same) if same != this => self.same = None,
            _ => {}
        }
        let bits = self.width | access.offset | (access.end() - access.offset);
        let width = 1 << bits.trailing_zeros();
        if width < self.width {
            if self.accesses > 1 {
                self.times = self.times.split(self.width / width);
            }
            self.width = width;
        }
        let shift = self.width.trailing_zeros();
        for beat in beats {
            if beat.offset < beat.end() {
                let (first, last) = (beat.offset >> shift, (beat.end() - 1) >> shift);
                self.out_of_order |= self.times.add(first, last);
                self.widest = self.widest.max(beat.size);
            }
        }
    }

    /// The elements that were put, as runs of offsets.
    fn runs(&self) -> Vec<Run> {
        let in_bytes = |run: Run| Run { start: run.start * self.width, count: run.count };
        self.times.runs().into_iter().map(in_bytes).collect()
    }

    /// Whether anything was put at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.accesses == 0
    }

    /// Whether all of it lies where `other` was put too.
    pub(crate) fn is_within(&self, other: &Coverage) -> bool {
        let outer = other.runs();
        self.runs().iter().all(|run| {
            let at = outer.partition_point(|outer| outer.end(other.width) <= run.start);
            outer.get(at).is_some_and(|outer| {
                outer.start <= run.start && run.end(self.width) <= outer.end(other.width)
            })
        })
    }

    /// What it was most likely meant to be, and what became of that.
    pub(crate) fn finish(self, direction: Direction) -> (Intent, Outcome) {
        let mut outcome = Outcome::default();
        if let Some((offset, size, _)) = self.same
            && self.accesses > 1
            && self.width == u64::from(size)
        {
            let intent = Intent::fixed(direction, offset, self.accesses, size);
            outcome.fewest = 1;
            outcome.most = 1;
            return (intent, outcome);
        }
        let intent = Intent::of_runs(direction, self.width as u32, self.runs());
        outcome.weigh(self.times.all().map(|(_, times)| times), intent.count());
        outcome.out_of_order = self.out_of_order;
        outcome.merged = u64::from(self.widest) > self.width;
        (intent, outcome)
    }
}
