//! Elements on the Python side of a run: where those that are written come from, and where those
//! that are read go to.

use busprobe_mmio::{ByteOrder, Direction, Run, Width, Window};
use pyo3::buffer::PyUntypedBuffer;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyInt, PyList, PyMemoryView, PyString, PyTuple, PyType};

use crate::shared::Open;
use crate::{arguments, errors, format, integers};

/// Elements of one width to be written, all of them checked and none written yet.
pub(crate) enum Source<'py> {
    /// Bytes that lie as in the window.
    Bytes(Bound<'py, PyBytes>),
    /// In the memory of another object.
    Export(PyUntypedBuffer),
    /// Gathered from integers, or brought into order.
    Gathered(Vec<u8>),
}

impl<'py> Source<'py> {
    /// The elements of a buffer or of a sequence of integers, for a window of that byte order.
    pub(crate) fn new(
        object: &Bound<'py, PyAny>,
        width: Width,
        order: ByteOrder,
    ) -> PyResult<Self> {
        if let (Ok(bytes), true) = (object.cast::<PyBytes>(), order == ByteOrder::default()) {
            return Ok(Source::Bytes(bytes.clone()));
        }
        if is_buffer(object) {
            return Source::from_buffer(object, width, order);
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

    fn from_buffer(object: &Bound<'py, PyAny>, width: Width, order: ByteOrder) -> PyResult<Self> {
        let (buffer, swapped) = checked_buffer(object, width, order)?;
        if buffer.is_c_contiguous() && !swapped {
            return Ok(Source::Export(buffer));
        }
        // Every other element, a column: Python lays them out one after another.
        let bytes = object.py().get_type::<PyBytes>().call1((object,))?;
        let mut bytes = bytes.cast::<PyBytes>()?.as_bytes().to_vec();
        if swapped {
            bytes.chunks_mut(width.bytes() as usize).for_each(<[u8]>::reverse);
        }
        Ok(Source::Gathered(bytes))
    }

    fn bytes(&self) -> (*const u8, usize) {
        match self {
            Source::Bytes(bytes) => (bytes.as_bytes().as_ptr(), bytes.as_bytes().len()),
            Source::Export(buffer) => (buffer.buf_ptr().cast_const().cast(), buffer.len_bytes()),
            Source::Gathered(bytes) => (bytes.as_ptr(), bytes.len()),
        }
    }

    /// How many elements of that width there are.
    pub(crate) fn count(&self, width: Width) -> PyResult<u64> {
        let (_, bytes) = self.bytes();
        whole_elements(bytes, width)
    }

    /// Writes the run, which has to have as many elements as there are.
    pub(crate) fn write(&self, py: Python<'_>, open: &Open, run: Run) -> PyResult<()> {
        let count = self.count(run.width)?;
        if count != run.count {
            return Err(errors::invalid(format!(
                "{count} elements given for {} of the window",
                run.count
            )));
        }
        let source = Place(self.bytes().0.cast_mut());
        // SAFETY: the source holds as many elements as the run has, and lives until the end.
        open.transfer(py, count, |window| unsafe { window.write_run(run, source.pointer()) })
    }
}

/// Memory that stays where it is while another thread may run Python.
struct Place(*mut u8);

impl Place {
    fn pointer(&self) -> *mut u8 {
        self.0
    }
}

// SAFETY: the memory belongs to no thread; it is an object's that is kept meanwhile.
unsafe impl Send for Place {}
// SAFETY: as above.
unsafe impl Sync for Place {}

fn is_buffer(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: the object is valid.
    unsafe { ffi::PyObject_CheckBuffer(object.as_ptr()) == 1 }
}

fn whole_elements(bytes: usize, width: Width) -> PyResult<u64> {
    let (bytes, each) = (bytes as u64, width.bytes());
    if !bytes.is_multiple_of(each) {
        return Err(errors::invalid(format!(
            "{bytes} bytes are no whole number of {width}-bit elements"
        )));
    }
    Ok(bytes / each)
}

/// The object's buffer.
pub(crate) fn buffer(object: &Bound<'_, PyAny>) -> PyResult<PyUntypedBuffer> {
    PyUntypedBuffer::get(object).or_else(|_| {
        // Some exporters, ctypes among them, leave out what a memoryview of theirs completes.
        PyUntypedBuffer::get(PyMemoryView::from(object)?.as_any())
    })
}

/// The object's buffer, when it holds bytes or unsigned integers of that width; and whether the
/// bytes of its elements are the other way round than this machine's. Plain bytes lie as in the
/// window, integers have a byte order of their own.
fn checked_buffer(
    object: &Bound<'_, PyAny>,
    width: Width,
    order: ByteOrder,
) -> PyResult<(PyUntypedBuffer, bool)> {
    let buffer = buffer(object)?;
    if buffer.format().to_bytes() == format::letter(width).as_bytes() {
        return Ok((buffer, false));
    }
    let found = buffer.format().to_string_lossy();
    let lies_as = match format::parse(&found) {
        Some((Width::W8, _)) if width != Width::W8 => Some(order),
        Some((found, own)) if found == width => Some(own),
        None if matches!(&*found, "b" | "@b" | "=b" | "<b") && width != Width::W8 => Some(order),
        _ => None,
    };
    let lies_as = lies_as.ok_or_else(|| {
        errors::invalid(format!(
            "the buffer's elements have the format {found:?}, and {width}-bit ones are {:?}; give \
             bytes or unsigned integers of {width} bits (numpy: .astype(\"u{}\"))",
            format::letter(width),
            width.bytes(),
        ))
    })?;
    Ok((buffer, lies_as != ByteOrder::default()))
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
    open: &Open,
    run: Run,
) -> PyResult<Bound<'py, PyAny>> {
    static ARRAY: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    // Before the memory for the result is asked for: the count may be anything.
    open.window.check(run, Direction::Read).map_err(errors::access)?;
    let bytes = PyBytes::new_with(py, (run.count * run.width.bytes()) as usize, |bytes| {
        let out = Place(bytes.as_mut_ptr());
        // SAFETY: there is room for exactly the run.
        open.transfer(py, run.count, |window| unsafe { window.read_run(run, out.pointer()) })
    })?;
    ARRAY.import(py, "array", "array")?.call1((format::letter(run.width), bytes))
}

/// A caller's own buffer that elements are read into.
pub(crate) struct Destination {
    buffer: PyUntypedBuffer,
    width: Width,
    swapped: bool,
}

impl Destination {
    pub(crate) fn new(out: &Bound<'_, PyAny>, width: Width, order: ByteOrder) -> PyResult<Self> {
        let (buffer, swapped) = checked_buffer(out, width, order)?;
        if buffer.readonly() {
            return Err(errors::invalid(
                "out is read-only: give a bytearray, an array or the like",
            ));
        }
        if !buffer.is_c_contiguous() {
            return Err(errors::invalid("out has gaps between its elements: give one without"));
        }
        Ok(Destination { buffer, width, swapped })
    }

    /// How many elements it takes.
    pub(crate) fn count(&self) -> PyResult<u64> {
        whole_elements(self.buffer.len_bytes(), self.width)
    }

    /// Reads the run, which has to have as many elements as there is room for.
    pub(crate) fn read(&self, py: Python<'_>, open: &Open, run: Run) -> PyResult<()> {
        let room = self.buffer.len_bytes();
        if Some(room as u64) != run.count.checked_mul(run.width.bytes()) {
            return Err(errors::invalid(format!(
                "out has {room} bytes, and {} elements of {} bits are read",
                run.count, run.width
            )));
        }
        let out = Place(self.buffer.buf_ptr().cast());
        let read = |window: &Window| {
            // SAFETY: the buffer is writable and has room for exactly the run.
            unsafe { window.read_run(run, out.pointer()) }
        };
        open.transfer(py, run.count, read)?;
        if self.swapped {
            // SAFETY: the buffer is writable, has that many bytes, and no one else is writing to
            // it while this thread has the interpreter.
            let bytes =
                unsafe { std::slice::from_raw_parts_mut(self.buffer.buf_ptr().cast(), room) };
            bytes.chunks_mut(run.width.bytes() as usize).for_each(<[u8]>::reverse);
        }
        Ok(())
    }
}
