//! A verdict's beats, order to the right and address upwards: a block that is put exactly is a
//! straight stair, and whatever else happened leaves the stair.

use std::collections::BTreeSet;
use std::fmt::Write;

use busprobe_trace::Direction;
use busprobe_verdict::{Beat, Bus, Mode, Verdict};

use crate::beat_kind::{Kind, kinds};
use crate::markup::escape;

/// A picture shows so many beats and rows at the most; more are smaller than a line.
const MOST_BEATS: usize = 2000;
const MOST_ROWS: usize = 1024;

/// The drawing itself, in pixels.
const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 420.0;
const LARGEST_STEP: f64 = 26.0;
/// Room for addresses on the left and for numbers below.
const LEFT: f64 = 84.0;
const BELOW: f64 = 40.0;
const TOP: f64 = 8.0;

/// Rows of the picture: the elements that are touched or meant, lowest first.
struct Rows {
    unit: u64,
    starts: Vec<u64>,
}

impl Rows {
    fn of(beats: &[Beat], verdict: &Verdict) -> Self {
        let unit = u64::from(verdict.intent().width().max(1));
        let mut starts = BTreeSet::new();
        for run in verdict.intent().runs() {
            let count = match verdict.intent().mode() {
                Mode::Ascending => run.count,
                Mode::Fixed => 1,
            };
            for index in 0..count.min(MOST_ROWS as u64) {
                starts.insert((run.start + index * unit) / unit * unit);
            }
        }
        for beat in beats {
            let mut start = beat.offset / unit * unit;
            while start < beat.end() && starts.len() < MOST_ROWS {
                starts.insert(start);
                start = start.saturating_add(unit);
            }
        }
        Rows { unit, starts: starts.into_iter().collect() }
    }

    /// How many rows lie below an address, with the part of a row that it lies within.
    fn height(&self, address: u64) -> f64 {
        let whole = self.starts.partition_point(|&start| start + self.unit <= address);
        let within = match self.starts.get(whole) {
            Some(&start) => address.saturating_sub(start) as f64 / self.unit as f64,
            None => 0.0,
        };
        whole as f64 + within
    }

    /// Rows that do not follow on the one below.
    fn gaps(&self) -> impl Iterator<Item = usize> {
        let gap =
            |(index, pair): (usize, &[u64])| (pair[1] - pair[0] > self.unit).then_some(index + 1);
        self.starts.windows(2).enumerate().filter_map(gap)
    }
}

/// The picture as SVG, with its legend.
pub(super) fn picture(verdict: &Verdict, bus: &dyn Bus) -> String {
    let shown = &verdict.beats()[..verdict.beats().len().min(MOST_BEATS)];
    if shown.is_empty() {
        return String::new();
    }
    let rows = Rows::of(shown, verdict);
    let kinds = kinds(shown, verdict);
    let scale = Scale::new(shown.len(), rows.starts.len());
    let mut svg = String::new();
    let (width, height) = scale.size();
    let _ = write!(
        svg,
        "<figure>\n<svg viewBox=\"0 0 {width:.0} {height:.0}\" style=\"max-width:{width:.0}px\" \
         role=\"img\" aria-label=\"Order of {} beats against their addresses: {}\">\n",
        shown.len(),
        escape(&verdict.to_string())
    );
    grid(&mut svg, &scale, &rows, shown.len());
    for (index, (beat, kind)) in shown.iter().zip(&kinds).enumerate() {
        mark(&mut svg, &scale, &rows, index, beat, *kind);
    }
    svg.push_str("</svg>\n<figcaption>");
    for kind in Kind::ALL {
        let count = kinds.iter().filter(|&&other| other == kind).count();
        if count > 0 {
            let _ = write!(
                svg,
                "<span class=\"key\"><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\">{}</svg>\
                 {count} {}</span>",
                shape(kind, 1.0, 1.0, 10.0, 10.0, ""),
                kind.words()
            );
        }
    }
    let left = verdict.beats().len() - shown.len();
    if left > 0 {
        let _ = write!(svg, "<span class=\"key\">{left} more beats are not drawn</span>");
    }
    let _ = writeln!(
        svg,
        "<span class=\"key axes\">order to the right, address upwards; one mark a beat on {}</span>\
         </figcaption>\n</figure>",
        escape(bus.name())
    );
    svg
}

/// Beats and rows in pixels.
struct Scale {
    beats: f64,
    rows: f64,
    step_x: f64,
    step_y: f64,
}

impl Scale {
    fn new(beats: usize, rows: usize) -> Self {
        let (beats, rows) = (beats as f64, rows as f64);
        let step_x = (WIDTH / beats).min(LARGEST_STEP);
        let step_y = (HEIGHT / rows).min(LARGEST_STEP);
        Scale { beats, rows, step_x, step_y }
    }

