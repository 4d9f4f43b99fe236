//! A trace of this process, or one from a file.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use busprobe_capture::inprocess::{Error, Region, Watching};
use busprobe_trace::{Access, Event, Loss, LossKind, Sink, jsonl, text};
use busprobe_verdict::Intent;
use pyo3::exceptions::{PyNotImplementedError, PyOSError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyTuple, PyType};

use crate::watched::Watched;
use crate::{errors, verdict};

/// What a block of code puts on the bus, or what a trace file holds.
///
/// It is a sequence of accesses. Inside of its block it has those that came so far.
#[pyclass(frozen, sequence, module = "busprobe")]
pub(crate) struct Trace {
    state: Mutex<State>,
}

enum State {
    /// Its block has not begun.
    Before(Vec<Watched>),
    /// In its block.
    Within(Watching, Vec<Watched>),
    /// While that changes.
    Changing,
    After(Arc<busprobe_trace::Trace>),
}

/// Records each access that this process makes, within the block, to these windows: busprobe
/// windows and views, mmaps, and memoryviews and arrays over them.
#[pyfunction]
#[pyo3(signature = (*windows))]
pub(crate) fn trace(windows: &Bound<'_, PyTuple>) -> PyResult<Trace> {
    if windows.is_empty() {
        return Err(errors::wrong_type("trace() takes the windows to watch: at least one"));
    }
    let watched = windows.iter().map(|one| Watched::new(&one)).collect::<PyResult<Vec<_>>>()?;
    Ok(Trace { state: Mutex::new(State::Before(watched)) })
}

/// Reads a trace from a file, as `save` and the command `busprobe` write it.
#[pyfunction]
pub(crate) fn load(path: &Bound<'_, PyAny>) -> PyResult<Trace> {
    let path: PathBuf = path.extract()?;
    let file = File::open(&path).map_err(|error| in_file(&error, &path))?;
    let trace =
        jsonl::read(BufReader::with_capacity(1 << 18, file)).map_err(|error| match error {
            jsonl::ReadError::Io { source, .. } => in_file(&source, &path),
            error => errors::invalid(format!("{}: {error}", path.display())),
        })?;
    Ok(Trace { state: Mutex::new(State::After(Arc::new(trace))) })
}

/// An `OSError` that names the file.
fn in_file(error: &std::io::Error, path: &Path) -> PyErr {
    match error.raw_os_error() {
        Some(errno) => {
            let text = std::io::Error::from_raw_os_error(errno).to_string();
            let text = text.split(" (os error").next().unwrap_or_default().to_owned();
            PyOSError::new_err((errno, text, path.as_os_str().to_owned()))
        }
        None => PyOSError::new_err(format!("{}: {error}", path.display())),
    }
}

fn refused(error: Error) -> PyErr {
    let text = error.to_string();
    match error {
        Error::OtherMachine => PyNotImplementedError::new_err(text),
        Error::NoAlias { source, .. } | Error::Refused { source, .. } => {
            PyOSError::new_err((source.raw_os_error(), text))
        }
        _ => errors::invalid(text),
    }
}

impl Trace {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What there is so far. Whoever looks at it may run Python, and holds no lock.
    fn get(&self) -> PyResult<Arc<busprobe_trace::Trace>> {
        match &*self.state() {
            State::After(trace) => Ok(Arc::clone(trace)),
            State::Within(watching, _) => Ok(Arc::new(watching.so_far())),
            State::Before(_) | State::Changing => {
                Err(errors::invalid("the trace has not begun: use it in a with statement"))
            }
        }
    }

    fn access<'py>(
        py: Python<'py>,
        access: &Access,
        trace: &busprobe_trace::Trace,
    ) -> PyResult<Bound<'py, PyAny>> {
        static ACCESS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let site = access.site.and_then(|id| trace.site(id));
        ACCESS.import(py, "busprobe.traced", "Access")?.call1((
            access.direction.letter().to_string(),
            access.offset,
            access.size,
            verdict::data(py, access.data.as_ref())?,
            access.thread,
            site.map(ToString::to_string),
            access.window,
            access.time_ns,
            site.and_then(|site| site.python.as_ref()).map(verdict::line),
        ))
    }
}

#[pymethods]
impl Trace {
    fn __enter__(this: Py<Self>) -> PyResult<Py<Self>> {
        let mut state = this.get().state();
        let State::Before(watched) = std::mem::replace(&mut *state, State::Changing) else {
            return Err(errors::invalid("a trace has one block: make another trace"));
        };
        let regions: Vec<Region> = watched.iter().map(|one| one.region.clone()).collect();
        match Watching::start(&regions) {
            Ok(watching) => *state = State::Within(watching, watched),
            Err(error) => {
                *state = State::Before(watched);
                return Err(refused(error));
            }
        }
        drop(state);
        Ok(this)
    }

    #[pyo3(signature = (_type = None, error = None, _traceback = None))]
    fn __exit__(
        &self,
        _type: Option<&Bound<'_, PyAny>>,
        error: Option<&Bound<'_, PyAny>>,
        _traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let is_bad_address = error.is_some_and(is_bad_address);
        let mut state = self.state();
        let State::Within(watching, watched) = std::mem::replace(&mut *state, State::Changing)
        else {
            return Ok(());
        };
        let mut trace = watching.finish().map_err(refused)?;
        if is_bad_address {
            trace.events.push(system_call_failed(trace.events.len()));
        }
        *state = State::After(Arc::new(trace));
        drop(state);
        // What is given up here may run Python code.
        drop(watched);
        Ok(())
    }

