//! A window's memory as a plain buffer, for those who ask for it by name.

use std::ffi::c_int;
use std::ptr;
use std::sync::Arc;

use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyMemoryView;

use crate::errors;
use crate::shared::Open;

/// Exports a window's memory, which stays mapped as long as there is an export.
#[pyclass(frozen, module = "busprobe")]
pub(crate) struct Exporter {
    open: Arc<Open>,
}

impl Exporter {
    pub(crate) fn memoryview(py: Python<'_>, open: Arc<Open>) -> PyResult<Bound<'_, PyAny>> {
        if open.window.as_ptr().is_none() {
            return Err(errors::invalid("a simulated device has no memory to view"));
        }
        let exporter = Bound::new(py, Exporter { open })?;
        Ok(PyMemoryView::from(exporter.as_any())?.into_any())
    }
}

#[pymethods]
impl Exporter {
    /// # Safety
    /// Called by the interpreter, with a buffer to be filled in.
    unsafe fn __getbuffer__(
        this: &Bound<'_, Self>,
        buffer: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let window = &this.get().open.window;
        let start = window.as_ptr().unwrap_or(ptr::null_mut());
        let (length, readonly) = (window.len() as ffi::Py_ssize_t, !window.is_writable());
        // SAFETY: the memory is mapped as long as the exporter lives, which the buffer refers to.
        let filled = unsafe {
            ffi::PyBuffer_FillInfo(
                buffer,
                this.as_ptr(),
                start.cast(),
                length,
                readonly.into(),
                flags,
            )
        };
        if filled == 0 { Ok(()) } else { Err(PyErr::take(this.py()).unwrap_or_else(refused)) }
    }
}

fn refused() -> PyErr {
    PyBufferError::new_err("the window cannot be viewed so")
}
