//! QEMU's `mem` plugin with `print-accesses=true` (`tests/tcg/plugins/mem.c` in the QEMU sources).
//!
//! ```text
//! insn_vaddr,insn_symbol,mem_vaddr,mem_hwaddr,access_size,access_type,mem_value
//! 0x4000801b40,memcpy,0x40008048a0,0x8a0,32,store,0x03020100
//! ```
//! The size is in bits. Addresses are the program's own (virtual).

use busprobe_trace::{Data, Direction};

use super::out::{Out, Seen};
use super::scan::{self, Scan};
use super::sites::Code;
use super::{Dialect, Expected, Reading};

const HEADER: &[u8] =
    b"insn_vaddr,insn_symbol,mem_vaddr,mem_hwaddr,access_size,access_type,mem_value";
const FORM: Expected = "\"0x4000801b40,memcpy,0x40008048a0,0x8a0,32,store,0x03020100\"";

pub(super) struct QemuMem;

pub(super) fn claims(line: &[u8]) -> bool {
    line == HEADER || access(line).is_some()
}

fn access(line: &[u8]) -> Option<Seen<'_>> {
    let mut scan = Scan::new(line);
    let pc = scan.hex()?;
    // A symbol of C++ may have commas in it, so the other columns are counted from the end.
    if !scan.skip(",") {
        return None;
    }
    let mut columns = scan.rest().rsplitn(6, |&byte| byte == b',');
    let mut next = || columns.next();
    let (value, direction, bits) = (next()?, next()?, next()?);
    let (_hardware_address, address, symbol) = (next()?, next()?, next()?);

    let direction = match direction {
        b"load" => Direction::Read,
        b"store" => Direction::Write,
        _ => return None,
    };
    let address = whole(address, Scan::hex)?;
    let bits = whole(bits, Scan::decimal)?;
    let size = scan::size(bits / 8).filter(|_| bits % 8 == 0)?;
    let symbol = if symbol == b"(null)" { &b""[..] } else { symbol };
    Some(Seen {
        data: Some(data(value, size)?),
        code: Some(Code { pc, symbol }),
        ..Seen::new(direction, address, size)
    })
}

/// The number that is all of `text`.
fn whole<'a>(text: &'a [u8], number: fn(&mut Scan<'a>) -> Option<u64>) -> Option<u64> {
    let mut scan = Scan::new(text);
    number(&mut scan).filter(|_| scan.is_empty())
}

/// `0x` and two digits a byte, most significant first.
fn data(value: &[u8], size: u32) -> Option<Data> {
    let digits = value.strip_prefix(b"0x")?;
    if digits.len() != 2 * size as usize {
        return None;
    }
    let mut bytes = [0; Data::MAX];
    for (byte, pair) in bytes.iter_mut().zip(digits.rchunks(2)) {
        let mut scan = Scan::new(pair);
        *byte = scan.hex_digits().filter(|_| scan.is_empty())? as u8;
    }
    Some(Data::new(&bytes[..size as usize]))
}

impl Dialect for QemuMem {
    fn read(&mut self, line: &[u8], out: &mut Out) -> Result<Reading, Expected> {
        if line == HEADER {
            return Ok(Reading::Own);
        }
        if !line.starts_with(b"0x") || !line.contains(&b',') {
            return Ok(Reading::Foreign);
        }
        out.access(access(line).ok_or(FORM)?);
        Ok(Reading::Own)
    }
}
