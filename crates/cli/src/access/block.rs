//! Elements on their way to or from a window, as they lie in memory.

use busprobe_mmio::{AccessError, ByteOrder, Element, Mode, Width, Window};

/// Elements of one width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    W8(Vec<u8>),
    W16(Vec<u16>),
    W32(Vec<u32>),
    W64(Vec<u64>),
}

/// The same expression for whichever vector it is.
macro_rules! each {
    ($block:expr, $values:ident => $result:expr) => {
        match $block {
            Block::W8($values) => $result,
            Block::W16($values) => $result,
            Block::W32($values) => $result,
            Block::W64($values) => $result,
        }
    };
}

impl Block {
    pub(crate) fn zeroed(width: Width, count: usize) -> Self {
        match width {
            Width::W8 => Block::W8(vec![0; count]),
            Width::W16 => Block::W16(vec![0; count]),
            Width::W32 => Block::W32(vec![0; count]),
            Width::W64 => Block::W64(vec![0; count]),
        }
    }

    /// # Errors
    /// The first value that is too large for the width.
    pub(crate) fn from_values(width: Width, values: &[u64]) -> Result<Self, AccessError> {
        if let Some(&value) = values.iter().find(|&&value| value > width.max_value()) {
            return Err(AccessError::ValueTooLarge { value, width });
        }
        Ok(match width {
            Width::W8 => Block::W8(values.iter().map(|&value| value as u8).collect()),
            Width::W16 => Block::W16(values.iter().map(|&value| value as u16).collect()),
            Width::W32 => Block::W32(values.iter().map(|&value| value as u32).collect()),
            Width::W64 => Block::W64(values.to_vec()),
        })
    }

    /// Whole elements from bytes as they lie in a window; `None` when some are left over.
    pub(crate) fn from_bytes(width: Width, bytes: &[u8], order: ByteOrder) -> Option<Self> {
        macro_rules! elements {
            ($element:ty) => {{
                let (whole, []) = bytes.as_chunks() else { return None };
                let element = match order {
                    ByteOrder::Little => <$element>::from_le_bytes,
                    ByteOrder::Big => <$element>::from_be_bytes,
                };
                whole.iter().map(|bytes| element(*bytes)).collect()
            }};
        }
        Some(match width {
            Width::W8 => Block::W8(bytes.to_vec()),
            Width::W16 => Block::W16(elements!(u16)),
            Width::W32 => Block::W32(elements!(u32)),
            Width::W64 => Block::W64(elements!(u64)),
        })
    }

    pub(crate) fn width(&self) -> Width {
        match self {
            Block::W8(_) => Width::W8,
            Block::W16(_) => Width::W16,
            Block::W32(_) => Width::W32,
            Block::W64(_) => Width::W64,
        }
    }

    pub(crate) fn len(&self) -> usize {
        each!(self, values => values.len())
    }

    /// Keeps the first `count` elements.
    pub(crate) fn truncate(&mut self, count: usize) {
        each!(self, values => values.truncate(count));
    }

    /// # Panics
    /// When there is no element of that index.
    pub(crate) fn get(&self, index: usize) -> u64 {
        #[expect(clippy::useless_conversion, reason = "one of the four is u64 already")]
        let value = each!(self, values => values[index].into());
        value
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = u64> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Keeps the low bits of `value`.
    ///
    /// # Panics
    /// When there is no element of that index.
    pub(crate) fn set(&mut self, index: usize, value: u64) {
        each!(self, values => values[index] = Element::truncate(value));
    }

    /// Loads every element.
    pub(crate) fn load(
        &mut self,
        window: &Window,
        offset: u64,
        mode: Mode,
    ) -> Result<(), AccessError> {
        each!(self, values => window.read_block(offset, values, mode))
    }

    /// Stores every element.
    pub(crate) fn store(
        &self,
        window: &Window,
        offset: u64,
        mode: Mode,
    ) -> Result<(), AccessError> {
        each!(self, values => window.write_block(offset, values, mode))
    }
}
