//! What callers pass: offsets, values, widths, modes, fields and times.

use std::time::Duration;

use busprobe_mmio::{ByteOrder, Field, Mode, Width};
use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;

use crate::{errors, integers};

/// An integer, by `__index__`, as far as 64 bits hold it; `None` when they do not.
fn unsigned(object: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
    // SAFETY: the object is valid, and the layout was tried out at import.
    if let Some(value) = unsafe { integers::small(object.as_ptr()) } {
        return Ok(Some(value));
    }
    match object.extract::<u64>() {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_instance_of::<PyOverflowError>(object.py()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A byte offset into a window.
pub(crate) fn offset(object: &Bound<'_, PyAny>) -> PyResult<u64> {
    unsigned(object)?.ok_or_else(|| {
        errors::out_of_range(format!("offset {object} is in no window: offsets count from 0"))
    })
}

/// A number of elements.
pub(crate) fn count(object: &Bound<'_, PyAny>) -> PyResult<u64> {
    unsigned(object)?
        .ok_or_else(|| errors::out_of_range(format!("{object} is no number of elements")))
}

/// An element's value.
pub(crate) fn value(object: &Bound<'_, PyAny>, width: Width) -> PyResult<u64> {
    match unsigned(object)? {
        Some(value) if value <= width.max_value() => Ok(value),
        _ => Err(errors::invalid(format!(
            "{object} does not fit: an element of {width} bits holds 0 to {:#x}",
            width.max_value()
        ))),
    }
}

/// `8`, `16`, `32` or `64`.
pub(crate) fn width(bits: u32) -> PyResult<Width> {
    Width::from_bits(bits)
        .ok_or_else(|| errors::invalid(format!("width {bits}: a width is 8, 16, 32 or 64 bits")))
}

/// `"incr"` or `"fixed"`.
pub(crate) fn mode(name: &str) -> PyResult<Mode> {
    match name {
        "incr" => Ok(Mode::Incr),
        "fixed" => Ok(Mode::Fixed),
        _ => Err(errors::invalid(format!("mode {name:?}: a mode is \"incr\" or \"fixed\""))),
    }
}

/// `"little"` or `"big"`.
pub(crate) fn byte_order(name: &str) -> PyResult<ByteOrder> {
    match name {
        "little" => Ok(ByteOrder::Little),
        "big" => Ok(ByteOrder::Big),
        _ => Err(errors::invalid(format!("byteorder {name:?}: it is \"little\" or \"big\""))),
    }
}

/// `"7:4"`, `(7, 4)`, or one bit.
pub(crate) fn field(object: &Bound<'_, PyAny>) -> PyResult<Field> {
    let found = if let Ok(text) = object.extract::<String>() {
        text.parse()
    } else if let Ok((hi, lo)) = object.extract() {
        Field::new(hi, lo)
    } else {
        let bit = object.extract()?;
        Field::new(bit, bit)
    };
    found.map_err(errors::access)
}

/// Seconds.
pub(crate) fn seconds(what: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| errors::invalid(format!("{what} {seconds}: it is a number of seconds")))
}
