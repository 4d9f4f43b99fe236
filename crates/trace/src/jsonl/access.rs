//! An access as a line, as serde writes it and several times as fast: nearly all lines of a trace
//! are accesses.

use crate::Access;

/// Puts the line of `access` into `line`, with its end.
pub(super) fn write(access: &Access, line: &mut Vec<u8>) {
    // A field added to `Access` has to be written here.
    let Access { seq, direction, window, offset, size, data, thread, time_ns, site } = access;
    line.extend_from_slice(br#"{"t":"access","seq":"#);
    decimal(*seq, line);
    line.extend_from_slice(br#","dir":""#);
    line.push(direction.letter() as u8);
    line.extend_from_slice(br#"","window":"#);
    decimal((*window).into(), line);
    line.extend_from_slice(br#","offset":"#);
    decimal(*offset, line);
    line.extend_from_slice(br#","size":"#);
    decimal((*size).into(), line);
    if let Some(data) = data {
        line.extend_from_slice(br#","data":"0x"#);
        for byte in data.bytes().iter().rev() {
            line.extend([byte >> 4, byte & 0xf].map(|digit| b"0123456789abcdef"[digit as usize]));
        }
        line.push(b'"');
    }
    line.extend_from_slice(br#","thread":"#);
    decimal((*thread).into(), line);
    if let Some(time_ns) = time_ns {
        line.extend_from_slice(br#","time_ns":"#);
        decimal(*time_ns, line);
    }
    if let Some(site) = site {
        line.extend_from_slice(br#","site":"#);
        decimal((*site).into(), line);
    }
    line.extend_from_slice(b"}\n");
}

fn decimal(mut value: u64, line: &mut Vec<u8>) {
    /// As many as `u64::MAX` has.
    const MOST_DIGITS: usize = 20;

    let mut digits = [0; MOST_DIGITS];
    let mut first = MOST_DIGITS;
    // Two at a time: dividing is what takes the time.
    while value >= 10 {
        let pair = (value % 100) as u8;
        value /= 100;
        first -= 2;
        digits[first] = b'0' + pair / 10;
        digits[first + 1] = b'0' + pair % 10;
    }
    if value > 0 || first == MOST_DIGITS {
        first -= 1;
        digits[first] = b'0' + value as u8;
    }
    line.extend_from_slice(&digits[first..]);
}
