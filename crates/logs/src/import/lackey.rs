//! Valgrind's lackey with `--trace-mem=yes` (`lackey/lk_main.c` in the Valgrind sources).
//!
//! ```text
//! I  0401ab73,5
//!  S 1fff000778,8
//!  L 0421d708,8
//!  M 0421d710,4
//! ```
//! The size is in bytes, addresses are the program's own, and there is no data. `I` is the
//! instruction that the lines after it belong to; `M` is a load and a store.

use busprobe_trace::Direction;

use super::out::{Out, Seen};
use super::scan::{self, Scan};
use super::sites::Code;
use super::{Dialect, Expected, Reading};

const FORM: Expected = "\" S 1fff000778,8\"";

/// The instruction at work.
#[derive(Default)]
pub(super) struct Lackey {
    pc: Option<u64>,
}

pub(super) fn claims(line: &[u8]) -> bool {
    parts(line).is_some_and(|(_, mut scan)| place(&mut scan).is_some())
}

fn parts(line: &[u8]) -> Option<(u8, Scan<'_>)> {
    let mut scan = Scan::new(line);
    let kind = ["I  ", " L ", " S ", " M "].into_iter().find(|kind| scan.skip(kind))?;
    Some((kind.trim().as_bytes()[0], scan))
}

fn place(scan: &mut Scan) -> Option<(u64, u64)> {
    let address = scan.hex_digits()?;
    let size = scan.decimal_after(",")?;
    scan.is_empty().then_some((address, size))
}

impl Dialect for Lackey {
    fn read(&mut self, line: &[u8], out: &mut Out) -> Result<Reading, Expected> {
        let Some((kind, mut scan)) = parts(line) else { return Ok(Reading::Foreign) };
        let (address, bytes) = place(&mut scan).ok_or(FORM)?;
        if kind == b'I' {
            self.pc = Some(address);
            return Ok(Reading::Own);
        }
        let size = scan::size(bytes).ok_or("a size of 1 to 64 bytes")?;
        let code = self.pc.map(|pc| Code { pc, symbol: b"" });
        let mut put = |direction| out.access(Seen { code, ..Seen::new(direction, address, size) });
        match kind {
            b'L' => put(Direction::Read),
            b'S' => put(Direction::Write),
            _ => {
                put(Direction::Read);
                put(Direction::Write);
            }
        }
        Ok(Reading::Own)
    }
}
