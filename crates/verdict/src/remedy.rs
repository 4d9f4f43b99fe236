//! What to write so that an intent comes out exactly.

use busprobe_trace::Direction;

use crate::{Intent, Mode};

/// The line of Python that puts exactly `intent` on the bus through a mapping named `mm`; `None`
/// when it takes more than one line.
#[must_use]
pub fn python(intent: &Intent) -> Option<String> {
    let [run] = intent.runs() else { return None };
    let width = u64::from(intent.width());
    let format = match width {
        1 => "B",
        2 => "H",
        4 => "I",
        _ => "Q",
    };
    if run.start % width != 0 || intent.mode() == Mode::Fixed {
        return None;
    }
    let first = run.start / width;
    let index = match run.count {
        1 => first.to_string(),
        count => format!("{first}:{}", first + count),
    };
    let view = format!("busprobe.view(mm, \"{format}\")[{index}]");
    Some(match (intent.direction(), run.count) {
        (Direction::Write, 1) => format!("{view} = value"),
        (Direction::Write, _) => format!("{view} = data"),
        (Direction::Read, 1) => format!("value = {view}"),
        (Direction::Read, _) => format!("data = {view}"),
    })
}
