//! Marks in a trace of this process.

use pyo3::prelude::*;

/// Puts a mark with this text into the trace, when the process is traced, by itself or by
/// another; does nothing otherwise.
#[pyfunction]
#[pyo3(signature = (text, /))]
pub(crate) fn mark(text: &str) {
    busprobe_mark::mark(text);
    busprobe_capture::inprocess::mark(text);
}
