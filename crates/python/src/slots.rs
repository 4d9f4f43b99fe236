//! `view[i]` and `view[i] = x` for plain integers, by the shortest way.
//!
//! The type's own subscript slots are kept for everything else: other keys, other values, and
//! whatever is to become an error. What is decided here is only that an access is right.

use std::ffi::c_int;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use busprobe_mmio::{Direction, Element, Fault, Signal, Width, raw};
use pyo3::exceptions::PyImportError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use crate::view::View;
use crate::{errors, integers};

/// What the fast way needs to know of a view.
pub(crate) struct Fast {
    /// The first element.
    start: usize,
    /// How many elements can be read so, from the first; 0 once closed.
    readable: AtomicUsize,
    /// How many can be written so; 0 when read-only or closed.
    writable: AtomicUsize,
}

impl Fast {
    pub(crate) fn new(start: *mut u8, readable: usize, writable: usize) -> Self {
        let (readable, writable) = (AtomicUsize::new(readable), AtomicUsize::new(writable));
        Fast { start: start.expose_provenance(), readable, writable }
    }

    /// Nothing is accessed this way: each access has more to it.
    pub(crate) fn none() -> Self {
        Fast::new(ptr::null_mut(), 0, 0)
    }

    /// From now on nothing is accessed this way.
    pub(crate) fn close(&self) {
        self.readable.store(0, Ordering::Relaxed);
        self.writable.store(0, Ordering::Relaxed);
    }

    fn element<T>(&self, index: usize) -> *mut T {
        ptr::with_exposed_provenance_mut::<T>(self.start).wrapping_add(index)
    }
}

/// The slots that the type had.
struct Slow {
    get: ffi::binaryfunc,
    set: ffi::objobjargproc,
}

/// Set before the fast slots are installed.
static SLOW: OnceLock<Slow> = OnceLock::new();

/// Puts the fast slots in front of the type's own.
pub(crate) fn install(py: Python<'_>) -> PyResult<()> {
    if !integers::layout_is_as_expected(py) {
        return Err(PyImportError::new_err(
            "this interpreter keeps its integers in a way that busprobe does not know",
        ));
    }
    let class = py.get_type::<View>().as_type_ptr();
    // SAFETY: the type is a heap type that was made just now, with the slots of a mapping; no one
    // else uses it yet.
    unsafe {
        let mapping = &mut *(*class).tp_as_mapping;
        if let (Some(get), Some(set)) = (mapping.mp_subscript, mapping.mp_ass_subscript)
            && SLOW.set(Slow { get, set }).is_ok()
        {
            mapping.mp_subscript = Some(subscript);
            mapping.mp_ass_subscript = Some(assign_subscript);
        }
    }
    Ok(())
}

unsafe extern "C" fn subscript(view: *mut PyObject, key: *mut PyObject) -> *mut PyObject {
    // SAFETY: Python calls the slot with an instance of the type and a valid key, attached.
    let (this, index) = unsafe { (of(&view), index(key)) };
    if index >= this.fast.readable.load(Ordering::Relaxed) {
        let Some(slow) = SLOW.get() else { return ptr::null_mut() };
        // SAFETY: the slot's own arguments.
        return unsafe { (slow.get)(view, key) };
    }
    // SAFETY: the element is one of those that can be read so.
    let loaded = unsafe {
        match this.width {
            Width::W32 => load::<u32>(this, index),
            Width::W8 => load::<u8>(this, index),
            Width::W16 => load::<u16>(this, index),
            Width::W64 => raw::load(this.fast.element::<u64>(index).cast_const())
                .map(|value| ffi::PyLong_FromUnsignedLongLong(value)),
        }
    };
    loaded.unwrap_or_else(|signal| {
        restore(this, index, Direction::Read, signal);
        ptr::null_mut()
    })
}

unsafe extern "C" fn assign_subscript(
    view: *mut PyObject,
    key: *mut PyObject,
    value: *mut PyObject,
) -> c_int {
    // SAFETY: Python calls the slot with an instance of the type and a valid key, attached; the
    // value is null for `del`.
    let (this, index) = unsafe { (of(&view), index(key)) };
    if index < this.fast.writable.load(Ordering::Relaxed) && !value.is_null() {
        // SAFETY: the value is a valid object; the element is one of those that can be written so.
        let stored = unsafe {
            match integers::small(value) {
                Some(value) if value <= this.width.max_value() => match this.width {
                    Width::W32 => Some(store(this, index, value as u32)),
                    Width::W8 => Some(store(this, index, value as u8)),
                    Width::W16 => Some(store(this, index, value as u16)),
                    Width::W64 => Some(store(this, index, value)),
                },
                _ => None,
            }
        };
        match stored {
            Some(Ok(())) => return 0,
            Some(Err(signal)) => {
                restore(this, index, Direction::Write, signal);
                return -1;
            }
            None => {}
        }
    }
    let Some(slow) = SLOW.get() else { return -1 };
    // SAFETY: the slot's own arguments.
    unsafe { (slow.set)(view, key, value) }
}

/// # Safety
/// The object is a view, and stays one while the result is used.
unsafe fn of(object: &*mut PyObject) -> &View {
    // SAFETY: attached, as slots are; the object is a view.
    unsafe {
        let py = Python::assume_attached();
        let view = Borrowed::<PyAny>::from_ptr(py, *object).cast_unchecked::<View>();
        let view: *const View = view.get();
        &*view
    }
}

/// The key as an index, or one that no view has.
///
/// # Safety
/// The key is a valid object.
unsafe fn index(key: *mut PyObject) -> usize {
    // SAFETY: the caller's; the layout was tried out before the slots were installed.
    unsafe { integers::small(key) }.map_or(usize::MAX, |index| index as usize)
}

/// # Safety
/// The element can be read.
unsafe fn load<T: Element>(view: &View, index: usize) -> Result<*mut PyObject, Signal> {
    // SAFETY: the caller's; attached, as slots are.
    unsafe {
        let value: u64 = raw::load(view.fast.element::<T>(index).cast_const())?.into();
        Ok(ffi::PyLong_FromLong(value as i64))
    }
}

/// # Safety
/// The element can be written.
unsafe fn store<T: Element>(view: &View, index: usize, value: T) -> Result<(), Signal> {
    // SAFETY: the caller's.
    unsafe { raw::store(view.fast.element::<T>(index), value) }
}

#[cold]
fn restore(view: &View, index: usize, direction: Direction, signal: Signal) {
    let offset = index as u64 * view.width.bytes();
    let base = view.shared().if_open().and_then(|open| open.window.base());
    let address = base.map(|base| base + offset);
    let fault = Fault { signal, direction, offset, address, width: view.width, completed: 0 };
    Python::attach(|py| errors::fault(fault).restore(py));
}
