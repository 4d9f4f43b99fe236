//! A verdict as a Python object, see `busprobe/traced.py`.

use busprobe_trace::{Data, PythonLine, Trace};
use busprobe_verdict::explain::Explanation;
use busprobe_verdict::{Beat, Bus, By, Intent, bus_by_name, operations};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyInt, PyTuple, PyType};

use crate::errors;

/// The bus of that name.
pub(crate) fn bus(name: &str) -> PyResult<Box<dyn Bus>> {
    match bus_by_name(name) {
        Ok(bus) => Ok(bus),
        Err(error) => Err(errors::invalid(error.to_string())),
    }
}

/// The explanations of each operation of the trace, in order, from mark to mark: against `intent`,
/// or against what each was most likely meant to do.
pub(crate) fn explain<'a>(
    trace: &'a Trace,
    bus: &dyn Bus,
    intent: Option<&Intent>,
) -> Vec<Explanation<'a>> {
    operations(trace, Some(By::Mark))
        .iter()
        .flat_map(|operation| Explanation::of(operation, trace, bus, intent))
        .collect()
}

/// The Python object.
pub(crate) fn object<'py>(
    py: Python<'py>,
    explanation: &Explanation<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    static VERDICT: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let verdict = &explanation.verdict;
    let classes = PyTuple::new(py, verdict.classes().iter().map(|class| class.name()))?;
    let beats = verdict.beats().iter().map(|one| beat(py, one)).collect::<PyResult<Vec<_>>>()?;
    let why = explanation.causes.iter().map(ToString::to_string);
    VERDICT.import(py, "busprobe.traced", "Verdict")?.call1((
        verdict.is_exact(),
        classes,
        verdict.to_string(),
        PyTuple::new(py, beats)?,
        verdict.intent().to_string(),
        verdict.accesses(),
        PyTuple::new(py, verdict.unseen())?,
        PyTuple::new(py, why.collect::<Vec<_>>())?,
        explanation.exact_call(),
        explanation.python().map(line),
    ))
}

/// A line of Python with its whole path.
pub(crate) fn line(line: &PythonLine) -> String {
    format!("{}:{}", line.file, line.line)
}

fn beat<'py>(py: Python<'py>, beat: &Beat) -> PyResult<Bound<'py, PyAny>> {
    static BEAT: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let direction = beat.direction.letter().to_string();
    let data = data(py, beat.data.as_ref())?;
    BEAT.import(py, "busprobe.traced", "Beat")?.call1((direction, beat.offset, beat.size, data))
}

/// The number that a trace writes for these bytes.
pub(crate) fn data<'py>(
    py: Python<'py>,
    data: Option<&Data>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    data.map(|data| py.get_type::<PyInt>().call_method1("from_bytes", (data.bytes(), "little")))
        .transpose()
}
