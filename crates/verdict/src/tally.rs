//! How often each element of an intent was put on the bus, and in which order.

use crate::{Beat, Intent, Mode};

/// One element's count.
#[derive(Clone, Copy, Default)]
struct Element {
    /// How often it was put in full.
    times: u32,
    /// Its bytes that came in pieces so far, of a put that is not complete.
    pieces: u8,
    /// Whether any beat touched it.
    touched: bool,
}

/// What beats did to the elements of an intent.
#[derive(Default)]
pub(crate) struct Tally {
    elements: Vec<Element>,
    /// The last element that was touched for the first time.
    newest: Option<usize>,
    /// Beats that touch nothing of the intent.
    pub(crate) outside: u64,
    /// Beats the other way.
    pub(crate) other_direction: u64,
    /// Beats of the intent's direction, in all.
    pub(crate) matching: u64,
    /// Whether a beat touched only a part of an element.
    pub(crate) split: bool,
    /// Whether a beat touched several elements.
    pub(crate) merged: bool,
    /// Whether an element was first touched after a later one.
    pub(crate) out_of_order: bool,
}

impl Tally {
    pub(crate) fn of(beats: &[Beat], intent: &Intent) -> Self {
        let mut tally = Tally {
            elements: vec![Element::default(); intent.count() as usize],
            ..Tally::default()
        };
        for beat in beats {
            if beat.direction == intent.direction() {
                tally.matching += 1;
                match intent.mode() {
                    Mode::Ascending => tally.put(beat, intent),
                    Mode::Fixed => tally.put_fixed(beat, intent),
                }
            } else {
                tally.other_direction += 1;
            }
        }
        tally
    }

    /// How often each element was put in full, in the order of the elements.
    pub(crate) fn times(&self) -> impl Iterator<Item = u32> {
        self.elements.iter().map(|element| element.times)
    }

    fn put(&mut self, beat: &Beat, intent: &Intent) {
        let width = u64::from(intent.width());
        let mut touched = 0;
        let mut first_index = 0;
        for run in intent.runs() {
            let run_end = run.start + run.count * width;
            if run.start < beat.end() && beat.offset < run_end {
                let from = beat.offset.max(run.start);
                let to = beat.end().min(run_end);
                let first = (from - run.start) / width;
                let last = (to - 1 - run.start) / width;
                for index in first..=last {
                    let element = run.start + index * width;
                    let low = from.max(element) - element;
                    let high = to.min(element + width) - element;
                    self.count((first_index + index) as usize, low..high, width);
                    touched += 1;
                }
            }
            first_index += run.count;
        }
        self.merged |= touched > 1;
        self.outside += u64::from(touched == 0);
    }

    /// Adds the bytes `part` of one element.
    fn count(&mut self, index: usize, part: std::ops::Range<u64>, width: u64) {
        let element = &mut self.elements[index];
        if !element.touched {
            element.touched = true;
            self.out_of_order |= self.newest.is_some_and(|newest| newest > index);
            self.newest = self.newest.max(Some(index));
        }
        if part.end - part.start == width {
            element.times += 1;
            return;
        }
        self.split = true;
        let mask = |bytes: u64| ((1_u16 << bytes) - 1) as u8;
        element.pieces |= mask(part.end) & !mask(part.start);
        if element.pieces == mask(width) {
            element.pieces = 0;
            element.times += 1;
        }
    }

    /// At one address the elements cannot be told apart: each whole put is the next element's.
    fn put_fixed(&mut self, beat: &Beat, intent: &Intent) {
        let start = intent.runs()[0].start;
        let width = intent.width();
        if beat.offset == start && beat.size == width {
            match self.elements.iter_mut().find(|element| element.times == 0) {
                Some(element) => element.times = 1,
                None => self.outside += 1,
            }
        } else if beat.offset >= start && beat.end() <= start + u64::from(width) {
            self.split = true;
        } else {
            self.outside += 1;
        }
    }
}
