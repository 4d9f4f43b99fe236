//! Changing some bits of a register: one read and one write.

use crate::{AccessError, Direction, Field, Run, Width, Window};

impl Window {
    /// Sets the bits of `mask` to those of `value`, and leaves the others as they are: one load,
    /// one store. Gives what was loaded.
    ///
    /// Others may write the register between the two: see [`Window::lock`].
    ///
    /// # Errors
    /// As [`Window::read`] and [`Window::write`], all checked before the load; when `value` has
    /// bits outside of `mask`.
    pub fn update(
        &self,
        offset: u64,
        width: Width,
        mask: u64,
        value: u64,
    ) -> Result<u64, AccessError> {
        Window::check_value(mask, width)?;
        if value & !mask != 0 {
            return Err(AccessError::OutsideMask { value, mask });
        }
        self.check(Run::one(offset, width), Direction::Write)?;
        let before = self.read(offset, width)?;
        self.write(offset, width, before & !mask | value)?;
        Ok(before)
    }

    /// The bits of a field: one load.
    ///
    /// # Errors
    /// As [`Window::read`]; when the field lies outside of the width.
    pub fn read_field(&self, offset: u64, width: Width, field: Field) -> Result<u64, AccessError> {
        field.check(width)?;
        Ok(field.get(self.read(offset, width)?))
    }

    /// Sets the bits of a field, and leaves the others as they are: one load, one store. Gives
    /// what the field held before.
    ///
    /// # Errors
    /// As [`Window::update`]; when the field lies outside of the width, or the value does not fit.
    pub fn write_field(
        &self,
        offset: u64,
        width: Width,
        field: Field,
        value: u64,
    ) -> Result<u64, AccessError> {
        field.check(width)?;
        let before = self.update(offset, width, field.mask(), field.put(value)?)?;
        Ok(field.get(before))
    }
}
