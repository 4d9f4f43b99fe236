//! The format characters of the buffer protocol, as the module `struct` defines them.

use busprobe_mmio::{ByteOrder, Width};

/// The width and byte order of the unsigned integers that `format` names, when it does; `c` is a
/// byte.
pub(crate) fn parse(format: &str) -> Option<(Width, ByteOrder)> {
    let native = ByteOrder::default();
    let (order, standard, letter) = match (format.chars().next()?, format.get(1..)?) {
        ('=', letter) => (native, true, letter),
        ('<', letter) => (ByteOrder::Little, true, letter),
        ('>' | '!', letter) => (ByteOrder::Big, true, letter),
        ('@', letter) => (native, false, letter),
        _ => (native, false, format),
    };
    let width = match letter {
        "B" | "c" => Width::W8,
        "H" => Width::W16,
        "I" => Width::W32,
        "L" if standard => Width::W32,
        "L" | "N" if cfg!(target_pointer_width = "64") => Width::W64,
        "Q" => Width::W64,
        _ => return None,
    };
    // A single byte has no order.
    Some((width, if width == Width::W8 { native } else { order }))
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

/// What a view of such elements says of itself.
pub(crate) fn of_view(width: Width, order: ByteOrder) -> String {
    let mark = match order {
        _ if order == ByteOrder::default() || width == Width::W8 => "",
        ByteOrder::Little => "<",
        ByteOrder::Big => ">",
    };
    format!("{mark}{}", letter(width))
}
