//! A window that several Python objects use and one of them can close.

use std::sync::{Arc, Mutex, PoisonError};

use busprobe_mmio::{AccessError, Width, Window};
use pyo3::buffer::PyUntypedBuffer;
use pyo3::prelude::*;

use crate::errors;

/// A window, until it is closed. Whoever is in the middle of an access has an `Arc` of its own:
/// the memory stays mapped until the last of them is done.
pub(crate) struct Shared {
    name: String,
    window: Mutex<Option<Arc<Open>>>,
}

/// An exception that a simulated device's Python callback raised: the access that it was called
/// for is refused, and then raises this.
pub(crate) type Raised = Arc<Mutex<Option<PyErr>>>;

/// A window, and what it needs of Python.
pub(crate) struct Open {
    pub(crate) window: Window,
    /// The export that a window over another object's buffer holds: an mmap that has one cannot
    /// be closed.
    export: Option<PyUntypedBuffer>,
    raised: Option<Raised>,
}

impl Open {
    pub(crate) fn new(window: Window) -> Self {
        Open { window, export: None, raised: None }
    }

    pub(crate) fn with_export(window: Window, export: PyUntypedBuffer) -> Self {
        Open { window, export: Some(export), raised: None }
    }

    pub(crate) fn with_callbacks(window: Window, raised: Raised) -> Self {
        Open { window, export: None, raised: Some(raised) }
    }

    /// Whether the window is over another object's buffer.
    pub(crate) fn is_over_buffer(&self) -> bool {
        self.export.is_some()
    }

    /// The exception for an error: what a callback raised, if that was the cause.
    pub(crate) fn error(&self, error: AccessError) -> PyErr {
        let raised = self
            .raised
            .as_ref()
            .and_then(|raised| raised.lock().unwrap_or_else(PoisonError::into_inner).take());
        raised.unwrap_or_else(|| errors::access(error))
    }

    /// One load.
    pub(crate) fn read(&self, py: Python<'_>, offset: u64, width: Width) -> PyResult<u64> {
        let mut value = 0;
        self.transfer(py, 1, |window| {
            value = window.read(offset, width)?;
            Ok(())
        })?;
        Ok(value)
    }

    /// One store.
    pub(crate) fn write(
        &self,
        py: Python<'_>,
        offset: u64,
        width: Width,
        value: u64,
    ) -> PyResult<()> {
        self.transfer(py, 1, |window| window.write(offset, width, value))
    }

    /// Makes a long or a simulated transfer without holding up other threads, and a short one
    /// where it is: giving the interpreter away and getting it back takes longer than that.
    pub(crate) fn transfer(
        &self,
        py: Python<'_>,
        count: u64,
        make: impl FnOnce(&Window) -> Result<(), AccessError> + Send,
    ) -> PyResult<()> {
        /// A few milliseconds of reads on a slow bus.
        const LONG: u64 = 4096;
        let window = &self.window;
        let result = if count >= LONG || window.device().is_some() {
            py.detach(|| make(window))
        } else {
            make(window)
        };
        result.map_err(|error| self.error(error))
    }
}

impl Shared {
    pub(crate) fn new(open: Open) -> Arc<Self> {
        let name = open.window.name().to_owned();
        Arc::new(Shared { name, window: Mutex::new(Some(Arc::new(open))) })
    }

    /// The target's name, also when it is closed.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn get(&self) -> PyResult<Arc<Open>> {
        self.if_open().ok_or_else(|| errors::invalid(format!("{} is closed", self.name)))
    }

    pub(crate) fn if_open(&self) -> Option<Arc<Open>> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes it; the memory is unmapped at once unless an access is under way.
    pub(crate) fn close(&self) {
        // The lock is free again before the memory is: unmapping may run Python code.
        let open = self.window.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(open);
    }
}
