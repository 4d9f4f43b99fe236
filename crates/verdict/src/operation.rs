//! What of a trace belongs together.

use busprobe_trace::{Direction, Event, Trace};

use crate::{Bus, Intent, Verdict};

/// The events of one thing that the program did, in one window.
pub struct Operation<'a> {
    /// The mark it began with, if any.
    pub name: Option<&'a str>,
    /// The window's id.
    pub window: u32,
    /// What happened, in order.
    pub events: Vec<&'a Event>,
}

/// The operations of a trace: what lies between two marks, window by window.
///
/// Losses say something of every operation, so each has all of them.
#[must_use]
pub fn operations(trace: &Trace) -> Vec<Operation<'_>> {
    let mut operations: Vec<Operation<'_>> = Vec::new();
    let mut name = None;
    let mut since_mark = 0;
    for event in &trace.events {
        let window = match event {
            Event::Access(access) => access.window,
            Event::Syscall(call) => call.window,
            Event::Loss(_) => continue,
            Event::Mark(mark) => {
                name = Some(mark.text.as_str());
                since_mark = operations.len();
                continue;
            }
        };
        match operations[since_mark..].iter_mut().find(|operation| operation.window == window) {
            Some(operation) => operation.events.push(event),
            None => operations.push(Operation { name, window, events: vec![event] }),
        }
    }
    let losses = trace.events.iter().filter(|event| matches!(event, Event::Loss(_)));
    for operation in &mut operations {
        operation.events.extend(losses.clone());
    }
    operations
}

impl Operation<'_> {
    /// Judges the operation against what it was most likely meant to do: its writes as one
    /// intent, its reads as another.
    #[must_use]
    pub fn infer_and_judge(&self, bus: &dyn Bus) -> Vec<Verdict> {
        let accesses = || {
            self.events.iter().filter_map(|event| match event {
                Event::Access(access) => Some(access),
                _ => None,
            })
        };
        [Direction::Write, Direction::Read]
            .into_iter()
            .filter_map(|direction| {
                let intent = Intent::infer(accesses(), direction, bus.width())?;
                let one_way = self.events.iter().copied().filter(|event| match event {
                    Event::Access(access) => access.direction == direction,
                    _ => true,
                });
                Some(Verdict::of(one_way, bus, &intent))
            })
            .collect()
    }

    /// Judges the operation against what it was meant to do.
    #[must_use]
    pub fn judge(&self, bus: &dyn Bus, intent: &Intent) -> Verdict {
        Verdict::of(self.events.iter().copied(), bus, intent)
    }
}