    fn __len__(&self) -> PyResult<usize> {
        Ok(self.get()?.accesses().count())
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: isize) -> PyResult<Bound<'py, PyAny>> {
        let trace = self.get()?;
        let count = trace.accesses().count();
        let from_start = if index < 0 { index + count as isize } else { index };
        let access = usize::try_from(from_start).ok().and_then(|at| trace.accesses().nth(at));
        let access = access.ok_or_else(|| {
            errors::out_of_range(format!("index {index}: the trace has {count} accesses"))
        })?;
        Trace::access(py, access, &trace)
    }

    /// All accesses that there are now.
    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let trace = self.get()?;
        let accesses = trace.accesses().map(|access| Trace::access(py, access, &trace));
        let accesses = accesses.collect::<PyResult<Vec<_>>>()?;
        Ok(PyTuple::new(py, accesses)?.try_iter()?.into_any())
    }

    /// A line for each access, mark, system call and loss.
    fn __str__(&self) -> PyResult<String> {
        let mut out = Vec::new();
        let mut writer = text::Writer::new(&mut out);
        self.get()?.records().try_for_each(|record| writer.put(&record))?;
        let lines = String::from_utf8_lossy(&out);
        Ok(lines.strip_suffix('\n').unwrap_or_default().to_owned())
    }

    fn __repr__(&self) -> String {
        let Ok(trace) = self.get() else { return "<busprobe.Trace, not begun>".to_owned() };
        let names: Vec<&str> = trace.windows.iter().map(|window| window.name.as_str()).collect();
        let accesses = match trace.accesses().count() {
            1 => "1 access".to_owned(),
            count => format!("{count} accesses"),
        };
        format!("<busprobe.Trace of {}: {accesses}>", names.join(", "))
    }

    /// The names of the windows, in the order of their numbers.
    #[getter]
    fn windows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.get()?.windows.iter().map(|window| &window.name))
    }

    /// What is not in the trace, a sentence each.
    #[getter]
    fn losses<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let trace = self.get()?;
        PyTuple::new(py, trace.losses().map(|loss| &loss.detail).collect::<Vec<_>>())
    }

    /// Whether the bus saw what was meant, and why not: for a trace of one operation.
    #[pyo3(signature = (intent = None, bus = "axi4-lite-32"))]
    fn verdict<'py>(
        &self,
        py: Python<'py>,
        intent: Option<&str>,
        bus: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let trace = self.get()?;
        let (intent, bus) = (parse(intent)?, verdict::bus(bus)?);
        let found = verdict::explain(&trace, bus.as_ref(), intent.as_ref());
        match &found[..] {
            [one] => verdict::object(py, one),
            [] => Err(errors::invalid("no access is in the trace: there is nothing to judge")),
            several => Err(errors::invalid(format!(
                "{} operations are in the trace: use verdicts(), {}",
                several.len(),
                if intent.is_none() {
                    "or say with an intent what was meant"
                } else {
                    "or watch one window, in one thread, without marks"
                },
            ))),
        }
    }

    /// A verdict on each operation: in each window, by each thread, from mark to mark, and, where
    /// it is inferred what was meant, for the writes and for the reads.
    #[pyo3(signature = (intent = None, bus = "axi4-lite-32"))]
    fn verdicts<'py>(
        &self,
        py: Python<'py>,
        intent: Option<&str>,
        bus: &str,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let trace = self.get()?;
        let (intent, bus) = (parse(intent)?, verdict::bus(bus)?);
        let found = verdict::explain(&trace, bus.as_ref(), intent.as_ref());
        found.iter().map(|one| verdict::object(py, one)).collect()
    }

    /// Writes the trace to a file, as JSON Lines.
    fn save(&self, path: &Bound<'_, PyAny>) -> PyResult<()> {
        let path: PathBuf = path.extract()?;
        let trace = self.get()?;
        let file = File::create(&path).map_err(|error| in_file(&error, &path))?;
        jsonl::write(&trace, BufWriter::new(file)).map_err(|error| in_file(&error, &path))
    }
}

fn parse(intent: Option<&str>) -> PyResult<Option<Intent>> {
    let parse = |text: &str| {
        text.parse()
            .map_err(|error: busprobe_verdict::IntentError| errors::invalid(error.to_string()))
    };
    intent.map(parse).transpose()
}

/// Whether the block ended because the kernel could not use an address.
fn is_bad_address(error: &Bound<'_, PyAny>) -> bool {
    const EFAULT: i32 = 14;
    error.is_instance_of::<PyOSError>()
        && error.getattr("errno").and_then(|errno| errno.extract()).is_ok_and(|n: i32| n == EFAULT)
}

fn system_call_failed(seq: usize) -> Event {
    let detail = "a system call failed that was given a pointer into a window (EFAULT): only \
                  `busprobe trace` can follow those";
    let detail = detail.to_owned();
    Event::Loss(Loss { seq: seq as u64, kind: LossKind::Missed, detail, count: None })
}
