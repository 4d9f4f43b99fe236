//! 64-bit registers on a 32-bit bus: two accesses, in the order that the caller says.

use crate::{AccessError, ByteOrder, Run, Width, Window};

impl Window {
    /// A 64-bit value by two 32-bit loads, the low word first.
    ///
    /// # Errors
    /// As [`Window::read_block`].
    pub fn read64_lo_hi(&self, offset: u64) -> Result<u64, AccessError> {
        let [low, high] = self.read_words(self.low_first(offset))?;
        Ok(u64::from(high) << 32 | u64::from(low))
    }

    /// A 64-bit value by two 32-bit loads, the high word first.
    ///
    /// # Errors
    /// As [`Window::read_block`].
    pub fn read64_hi_lo(&self, offset: u64) -> Result<u64, AccessError> {
        let [high, low] = self.read_words(self.high_first(offset))?;
        Ok(u64::from(high) << 32 | u64::from(low))
    }

    /// A 64-bit value by two 32-bit stores, the low word first.
    ///
    /// # Errors
    /// As [`Window::write_block`].
    pub fn write64_lo_hi(&self, offset: u64, value: u64) -> Result<(), AccessError> {
        self.write_words(self.low_first(offset), [value as u32, (value >> 32) as u32])
    }

    /// A 64-bit value by two 32-bit stores, the high word first.
    ///
    /// # Errors
    /// As [`Window::write_block`].
    pub fn write64_hi_lo(&self, offset: u64, value: u64) -> Result<(), AccessError> {
        self.write_words(self.high_first(offset), [(value >> 32) as u32, value as u32])
    }

    fn low_first(&self, offset: u64) -> Run {
        match self.byte_order() {
            ByteOrder::Little => Run::incr(offset, Width::W32, 2),
            ByteOrder::Big => downwards(offset),
        }
    }

    fn high_first(&self, offset: u64) -> Run {
        match self.byte_order() {
            ByteOrder::Little => downwards(offset),
            ByteOrder::Big => Run::incr(offset, Width::W32, 2),
        }
    }

    fn read_words(&self, run: Run) -> Result<[u32; 2], AccessError> {
        let mut words = [0; 2];
        // SAFETY: there is room for the run's two words.
        unsafe { self.read_run(run, words.as_mut_ptr().cast()) }?;
        Ok(words)
    }

    fn write_words(&self, run: Run, words: [u32; 2]) -> Result<(), AccessError> {
        // SAFETY: there are the run's two words.
        unsafe { self.write_run(run, words.as_ptr().cast()) }
    }
}

/// The second word, then the first; out of range, as it should be, when there is no second.
fn downwards(offset: u64) -> Run {
    Run::strided(offset.saturating_add(4), Width::W32, 2, -4)
}
