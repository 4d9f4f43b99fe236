//! Windows as they are given to `busprobe import`.

use std::str::FromStr;

use busprobe_logs::import::Range;
use busprobe_mmio::parse_quantity;

/// `BASE+LENGTH`
#[derive(Clone, Copy)]
pub(crate) struct Addresses(pub(crate) Range);

impl FromStr for Addresses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no window; write for example 0x0a000000+4K");
        let (base, length) = text.split_once('+').ok_or_else(wrong)?;
        let base = parse_quantity(base).ok_or_else(wrong)?;
        let length = parse_quantity(length).filter(|&length| length > 0).ok_or_else(wrong)?;
        match base.checked_add(length - 1) {
            Some(_) => Ok(Addresses(Range { base, length })),
            None => Err(format!("{text:?} goes beyond the last address")),
        }
    }
}
