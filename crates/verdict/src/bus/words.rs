//! Buses that carry one word a transaction.

use std::borrow::Cow;

use busprobe_trace::{Access, Data, Direction};

use super::name::{BusError, Parameters};
use super::{Bus, Lowering};
use crate::Beat;

/// One transaction for each bus word that an access touches, at ascending addresses, with strobes
/// for the bytes touched: AXI4-Lite (Arm IHI 0022, B1.1: no bursts, all transactions of the full
/// data bus width), and any bus of another width that does the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AxiLite {
    name: Cow<'static, str>,
    words: Words,
}

impl AxiLite {
    /// The 32-bit data bus that most register files have.
    pub const BITS_32: AxiLite = AxiLite::named("axi4-lite-32", 4);
    /// The 64-bit data bus.
    pub const BITS_64: AxiLite = AxiLite::named("axi4-lite-64", 8);

    const fn named(name: &'static str, width: u32) -> Self {
        let words = Words { width, null_beats: None, strobes_ignored: false };
        AxiLite { name: Cow::Borrowed(name), words }
    }

    /// The bus called `name` of `width` bytes, with what else its parameters say.
    pub(super) fn parse(
        name: &str,
        width: u32,
        parameters: &mut Parameters,
    ) -> Result<Self, BusError> {
        let wider = |bits: &u32| bits.is_power_of_two() && (2 * 8 * width..=512).contains(bits);
        let null_beats = parameters.number(
            "null-beats",
            &format!("the bits of the wider bus before this one: {} to 512", 2 * 8 * width),
            wider,
        )?;
        let strobes = parameters.word("strobes", &["used", "ignored"])?;
        let words = Words {
            width,
            null_beats: null_beats.map(|bits| bits / 8),
            strobes_ignored: strobes == Some("ignored"),
        };
        let mut full = name.to_owned();
        let mut joint = if name.contains(':') { ',' } else { ':' };
        let mut add = |text: String| {
            full.push(joint);
            full.push_str(&text);
            joint = ',';
        };
        if let Some(bits) = null_beats {
            add(format!("null-beats={bits}"));
        }
        if words.strobes_ignored {
            add("strobes=ignored".to_owned());
        }
        Ok(AxiLite { name: Cow::Owned(full), words })
    }
}

impl Bus for AxiLite {
    fn name(&self) -> &str {
        &self.name
    }

    fn width(&self) -> u32 {
        self.words.width
    }

    fn begin(&self) -> Box<dyn Lowering> {
        Box::new(self.words)
    }
}

/// How an access is cut at the words of a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// Bytes of a word.
    pub(super) width: u32,
    /// Bytes of a word of the bus before this one, each of whose writes becomes beats for all
    /// words within, touched or not.
    pub(super) null_beats: Option<u32>,
    /// Whether a write is taken for one of the whole word.
    pub(super) strobes_ignored: bool,
}

impl Words {
    /// Cuts the bytes of `beat` at the words of a bus of `width` bytes.
    pub(super) fn cut(width: u32, beat: &Beat, beats: &mut Vec<Beat>) {
        let width = u64::from(width);
        let mut offset = beat.offset;
        while offset < beat.end() {
            let word_end = (offset / width + 1).saturating_mul(width);
            let end = word_end.min(beat.end());
            beats.push(part(beat, offset, (end - offset) as u32));
            offset = end;
        }
    }

    /// The write as a slave that does not look at strobes takes it.
    fn whole(self, beat: &Beat) -> Beat {
        let width = u64::from(self.width);
        let data = beat.data.filter(|_| beat.size == self.width);
        Beat { offset: beat.offset / width * width, size: self.width, data, ..*beat }
    }

    /// Adds beats without strobes for the words around what `access` touches, up to the words of
    /// `before` bytes that it lies in.
    fn pad(self, before: u32, access: &Access, touched: &[Beat], beats: &mut Vec<Beat>) {
        let (width, before) = (u64::from(self.width), u64::from(before));
        let null = |offset| Beat { direction: access.direction, offset, size: 0, data: None };
        let first = access.offset / width * width;
        let last = access.end().div_ceil(width).saturating_mul(width);
        let begin = access.offset / before * before;
        let end = access.end().div_ceil(before).saturating_mul(before);
        beats.extend((begin..first).step_by(width as usize).map(null));
        beats.extend_from_slice(touched);
        beats.extend((last..end).step_by(width as usize).map(null));
    }
}

impl Lowering for Words {
    fn push(&mut self, access: &Access, beats: &mut Vec<Beat>) {
        let &Access { direction, offset, size, data, .. } = access;
        let begun = beats.len();
        Words::cut(self.width, &Beat { direction, offset, size, data }, beats);
        if direction == Direction::Read {
            return;
        }
        if let Some(before) = self.null_beats {
            let touched = beats.split_off(begun);
            self.pad(before, access, &touched, beats);
        }
        if self.strobes_ignored {
            beats[begun..].iter_mut().for_each(|beat| *beat = self.whole(beat));
        }
    }
}

/// The bytes of `whole` at `offset`, `size` of them.
fn part(whole: &Beat, offset: u64, size: u32) -> Beat {
    let skipped = (offset - whole.offset) as usize;
    let data = whole.data.as_ref();
    let data =
        data.and_then(|data| data.bytes().get(skipped..skipped + size as usize).map(Data::new));
    Beat { offset, size, data, ..*whole }
}
