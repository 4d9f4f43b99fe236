//! From the steps in which QEMU did an access back to what the instruction issued.

use std::collections::{HashMap, VecDeque};

use busprobe_qemu_stream::Access as Step;
use busprobe_trace::Data;

/// The steps of one run of an instruction that lie side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    /// The first step, whose thread, time and place are those of the whole.
    pub(crate) first: Step,
    /// Bytes.
    pub(crate) size: u32,
    /// The data, when that of every step is known.
    pub(crate) data: Option<Data>,
    /// Whether it belongs to an access that is out already: see [`Joiner`].
    pub(crate) late: bool,
}

impl Joined {
    fn new(step: Step, late: bool) -> Joined {
        Joined { size: step.size.into(), data: data(&step), first: step, late }
    }

    fn add(&mut self, step: &Step) {
        self.size += u32::from(step.size);
        self.data = self
            .data
            .zip(data(step))
            .map(|(ours, more)| Data::new(&[ours.bytes(), more.bytes()].concat()));
    }
}

fn data(step: &Step) -> Option<Data> {
    let bytes = step.data?.to_le_bytes();
    bytes.get(..step.size.into()).map(Data::new)
}

/// What the steps of one run of an instruction have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Run {
    process: u32,
    site: u32,
    block: u64,
    store: bool,
    watch: u32,
}

impl Run {
    fn of(step: &Step) -> Run {
        let Step { process, site, block, store, watch, .. } = *step;
        Run { process, site, block, store, watch }
    }
}

/// The last access of a thread.
struct Last {
    run: Run,
    /// Where a step of the same access would begin.
    end: i64,
    size: usize,
    /// The access's place, counted from the first of all.
    place: usize,
}

struct Waiting<T> {
    what: Ready<T>,
    whole: bool,
}

/// What comes out again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ready<T> {
    /// An access.
    Access(Joined),
    /// What was put between accesses.
    Other(T),
}

/// Joins steps, and keeps the order in which accesses began.
///
/// An access is whole once its thread begins another; until then all that began after it waits. So
/// that a thread which does no more keeps nothing waiting for ever, at most [`MOST_WAITING`] do.
pub(crate) struct Joiner<T> {
    waiting: VecDeque<Waiting<T>>,
    /// How many have left the queue.
    gone: usize,
    last: HashMap<u32, Last>,
}

const MOST_WAITING: usize = 1 << 16;

impl<T> Joiner<T> {
    pub(crate) fn new() -> Self {
        Joiner { waiting: VecDeque::new(), gone: 0, last: HashMap::new() }
    }

    /// Takes a step.
    pub(crate) fn step(&mut self, step: Step) {
        let run = Run::of(&step);
        let (thread, size) = (step.thread, usize::from(step.size));
        let mut late = false;
        if let Some(last) = self.last.get_mut(&thread) {
            let goes_on =
                last.run == run && last.end == step.offset && last.size + size <= Data::MAX;
            let index = last.place.checked_sub(self.gone);
            match index.and_then(|index| self.waiting.get_mut(index)) {
                Some(Waiting { what: Ready::Access(access), .. }) if goes_on => {
                    access.add(&step);
                    last.end += i64::from(step.size);
                    last.size += size;
                    return;
                }
                Some(waiting) => waiting.whole = true,
                None => late = goes_on,
            }
        }
        let end = step.offset.saturating_add(step.size.into());
        let place = self.gone + self.waiting.len();
        self.last.insert(thread, Last { run, end, size, place });
        let what = Ready::Access(Joined::new(step, late));
        self.waiting.push_back(Waiting { what, whole: false });
    }

    /// Takes something else, which keeps its place among the accesses.
    pub(crate) fn other(&mut self, other: T) {
        self.waiting.push_back(Waiting { what: Ready::Other(other), whole: true });
    }

    /// What comes next, once it is whole.
    pub(crate) fn next_ready(&mut self) -> Option<Ready<T>> {
        let ready = self.waiting.front()?.whole || self.waiting.len() > MOST_WAITING;
        if ready { self.leave() } else { None }
    }

