//! `busprobe diagnose --counts`: which routines fit a table of counts.

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use busprobe_diagnose::{CountsFit, Row, fit_counts, read_counts};
use serde::Serialize;

use super::{print_json, text};
use crate::import::source::Input;
use crate::trouble::Trouble;

#[derive(Serialize)]
struct Counts {
    rows: Vec<Row>,
    fits: Vec<CountsFit>,
}

/// Prints which routines fit. As every verdict, a table is exact when each word came once.
pub(super) fn run(path: &Path, json: bool) -> Result<ExitCode, Trouble> {
    let mut table = String::new();
    let of_file = |error| Trouble::of_file(path, &error);
    Input::open(path)?.read().read_to_string(&mut table).map_err(of_file)?;
    let rows = read_counts(&table)
        .map_err(|error| Trouble::new(format!("{}: {error}", path.display())))?;
    let exact = rows.iter().all(|row| row.words == row.beats);
    let counts = Counts { fits: fit_counts(&rows), rows };
    if json {
        let fitting = counts.fits.iter().filter(|fit| fit.others.is_empty());
        print_json(&counts, fitting.map(|fit| fit.routine).collect())?;
    } else {
        print!("{}", text::counts(&counts.rows, &counts.fits));
    }
    Ok(ExitCode::from(u8::from(!exact)))
}
