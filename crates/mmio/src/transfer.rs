//! Runs of accesses between mapped memory and the program's own, four to a turn of the loop: the
//! loop's own cost then hides behind the stores.

use crate::asm::{Access, Status};
use crate::fault::Interrupted;

/// Loads `count` elements, `stride` bytes apart, into `out`.
///
/// # Safety
/// Every element from `first` on is mapped and aligned; `out` takes `count` elements, aligned or
/// not.
pub(crate) unsafe fn load<T: Access>(
    first: *const T,
    stride: isize,
    count: usize,
    out: *mut T,
) -> Result<(), Interrupted> {
    let mut from = first;
    let mut done = 0;
    while count - done >= 4 {
        let next = next_four(from.cast_mut(), stride);
        // SAFETY: these four are elements `done` to `done + 3`, which the caller vouches for.
        let (values, status) = unsafe { T::load4(next.map(<*mut T>::cast_const)) };
        let loaded = if status == 0 { 4 } else { Interrupted::completed(status) };
        for (i, value) in values.into_iter().enumerate().take(loaded) {
            // SAFETY: `done + i` is less than `count`.
            unsafe { out.add(done + i).write_unaligned(value) };
        }
        if status != 0 {
            return Err(Interrupted::after(done, status));
        }
        from = from.wrapping_byte_offset(4 * stride);
        done += 4;
    }
    while done < count {
        // SAFETY: element `done` is one of the caller's.
        let (value, status) = unsafe { T::load(from) };
        if status != 0 {
            return Err(Interrupted::after(done, status));
        }
        // SAFETY: `done` is less than `count`.
        unsafe { out.add(done).write_unaligned(value) };
        from = from.wrapping_byte_offset(stride);
        done += 1;
    }
    Ok(())
}

/// Stores `count` elements from `source`, `stride` bytes apart.
///
/// # Safety
/// Every element from `first` on is mapped and aligned; `source` holds `count` elements, aligned
/// or not.
pub(crate) unsafe fn store<T: Access>(
    first: *mut T,
    stride: isize,
    count: usize,
    source: *const T,
) -> Result<(), Interrupted> {
    // SAFETY: the caller vouches for `first`; `i` is less than `count`.
    unsafe { store_each(first, stride, count, |i| source.add(i).read_unaligned()) }
}

/// Stores `value` `count` times, `stride` bytes apart.
///
/// # Safety
/// Every element from `first` on is mapped and aligned.
pub(crate) unsafe fn fill<T: Access>(
    first: *mut T,
    stride: isize,
    count: usize,
    value: T,
) -> Result<(), Interrupted> {
    // SAFETY: the caller vouches for `first`.
    unsafe { store_each(first, stride, count, |_| value) }
}

#[inline]
unsafe fn store_each<T: Access>(
    first: *mut T,
    stride: isize,
    count: usize,
    value: impl Fn(usize) -> T,
) -> Result<(), Interrupted> {
    let interrupted = |done: usize, status: Status| Err(Interrupted::after(done, status));
    let mut to = first;
    let mut done = 0;
    while count - done >= 4 {
        let values = [value(done), value(done + 1), value(done + 2), value(done + 3)];
        // SAFETY: these four are elements `done` to `done + 3`, which the caller vouches for.
        let status = unsafe { T::store4(next_four(to, stride), values) };
        if status != 0 {
            return interrupted(done, status);
        }
        to = to.wrapping_byte_offset(4 * stride);
        done += 4;
    }
    while done < count {
        // SAFETY: element `done` is one of the caller's.
        let status = unsafe { T::store(to, value(done)) };
        if status != 0 {
            return interrupted(done, status);
        }
        to = to.wrapping_byte_offset(stride);
        done += 1;
    }
    Ok(())
}

#[inline]
fn next_four<T>(first: *mut T, stride: isize) -> [*mut T; 4] {
    [0, 1, 2, 3].map(|i| first.wrapping_byte_offset(i * stride))
}