    /// What comes next after the last step of all.
    pub(crate) fn leave(&mut self) -> Option<Ready<T>> {
        let next = self.waiting.pop_front()?;
        self.gone += 1;
        Some(next.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(thread: u32, block: u64, offset: i64, size: u8) -> Step {
        let data =
            Some(u128::from_le_bytes(std::array::from_fn(|index| offset as u8 + index as u8)));
        let (process, time_ns, store, watch) = (1, 0, true, 0);
        let python = None;
        Step { process, thread, time_ns, site: 7, python, block, store, watch, offset, size, data }
    }

    fn all(queue: &mut Joiner<&'static str>) -> Vec<(i64, u32)> {
        std::iter::from_fn(|| queue.leave())
            .map(|ready| match ready {
                Ready::Access(joined) => (joined.first.offset, joined.size),
                Ready::Other(_) => (-1, 0),
            })
            .collect()
    }

    #[test]
    fn the_steps_of_one_run_are_one_access_with_all_its_data() {
        let mut queue = Joiner::<()>::new();
        queue.step(step(1, 5, 0, 8));
        queue.step(step(1, 5, 8, 8));
        let Some(Ready::Access(joined)) = queue.leave() else { panic!("nothing came") };
        let bytes: Vec<u8> = (0..16).collect();
        assert_eq!((joined.size, joined.data), (16, Some(Data::new(&bytes))));
    }

    #[test]
    fn a_second_run_of_the_instruction_is_another_access() {
        let mut queue = Joiner::new();
        queue.step(step(1, 5, 0, 8));
        queue.step(step(1, 6, 8, 8));
        assert_eq!(all(&mut queue), [(0, 8), (8, 8)]);
    }

    #[test]
    fn steps_that_leave_a_gap_or_go_back_are_not_joined() {
        let mut queue = Joiner::new();
        for offset in [0, 16, 8] {
            queue.step(step(1, 5, offset, 8));
        }
        assert_eq!(all(&mut queue), [(0, 8), (16, 8), (8, 8)]);
    }

    #[test]
    fn another_thread_in_between_does_not_part_an_access() {
        let mut queue = Joiner::new();
        queue.step(step(1, 5, 0, 8));
        queue.step(step(2, 9, 64, 8));
        queue.step(step(1, 5, 8, 8));
        queue.other("a call");
        queue.step(step(2, 9, 72, 8));
        assert_eq!(all(&mut queue), [(0, 16), (64, 16), (-1, 0)]);
    }

    #[test]
    fn an_access_comes_out_once_its_thread_begins_another() {
        let mut queue = Joiner::<()>::new();
        queue.step(step(1, 5, 0, 8));
        assert_eq!(queue.next_ready(), None);
        queue.step(step(1, 6, 0, 8));
        assert!(queue.next_ready().is_some());
        assert_eq!(queue.next_ready(), None);
    }

    #[test]
    fn a_thread_that_does_no_more_keeps_only_so_much_waiting() {
        let mut queue = Joiner::<()>::new();
        queue.step(step(1, 5, 0, 8));
        let mut blocks = 0..;
        let first = loop {
            queue.step(step(2, blocks.next().unwrap(), 64, 4));
            if let Some(Ready::Access(joined)) = queue.next_ready() {
                break joined;
            }
        };
        assert_eq!((first.first.thread, blocks.next()), (1, Some(MOST_WAITING as u64)));
        queue.step(step(1, 5, 8, 8));
        let late = std::iter::from_fn(|| queue.leave()).filter(|ready| {
            matches!(ready, Ready::Access(joined) if joined.late && joined.first.thread == 1)
        });
        assert_eq!(late.count(), 1);
    }

    #[test]
    fn data_that_one_step_lacks_the_whole_lacks() {
        let mut queue = Joiner::<()>::new();
        queue.step(step(1, 5, 0, 8));
        queue.step(Step { data: None, ..step(1, 5, 8, 8) });
        let Some(Ready::Access(joined)) = queue.leave() else { panic!("nothing came") };
        assert_eq!((joined.size, joined.data), (16, None));
    }
}
