//! A window: every access checked before it is made, and made exactly.

use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use crate::fault::Interrupted;
use crate::memory::Memory;
use crate::sim::Device;
use crate::transfer::Manner;
use crate::{
    AccessError, ByteOrder, Direction, Element, Fault, Mode, OpenError, OpenOptions, Run, Target,
    Width, asm,
};

/// A contiguous range of device memory mapped into this process, addressed by byte offset.
///
/// N elements of a width are N accesses of that width, each once, in the order that is said.
/// Everything is checked before the first access; on any error but [`AccessError::Fault`] the bus
/// saw nothing. No reference to what is behind the window is ever made.
///
/// ```
/// use busprobe_mmio::{Mode, Target, Window};
///
/// let window = Window::open(&Target::parse("anon:4K")?)?;
/// window.write32(0x10, 1)?;
/// window.write_block(0x20, &[1_u32, 2, 3, 4], Mode::Incr)?;
/// assert_eq!(window.read32(0x2c)?, 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Window {
    name: String,
    base: Option<u64>,
    length: u64,
    memory: Memory,
    /// What a lock is on.
    file: Option<Arc<File>>,
    rules: Rules,
}

/// What the one who opened a window said of its accesses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) read_only: bool,
    pub(crate) byte_order: ByteOrder,
    pub(crate) strict_order: bool,
    pub(crate) allowed: Option<Vec<Range<u64>>>,
}

impl Window {
    /// Opens a window for reading and writing; [`OpenOptions`] has the other ways. Maps it, and
    /// accesses nothing.
    ///
    /// # Errors
    /// When the target is not there, or the system refuses it.
    pub fn open(target: &Target) -> Result<Self, OpenError> {
        OpenOptions::new().open(target)
    }

    /// A window over a simulated device.
    #[must_use]
    pub fn simulated(name: &str, device: &Device) -> Self {
        OpenOptions::new().simulate(name, device)
    }

    pub(crate) fn new(
        name: &str,
        base: Option<u64>,
        length: u64,
        memory: Memory,
        file: Option<Arc<File>>,
        rules: Rules,
    ) -> Self {
        Window { name: name.to_owned(), base, length, memory, file, rules }
    }

    /// The target, as text.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bus address of offset 0, when it is known.
    #[must_use]
    pub fn base(&self) -> Option<u64> {
        self.base
    }

