//! Python's state of a thread.

use std::ops::RangeInclusive;

use crate::interpreter::Interpreter;
use crate::memory::{Memory, Part, bytes, number, u64_at};

/// Which thread is stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// What `gettid` gives in it.
    pub id: u32,
    /// Where what `pthread_self` gives in it must lie: exactly at the thread pointer on x86-64,
    /// some way below it on AArch64. `None` when the register is not known; then threads are told
    /// apart by `id`, for which Python has to be 3.11 or later.
    pub pthread: Option<RangeInclusive<u64>>,
}

/// A thread's state as it was found before.
#[derive(Clone)]
pub(crate) struct Known {
    interpreter: u64,
    /// The first in the interpreter's list at that time; new ones come before it.
    first: u64,
    state: u64,
}

/// More interpreters or threads than these are a list that has gone wrong.
const MOST_INTERPRETERS: usize = 256;
const MOST_THREADS: usize = 1 << 16;

impl Interpreter {
    /// The thread's state; `None` when it has none, or more than one and not one is active.
    pub(crate) fn thread_state(&mut self, memory: &dyn Memory, thread: &Thread) -> Option<Vec<u8>> {
        if let Some(known) = self.threads.get(&thread.id)
            && let Some(state) = self.known_state(memory, thread, known)
        {
            return Some(state);
        }
        self.threads.remove(&thread.id);
        let mut found = self.states_of(memory, thread)?;
        if found.len() > 1 {
            let active = self.layout.thread.active?;
            found.retain(|(_, state)| {
                state.get(active as usize).is_some_and(|bits| bits >> 4 & 1 == 1)
            });
        }
        let [(known, state)] = <[_; 1]>::try_from(found).ok()?;
        self.threads.insert(thread.id, known);
        Some(state)
    }

    /// What was found before, if it is still the only one.
    fn known_state(&self, memory: &dyn Memory, thread: &Thread, known: &Known) -> Option<Vec<u8>> {
        let (mut interpreter, mut next, mut first) = ([0; 8], [0; 8], [0; 8]);
        let mut state = vec![0; self.layout.thread.length()];
        let head = known.interpreter;
        let all_read = memory.read_parts(&mut [
            Part { address: self.runtime + self.layout.first_interpreter, bytes: &mut interpreter },
            Part { address: head + self.layout.next_interpreter, bytes: &mut next },
            Part { address: head + self.layout.first_thread, bytes: &mut first },
            Part { address: known.state, bytes: &mut state },
        ]);
        let [interpreter, next, first] = [interpreter, next, first].map(u64::from_le_bytes);
        let is_same = all_read && (interpreter, next, first) == (head, 0, known.first);
        (is_same && self.is_of(&state, known.interpreter, thread)?).then_some(state)
    }

    /// All states that are this thread's; `None` when the lists are not as they have to be.
    fn states_of(&self, memory: &dyn Memory, thread: &Thread) -> Option<Vec<(Known, Vec<u8>)>> {
        let mut found = Vec::new();
        let mut interpreter = number(memory, self.runtime + self.layout.first_interpreter)?;
        for _ in 0..MOST_INTERPRETERS {
            if interpreter == 0 {
                return Some(found);
            }
            let first = number(memory, interpreter.checked_add(self.layout.first_thread)?)?;
            let mut state = first;
            for _ in 0..MOST_THREADS {
                if state == 0 {
                    break;
                }
                let bytes = bytes(memory, state, self.layout.thread.length())?;
                let next = u64_at(&bytes, self.layout.thread.next)?;
                if u64_at(&bytes, self.layout.thread.interpreter)? != interpreter {
                    return None;
                }
                if self.is_of(&bytes, interpreter, thread)? {
                    found.push((Known { interpreter, first, state }, bytes));
                }
                state = next;
            }
            interpreter = number(memory, interpreter.checked_add(self.layout.next_interpreter)?)?;
        }
        None
    }

    /// Whether a state is that thread's, in that interpreter.
    fn is_of(&self, state: &[u8], interpreter: u64, thread: &Thread) -> Option<bool> {
        let layout = &self.layout.thread;
        let is_thread = match (&thread.pthread, layout.native_id) {
            (Some(range), _) => range.contains(&u64_at(state, layout.pthread)?),
            (None, Some(id)) => u64_at(state, id)? == thread.id.into(),
            (None, None) => false,
        };
        Some(is_thread && u64_at(state, layout.interpreter)? == interpreter)
    }
}
