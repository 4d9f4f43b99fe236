//! Samples of an integrated logic analyzer on an AXI4-Lite link, as Vivado's `write_hw_ila_data
//! -csv_file` writes them (UG908).
//!
//! ```text
//! Sample in Buffer,Sample in Window,TRIGGER,u/s_axi_awaddr[31:0],u/s_axi_awvalid,...
//! Radix - UNSIGNED,UNSIGNED,UNSIGNED,HEX,HEX,...
//! 0,0,1,00000010,1,...
//! ```
//! A row is one clock. The link's wires are found by their names. Windows follow one another with
//! a gap between them, of which nothing is known.

use busprobe_trace::axi4_lite::TransactionWriter;
use busprobe_trace::{LossKind, Record, Sink};

use super::axi4_lite::{Bits, Link, Pairing, Role, Signal, find_links};
use super::out::{Out, Seen};
use super::scan::{self, Scan};
use super::{Dialect, Expected, Reading};

const BEGIN: &[u8] = b"Sample in Buffer,Sample in Window";
const ROW: Expected = "a row with a value for each column of the header";
const LINK: Expected = "a header with the wires of one AXI4-Lite link: ..awaddr, ..awvalid, \
    ..awready, ..wdata, ..wvalid, ..wready, ..bvalid, ..bready, or those of its reads";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Radix {
    Hexadecimal,
    Decimal,
    Binary,
}

#[derive(Default)]
pub(super) struct Ila {
    header: Option<Header>,
    pairing: Pairing,
    /// The row within the window, of the row before.
    previous: Option<u64>,
}

struct Header {
    link: Link<usize>,
    radices: Vec<Radix>,
    data_bits: u32,
}

pub(super) fn claims(line: &[u8]) -> bool {
    line.starts_with(BEGIN)
}

fn columns(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b',').map(<[u8]>::trim_ascii)
}

/// `u_top/s_axi_awaddr[31:0]`
fn signal(id: usize, column: &[u8]) -> Signal<usize> {
    let column = scan::text(column);
    let (path, width) = match column.split_once('[') {
        Some((path, range)) => {
            let (high, low) = range.trim_end_matches(']').split_once(':').unwrap_or(("0", "0"));
            let bits = |text: &str| text.parse::<u32>().unwrap_or(0);
            (path, bits(high).abs_diff(bits(low)).saturating_add(1))
        }
        None => (&*column, 1),
    };
    let (scope, name) = path.rsplit_once('/').unwrap_or(("", path));
    Signal { scope: scope.replace('/', "."), name: name.to_owned(), width, id }
}

fn header(names: &[u8]) -> Result<Header, Expected> {
    let wires: Vec<_> =
        columns(names).enumerate().skip(2).map(|(id, column)| signal(id, column)).collect();
    let [link]: [Link<usize>; 1] = find_links(&wires).try_into().map_err(|_| LINK)?;
    let data_bits = link.width(Role::WData).max(link.width(Role::RData));
    if link.signal(Role::Burst).is_some() || !matches!(data_bits, 32 | 64) {
        return Err("an AXI4-Lite link: data of 32 or 64 bits, no bursts");
    }
    Ok(Header { link, radices: Vec::new(), data_bits })
}

fn radix(column: &[u8]) -> Radix {
    match column {
        b"UNSIGNED" | b"DECIMAL" => Radix::Decimal,
        b"BINARY" => Radix::Binary,
        _ => Radix::Hexadecimal,
    }
}

impl Header {
    /// What a cell says; what cannot be read is not known.
    fn bits(&self, row: &[&[u8]], column: usize) -> Bits {
        let cell = row.get(column).copied().unwrap_or_default();
        let mut scan = Scan::new(cell);
        let value = match self.radices.get(column).unwrap_or(&Radix::Hexadecimal) {
            Radix::Hexadecimal => scan.hex_digits().filter(|_| scan.is_empty()),
            Radix::Decimal => scan.decimal().filter(|_| scan.is_empty()),
            Radix::Binary => std::str::from_utf8(cell)
                .ok()
                .and_then(|digits| u64::from_str_radix(digits, 2).ok()),
        };
        value.map_or_else(Bits::default, Bits::known)
    }
}

/// The records of one transaction, as another trace has them.
struct Into<'a>(&'a mut Out);

impl Sink for Into<'_> {
    fn put(&mut self, record: &Record) -> std::io::Result<()> {
        match record {
            Record::Access(access) => self.0.access(Seen {
                data: access.data,
                ..Seen::new(access.direction, access.offset, access.size)
            }),
            Record::Loss(loss) => self.0.loss(loss.kind, loss.detail.clone(), loss.count),
            _ => {}
        }
        Ok(())
    }
}

impl Ila {
    fn row(&mut self, line: &[u8], out: &mut Out) -> Result<(), Expected> {
        let header = self.header.as_ref().ok_or(LINK)?;
        let row: Vec<&[u8]> = columns(line).collect();
        let sample = Scan::new(row.get(1).ok_or(ROW)?).decimal().ok_or(ROW)?;
        if header.link.signals().any(|column| row.get(column).is_none_or(|cell| cell.is_empty())) {
            return Err(ROW);
        }
        if self.previous.is_some_and(|previous| sample <= previous) {
            self.pairing.reset();
            let detail = format!("line {}: a new window of the analyzer, after a gap", out.line);
            out.loss(LossKind::Missed, detail, None);
        }
        self.previous = Some(sample);
        let bits = |column| header.bits(&row, column);
        if header.link.in_reset(bits) {
            self.pairing.reset();
            return Ok(());
        }
        for transaction in self.pairing.cycle(&header.link.transfers(bits)) {
            let mut writer = TransactionWriter::new(Into(out), header.data_bits, 0);
            writer.put(&transaction, None).map_err(|_| ROW)?;
        }
        Ok(())
    }
}

impl Dialect for Ila {
    fn read(&mut self, line: &[u8], out: &mut Out) -> Result<Reading, Expected> {
        if claims(line) {
            self.header = Some(header(line)?);
        } else if let Some(radices) = line.strip_prefix(b"Radix - ") {
            if let Some(header) = &mut self.header {
                header.radices = columns(radices).map(radix).collect();
            }
        } else if line.first().is_some_and(u8::is_ascii_digit) {
            self.row(line, out)?;
        } else {
            return Ok(Reading::Foreign);
        }
        Ok(Reading::Own)
    }

    fn finish(&mut self, out: &mut Out) {
        for (count, detail) in self.pairing.missed() {
            out.loss(LossKind::Missed, detail, Some(count));
        }
    }
}
