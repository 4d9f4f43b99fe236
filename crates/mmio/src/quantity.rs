//! Numbers as targets and commands write them.

/// A number: decimal or `0x`, with an optional suffix K, M or G (powers of 1024, either case).
///
/// ```
/// use busprobe_mmio::parse_quantity;
///
/// assert_eq!(parse_quantity("16K"), Some(16 << 10));
/// assert_eq!(parse_quantity("0x0a000000"), Some(0x0a00_0000));
/// assert_eq!(parse_quantity("-1"), None);
/// ```
#[must_use]
pub fn parse_quantity(text: &str) -> Option<u64> {
    let (digits, shift) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 10),
        b'm' | b'M' => (&text[..text.len() - 1], 20),
        b'g' | b'G' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let (digits, radix) = hexadecimal.map_or((digits, 10), |digits| (digits, 16));
    // from_str_radix takes a sign, which no quantity has.
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()?.checked_mul(1 << shift)
}
