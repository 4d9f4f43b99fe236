//! From the Rust errors to the classes of `busprobe/errors.py`, which says when each is raised.

use busprobe_mmio::{AccessError, Fault, LockError, OpenError, PollError, TargetError};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// The class of that name, from `busprobe.errors`; imported when it is first raised.
fn class<'py>(
    py: Python<'py>,
    cell: &'static PyOnceLock<Py<PyType>>,
    name: &str,
) -> PyResult<&'py Bound<'py, PyType>> {
    cell.import(py, "busprobe.errors", name)
}

macro_rules! raise {
    ($name:literal, $($argument:expr),+ $(; $($key:ident = $value:expr),+)?) => {
        Python::attach(|py| {
            static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
            let build = || {
                let named = pyo3::types::PyDict::new(py);
                $($(named.set_item(stringify!($key), $value)?;)+)?
                class(py, &CLASS, $name)?.call(($($argument,)+), Some(&named))
            };
            build().map_or_else(|error: PyErr| error, PyErr::from_value)
        })
    };
}

/// A request that is wrong in itself: a `ValueError`.
pub(crate) fn invalid(message: impl Into<String>) -> PyErr {
    raise!("AccessError", message.into())
}

/// A place that the window or view does not have: an `IndexError`.
pub(crate) fn out_of_range(message: impl Into<String>) -> PyErr {
    raise!("OutOfRange", message.into())
}

/// An object of a kind that has no meaning there: a `TypeError`, as everywhere in Python.
pub(crate) fn wrong_type(message: impl Into<String>) -> PyErr {
    PyTypeError::new_err(message.into())
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn access(error: AccessError) -> PyErr {
    match error {
        AccessError::Fault(error) => fault(error),
        AccessError::OutOfRange { .. } => out_of_range(error.to_string()),
        _ => invalid(error.to_string()),
    }
}

pub(crate) fn fault(fault: Fault) -> PyErr {
    let (direction, width) = (fault.direction.to_string(), fault.width.bits());
    raise!("BusError", fault.to_string();
        offset = fault.offset, address = fault.address, width = width,
        direction = direction, completed = fault.completed)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn open(error: OpenError) -> PyErr {
    let message = error.to_string();
    let source = match &error {
        OpenError::Target(TargetError::Io { source, path, .. })
        | OpenError::Refused { source, path, .. } => Some((source, path)),
        _ => None,
    };
    match source.and_then(|(source, path)| Some((source.raw_os_error()?, path))) {
        Some((errno, path)) => raise!("OpenError", errno, message, path.as_os_str()),
        None => raise!("TargetError", message),
    }
}

pub(crate) fn lock(error: LockError) -> PyErr {
    match error {
        LockError::NotShared { .. } => invalid(error.to_string()),
        LockError::Timeout { .. } => raise!("LockTimeout", error.to_string()),
        LockError::Refused { source, .. } => source.into(),
    }
}

pub(crate) fn poll(error: PollError) -> PyErr {
    let message = error.to_string();
    match error {
        PollError::Access(error) => access(error),
        PollError::Timeout { polled, .. } => {
            raise!("PollTimeout", message; value = polled.value, reads = polled.reads)
        }
    }
}
