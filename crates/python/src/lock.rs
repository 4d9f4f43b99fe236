//! A lock on a window, for a `with` statement.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;

use crate::errors;
use crate::shared::Open;

/// A lock between all who ask for it. It is taken by `with`, and given back at its end.
#[pyclass(frozen, module = "busprobe")]
pub(crate) struct Lock {
    open: Arc<Open>,
    timeout: Duration,
    held: Mutex<Option<busprobe_mmio::Lock>>,
}

impl Lock {
    pub(crate) fn new(open: Arc<Open>, timeout: Duration) -> Self {
        Lock { open, timeout, held: Mutex::new(None) }
    }

    fn set(&self, lock: Option<busprobe_mmio::Lock>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = lock;
    }
}

#[pymethods]
impl Lock {
    fn __enter__(this: Py<Self>, py: Python<'_>) -> PyResult<Py<Self>> {
        let lock = this.get();
        let held = py.detach(|| lock.open.window.lock(lock.timeout)).map_err(errors::lock)?;
        lock.set(Some(held));
        Ok(this)
    }

    #[pyo3(signature = (*_args))]
    fn __exit__(&self, _args: &Bound<'_, PyAny>) {
        self.set(None);
    }
}
