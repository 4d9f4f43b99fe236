//! The sweep as a table: a row a block size, a column a way.

use std::fmt::Write;

use comfy_table::{ContentArrangement, Table, presets};

use super::cell::Cell;

/// Room for seven columns on a common terminal; a wider one does not make it easier to read.
const WIDTH: u16 = 110;

/// The table of these cells, which come way by way.
pub(crate) fn render(cells: &[Cell]) -> String {
    let mut ways: Vec<&str> = Vec::new();
    let mut sizes: Vec<u64> = Vec::new();
    for cell in cells {
        if !ways.contains(&cell.way.as_str()) {
            ways.push(&cell.way);
        }
        if !sizes.contains(&cell.words) {
            sizes.push(cell.words);
        }
    }
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(std::iter::once("words").chain(ways.iter().copied()));
    for &words in &sizes {
        let in_row = |way: &&str| {
            cells
                .iter()
                .find(|cell| cell.words == words && cell.way == **way)
                .map_or_else(|| "-".to_owned(), text)
        };
        table.add_row(std::iter::once(words.to_string()).chain(ways.iter().map(in_row)));
    }
    table.trim_fmt()
}

/// Accesses and beats, and under them the verdict.
fn text(cell: &Cell) -> String {
    let mut text = format!("{} > {}", cell.accesses, cell.beats);
    let verdict = match &cell.verdict[..] {
        // A part that came again is both; the number of beats already says how much.
        ["doubled", "extra", rest @ ..] => [&["extra"], rest].concat(),
        [] => vec!["not all seen"],
        all => all.to_vec(),
    };
    let _ = write!(text, "\n{}", verdict.join(", "));
    text
}
