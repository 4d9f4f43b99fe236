//! Runs of accesses between mapped memory and the program's own, four to a turn of the loop: the
//! loop's own cost then hides behind the stores.

use crate::Element;
use crate::fault::Interrupted;

/// How each element of a run is accessed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// Whether its bytes are the other way round than this machine's.
    pub(crate) swapped: bool,
    /// Whether by load-acquire and store-release.
    pub(crate) strict: bool,
}

/// Loads `count` elements, `stride` bytes apart, into `out`.
///
/// # Safety
/// Every element from `first` on is mapped and aligned; `out` takes `count` elements, aligned or
/// not.
pub(crate) unsafe fn load<T: Element>(
    manner: Manner,
    first: *const T,
    stride: isize,
    count: usize,
    out: *mut T,
) -> Result<(), Interrupted> {
    // SAFETY: the caller vouches for `first`; `i` is less than `count`.
    unsafe {
        let put = |i, value: T| out.add(i).write_unaligned(value);
        let put_swapped = |i, value: T| put(i, value.swapped());
        match (manner.strict, manner.swapped) {
            (false, false) => load_each::<T, false>(first, stride, count, put),
            (false, true) => load_each::<T, false>(first, stride, count, put_swapped),
            (true, false) => load_each::<T, true>(first, stride, count, put),
            (true, true) => load_each::<T, true>(first, stride, count, put_swapped),
        }
    }
}

/// Stores `count` elements from `source`, `stride` bytes apart.
///
/// # Safety
/// Every element from `first` on is mapped and aligned; `source` holds `count` elements, aligned
/// or not.
pub(crate) unsafe fn store<T: Element>(
    manner: Manner,
    first: *mut T,
    stride: isize,
    count: usize,
    source: *const T,
) -> Result<(), Interrupted> {
    // SAFETY: the caller vouches for `first`; `i` is less than `count`.
    unsafe {
        let get = |i| source.add(i).read_unaligned();
        let get_swapped = |i| get(i).swapped();
        match (manner.strict, manner.swapped) {
            (false, false) => store_each::<T, false>(first, stride, count, get),
            (false, true) => store_each::<T, false>(first, stride, count, get_swapped),
            (true, false) => store_each::<T, true>(first, stride, count, get),
            (true, true) => store_each::<T, true>(first, stride, count, get_swapped),
        }
    }
}

/// Stores `value` `count` times, `stride` bytes apart.
///
/// # Safety
/// Every element from `first` on is mapped and aligned.
pub(crate) unsafe fn fill<T: Element>(
    manner: Manner,
    first: *mut T,
    stride: isize,
    count: usize,
    value: T,
) -> Result<(), Interrupted> {
    let value = if manner.swapped { value.swapped() } else { value };
    // SAFETY: the caller vouches for `first`.
    unsafe {
        if manner.strict {
            store_each::<T, true>(first, stride, count, |_| value)
        } else {
            store_each::<T, false>(first, stride, count, |_| value)
        }
    }
}

/// # Safety
/// Every element from `first` on is mapped and aligned.
#[inline]
unsafe fn load_each<T: Element, const STRICT: bool>(
    first: *const T,
    stride: isize,
    count: usize,
    put: impl Fn(usize, T),
) -> Result<(), Interrupted> {
    let mut from = first.cast_mut();
    let mut done = 0;
    while !STRICT && count - done >= 4 {
        let next = next_four(from, stride).map(<*mut T>::cast_const);
        // SAFETY: these four are elements `done` to `done + 3`, which the caller vouches for.
        let (values, status) = unsafe { T::load4(next) };
        if status != 0 {
            let interrupted = Interrupted::after(done, status);
            (done..interrupted.completed).zip(values).for_each(|(i, value)| put(i, value));
            return Err(interrupted);
        }
        for (i, value) in values.into_iter().enumerate() {
            put(done + i, value);
        }
        from = from.wrapping_byte_offset(4 * stride);
        done += 4;
    }
    while done < count {
        // SAFETY: element `done` is one of the caller's.
        let (value, status) = unsafe { if STRICT { T::load_acquire(from) } else { T::load(from) } };
        if status != 0 {
            return Err(Interrupted::after(done, status));
        }
        put(done, value);
        from = from.wrapping_byte_offset(stride);
        done += 1;
    }
    Ok(())
}

/// # Safety
/// Every element from `first` on is mapped and aligned.
#[inline]
unsafe fn store_each<T: Element, const STRICT: bool>(
    first: *mut T,
    stride: isize,
    count: usize,
    get: impl Fn(usize) -> T,
) -> Result<(), Interrupted> {
    let mut to = first;
    let mut done = 0;
    while !STRICT && count - done >= 4 {
        let values = [get(done), get(done + 1), get(done + 2), get(done + 3)];
        // SAFETY: these four are elements `done` to `done + 3`, which the caller vouches for.
        let status = unsafe { T::store4(next_four(to, stride), values) };
        if status != 0 {
            return Err(Interrupted::after(done, status));
        }
        to = to.wrapping_byte_offset(4 * stride);
        done += 4;
    }
    while done < count {
        let value = get(done);
        // SAFETY: element `done` is one of the caller's.
        let status =
            unsafe { if STRICT { T::store_release(to, value) } else { T::store(to, value) } };
        if status != 0 {
            return Err(Interrupted::after(done, status));
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
