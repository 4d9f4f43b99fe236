//! A window: its views, and accesses by byte offset.

use std::path::PathBuf;
use std::sync::Arc;

use busprobe_mmio::{OpenOptions, Run, Target, Width};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::elements::{Source, read_array, read_into};
use crate::shared::Shared;
use crate::view::View;
use crate::{arguments, errors};

/// A range of device memory, opened by `busprobe.open`.
#[pyclass(frozen, module = "busprobe")]
pub(crate) struct Window {
    shared: Arc<Shared>,
    #[pyo3(get)]
    u8: Py<View>,
    #[pyo3(get)]
    u16: Py<View>,
    #[pyo3(get)]
    u32: Py<View>,
    #[pyo3(get)]
    u64: Py<View>,
}

/// Opens a window over TARGET. Maps it, and accesses nothing.
#[pyfunction]
#[pyo3(signature = (target, *, read_only = false))]
pub(crate) fn open(py: Python<'_>, target: &Bound<'_, PyAny>, read_only: bool) -> PyResult<Window> {
    let target = match target.cast::<PyString>() {
        Ok(text) => Target::parse(text.to_str()?).map_err(|error| errors::open(error.into()))?,
        Err(_) => Target::File { path: target.extract::<PathBuf>()?, offset: 0, length: None },
    };
    let window = OpenOptions::new().read_only(read_only).open(&target).map_err(errors::open)?;
    let shared = Shared::new(window, None);
    let open = shared.get()?;
    let view = |width| Py::new(py, View::new(shared.clone(), &open.window, width, false));
    let (u8, u16) = (view(Width::W8)?, view(Width::W16)?);
    let (u32, u64) = (view(Width::W32)?, view(Width::W64)?);
    Ok(Window { shared, u8, u16, u32, u64 })
}

impl Window {
    fn read(&self, offset: &Bound<'_, PyAny>, width: Width) -> PyResult<u64> {
        let offset = arguments::offset(offset)?;
        self.shared.get()?.window.read(offset, width).map_err(errors::access)
    }

    fn write(
        &self,
        offset: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        width: Width,
    ) -> PyResult<()> {
        let (offset, value) = (arguments::offset(offset)?, arguments::value(value, width)?);
        self.shared.get()?.window.write(offset, width, value).map_err(errors::access)
    }
}

#[pymethods]
impl Window {
    /// One 8-bit load.
    fn read8(&self, offset: &Bound<'_, PyAny>) -> PyResult<u64> {
        self.read(offset, Width::W8)
    }

    /// One 16-bit load.
    fn read16(&self, offset: &Bound<'_, PyAny>) -> PyResult<u64> {
        self.read(offset, Width::W16)
    }

    /// One 32-bit load.
    fn read32(&self, offset: &Bound<'_, PyAny>) -> PyResult<u64> {
        self.read(offset, Width::W32)
    }

    /// One 64-bit load.
    fn read64(&self, offset: &Bound<'_, PyAny>) -> PyResult<u64> {
        self.read(offset, Width::W64)
    }

    /// One 8-bit store.
    fn write8(&self, offset: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.write(offset, value, Width::W8)
    }

    /// One 16-bit store.
    fn write16(&self, offset: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.write(offset, value, Width::W16)
    }

    /// One 32-bit store.
    fn write32(&self, offset: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.write(offset, value, Width::W32)
    }

    /// One 64-bit store.
    fn write64(&self, offset: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.write(offset, value, Width::W64)
    }

    /// `count` loads of `width` bits, ascending, or all at `offset` when mode is "fixed"; into
    /// `out`, or into a new `array.array`.
    #[pyo3(signature = (offset, count, width = 32, out = None, mode = "incr"))]
    fn read_block<'py>(
        &self,
        py: Python<'py>,
        offset: &Bound<'py, PyAny>,
        count: &Bound<'py, PyAny>,
        width: u32,
        out: Option<Bound<'py, PyAny>>,
        mode: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (offset, count) = (arguments::offset(offset)?, arguments::count(count)?);
        let run = Run::block(offset, arguments::width(width)?, count, arguments::mode(mode)?);
        let open = self.shared.get()?;
        match out {
            None => read_array(py, &open.window, run),
            Some(out) => {
                read_into(&open.window, run, &out)?;
                Ok(out)
            }
        }
    }

    /// A store of `width` bits for each element of `data`, ascending, or all at `offset` when mode
    /// is "fixed".
    #[pyo3(signature = (offset, data, width = 32, mode = "incr"))]
    fn write_block(
        &self,
        offset: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
        width: u32,
        mode: &str,
    ) -> PyResult<()> {
        let (width, mode) = (arguments::width(width)?, arguments::mode(mode)?);
        let (offset, source) = (arguments::offset(offset)?, Source::new(data, width)?);
        let run = Run::block(offset, width, source.count(width)?, mode);
        source.write(&self.shared.get()?.window, run)
    }

    /// `count` stores of one value, ascending, or all at `offset` when mode is "fixed".
    #[pyo3(signature = (offset, value, count, width = 32, mode = "incr"))]
    fn fill(
        &self,
        offset: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        count: &Bound<'_, PyAny>,
        width: u32,
        mode: &str,
    ) -> PyResult<()> {
        let (width, mode) = (arguments::width(width)?, arguments::mode(mode)?);
        let (offset, count) = (arguments::offset(offset)?, arguments::count(count)?);
        let value = arguments::value(value, width)?;
        let run = Run::block(offset, width, count, mode);
        self.shared.get()?.window.fill(run, value).map_err(errors::access)
    }

    /// Bytes.
    fn __len__(&self) -> PyResult<usize> {
        Ok(self.shared.get()?.window.len() as usize)
    }

    /// The target, as text.
    #[getter]
    fn name(&self) -> &str {
        self.shared.name()
    }

    /// The bus address of offset 0, when it is known.
    #[getter]
    fn base(&self) -> PyResult<Option<u64>> {
        Ok(self.shared.get()?.window.base())
    }

    /// Whether writes are refused.
    #[getter]
    fn readonly(&self) -> PyResult<bool> {
        Ok(!self.shared.get()?.window.is_writable())
    }

    /// Whether the window was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.shared.if_open().is_none()
    }

    /// Closes the window. Its views are closed with it; an access that another thread is in the
    /// middle of is completed.
    fn close(&self) {
        for view in [&self.u8, &self.u16, &self.u32, &self.u64] {
            view.get().close();
        }
        self.shared.close();
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    #[pyo3(signature = (*_args))]
    fn __exit__(&self, _args: &Bound<'_, PyAny>) {
        self.close();
    }

    fn __repr__(&self) -> String {
        match self.shared.if_open() {
            Some(open) => {
                format!("<busprobe.Window {}: {:#x} bytes>", self.name(), open.window.len())
            }
            None => format!("<busprobe.Window {}: closed>", self.name()),
        }
    }
}
