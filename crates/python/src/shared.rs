//! A window that several Python objects use and one of them can close.

use std::sync::{Arc, Mutex, PoisonError};

use busprobe_mmio::Window;
use pyo3::buffer::PyUntypedBuffer;
use pyo3::prelude::*;

use crate::errors;

/// A window, until it is closed. Whoever is in the middle of an access has an `Arc` of its own:
/// the memory stays mapped until the last of them is done.
pub(crate) struct Shared {
    name: String,
    window: Mutex<Option<Arc<Open>>>,
}

/// A window and what keeps its memory there.
pub(crate) struct Open {
    pub(crate) window: Window,
    /// The export that a window over another object's buffer holds: an mmap that has one cannot
    /// be closed.
    _export: Option<PyUntypedBuffer>,
}

impl Shared {
    pub(crate) fn new(window: Window, export: Option<PyUntypedBuffer>) -> Arc<Self> {
        let name = window.name().to_owned();
        let open = Arc::new(Open { window, _export: export });
        Arc::new(Shared { name, window: Mutex::new(Some(open)) })
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
