//! Small Python integers, read without a call.
//!
//! The interpreter keeps an integer as digits of 30 bits (Include/cpython/longintrepr.h): up to
//! 3.11 the count of digits, negative for negative numbers, is the object's size; from 3.12 on a tag holds
//! the count above three bits, of which the lowest two are 0 for positive numbers.

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

const DIGIT: u32 = 30;

#[cfg(not(Py_3_12))]
#[repr(C)]
struct Layout {
    object: ffi::PyVarObject,
    digits: [u32; 2],
}

#[cfg(Py_3_12)]
#[repr(C)]
struct Layout {
    object: PyObject,
    tag: usize,
    digits: [u32; 2],
}

/// The value of an `int` (no subclass) from 0 to 2^60 - 1; `None` for everything else, which says
/// nothing of whether it is a number.
///
/// # Safety
/// `object` is a valid object, and [`layout_is_as_expected`].
#[inline]
pub(crate) unsafe fn small(object: *mut PyObject) -> Option<u64> {
    // SAFETY: the object is valid; an int has the layout that was tried out, and only digits that
    // the count says are there are read.
    unsafe {
        if ffi::Py_TYPE(object) != &raw mut ffi::PyLong_Type {
            return None;
        }
        let integer = object.cast::<Layout>();
        #[cfg(not(Py_3_12))]
        let digits = (*integer).object.ob_size;
        #[cfg(Py_3_12)]
        let digits = match (*integer).tag {
            tag if tag & 0b11 == 0 => tag >> 3,
            // Zero has a sign of its own.
            tag if tag & 0b11 == 1 => 0,
            _ => return None,
        };
        let digit =
            |i: usize| u64::from((&raw const (*integer).digits).cast::<u32>().add(i).read());
        match digits {
            0 => Some(0),
            1 => Some(digit(0)),
            2 => Some(digit(0) | digit(1) << DIGIT),
            _ => None,
        }
    }
}

/// Tries the layout out on integers whose values are known.
pub(crate) fn layout_is_as_expected(py: Python<'_>) -> bool {
    let read = |value: i128| -> Option<Option<u64>> {
        let integer = value.into_pyobject(py).ok()?;
        // SAFETY: whether the layout is as expected is what is tried: a wrong one reads words
        // next to the object's header, which every int of one digit or more has.
        Some(unsafe { small(integer.as_ptr()) })
    };
    let as_is = [1, 255, (1 << 30) - 1, 1 << 30, (1 << 30) + 7, (1 << 59) + 12345, (1 << 60) - 1];
    let beyond = [-1, -(1 << 30), 1 << 60, u64::MAX.into(), 1 << 100];
    read(0) == Some(Some(0))
        && as_is.into_iter().all(|value| read(value) == Some(Some(value as u64)))
        && beyond.into_iter().all(|value| read(value) == Some(None))
}
