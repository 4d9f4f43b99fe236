//! Many accesses by one instruction, as one record.

use serde::{Deserialize, Serialize};

use crate::{Access, Data};

/// The accesses of one string instruction, `rep movsb`: alike but for their place and data, side by
/// side, ascending or descending.
///
/// It stands for [`Repeat::count`] accesses and takes as many sequence numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeat {
    /// The first of them; its data are those of all, when all are equal.
    #[serde(flatten)]
    pub first: Access,
    /// How many there are, at most [`Repeat::MAX`].
    pub count: u32,
    /// From one to the next in bytes: the size of one, negative when they descend.
    pub step: i64,
    /// What all of them carried, in the order of addresses, when that is known and differs.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "digits")]
    pub bytes: Option<Vec<u8>>,
}

impl Repeat {
    /// As many accesses as one record may stand for: a capture makes several records of more.
    pub const MAX: u32 = 65_536;

    /// The accesses one by one.
    pub fn accesses(&self) -> impl Iterator<Item = Access> + '_ {
        (0..self.count).map(|number| Access {
            seq: self.first.seq + u64::from(number),
            offset: self.first.offset.wrapping_add_signed(self.step.wrapping_mul(number.into())),
            data: self.data(number),
            ..self.first.clone()
        })
    }

    /// What one of them carried, counted from 0.
    #[must_use]
    pub fn data(&self, number: u32) -> Option<Data> {
        let Some(bytes) = &self.bytes else { return self.first.data };
        let place = if self.step < 0 { self.count.checked_sub(number + 1)? } else { number };
        let size = self.first.size as usize;
        bytes.get(place as usize * size..)?.get(..size).map(Data::new)
    }

    /// Whether a string instruction can make them.
    ///
    /// # Errors
    /// What no record can have: more than [`Repeat::MAX`] accesses, gaps, data of another size.
    pub fn validate(&self) -> Result<(), String> {
        self.first.validate()?;
        let Repeat { first, count, step, bytes } = self;
        if !(1..=Self::MAX).contains(count) {
            return Err(format!("a repeat has 1 to {} accesses, not {count}", Self::MAX));
        }
        if step.unsigned_abs() != u64::from(first.size) {
            return Err(format!("accesses of {} bytes cannot lie {step} apart", first.size));
        }
        let last = first.offset.checked_add_signed(step * i64::from(count - 1));
        if last.and_then(|last| last.checked_add(first.size.into())).is_none()
            || first.seq.checked_add((*count).into()).is_none()
        {
            return Err(format!("{count} accesses from {:#x} leave the window", first.offset));
        }
        let wanted = u64::from(first.size) * u64::from(*count);
        match bytes {
            Some(_) if first.data.is_some() => {
                Err("a repeat has either data or bytes, not both".to_owned())
            }
            Some(bytes) if bytes.len() as u64 != wanted => {
                Err(format!("{} bytes of data for {wanted}", bytes.len()))
            }
            _ => Ok(()),
        }
    }
}

/// Bytes as text: two digits each.
mod digits {
    use serde::{Deserialize, Deserializer, Serializer, de};

    #[expect(clippy::ref_option, reason = "serde passes the field as it is")]
    pub(super) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
        let bytes = bytes.as_deref().unwrap_or_default();
        let text: String = bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]).collect();
        serializer.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digit = |digit: &u8| char::from(*digit).to_digit(16).map(|value| value as u8);
        let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        });
        let bytes: Option<Vec<u8>> = pairs.collect();
        bytes.map(Some).ok_or_else(|| de::Error::custom("bytes are two hexadecimal digits each"))
    }
}
