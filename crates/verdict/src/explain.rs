//! One operation from top to bottom: where it came from, what it put on the bus, and why.

mod api;
mod cause;

use busprobe_trace::{Access, Direction, Event, PythonLine, Site, Trace};

pub use api::Api;
pub use cause::{Cause, Part, causes};

use crate::{Bus, Intent, Operation, Verdict};

/// A function of the program whose instructions touched the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routine<'a> {
    /// A site in it, the first that was seen.
    pub site: &'a Site,
    /// How many of the operation's accesses it made.
    pub accesses: u64,
}

/// One direction of an operation, explained.
#[derive(Clone, Debug)]
pub struct Explanation<'a> {
    /// What the bus saw, against what was meant.
    pub verdict: Verdict,
    /// The accesses that were judged, in order.
    pub accesses: Vec<&'a Access>,
    /// Where the first of them came from.
    pub site: Option<&'a Site>,
    /// The functions that made them, in order of appearance.
    pub routines: Vec<Routine<'a>>,
    /// The interface that the program used, as far as the trace shows it.
    pub api: Option<Api>,
    /// Why the bus saw what it did; empty when each access is one element.
    pub causes: Vec<Cause>,
}

impl<'a> Explanation<'a> {
    /// Explains `operation` of `trace` on `bus`: against `intent`, or against what it was most
    /// likely meant to do.
    #[must_use]
    pub fn of(
        operation: &Operation<'a>,
        trace: &'a Trace,
        bus: &dyn Bus,
        intent: Option<&Intent>,
    ) -> Vec<Self> {
        let accesses: Vec<&Access> = operation
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Access(access) => Some(access),
                _ => None,
            })
            .collect();
        let verdicts = operation.judge(bus, intent).into_iter();
        verdicts.map(|verdict| Self::new(verdict, &accesses, trace, bus)).collect()
    }

    fn new(verdict: Verdict, all: &[&'a Access], trace: &'a Trace, bus: &dyn Bus) -> Self {
        let direction = verdict.intent().direction();
        // A read that only leads up to a write belongs to the write's story.
        let accesses: Vec<&Access> = match direction {
            Direction::Write => all.to_vec(),
            Direction::Read => {
                all.iter().copied().filter(|access| access.direction == direction).collect()
            }
        };
        let sites = || accesses.iter().filter_map(|access| trace.site(access.site?));
        let site = accesses
            .iter()
            .filter(|access| access.direction == direction)
            .find_map(|access| trace.site(access.site?));
        Explanation {
            causes: causes(&accesses, verdict.intent(), bus),
            site,
            routines: routines(sites()),
            api: site.map(|site| Api::of(site, &trace.header)),
            verdict,
            accesses,
        }
    }

    /// The line of Python that was at work.
    #[must_use]
    pub fn python(&self) -> Option<&'a PythonLine> {
        self.site?.python.as_ref()
    }

    /// The call that puts exactly what was meant on the bus, ready to paste; `None` when it takes
    /// more than one line or nothing is known of the program.
    #[must_use]
    pub fn exact_call(&self) -> Option<String> {
        self.api?.exact_call(self.verdict.intent())
    }
}

fn routines<'a>(sites: impl Iterator<Item = &'a Site>) -> Vec<Routine<'a>> {
    let mut routines: Vec<Routine> = Vec::new();
    for site in sites {
        let is_same = |routine: &Routine| {
            routine.site.module == site.module
                && routine.site.symbol == site.symbol
                && (site.symbol.is_some() || routine.site.pc == site.pc)
        };
        match routines.iter_mut().find(|routine| is_same(routine)) {
            Some(routine) => routine.accesses += 1,
            None => routines.push(Routine { site, accesses: 1 }),
        }
    }
    routines
}
