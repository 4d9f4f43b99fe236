//! A window: its views, and accesses by byte offset.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use busprobe_mmio::{AccessError, OpenOptions, Poll, PollError, Polled, Run, Target, Width};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyType};

use crate::elements::{Destination, Source, read_array};
use crate::lock::Lock;
use crate::shared::{Open, Shared};
use crate::sim::Device;
use crate::unsafe_view::Exporter;
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

/// Opens a window over TARGET, or over a simulated device. Maps it, and accesses nothing.
///
/// `strict_order` makes every load a load-acquire and every store a store-release; `allow` refuses
/// all accesses that are not wholly within one of those ranges of offsets.
#[pyfunction]
#[pyo3(signature = (target, *, read_only = false, byteorder = None, strict_order = false, allow = None))]
pub(crate) fn open(
    py: Python<'_>,
    target: &Bound<'_, PyAny>,
    read_only: bool,
    byteorder: Option<&str>,
    strict_order: bool,
    allow: Option<&Bound<'_, PyAny>>,
) -> PyResult<Window> {
    let mut options = OpenOptions::new().read_only(read_only).strict_order(strict_order);
    if let Some(name) = byteorder {
        options = options.byte_order(arguments::byte_order(name)?);
    }
    if let Some(ranges) = allow {
        let ranges = ranges.try_iter()?.map(|item| range(&item?)).collect::<PyResult<Vec<_>>>()?;
        options = options.allow(ranges);
    }
    if let Ok(device) = target.cast::<Device>() {
        return Window::new(py, device.get().open(&options));
    }
    let target = match target.cast::<PyString>() {
        Ok(text) => Target::parse(text.to_str()?).map_err(|error| errors::open(error.into()))?,
        Err(_) => Target::File { path: target.extract::<PathBuf>()?, offset: 0, length: None },
    };
    Window::new(py, Open::new(options.open(&target).map_err(errors::open)?))
}

/// A Python `range` of step 1.
fn range(object: &Bound<'_, PyAny>) -> PyResult<Range<u64>> {
    let number = |name| object.getattr(name)?.extract::<u64>();
    if number("step")? != 1 {
        return Err(errors::invalid(format!("{object}: an allowed range has no steps")));
    }
    Ok(number("start")?..number("stop")?)
}

impl Window {
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    fn new(py: Python<'_>, open: Open) -> PyResult<Self> {
        let shared = Shared::new(open);
        let open = shared.get()?;
        let view = |width| Py::new(py, View::new(&shared, &open, width));
        let (u8, u16) = (view(Width::W8)?, view(Width::W16)?);
        let (u32, u64) = (view(Width::W32)?, view(Width::W64)?);
        Ok(Window { shared, u8, u16, u32, u64 })
    }

    fn read(&self, offset: &Bound<'_, PyAny>, width: Width) -> PyResult<u64> {
        let at = arguments::offset(offset)?;
        self.shared.get()?.read(offset.py(), at, width)
    }

    fn write(
        &self,
        offset: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        width: Width,
    ) -> PyResult<()> {
        let (at, value) = (arguments::offset(offset)?, arguments::value(value, width)?);
        self.shared.get()?.write(offset.py(), at, width, value)
    }

