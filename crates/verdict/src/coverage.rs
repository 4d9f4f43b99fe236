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
    /// The elements that were accessed, where the bus does not put these and no others at once.
    accessed: Option<Counts>,
    /// Bytes of the widest beat.
    widest: u32,
    /// Beats that carry nothing.
    empty: u64,
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
            accessed: None,
            widest: 0,
            empty: 0,
            out_of_order: false,
            accesses: 0,
            same: None,
        }
    }

    /// Takes an access, before the beats that it brought out on the bus.
    pub(crate) fn access(&mut self, access: &Access, beats: &[Beat]) {
        if access.offset >= access.end() {
            return;
        }
        let this = (access.offset, access.size, access.site);
        self.accesses += 1;
        match self.same {
            _ if self.accesses == 1 => self.same = access.site.map(|_| this),
            Some(same) if same != this => self.same = None,
            _ => {}
        }
        self.narrow(access);
        let is_itself = beats.first().is_some_and(|first| first.offset == access.offset)
            && beats.last().is_some_and(|last| last.end() == access.end());
        if !is_itself && self.accessed.is_none() {
            self.accessed = Some(self.times.clone());
        }
        if let Some(accessed) = &mut self.accessed {
            accessed.add(access.offset / self.width, (access.end() - 1) / self.width);
        }
    }

    /// Takes a beat.
    pub(crate) fn beat(&mut self, beat: &Beat) {
        if beat.offset >= beat.end() {
            self.empty += 1;
            return;
        }
        let shift = self.width.trailing_zeros();
        let (first, last) = (beat.offset >> shift, (beat.end() - 1) >> shift);
        self.out_of_order |= self.times.add(first, last);
        self.widest = self.widest.max(beat.size);
    }

    /// Makes elements small enough for an access.
    fn narrow(&mut self, access: &Access) {
        let bits = self.width | access.offset | (access.end() - access.offset);
        let width = 1 << bits.trailing_zeros();
        if width < self.width {
            let parts = self.width / width;
            self.times = self.times.split(parts);
            self.accessed = self.accessed.as_ref().map(|accessed| accessed.split(parts));
            self.width = width;
        }
    }

    /// The elements that were accessed, as runs of offsets.
    fn runs(&self) -> Vec<Run> {
        let in_bytes = |run: Run| Run { start: run.start * self.width, count: run.count };
        let accessed = self.accessed.as_ref().unwrap_or(&self.times);
        accessed.runs().into_iter().map(in_bytes).collect()
    }

    /// Whether anything was accessed at all.
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
            && self.widest == size
        {
            let intent = Intent::fixed(direction, offset, self.accesses, size);
            // A bus that combines writes brings fewer.
            let put = self.times.times(offset / self.width).min(self.accesses);
            outcome.weigh((0..put).map(|_| 1), self.accesses);
            outcome.outside = self.empty;
            return (intent, outcome);
        }
        let intent = Intent::of_runs(direction, self.width as u32, self.runs());
        let meant =
            |number: u64| self.accessed.as_ref().is_none_or(|accessed| accessed.times(number) > 0);
        let times = self.times.all().filter(|&(number, _)| meant(number));
        outcome.weigh(times.map(|(_, times)| times), intent.count());
        outcome.out_of_order = self.out_of_order;
        outcome.outside = self.empty;
        outcome.merged = match &self.accessed {
            Some(accessed) if !self.times.all().all(|(number, _)| meant(number)) => {
                self.holds_several(accessed)
            }
            _ => u64::from(self.widest) > self.width,
        };
        (intent, outcome)
    }

    /// Whether two elements that were accessed lie in one word as wide as the widest beat: of a
    /// bus that puts elements that were not accessed, beats are whole words.
    fn holds_several(&self, accessed: &Counts) -> bool {
        let of_word = (u64::from(self.widest) / self.width).max(1);
        let words: Vec<u64> = accessed.all().map(|(number, _)| number / of_word).collect();
        words.windows(2).any(|pair| pair[0] == pair[1])
    }
}