    fn size(&self) -> (f64, f64) {
        (LEFT + self.beats.max(8.0) * self.step_x + 8.0, TOP + self.rows * self.step_y + BELOW)
    }

    fn x(&self, beat: f64) -> f64 {
        LEFT + beat * self.step_x
    }

    /// The place of so many rows above the lowest.
    fn y(&self, rows: f64) -> f64 {
        TOP + (self.rows - rows) * self.step_y
    }
}

/// Addresses, numbers and the lines that lead to them.
fn grid(svg: &mut String, scale: &Scale, rows: &Rows, beats: usize) {
    let right = scale.x(scale.beats);
    let bottom = scale.y(0.0);
    let every_row = nice((14.0 / scale.step_y).ceil() as usize);
    let gaps: Vec<usize> = rows.gaps().collect();
    for (row, start) in rows.starts.iter().enumerate() {
        let y = scale.y(row as f64);
        if row % every_row == 0 || (gaps.contains(&row) && scale.step_y >= 7.0) {
            let text = y - scale.step_y / 2.0 + 4.0;
            let _ = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"address\" x=\"{:.1}\" y=\"{text:.1}\">{start:#x}</text>",
                LEFT - 8.0
            );
        }
    }
    for row in gaps {
        let y = scale.y(row as f64);
        let _ = writeln!(
            svg,
            "<line class=\"gap\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right:.1}\" y2=\"{y:.1}\"/>"
        );
    }
    let every_beat = nice((34.0 / scale.step_x).ceil() as usize);
    for beat in (0..beats).step_by(every_beat) {
        let x = scale.x(beat as f64 + 0.5);
        let _ = writeln!(
            svg,
            "<text class=\"order\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
            bottom + 16.0,
            beat + 1
        );
    }
    let _ = writeln!(
        svg,
        "<line class=\"axis\" x1=\"{LEFT}\" y1=\"{bottom:.1}\" x2=\"{right:.1}\" y2=\"{bottom:.1}\"/>\
         <line class=\"axis\" x1=\"{LEFT}\" y1=\"{TOP}\" x2=\"{LEFT}\" y2=\"{bottom:.1}\"/>\
         <text class=\"label\" x=\"{LEFT}\" y=\"{:.1}\">beat</text>",
        bottom + 32.0
    );
}

/// The next power of two: steps that addresses have.
fn nice(at_least: usize) -> usize {
    at_least.max(1).next_power_of_two()
}

fn mark(svg: &mut String, scale: &Scale, rows: &Rows, index: usize, beat: &Beat, kind: Kind) {
    let (low, high) = (rows.height(beat.offset), rows.height(beat.end()));
    let gap = if scale.step_x > 5.0 && scale.step_y > 5.0 { 1.0 } else { 0.0 };
    let x = scale.x(index as f64) + gap;
    let y = scale.y(high) + gap;
    let width = (scale.step_x - 2.0 * gap).max(1.0);
    let height = ((high - low) * scale.step_y - 2.0 * gap).max(1.0);
    let data = beat.data.map_or(String::new(), |data| format!(", data {data}"));
    let verb = match beat.direction {
        Direction::Read => "read",
        Direction::Write => "write",
    };
    let title = format!(
        "beat {}: {verb} of {} bytes at {:#x}{data}\n{}",
        index + 1,
        beat.size,
        beat.offset,
        kind.words()
    );
    svg.push_str(&shape(kind, x, y, width, height, &format!("<title>{title}</title>")));
    svg.push('\n');
}

/// A mark: its kind shows in the shape as well as in the colour.
fn shape(kind: Kind, x: f64, y: f64, width: f64, height: f64, inner: &str) -> String {
    let class = class(kind);
    let rectangle = format!(
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
         height=\"{height:.1}\"/>"
    );
    let (right, bottom) = (x + width, y + height);
    let small = width < 6.0 || height < 6.0;
    let over = match kind {
        Kind::Again if !small => format!(
            "<path class=\"over\" d=\"M{:.1} {:.1}L{:.1} {:.1}M{:.1} {:.1}L{:.1} {:.1}\"/>",
            x + 2.0,
            y + 2.0,
            right - 2.0,
            bottom - 2.0,
            x + 2.0,
            bottom - 2.0,
            right - 2.0,
            y + 2.0
        ),
        Kind::Late if !small => {
            format!("<path class=\"over\" d=\"M{x:.1} {bottom:.1}L{right:.1} {y:.1}\"/>")
        }
        _ => String::new(),
    };
    format!("<g>{inner}{rectangle}{over}</g>")
}

/// What the style sheet calls a mark.
fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::First => "first",
        Kind::Again => "again",
        Kind::Late => "late",
        Kind::Stray => "stray",
    }
}
