//! A waveform as it plays: changes of wires, time by time, whatever file they come from.

use std::hash::Hash;
use std::io;

use busprobe_trace::{Capture, Header, Level, LossKind, Record, Sink};

use super::beats::{BeatView, BeatWires};
use super::link::{LinkView, LinkWires};
use super::wires::Wires;
use super::{Options, ReadError, Summary};
use crate::import::axi4_lite::{Bits, Signal, find_links};

/// What looks at the wires and knows what they mean.
pub(super) trait View<T> {
    /// All changes of the current time are here.
    fn step(&mut self, wires: &Wires<T>, time_ns: u64) -> io::Result<()>;

    /// The wires are not shown for a while.
    fn gap(&mut self) {}

    /// How many accesses it has made of them.
    fn accesses(&self) -> u64;

    /// What the wires showed in part.
    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn loss(&mut self, kind: LossKind, detail: String) -> io::Result<()>;
}

/// What a unit of the file's time is in nanoseconds: times the first, divided by the second.
pub(super) type Nanoseconds = (u128, u128);

pub(super) struct Playback<'s, T> {
    wires: Wires<T>,
    view: Box<dyn View<T> + 's>,
    nanoseconds: Nanoseconds,
    time: u64,
    summary: Summary,
}

impl<'s, T: Copy + Eq + Hash + 's> Playback<'s, T> {
    /// Finds what `options` asks for among the wires of a file, and puts the trace's header and
    /// window into `sink`.
    pub(super) fn new(
        signals: &[Signal<T>],
        nanoseconds: Nanoseconds,
        options: &Options<'_>,
        sink: &'s mut dyn Sink,
    ) -> Result<Self, ReadError> {
        let shown = choose(signals, options)?;
        sink.put(&Record::Trace(Header::new(Level::Bus, Capture::Import, "unknown")))?;
        let (wires, view): (_, Box<dyn View<T> + 's>) = match shown {
            Shown::Beats(beats) => {
                (beats.wires(), Box::new(BeatView::new(beats, options.only.clone(), sink)))
            }
            Shown::Link(link) => (link.wires(), Box::new(LinkView::new(link, sink)?)),
        };
        Ok(Playback { wires, view, nanoseconds, time: 0, summary: Summary::default() })
    }

    /// The wires that matter.
    pub(super) fn ids(&self) -> impl Iterator<Item = T> {
        self.wires.ids()
    }

    pub(super) fn change(&mut self, id: T, bits: impl FnOnce() -> Bits) {
        self.wires.change(id, bits);
    }

    /// The next changes are those of `time`, in the file's unit; `place` says where that stands.
    pub(super) fn advance(&mut self, time: u64, place: impl FnOnce() -> String) -> io::Result<()> {
        self.step()?;
        if time < self.time {
            self.summary.backwards.get_or_insert_with(place);
        }
        self.time = time;
        Ok(())
    }

    /// The wires are not shown from here on.
    pub(super) fn dump_off(&mut self) -> io::Result<()> {
        self.step()?;
        self.view.gap();
        let detail = format!("the simulation's dump was switched off at {} ns", self.time_ns());
        self.view.loss(LossKind::NotWatched, detail)
    }

    /// The file ends in the middle.
    pub(super) fn cut_off(&mut self, place: String) -> io::Result<()> {
        self.step()?;
        self.view.loss(LossKind::CutOff, format!("the file was cut off in {place}"))?;
        self.summary.cut_off = Some(place);
        Ok(())
    }

    /// All of the file was read.
    pub(super) fn end(mut self) -> io::Result<Summary> {
        self.step()?;
        if let Some(place) = &self.summary.backwards {
            let detail = format!("time goes backwards, first in {place}");
            self.view.loss(LossKind::Approximate, detail)?;
        }
        self.view.end()?;
        Ok(Summary { accesses: self.view.accesses(), ..self.summary })
    }

    fn step(&mut self) -> io::Result<()> {
        self.view.step(&self.wires, self.time_ns())?;
        self.wires.settle();
        Ok(())
    }

    fn time_ns(&self) -> u64 {
        (u128::from(self.time) * self.nanoseconds.0 / self.nanoseconds.1) as u64
    }
}

/// What a waveform shows.
enum Shown<T> {
    Beats(BeatWires<T>),
    Link(LinkWires<T>),
}

/// What is asked for, or the only thing that is there.
fn choose<T: Copy + Eq + Hash>(
    signals: &[Signal<T>],
    options: &Options<'_>,
) -> Result<Shown<T>, ReadError> {
    let beats = BeatWires::find(signals);
    let links = find_links(signals);
    let beats_name = beats.iter().map(|_| BeatWires::<T>::SCOPE);
    let names: Vec<&str> = beats_name.chain(links.iter().map(|link| &*link.name)).collect();
    if names.is_empty() {
        return Err(ReadError::NoLink { wires: signals.len() });
    }
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    // `s_axi` is meant as the whole of a name before it is meant as its end.
    let fitting: Vec<&str> = match options.link {
        None => names.clone(),
        Some(asked) if names.contains(&asked) => vec![asked],
        Some(asked) => names.iter().copied().filter(|name| ends_with(name, asked)).collect(),
    };
    match (<[&str; 1]>::try_from(&fitting[..]), options.link) {
        (Ok([name]), _) => match (links.iter().find(|link| link.name == name), beats) {
            (Some(link), _) => LinkWires::new(link.clone(), signals, options).map(Shown::Link),
            (None, Some(beats)) => Ok(Shown::Beats(beats)),
            (None, None) => Err(ReadError::NoLink { wires: signals.len() }),
        },
        (Err(_), Some(asked)) if fitting.is_empty() => {
            Err(ReadError::NoSuchLink { asked: asked.to_owned(), names: owned(&names) })
        }
        (Err(_), _) => Err(ReadError::Links { names: owned(&fitting) }),
    }
}

/// Whether the last parts of a dotted name are `end`, whatever the case.
pub(super) fn ends_with(name: &str, end: &str) -> bool {
    let (name, end) = (name.to_ascii_lowercase(), end.to_ascii_lowercase());
    name.strip_suffix(&end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
