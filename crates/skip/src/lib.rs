//! Says why a test does not run on this machine.

use std::fmt::Display;
use std::io::Write;

/// Prints `skipped: ` and why to standard error, around the test harness, which keeps the output
/// of tests that pass to itself.
///
/// # Panics
/// When nothing can be printed: no test is left out in silence.
pub fn because(why: impl Display) {
    let line = format!("skipped: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).expect("a skipped test has to say so");
}
