//! The format characters of the buffer protocol, as the module `struct` defines them.

use busprobe_mmio::Width;

/// The width of the unsigned integers that `format` names, when it does, in this machine's byte
/// order; `c` is a byte.
pub(crate) fn width(format: &str) -> Option<Width> {
    let (native_sizes, letter) = match format.strip_prefix(['=', '<']) {
        Some(letter) => (false, letter),
        None => (true, format.strip_prefix('@').unwrap_or(format)),
    };
    match letter {
        "B" | "c" => Some(Width::W8),
        "H" => Some(Width::W16),
        "I" => Some(Width::W32),
        "L" if !native_sizes => Some(Width::W32),
        "L" | "N" if cfg!(target_pointer_width = "64") => Some(Width::W64),
        "Q" => Some(Width::W64),
        _ => None,
    }
}

/// The letter that `array` and `struct` have for unsigned integers of that width.
pub(crate) fn letter(width: Width) -> &'static str {
    match width {
        Width::W8 => "B",
        Width::W16 => "H",
        Width::W32 => "I",
        Width::W64 => "Q",
    }
}
