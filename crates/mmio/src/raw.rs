//! One access without any check, for callers that have made the checks themselves.

use crate::asm::Status;
use crate::fault::Interrupted;
use crate::{Element, Signal};

/// One load.
///
/// # Errors
/// The signal that answered it.
///
/// # Safety
/// `from` is aligned and lies within an open [`Window`](crate::Window).
#[inline]
pub unsafe fn load<T: Element>(from: *const T) -> Result<T, Signal> {
    // SAFETY: the caller's.
    let (value, status) = unsafe { T::load(from) };
    if status == 0 { Ok(value) } else { Err(signal(status)) }
}

/// One store.
///
/// # Errors
/// The signal that answered it.
///
/// # Safety
/// `to` is aligned and lies within an open, writable [`Window`](crate::Window).
#[inline]
pub unsafe fn store<T: Element>(to: *mut T, value: T) -> Result<(), Signal> {
    // SAFETY: the caller's.
    let status = unsafe { T::store(to, value) };
    if status == 0 { Ok(()) } else { Err(signal(status)) }
}

#[cold]
fn signal(status: Status) -> Signal {
    Interrupted::after(0, status).signal
}
