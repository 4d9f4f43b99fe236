//! What a log holds, block by block.

use std::collections::HashMap;

use busprobe_trace::{Access, Event, Level, Trace};
use busprobe_verdict::{
    AxiLite, Beat, Bus, Class, Device, Operation, Verdict, lower, operations, remedy,
};
use serde::{Serialize, Serializer};

use crate::block::{Block, access};
use crate::cause::{Cause, CauseKind, causes};
use crate::fit::{Fit, fits};
use crate::routine::Routine;
use crate::segment::segment;

/// A pause of so many times the middle one, and of so many nanoseconds, ends an operation.
const PAUSE_TIMES: u64 = 100;
const PAUSE_NS: u64 = 100_000;

/// What a log holds.
#[derive(Serialize)]
pub struct Diagnosis {
    /// The operations, in order.
    pub blocks: Vec<Finding>,
    /// The routines that make every block that is not exact, by name; empty when none does or
    /// there is only one such block.
    pub common: Vec<&'static str>,
    /// What the log says it does not show, a sentence each.
    pub unseen: Vec<String>,
}

/// One operation: what was done, and what can have done it.
#[derive(Serialize)]
pub struct Finding {
    /// Its mark, line or function, when the log has one.
    pub name: Option<String>,
    /// The window's id.
    pub window: u32,
    /// Its first access among those of the window, counted from 1, and how many it has.
    pub first: usize,
    /// See [`Finding::first`].
    pub count: usize,
    /// What was most likely meant, and the verdict on it; writes and reads have one each.
    pub verdicts: Vec<Judged>,
    /// The copy routines that make exactly this.
    pub copies: Vec<Fit>,
    /// What else can make it, or cannot.
    pub causes: Vec<Cause>,
    /// Whether data counted: it does when the log has all of it.
    pub with_data: bool,
    /// How many routines were compared.
    pub compared: usize,
    /// Whether it is a part of what the log has under one name.
    pub part: bool,
    /// What to write so that it comes out as it was meant, where that is one line.
    pub remedy: Option<String>,
}

/// A verdict as it is written.
#[derive(Serialize)]
pub struct Judged {
    /// What was meant.
    pub intent: String,
    /// Its classes.
    #[serde(serialize_with = "names")]
    pub classes: Vec<Class>,
    /// Its line.
    pub words: String,
}

fn names<S: Serializer>(classes: &[Class], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(classes.iter().map(|class| class.name()))
}

impl Diagnosis {
    /// Whether every operation put each element once and in order, and all was seen.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.unseen.is_empty() && self.blocks.iter().all(Finding::is_exact)
    }
}

impl Finding {
    /// Whether it put each element once and in order.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.classes == [Class::Exact])
            && self.verdicts.len() == 1
    }

    /// Whether something is known that makes it as one operation.
    #[must_use]
    pub fn is_explained(&self) -> bool {
        !self.copies.is_empty() || self.causes.iter().any(|cause| cause.fits)
    }

    /// Whether a cause of that kind was thought of and fits.
    #[must_use]
    pub fn fits(&self, kind: CauseKind) -> Option<bool> {
        self.causes.iter().find(|cause| cause.kind == kind).map(|cause| cause.fits)
    }
}

/// Diagnoses what a trace holds, of which only direction, offset, size and data are looked at.
///
/// Operations end at marks (and where the trace itself tells them apart), at long pauses, and where
/// else they have to for as few as possible to explain it all.
#[must_use]
pub fn diagnose(trace: &Trace) -> Diagnosis {
    let bus: &dyn Bus = match trace.header.level {
        Level::Bus => &Device,
        Level::Instruction => &AxiLite::BITS_32,
    };
    let mut blocks: Vec<Finding> = Vec::new();
    let mut seen: HashMap<u32, usize> = HashMap::new();
    for operation in operations(trace, None) {
        let parts = at_pauses(&operation);
        let whole = parts.iter().map(Vec::len).sum();
        for part in parts {
            let beats: Vec<Beat> = lower(&Device, part.iter().copied());
            for beats in segment(&beats) {
                let seen = seen.entry(operation.head.window).or_default();
                let is_part = beats.len() < whole;
                blocks.push(finding(&operation, *seen + 1, is_part, beats, bus));
                *seen += beats.len();
            }
        }
    }
    let common = common(&blocks);
    let unseen = trace.losses().map(|loss| loss.detail.clone()).collect();
    Diagnosis { blocks, common, unseen }
}

/// The accesses of an operation, cut where the time says so.
fn at_pauses<'a>(operation: &Operation<'a>) -> Vec<Vec<&'a Access>> {
    let accesses: Vec<&Access> = operation
        .events
        .iter()
        .filter_map(|&event| match event {
            Event::Access(access) => Some(access),
            _ => None,
        })
        .collect();
    let pause = |before: &Access, after: &Access| match (before.time_ns, after.time_ns) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => 0,
    };
    let mut pauses: Vec<u64> = accesses.windows(2).map(|pair| pause(pair[0], pair[1])).collect();
    pauses.sort_unstable();
    let middle = pauses.get(pauses.len() / 2).copied().unwrap_or(0);
    let long = PAUSE_NS.max(middle.saturating_mul(PAUSE_TIMES));
    let together = |before: &&Access, after: &&Access| pause(before, after) < long;
    accesses.chunk_by(together).map(<[&Access]>::to_vec).collect()
}

fn finding(
    operation: &Operation,
    first: usize,
    part: bool,
    beats: &[Beat],
    bus: &dyn Bus,
) -> Finding {
    let block = Block::of(beats);
    let events: Vec<Event> = beats.iter().map(access).map(Event::Access).collect();
    let verdicts: Vec<Verdict> = block
        .intents()
        .iter()
        .map(|intent| {
            let one_way = events.iter().filter(|event| match event {
                Event::Access(access) => access.direction == intent.direction(),
                _ => false,
            });
            Verdict::of(one_way, bus, intent)
        })
        .collect();
    Finding {
        name: operation.name(),
        window: operation.head.window,
        first,
        count: beats.len(),
        copies: fits(&block),
        causes: causes(&block),
        with_data: block.with_data,
        compared: Routine::ALL.len(),
        remedy: verdicts.first().and_then(|verdict| remedy::python(verdict.intent())),
        part,
        verdicts: verdicts.iter().map(judged).collect(),
    }
}

fn judged(verdict: &Verdict) -> Judged {
    Judged {
        intent: verdict.intent().to_string(),
        classes: verdict.classes().to_vec(),
        words: verdict.to_string(),
    }
}

/// The routines that make each block that is not exact and can be a copy, when there are several.
fn common(blocks: &[Finding]) -> Vec<&'static str> {
    let inexact: Vec<&Finding> = blocks.iter().filter(|block| !block.is_exact()).collect();
    let makes = |routine: &Routine, block: &Finding| {
        block.copies.iter().any(|fit| fit.routine.name == routine.name)
    };
    if inexact.len() < 2 {
        return Vec::new();
    }
    Routine::ALL
        .iter()
        .filter(|routine| inexact.iter().all(|block| makes(routine, block)))
        .map(|routine| routine.name)
        .collect()
}