    /// Bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no window is empty")]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether writes are allowed.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        !self.rules.read_only
    }

    /// The byte order of its elements.
    #[must_use]
    pub fn byte_order(&self) -> ByteOrder {
        self.rules.byte_order
    }

    /// Whether an access is nothing but one plain load or store: in this machine's byte order,
    /// without strict order or an allow-list, on mapped memory.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let Manner { swapped, strict } = self.manner();
        !swapped && !strict && self.rules.allowed.is_none() && self.as_ptr().is_some()
    }

    /// Where the window is mapped, when it is. To make a reference of it, or to copy from or to it
    /// with anything but this crate, is the way to accesses that nobody meant.
    #[must_use]
    pub fn as_ptr(&self) -> Option<*mut u8> {
        match &self.memory {
            Memory::Mapped { start, .. } => Some(*start),
            Memory::Simulated(_) => None,
        }
    }

    /// The simulated device behind it, when it is one.
    #[must_use]
    pub fn device(&self) -> Option<&Device> {
        match &self.memory {
            Memory::Mapped { .. } => None,
            Memory::Simulated(device) => Some(device),
        }
    }

    pub(crate) fn is_aligned(&self, width: Width) -> bool {
        self.as_ptr().is_none_or(|start| (start.addr() as u64).is_multiple_of(width.bytes()))
    }

    pub(crate) fn allowed(&self) -> Option<&[Range<u64>]> {
        self.rules.allowed.as_deref()
    }

    pub(crate) fn file(&self) -> Option<&Arc<File>> {
        self.file.as_ref()
    }

    fn manner(&self) -> Manner {
        let swapped = self.rules.byte_order != ByteOrder::default();
        Manner { swapped, strict: self.rules.strict_order }
    }

    /// Lets no access after it overtake one before it, to whatever window or memory.
    pub fn fence(&self) {
        asm::fence();
    }

    /// Makes sure that the device has got every write before: a fence, and one 32-bit load at
    /// `offset`, which posted writes cannot be overtaken by. The value is not used.
    ///
    /// # Errors
    /// As [`Window::read`].
    pub fn flush(&self, offset: u64) -> Result<(), AccessError> {
        self.check(Run::one(offset, Width::W32), Direction::Read)?;
        self.fence();
        self.read32(offset).map(drop)
    }

    /// One load.
    ///
    /// # Errors
    /// When it is outside, not aligned, or answered by a fault.
    pub fn read(&self, offset: u64, width: Width) -> Result<u64, AccessError> {
        match width {
            Width::W8 => self.read_one::<u8>(offset).map(u64::from),
            Width::W16 => self.read_one::<u16>(offset).map(u64::from),
            Width::W32 => self.read_one::<u32>(offset).map(u64::from),
            Width::W64 => self.read_one::<u64>(offset),
        }
    }

    /// One store.
    ///
    /// # Errors
    /// When it is outside, not aligned, not allowed, too large for the width, or answered by a
    /// fault.
    pub fn write(&self, offset: u64, width: Width, value: u64) -> Result<(), AccessError> {
        Window::check_value(value, width)?;
        match width {
            Width::W8 => self.write_one(offset, value as u8),
            Width::W16 => self.write_one(offset, value as u16),
            Width::W32 => self.write_one(offset, value as u32),
            Width::W64 => self.write_one(offset, value),
        }
    }

    /// One load for each element of `out`, in order.
    ///
    /// # Errors
    /// When any of it is outside or not aligned: then nothing was accessed. When an access faults:
    /// then the elements before it are in `out`.
    pub fn read_block<T: Element>(
        &self,
        offset: u64,
        out: &mut [T],
        mode: Mode,
    ) -> Result<(), AccessError> {
        let run = Run::block(offset, T::WIDTH, out.len() as u64, mode);
        // SAFETY: `out` takes as many elements as the run has, of its width.
        unsafe { self.read_run(run, out.as_mut_ptr().cast()) }
    }

    /// One store for each element of `values`, in order.
    ///
    /// # Errors
    /// When any of it is outside, not aligned or not allowed: then nothing was accessed. When an
    /// access faults: then the elements before it were stored.
    pub fn write_block<T: Element>(
        &self,
        offset: u64,
        values: &[T],
        mode: Mode,
    ) -> Result<(), AccessError> {
        let run = Run::block(offset, T::WIDTH, values.len() as u64, mode);
        // SAFETY: `values` has as many elements as the run, of its width.
        unsafe { self.write_run(run, values.as_ptr().cast()) }
    }

    /// Stores one value to each element of a run.
    ///
    /// # Errors
    /// As [`Window::write_block`], and when the value is too large for the width.
    pub fn fill(&self, run: Run, value: u64) -> Result<(), AccessError> {
        Window::check_value(value, run.width)?;
        match run.width {
            Width::W8 => self.fill_with(run, value as u8),
            Width::W16 => self.fill_with(run, value as u16),
            Width::W32 => self.fill_with(run, value as u32),
            Width::W64 => self.fill_with(run, value),
        }
    }

    /// Loads a run into memory, which need not be aligned.
    ///
    /// # Errors
    /// As [`Window::read_block`].
    ///
    /// # Safety
    /// `out` takes `run.count` elements of `run.width`.
    pub unsafe fn read_run(&self, run: Run, out: *mut u8) -> Result<(), AccessError> {
        // SAFETY: each is given what the caller vouches for, at the run's own width.
        unsafe {
            match run.width {
                Width::W8 => self.load::<u8>(run, out),
                Width::W16 => self.load::<u16>(run, out.cast()),
                Width::W32 => self.load::<u32>(run, out.cast()),
                Width::W64 => self.load::<u64>(run, out.cast()),
            }
        }
    }

    /// Stores a run from memory, which need not be aligned.
    ///
    /// # Errors
    /// As [`Window::write_block`].
    ///
    /// # Safety
    /// `source` has `run.count` elements of `run.width`.
    pub unsafe fn write_run(&self, run: Run, source: *const u8) -> Result<(), AccessError> {
        // SAFETY: each is given what the caller vouches for, at the run's own width.
        unsafe {
            match run.width {
                Width::W8 => self.store::<u8>(run, source),
                Width::W16 => self.store::<u16>(run, source.cast()),
                Width::W32 => self.store::<u32>(run, source.cast()),
                Width::W64 => self.store::<u64>(run, source.cast()),
            }
        }
    }

    /// # Safety
    /// As [`Window::read_run`]; T is the run's width.
    unsafe fn load<T: Element>(&self, run: Run, out: *mut T) -> Result<(), AccessError> {
        self.check(run, Direction::Read)?;
        // SAFETY: the run is checked; the caller vouches for `out`.
        unsafe { self.memory.load(self.manner(), run, out) }
            .map_err(|interrupted| self.fault(run, Direction::Read, interrupted))
    }

    /// # Safety
    /// As [`Window::write_run`]; T is the run's width.
    unsafe fn store<T: Element>(&self, run: Run, source: *const T) -> Result<(), AccessError> {
        self.check(run, Direction::Write)?;
        // SAFETY: the run is checked; the caller vouches for `source`.
        unsafe { self.memory.store(self.manner(), run, source) }
            .map_err(|interrupted| self.fault(run, Direction::Write, interrupted))
    }

    fn fill_with<T: Element>(&self, run: Run, value: T) -> Result<(), AccessError> {
        self.check(run, Direction::Write)?;
        // SAFETY: the run is checked.
        unsafe { self.memory.fill(self.manner(), run, value) }
            .map_err(|interrupted| self.fault(run, Direction::Write, interrupted))
    }

    fn read_one<T: Element>(&self, offset: u64) -> Result<T, AccessError> {
        let mut value = T::truncate(0);
        // SAFETY: `value` takes one element.
        unsafe { self.load(Run::one(offset, T::WIDTH), &raw mut value) }?;
        Ok(value)
    }

    fn write_one<T: Element>(&self, offset: u64, value: T) -> Result<(), AccessError> {
        // SAFETY: `value` is one element.
        unsafe { self.store(Run::one(offset, T::WIDTH), &raw const value) }
    }

    #[cold]
    fn fault(&self, run: Run, direction: Direction, interrupted: Interrupted) -> AccessError {
        let Interrupted { completed, signal } = interrupted;
        let offset = run.offset.wrapping_add_signed(run.stride * completed as i64);
        let address = self.base.map(|base| base + offset);
        let (width, completed) = (run.width, completed as u64);
        Fault { signal, direction, offset, address, width, completed }.into()
    }
}

macro_rules! scalars {
    ($($element:ty, $bits:literal, $read:ident, $write:ident;)+) => {
        /// One access each, by width.
        impl Window {
            $(
                #[doc = concat!("One load of ", $bits, " bits.")]
                ///
                /// # Errors
                /// As [`Window::read`].
                pub fn $read(&self, offset: u64) -> Result<$element, AccessError> {
                    self.read_one(offset)
                }

                #[doc = concat!("One store of ", $bits, " bits.")]
                ///
                /// # Errors
                /// As [`Window::write`].
                pub fn $write(&self, offset: u64, value: $element) -> Result<(), AccessError> {
                    self.write_one(offset, value)
                }
            )+
        }
    };
}
scalars! {
    u8, "8", read8, write8;
    u16, "16", read16, write16;
    u32, "32", read32, write32;
    u64, "64", read64, write64;
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window")
            .field("name", &self.name)
            .field("base", &self.base)
            .field("length", &self.length)
            .field("rules", &self.rules)
            .field("device", &self.device())
            .finish_non_exhaustive()
    }
}
