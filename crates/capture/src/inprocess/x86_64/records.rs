//! From what was noted to a trace.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use busprobe_trace::{Access, Data, Event, Header, Loss, LossKind, Mark, Site, Trace};

use super::guard::overlap;
use super::known::{self, Known};
use super::log::{self, Note, What};
use super::planner::{self, Planned};
use super::python::{self, LineNumber};
use super::string::element;
use crate::inprocess::Region;
use crate::native::Capture;
use crate::native::access::touch::Touch;
use crate::native::arch::{Evidence, Vectors};
use crate::native::sites::{SeenSites, Sites};

/// Makes a trace, note by note.
pub(super) struct Records<'a> {
    regions: &'a [Region],
    trace: Trace,
    said: HashSet<String>,
    known: HashMap<u32, Arc<Known>>,
    sites: HashMap<(u32, LineNumber), u32>,
    describe: (Sites, SeenSites),
    /// The time that the trace counts from.
    start: u64,
}

impl<'a> Records<'a> {
    pub(super) fn new(regions: &'a [Region], start: u64) -> Records<'a> {
        let command = std::fs::read("/proc/self/cmdline").unwrap_or_default();
        let words = command.split(|byte| *byte == 0).filter(|word| !word.is_empty());
        let mut trace = Trace::new(Header {
            command: words.map(|word| String::from_utf8_lossy(word).into_owned()).collect(),
            ..Capture::header()
        });
        trace.windows = (0..).zip(regions).map(|(id, region)| region.window(id)).collect();
        Records {
            regions,
            trace,
            said: HashSet::new(),
            known: HashMap::new(),
            sites: HashMap::new(),
            describe: (Sites::default(), SeenSites::default()),
            start,
        }
    }

    /// The trace of the notes of these numbers.
    pub(super) fn of(mut self, notes: Range<u64>) -> Trace {
        for note in log::notes(notes) {
            self.add(note);
        }
        if log::lost() > 0 {
            let count = log::lost();
            self.push_loss(LossKind::Missed, "there was no memory for more".into(), Some(count));
        }
        for (seq, event) in (0..).zip(&mut self.trace.events) {
            match event {
                Event::Access(access) => access.seq = seq,
                Event::Syscall(call) => call.seq = seq,
                Event::Mark(mark) => mark.seq = seq,
                Event::Loss(loss) => loss.seq = seq,
            }
        }
        self.trace
    }

    fn add(&mut self, note: &Note) {
        match &note.what {
            What::Stepped { instruction, before, after, shown, copied } => {
                let known = self.known(*instruction);
                let vectors = known.instruction.shown_in().map(|one| Vectors::One(one, *shown));
                let memory = |address: u64, size: usize| {
                    let (at, bytes) = copied.as_ref()?;
                    (*at == address).then(|| bytes.get(..size).map(<[u8]>::to_vec))?
                };
                let evidence =
                    Evidence { before, after, vectors: vectors.as_ref(), memory: &memory };
                for touch in known.instruction.touches(before, None) {
                    let data = known.instruction.data_of_one_run(&touch, &evidence);
                    self.touch(note, *instruction, &touch, data);
                }
            }
            What::Failed { instruction, before, signal, address } => {
                let known = self.known(*instruction);
                for touch in known.instruction.touches(before, None) {
                    let is_ours = self.regions.iter().any(|region| cut(region, &touch).is_some());
                    if let (true, Some(detail)) =
                        (is_ours, planner::failure(&touch, *signal, *address))
                    {
                        self.loss(LossKind::Missed, detail);
                    }
                }
            }
            What::Planned(number) => match &planner::planned()[*number] {
                Planned::Ran { instruction, touches } => {
                    for (touch, data) in touches {
                        self.touch(note, *instruction, touch, *data);
                    }
                }
                Planned::Repeated { instruction, first, repeat } => {
                    for number in 0..repeat.count {
                        let touch = element(first, repeat.step, number);
                        self.touch(note, *instruction, &touch, repeat.data(number));
                    }
                }
                Planned::Mark(text) => self.trace.events.push(Event::Mark(Mark {
                    seq: 0,
                    text: text.clone(),
                    thread: note.thread,
                    time_ns: Some(note.time.saturating_sub(self.start)),
                })),
                Planned::Loss { kind, detail, within } => {
                    if self.regions.iter().any(|region| overlap(&region.range(), within)) {
                        self.loss(*kind, detail.clone());
                    }
                }
            },
            What::Forked => {
                let detail = "the program forked: what the child does to its windows is not in \
                              the trace";
                self.loss(LossKind::NotWatched, detail.to_owned());
            }
        }
    }

    /// Adds what of a load or store lies in the windows.
    fn touch(&mut self, note: &Note, instruction: u32, touch: &Touch, data: Option<Data>) {
        let regions = self.regions;
        for (window, region) in (0..).zip(regions) {
            let Some(part) = cut(region, touch) else { continue };
            if touch.size == 0 {
                let detail = "an instruction that saves or restores the processor's state used a \
                              window: how much of it is not known";
                self.loss(LossKind::Missed, detail.to_owned());
                continue;
            }
            let size = (part.end - part.start) as usize;
            if size < touch.size as usize {
                let detail = "an access crossed the end of a window: the trace has the part inside";
                self.loss(LossKind::Approximate, detail.to_owned());
            }
            let first = (part.start - touch.address) as usize;
            let from = self.site(instruction, note.line);
            self.trace.events.push(Event::Access(Access {
                window,
                data: data.and_then(|data| data.bytes().get(first..first + size).map(Data::new)),
                thread: note.thread,
                time_ns: Some(note.time.saturating_sub(self.start)),
                site: Some(from),
                ..Access::new(touch.direction, part.start - region.start, size as u32)
            }));
        }
    }

    fn known(&mut self, instruction: u32) -> Arc<Known> {
        Arc::clone(self.known.entry(instruction).or_insert_with(|| known::get(instruction)))
    }

    /// The trace's own number for the site of an instruction that a line of Python has run.
    fn site(&mut self, instruction: u32, line: LineNumber) -> u32 {
        if let Some(&id) = self.sites.get(&(instruction, line)) {
            return id;
        }
        let known = self.known(instruction);
        let (sites, seen) = &mut self.describe;
        let process = std::process::id().cast_signed();
        let found = known.site.get_or_init(|| sites.describe(seen, process, known.pc, &known.code));
        let id = self.trace.sites.len() as u32;
        let python = python::line(line);
        self.trace.sites.push(Site { id, python, ..found.clone() });
        self.sites.insert((instruction, line), id);
        id
    }

    /// Says that something was not seen; the same sentence only once.
    fn loss(&mut self, kind: LossKind, detail: String) {
        if self.said.insert(detail.clone()) {
            self.push_loss(kind, detail, None);
        }
    }

    fn push_loss(&mut self, kind: LossKind, detail: String, count: Option<u64>) {
        self.trace.events.push(Event::Loss(Loss { seq: 0, kind, detail, count }));
    }
}

/// What of a load or store lies in the region.
fn cut(region: &Region, touch: &Touch) -> Option<Range<u64>> {
    let (all, one) = (region.range(), touch.range());
    let part = all.start.max(one.start)..all.end.min(one.end);
    (!part.is_empty()).then_some(part)
}
