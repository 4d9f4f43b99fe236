//! A view: a window as a sequence of elements of one width.

use std::sync::Arc;

use busprobe_mmio::{ByteOrder, Direction, OpenOptions, Run, Width};
use pyo3::exceptions::PyOverflowError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyList, PySlice};

use crate::elements::{Source, read_array};
use crate::shared::{Open, Shared};
use crate::slots::Fast;
use crate::{arguments, elements, errors, format};

/// A window as a sequence of unsigned integers of one width.
///
/// Indexing, slicing and assigning work as with a memoryview, and put exactly one access on the
/// bus for each element, in the order of the slice. `repr()`, `len()` and `==` put none.
#[pyclass(frozen, module = "busprobe")]
pub(crate) struct View {
    pub(crate) fast: Fast,
    pub(crate) width: Width,
    /// How many elements.
    count: usize,
    order: ByteOrder,
    shared: Arc<Shared>,
}

impl View {
    /// All of the window's whole elements of that width.
    pub(crate) fn new(shared: &Arc<Shared>, open: &Open, width: Width) -> Self {
        let window = &open.window;
        let count = (window.len() / width.bytes()) as usize;
        let fast = match window.as_ptr() {
            Some(start)
                if window.is_plain()
                    && window.check(Run::one(0, width), Direction::Read).is_ok() =>
            {
                Fast::new(start, count, if window.is_writable() { count } else { 0 })
            }
            _ => Fast::none(),
        };
        View { fast, width, count, order: window.byte_order(), shared: shared.clone() }
    }

    /// Takes no more accesses: the window is closed.
    pub(crate) fn close(&self) {
        self.fast.close();
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The run of one element, counted from the end when negative.
    fn element(&self, index: &Bound<'_, PyAny>) -> PyResult<Run> {
        let number: isize = index.extract().map_err(|error: PyErr| {
            let huge = error.is_instance_of::<PyOverflowError>(index.py());
            if huge { self.no_such_element(index) } else { error }
        })?;
        let from_start = if number < 0 { number + self.count as isize } else { number };
        match usize::try_from(from_start) {
            Ok(element) if element < self.count => {
                Ok(Run::one(element as u64 * self.width.bytes(), self.width))
            }
            _ => Err(self.no_such_element(index)),
        }
    }

    fn no_such_element(&self, index: &Bound<'_, PyAny>) -> PyErr {
        errors::out_of_range(format!(
            "index {index}: the view has {} elements of {} bits",
            self.count, self.width
        ))
    }

    fn slice(&self, slice: &Bound<'_, PySlice>) -> PyResult<Run> {
        let indices = slice.indices(self.count as isize)?;
        let each = self.width.bytes();
        if indices.slicelength == 0 {
            return Ok(Run::incr(0, self.width, 0));
        }
        let (offset, stride) = (indices.start as u64 * each, indices.step as i64 * each as i64);
        Ok(Run::strided(offset, self.width, indices.slicelength as u64, stride))
    }
}

#[pymethods]
impl View {
    fn __len__(&self) -> usize {
        self.count
    }

    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(slice) = key.cast::<PySlice>() {
            let run = self.slice(slice)?;
            return read_array(py, &*self.shared.get()?, run);
        }
        let run = self.element(key)?;
        let value = self.shared.get()?.read(py, run.offset, run.width)?;
        Ok(value.into_pyobject(py)?.into_any())
    }

    fn __setitem__(
        &self,
        py: Python<'_>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        if let Ok(slice) = key.cast::<PySlice>() {
            let source = Source::new(value, self.width, self.order)?;
            let run = self.slice(slice)?;
            return source.write(py, &*self.shared.get()?, run);
        }
        // Both may call into Python: the window is looked at after that.
        let (run, value) = (self.element(key)?, arguments::value(value, self.width)?);
        self.shared.get()?.write(py, run.offset, run.width, value)
    }

    /// One load for each element that the iterator is asked for.
    fn __iter__<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        // SAFETY: a view is a valid object with the slots of a sequence.
        unsafe { Bound::from_owned_ptr_or_err(this.py(), ffi::PySeqIter_New(this.as_ptr())) }
    }

    fn __delitem__(_this: &Bound<'_, Self>, _key: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(errors::wrong_type("an element of a view cannot be deleted"))
    }

    fn __repr__(&self) -> String {
        let state = if self.shared.if_open().is_some() { "" } else { ", closed" };
        format!(
            "<busprobe.View of {}: {} x {:?}{state}>",
            self.shared.name(),
            self.count,
            self.format()
        )
    }

    /// The element's format, as `struct` and `memoryview` have it.
    #[getter]
    fn format(&self) -> String {
        format::of_view(self.width, self.order)
    }

    /// Bytes of one element.
    #[getter]
    fn itemsize(&self) -> u64 {
        self.width.bytes()
    }

    /// Bytes of all elements.
    #[getter]
    fn nbytes(&self) -> u64 {
        self.count as u64 * self.width.bytes()
    }

    /// Whether writes are refused.
    #[getter]
    fn readonly(&self) -> PyResult<bool> {
        Ok(!self.shared.get()?.window.is_writable())
    }

    /// Reads every element, in ascending order, into a list.
    fn tolist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let run = Run::incr(0, self.width, self.count as u64);
        let array = read_array(py, &*self.shared.get()?, run)?;
        Ok(array.call_method0("tolist")?.cast_into()?)
    }

    /// Gives up the buffer that the view is over.
    fn release(&self) -> PyResult<()> {
        if self.shared.if_open().is_some_and(|open| !open.is_over_buffer()) {
            return Err(errors::invalid("the view is its window's: close the window"));
        }
        self.fast.close();
        self.shared.close();
        Ok(())
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    #[pyo3(signature = (*_args))]
    fn __exit__(&self, _args: &Bound<'_, PyAny>) -> PyResult<()> {
        self.release()
    }
}

/// The exact view of an existing buffer: an mmap, or a memoryview of one.
#[pyfunction]
#[pyo3(signature = (buffer, format = None))]
pub(crate) fn view(buffer: &Bound<'_, PyAny>, format: Option<&str>) -> PyResult<View> {
    let export = elements::buffer(buffer)?;
    let own = export.format().to_string_lossy().into_owned();
    let format = format.unwrap_or(&own);
    let (width, order) = format::parse(format).ok_or_else(|| {
        errors::invalid(format!(
            "format {format:?}: a view has unsigned integers, \"B\", \"H\", \"I\" or \"Q\", after \
             \"<\" or \">\" where the byte order is not this machine's"
        ))
    })?;
    if !export.is_c_contiguous() {
        return Err(errors::invalid("the buffer has gaps between its elements: give one without"));
    }
    let bytes = export.len_bytes();
    if !(bytes as u64).is_multiple_of(width.bytes()) {
        return Err(errors::invalid(format!(
            "the buffer's {bytes} bytes are no whole number of {width}-bit elements"
        )));
    }
    let name = buffer.get_type().name()?.to_string();
    let options = OpenOptions::new().byte_order(order).read_only(export.readonly());
    // SAFETY: the export keeps the memory where it is until it is released, which happens with
    // the window; Rust has no reference to it.
    let window = unsafe { options.over(&name, export.buf_ptr().cast(), bytes) }?;
    window.check(Run::one(0, width), Direction::Read).map_err(errors::access)?;
    let shared = Shared::new(Open::with_export(window, export));
    let open = shared.get()?;
    Ok(View::new(&shared, &open, width))
}