    /// A few accesses that give one value.
    fn make(
        &self,
        py: Python<'_>,
        make: impl FnOnce(&busprobe_mmio::Window) -> Result<u64, AccessError> + Send,
    ) -> PyResult<u64> {
        let mut value = 0;
        self.shared.get()?.transfer(py, 1, |window| {
            value = make(window)?;
            Ok(())
        })?;
        Ok(value)
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

    /// A 64-bit value by two 32-bit loads, the low word first.
    fn read64_lo_hi(&self, offset: &Bound<'_, PyAny>) -> PyResult<u64> {
        let at = arguments::offset(offset)?;
        self.make(offset.py(), |window| window.read64_lo_hi(at))
    }

    /// A 64-bit value by two 32-bit loads, the high word first.
    fn read64_hi_lo(&self, offset: &Bound<'_, PyAny>) -> PyResult<u64> {
        let at = arguments::offset(offset)?;
        self.make(offset.py(), |window| window.read64_hi_lo(at))
    }

    /// A 64-bit value by two 32-bit stores, the low word first.
    fn write64_lo_hi(&self, offset: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let (at, value) = (arguments::offset(offset)?, arguments::value(value, Width::W64)?);
        let open = self.shared.get()?;
        open.transfer(offset.py(), 2, |window| window.write64_lo_hi(at, value))
    }

    /// A 64-bit value by two 32-bit stores, the high word first.
    fn write64_hi_lo(&self, offset: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let (at, value) = (arguments::offset(offset)?, arguments::value(value, Width::W64)?);
        let open = self.shared.get()?;
        open.transfer(offset.py(), 2, |window| window.write64_hi_lo(at, value))
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
        let (width, mode) = (arguments::width(width)?, arguments::mode(mode)?);
        let run = Run::block(offset, width, count, mode);
        let open = self.shared.get()?;
        let Some(out) = out else { return read_array(py, &open, run) };
        Destination::new(&out, width, open.window.byte_order())?.read(py, &open, run)?;
        Ok(out)
    }

    /// A load of `width` bits for each element that `out` has room for, ascending, or all at
    /// `offset` when mode is "fixed". Returns how many.
    #[pyo3(signature = (offset, out, width = 32, mode = "incr"))]
    fn read_into(
        &self,
        py: Python<'_>,
        offset: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
        width: u32,
        mode: &str,
    ) -> PyResult<u64> {
        let (width, mode) = (arguments::width(width)?, arguments::mode(mode)?);
        let offset = arguments::offset(offset)?;
        let open = self.shared.get()?;
        let destination = Destination::new(out, width, open.window.byte_order())?;
        let count = destination.count()?;
        destination.read(py, &open, Run::block(offset, width, count, mode))?;
        Ok(count)
    }

    /// A store of `width` bits for each element of `data`, ascending, or all at `offset` when mode
    /// is "fixed".
    #[pyo3(signature = (offset, data, width = 32, mode = "incr"))]
    fn write_block(
        &self,
        py: Python<'_>,
        offset: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
        width: u32,
        mode: &str,
    ) -> PyResult<()> {
        let (width, mode) = (arguments::width(width)?, arguments::mode(mode)?);
        let order = self.shared.get()?.window.byte_order();
        let (offset, source) = (arguments::offset(offset)?, Source::new(data, width, order)?);
        let run = Run::block(offset, width, source.count(width)?, mode);
        source.write(py, &*self.shared.get()?, run)
    }

    /// `count` stores of one value, ascending, or all at `offset` when mode is "fixed".
    #[pyo3(signature = (offset, value, count, width = 32, mode = "incr"))]
    fn fill(
        &self,
        py: Python<'_>,
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
        self.shared.get()?.transfer(py, count, |window| window.fill(run, value))
    }

    /// Sets the bits of `mask` to those of `value` and leaves the others: one load, one store.
    /// Returns what was loaded.
    #[pyo3(signature = (offset, mask, value, width = 32))]
    fn update(
        &self,
        py: Python<'_>,
        offset: &Bound<'_, PyAny>,
        mask: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        width: u32,
    ) -> PyResult<u64> {
        let (offset, width) = (arguments::offset(offset)?, arguments::width(width)?);
        let (mask, value) = (arguments::value(mask, width)?, arguments::value(value, width)?);
        self.make(py, |window| window.update(offset, width, mask, value))
    }

    /// The bits of a field, "hi:lo", (hi, lo) or one bit: one load.
    #[pyo3(signature = (offset, field, width = 32))]
    fn read_field(
        &self,
        py: Python<'_>,
        offset: &Bound<'_, PyAny>,
        field: &Bound<'_, PyAny>,
        width: u32,
    ) -> PyResult<u64> {
        let (offset, width) = (arguments::offset(offset)?, arguments::width(width)?);
        let field = arguments::field(field)?;
        self.make(py, |window| window.read_field(offset, width, field))
    }

    /// Sets the bits of a field, "hi:lo", (hi, lo) or one bit, and leaves the others: one load,
    /// one store. Returns what the field held before.
    #[pyo3(signature = (offset, field, value, width = 32))]
    fn write_field(
        &self,
        py: Python<'_>,
        offset: &Bound<'_, PyAny>,
        field: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        width: u32,
    ) -> PyResult<u64> {
        let (offset, width) = (arguments::offset(offset)?, arguments::width(width)?);
        let (field, value) = (arguments::field(field)?, arguments::value(value, width)?);
        self.make(py, |window| window.write_field(offset, width, field, value))
    }

    /// Reads until the bits of `mask` are those of `value`, for `timeout` seconds at most, with
    /// `interval` seconds between two reads. Returns the last value and the number of reads.
    #[pyo3(signature = (offset, *, mask, value, timeout = 1.0, interval = 0.001, width = 32))]
    #[expect(clippy::too_many_arguments, reason = "by keyword")]
    fn poll<'py>(
        &self,
        py: Python<'py>,
        offset: &Bound<'py, PyAny>,
        mask: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        timeout: f64,
        interval: f64,
        width: u32,
    ) -> PyResult<Bound<'py, PyAny>> {
        static POLLED: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let (offset, width) = (arguments::offset(offset)?, arguments::width(width)?);
        let poll = Poll::new(arguments::value(mask, width)?, arguments::value(value, width)?)
            .timeout(arguments::seconds("timeout", timeout)?)
            .interval(arguments::seconds("interval", interval)?);
        let open = self.shared.get()?;
        // Other threads run while this one waits, or asks a simulated device.
        let result = py.detach(|| {
            open.window.poll_with(offset, width, &poll, |time| {
                std::thread::sleep(time);
                Python::attach(|py| py.check_signals().map_err(Ended::Raised))
            })
        });
        match result {
            Ok(Polled { value, reads }) => {
                POLLED.import(py, "busprobe.polled", "Polled")?.call1((value, reads))
            }
            Err(Ended::Poll(PollError::Access(error))) => Err(open.error(error)),
            Err(Ended::Poll(error)) => Err(errors::poll(error)),
            Err(Ended::Raised(error)) => Err(error),
        }
    }

    /// Lets no access after it overtake one before it.
    fn fence(&self) -> PyResult<()> {
        self.shared.get()?.window.fence();
        Ok(())
    }

    /// A fence and one 32-bit load at `offset`: the device has got every write before.
    fn flush(&self, offset: &Bound<'_, PyAny>) -> PyResult<()> {
        let at = arguments::offset(offset)?;
        self.shared.get()?.transfer(offset.py(), 1, |window| window.flush(at))
    }

    /// A lock between all who ask for it, in this process and in others: `with dev.lock(): ...`
    #[pyo3(signature = (timeout = 1.0))]
    fn lock(&self, timeout: f64) -> PyResult<Lock> {
        Ok(Lock::new(self.shared.get()?, arguments::seconds("timeout", timeout)?))
    }

    /// The window's memory as a writable memoryview: whatever copies from or to it decides itself
    /// how many accesses that takes, of which width and in which order.
    fn unsafe_view<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Exporter::memoryview(py, self.shared.get()?)
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

/// Why a poll ended early.
enum Ended {
    Poll(PollError),
    /// By a signal whose handler raised: Ctrl-C.
    Raised(PyErr),
}

impl From<PollError> for Ended {
    fn from(error: PollError) -> Self {
        Ended::Poll(error)
    }
}
