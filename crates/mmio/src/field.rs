//! Fields: some neighbouring bits of a register.

use std::fmt;
use std::str::FromStr;

use crate::{AccessError, Width};

/// Bits `hi` down to `lo` of a register, both included, as data sheets write them: `7:4`.
///
/// ```
/// use busprobe_mmio::Field;
///
/// let field: Field = "7:4".parse()?;
/// assert_eq!((field.mask(), field.get(0x5a)), (0xf0, 0x5));
/// # Ok::<(), busprobe_mmio::AccessError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    hi: u32,
    lo: u32,
}

impl Field {
    /// Bits `hi` down to `lo`.
    ///
    /// # Errors
    /// When `hi` is below `lo` or above 63.
    pub fn new(hi: u32, lo: u32) -> Result<Self, AccessError> {
        if lo <= hi && hi < 64 {
            Ok(Field { hi, lo })
        } else {
            Err(AccessError::NoField { text: format!("{hi}:{lo}") })
        }
    }

    /// The bits, as a mask.
    #[must_use]
    pub fn mask(self) -> u64 {
        self.max_value() << self.lo
    }

    /// The field's part of a register's value.
    #[must_use]
    pub fn get(self, register: u64) -> u64 {
        register >> self.lo & self.max_value()
    }

    /// `value` at the field's place.
    ///
    /// # Errors
    /// When it needs more bits than the field has.
    pub fn put(self, value: u64) -> Result<u64, AccessError> {
        if value > self.max_value() {
            return Err(AccessError::TooLargeForField { value, field: self });
        }
        Ok(value << self.lo)
    }

    pub(crate) fn check(self, width: Width) -> Result<(), AccessError> {
        if self.hi >= width.bits() {
            return Err(AccessError::FieldOutside { field: self, width });
        }
        Ok(())
    }

    fn max_value(self) -> u64 {
        u64::MAX >> (63 - (self.hi - self.lo))
    }
}

/// `7:4`, or `7` for one bit.
impl FromStr for Field {
    type Err = AccessError;

    fn from_str(text: &str) -> Result<Self, AccessError> {
        let no_field = || AccessError::NoField { text: text.to_owned() };
        let bit = |text: &str| text.parse::<u32>().map_err(|_| no_field());
        let (hi, lo) = text.split_once(':').unwrap_or((text, text));
        Field::new(bit(hi)?, bit(lo)?).map_err(|_| no_field())
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.hi, self.lo)
    }
}
