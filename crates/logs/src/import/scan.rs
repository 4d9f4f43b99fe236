//! Reading a line from left to right.

use busprobe_trace::Data;

/// What is left of a line.
#[derive(Clone, Copy)]
pub(super) struct Scan<'a> {
    rest: &'a [u8],
}

impl<'a> Scan<'a> {
    pub(super) fn new(line: &'a [u8]) -> Self {
        Scan { rest: line }
    }

    pub(super) fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    /// Passes `token`; whether it was there.
    pub(super) fn skip(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token.as_bytes()) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    pub(super) fn spaces(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    /// What comes before `end`, and passes both.
    pub(super) fn until(&mut self, end: u8) -> Option<&'a [u8]> {
        let at = self.rest.iter().position(|&byte| byte == end)?;
        let (before, rest) = self.rest.split_at(at);
        self.rest = &rest[1..];
        Some(before)
    }

    /// The next word, up to white space or the end; passes the white space too.
    pub(super) fn word(&mut self) -> Option<&'a [u8]> {
        self.spaces();
        let length = self.rest.iter().position(u8::is_ascii_whitespace).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest.trim_ascii_start();
        (!word.is_empty()).then_some(word)
    }

    /// A hexadecimal number without a prefix, of 1 to 16 digits.
    pub(super) fn hex_digits(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        let mut length = 0;
        for &byte in self.rest {
            let Some(digit) = hex_digit(byte) else { break };
            if length == 16 {
                return None;
            }
            value = value << 4 | u64::from(digit);
            length += 1;
        }
        self.rest = &self.rest[length..];
        (length > 0).then_some(value)
    }

    /// `0x` and 1 to 16 digits.
    pub(super) fn hex(&mut self) -> Option<u64> {
        if self.skip("0x") { self.hex_digits() } else { None }
    }

    pub(super) fn decimal(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        let mut length = 0;
        for &byte in self.rest {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value.checked_mul(10)?.checked_add(digit.into())?;
            length += 1;
        }
        self.rest = &self.rest[length..];
        (length > 0).then_some(value)
    }

    /// Passes `token` and `0x...`.
    pub(super) fn hex_after(&mut self, token: &str) -> Option<u64> {
        if self.skip(token) { self.hex() } else { None }
    }

    /// Passes `token` and a decimal number.
    pub(super) fn decimal_after(&mut self, token: &str) -> Option<u64> {
        if self.skip(token) { self.decimal() } else { None }
    }

    /// Passes `token` and a number as `%#x` or `%d` prints it.
    pub(super) fn number_after(&mut self, token: &str) -> Option<u64> {
        if self.skip(token) { self.number() } else { None }
    }

    /// A number as `%#x` or `%d` prints it.
    pub(super) fn number(&mut self) -> Option<u64> {
        if self.rest.starts_with(b"0x") { self.hex() } else { self.decimal() }
    }

    /// `seconds.fraction` in nanoseconds.
    pub(super) fn seconds(&mut self) -> Option<u64> {
        let seconds = self.decimal()?;
        let fraction = if self.skip(".") { self.fraction()? } else { 0 };
        seconds.checked_mul(1_000_000_000)?.checked_add(fraction)
    }

    /// The digits after a decimal point of seconds, in nanoseconds; digits beyond are cut.
    fn fraction(&mut self) -> Option<u64> {
        let length = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        let digit = |at: usize| u64::from(digits.get(at).map_or(0, |digit| digit - b'0'));
        (length > 0).then(|| (0..9).fold(0, |value, at| value * 10 + digit(at)))
    }

    /// `hours:minutes:seconds.fraction` in nanoseconds.
    pub(super) fn clock(&mut self) -> Option<u64> {
        let hours = self.decimal().filter(|&hours| hours < 100)?;
        let minutes = self.decimal_after(":").filter(|&minutes| minutes < 60)?;
        let seconds = if self.skip(":") { self.seconds()? } else { return None };
        ((hours * 60 + minutes) * 60_000_000_000).checked_add(seconds)
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// The `size` bytes of a value; `None` when it does not fit.
pub(super) fn data(value: u64, size: u32) -> Option<Data> {
    if size > u64::BITS / 8 {
        let mut bytes = [0; Data::MAX];
        bytes[..8].copy_from_slice(&value.to_le_bytes());
        return bytes.get(..size as usize).map(Data::new);
    }
    let beyond = value.checked_shr(8 * size).unwrap_or(0);
    (beyond == 0).then(|| Data::new(&value.to_le_bytes()[..size as usize]))
}

/// A size in bytes that an access can have.
pub(super) fn size(bytes: u64) -> Option<u32> {
    (1..=Data::MAX as u64).contains(&bytes).then_some(bytes as u32)
}

/// A text for a trace, whatever bytes the log has.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
