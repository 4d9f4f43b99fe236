//! Elements on the Python side of a run: where those that are written come from, and where those
//! that are read go to.

use busprobe_mmio::{Direction, Run, Width, Window};
use pyo3::buffer::PyUntypedBuffer;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyInt, PyList, PyMemoryView, PyString, PyTuple, PyType};

use crate::{arguments, errors, format, integers};

/// Elements of one width to be written, all of them checked and none written yet.
pub(crate) enum Source {
    /// In the memory of another object.
    Export(PyUntypedBuffer),
    /// Gathered from integers.
    Gathered(Vec<u8>),
}

impl Source {
    /// The elements of a buffer or of a sequence of integers.
    pub(crate) fn new(object: &Bound<'_, PyAny>, width: Width) -> PyResult<Self> {
        if is_buffer(object) {
            return Source::from_buffer(object, width);
        }
        if object.is_instance_of::<PyInt>() || object.is_instance_of::<PyString>() {
            return Err(errors::wrong_type(format!(
                "{} is no sequence of elements: give bytes, an array, or integers; to write one \
                 value many times, use fill",
                object.get_type().name()?
            )));
        }
        gather(object, width).map(Source::Gathered)
    }

    fn from_buffer(object: &Bound<'_, PyAny>, width: Width) -> PyResult<Self> {
        let buffer = checked_buffer(object, width)?;
        if buffer.is_c_contiguous() {
            return Ok(Source::Export(buffer));
        }
        // Every other element, a column: Python lays them out one after another.
        let bytes = object.py().get_type::<PyBytes>().call1((object,))?;
        Ok(Source::Gathered(bytes.cast::<PyBytes>()?.as_bytes().to_vec()))
    }

    fn bytes(&self) -> (*const u8, usize) {
        match self {
            Source::Export(buffer) => (buffer.buf_ptr().cast_const().cast(), buffer.len_bytes()),
            Source::Gathered(bytes) => (bytes.as_ptr(), bytes.len()),
        }
    }

    /// How many elements of that width there are.
    pub(crate) fn count(&self, width: Width) -> PyResult<u64> {
        let (_, bytes) = self.bytes();
        let (bytes, each) = (bytes as u64, width.bytes());
        if !bytes.is_multiple_of(each) {
            return Err(errors::invalid(format!(
                "{bytes} bytes are no whole number of {width}-bit elements"
            )));
        }
        Ok(bytes / each)
    }

    /// Writes the run, which has to have as many elements as there are.
    pub(crate) fn write(&self, window: &Window, run: Run) -> PyResult<()> {
        let count = self.count(run.width)?;
        if count != run.count {
            return Err(errors::invalid(format!(
                "{count} elements given for {} of the window",
                run.count
            )));
        }
        // SAFETY: the source holds as many elements as the run has.
        unsafe { window.write_run(run, self.bytes().0) }.map_err(errors::access)
    }
}

fn is_buffer(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: the object is valid.
    unsafe { ffi::PyObject_CheckBuffer(object.as_ptr()) == 1 }
}

/// The object's buffer.
pub(crate) fn buffer(object: &Bound<'_, PyAny>) -> PyResult<PyUntypedBuffer> {
    PyUntypedBuffer::get(object).or_else(|_| {
        // Some exporters, ctypes among them, leave out what a memoryview of theirs completes.
        PyUntypedBuffer::get(PyMemoryView::from(object)?.as_any())
    })
}

/// The object's buffer, when it holds bytes or unsigned integers of that width.
fn checked_buffer(object: &Bound<'_, PyAny>, width: Width) -> PyResult<PyUntypedBuffer> {
    let buffer = buffer(object)?;
    let found = buffer.format().to_string_lossy();
    let fits = matches!(&*found, "b" | "<b" | "@b" | "=b" if width != Width::W8)
        || format::width(&found).is_some_and(|found| found == Width::W8 || found == width);
    if fits {
        return Ok(buffer);
    }
    Err(errors::invalid(format!(
        "the buffer's elements have the format {found:?}, and {width}-bit ones are {:?}; give bytes \
         or unsigned integers of {width} bits (numpy: .astype(\"u{}\"))",
        format::letter(width),
        width.bytes(),
    )))
}

/// The integers of a sequence, packed.
fn gather(object: &Bound<'_, PyAny>, width: Width) -> PyResult<Vec<u8>> {
    if let Ok(list) = object.cast::<PyList>() {
        return pack(list.iter(), list.len(), width);
    }
    if let Ok(tuple) = object.cast::<PyTuple>() {
        return pack(tuple.iter(), tuple.len(), width);
    }
    let items = object.try_iter()?.collect::<PyResult<Vec<_>>>()?;
    let count = items.len();
    pack(items.into_iter(), count, width)
}

fn pack<'py>(
    items: impl Iterator<Item = Bound<'py, PyAny>>,
    count: usize,
    width: Width,
) -> PyResult<Vec<u8>> {
    let bytes = width.bytes() as usize;
    let mut packed = Vec::with_capacity(count * bytes);
    for item in items {
        // SAFETY: the item is a valid object, and the layout was tried out at import.
        let value = match unsafe { integers::small(item.as_ptr()) } {
            Some(value) if value <= width.max_value() => value,
            _ => arguments::value(&item, width)?,
        };
        packed.extend_from_slice(&value.to_ne_bytes()[..bytes]);
    }
    Ok(packed)
}

/// Reads a run into an `array.array`.
pub(crate) fn read_array<'py>(
    py: Python<'py>,
    window: &Window,
    run: Run,
) -> PyResult<Bound<'py, PyAny>> {
    static ARRAY: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    // Before the memory for the result is asked for: the count may be anything.
    window.check(run, Direction::Read).map_err(errors::access)?;
    let bytes = PyBytes::new_with(py, (run.count * run.width.bytes()) as usize, |bytes| {
        // SAFETY: there is room for exactly the run.
        unsafe { window.read_run(run, bytes.as_mut_ptr()) }.map_err(errors::access)
    })?;
    ARRAY.import(py, "array", "array")?.call1((format::letter(run.width), bytes))
}

/// Reads a run into the caller's own buffer.
pub(crate) fn read_into(window: &Window, run: Run, out: &Bound<'_, PyAny>) -> PyResult<()> {
    let buffer = checked_buffer(out, run.width)?;
    if buffer.readonly() {
        return Err(errors::invalid("out is read-only: give a bytearray, an array or the like"));
    }
    if !buffer.is_c_contiguous() {
        return Err(errors::invalid("out has gaps between its elements: give one without"));
    }
    let (room, needed) = (buffer.len_bytes() as u64, run.count.checked_mul(run.width.bytes()));
    if Some(room) != needed {
        return Err(errors::invalid(format!(
            "out has {room} bytes, and {} elements of {} bits are read",
            run.count, run.width
        )));
    }
    // SAFETY: the buffer is writable and has room for exactly the run.
    unsafe { window.read_run(run, buffer.buf_ptr().cast()) }.map_err(errors::access)
}
