//! How often each of many things happened, in little memory.

use std::collections::HashMap;

use crate::Run;

/// Things that are counted together: those next to each other mostly happen together.
const PAGE: usize = 256;

/// Pages that are looked through one by one before they are indexed.
const FEW: usize = 4;

/// How often each thing happened, by its number. A byte each where anything happened near, and
/// more where something happened more than 255 times.
#[derive(Clone, Default)]
pub(crate) struct Counts {
    pages: Vec<Page>,
    index: HashMap<u64, usize>,
    /// The page that was counted in last.
    last: usize,
    /// What the bytes cannot say.
    beyond: HashMap<u64, u64>,
    /// The highest number that happened.
    highest: Option<u64>,
}

#[derive(Clone)]
struct Page {
    /// The number of its first thing, over [`PAGE`].
    number: u64,
    counts: [u8; PAGE],
}

impl Counts {
    /// Counts all of `first..=last` once; whether one of them happened for the first time, and
    /// after a higher one.
    pub(crate) fn add(&mut self, first: u64, last: u64) -> bool {
        let mut late = false;
        let mut at = first;
        loop {
            let page = self.page(at / PAGE as u64);
            let from = (at % PAGE as u64) as usize;
            let end = last.min(at | (PAGE as u64 - 1));
            let to = from + (end - at) as usize;
            let counts = &mut self.pages[page].counts[from..=to];
            // Above the highest, nothing has happened and nothing is late.
            let below = self.highest.is_some_and(|highest| at < highest);
            for (count, number) in counts.iter_mut().zip(at..) {
                late |= below && *count == 0 && self.highest > Some(number);
                match count.checked_add(1) {
                    Some(more) => *count = more,
                    None => *self.beyond.entry(number).or_insert(0) += 1,
                }
            }
            self.highest = self.highest.max(Some(end));
            if end == last {
                return late;
            }
            at = end + 1;
        }
    }

    /// How often one happened.
    pub(crate) fn times(&self, number: u64) -> u64 {
        let count = self
            .known(number / PAGE as u64)
            .map_or(0, |page| u64::from(self.pages[page].counts[(number % PAGE as u64) as usize]));
        count + self.beyond.get(&number).copied().unwrap_or(0)
    }

    /// All that happened and how often, in order.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u64, u64)> {
        let mut pages: Vec<&Page> = self.pages.iter().collect();
        pages.sort_unstable_by_key(|page| page.number);
        pages.into_iter().flat_map(move |page| {
            let first = page.number * PAGE as u64;
            let happened = page.counts.iter().enumerate().filter(|(_, count)| **count > 0);
            happened.map(move |(place, &count)| {
                let number = first + place as u64;
                let beyond = match count {
                    u8::MAX => self.beyond.get(&number).copied().unwrap_or(0),
                    _ => 0,
                };
                (number, u64::from(count) + beyond)
            })
        })
    }

    /// Those that happened, as runs of numbers.
    pub(crate) fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (number, _) in self.all() {
            match runs.last_mut() {
                Some(run) if run.start + run.count == number => run.count += 1,
                _ => runs.push(Run { start: number, count: 1 }),
            }
        }
        runs
    }

    /// The same where each thing has become `parts` things.
    pub(crate) fn split(&self, parts: u64) -> Self {
        let mut finer = Counts::default();
        for (number, times) in self.all() {
            for part in number * parts..=number * parts + (parts - 1) {
                finer.add(part, part);
                if times > 1 {
                    let page = finer.page(part / PAGE as u64);
                    let byte = times.min(u64::from(u8::MAX));
                    finer.pages[page].counts[(part % PAGE as u64) as usize] = byte as u8;
                    if times > byte {
                        finer.beyond.insert(part, times - byte);
                    }
                }
            }
        }
        finer
    }

    fn known(&self, number: u64) -> Option<usize> {
        match self.pages.get(self.last) {
            Some(page) if page.number == number => Some(self.last),
            _ if self.pages.len() <= FEW => {
                self.pages.iter().position(|page| page.number == number)
            }
            _ => self.index.get(&number).copied(),
        }
    }

    fn page(&mut self, number: u64) -> usize {
        self.last = self.known(number).unwrap_or_else(|| {
            self.pages.push(Page { number, counts: [0; PAGE] });
            let added = self.pages.len() - 1;
            match added {
                0..FEW => {}
                FEW => self.index = self.pages.iter().map(|page| page.number).zip(0..).collect(),
                _ => {
                    self.index.insert(number, added);
                }
            }
            added
        });
        self.last
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn ranges() -> impl Strategy<Value = Vec<(u64, u64)>> {
        let start = prop_oneof![0..40_u64, 200..300_u64, 0..5000_u64, Just(1 << 60)];
        prop::collection::vec((start, 0..600_u64), 0..30)
    }

    proptest! {
        #[test]
        fn counts_are_those_of_a_plain_map(ranges in ranges(), often in 1..300_usize) {
            let mut plain: BTreeMap<u64, u64> = BTreeMap::new();
            let mut counts = Counts::default();
            for &(first, more) in &ranges {
                let mut late = false;
                for number in first..=first + more {
                    late |= !plain.contains_key(&number)
                        && plain.last_key_value().is_some_and(|(&highest, _)| highest > number);
                    *plain.entry(number).or_default() += 1;
                }
                prop_assert_eq!(counts.add(first, first + more), late);
            }
            for _ in 0..often {
                *plain.entry(7).or_default() += 1;
                counts.add(7, 7);
            }
            prop_assert_eq!(counts.times(7), plain[&7]);
            prop_assert_eq!(counts.times(1 << 61), 0);
            let all: BTreeMap<u64, u64> = counts.all().collect();
            prop_assert_eq!(&all, &plain);
            let run = |run: &Run| run.start..run.start + run.count;
            let in_runs: Vec<u64> = counts.runs().iter().flat_map(run).collect();
            prop_assert_eq!(in_runs, plain.keys().copied().collect::<Vec<_>>());
            let halves: BTreeMap<u64, u64> = counts.split(2).all().collect();
            let expected = plain.iter().flat_map(|(&n, &t)| [(2 * n, t), (2 * n + 1, t)]);
            prop_assert_eq!(halves, expected.collect::<BTreeMap<_, _>>());
        }
    }
}
