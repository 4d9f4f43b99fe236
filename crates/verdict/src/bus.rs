//! Buses, and how an access is put on them.

use busprobe_trace::{Access, Data};

use crate::Beat;

/// A model of a bus: what transactions an access becomes.
pub trait Bus {
    /// As `--bus` names it.
    fn name(&self) -> &str;

    /// Bytes that one transaction carries at the most.
    fn width(&self) -> u32;

    /// Puts the transactions of `access` into `beats`, in bus order.
    fn lower(&self, access: &Access, beats: &mut Vec<Beat>);
}

/// The bus of that name.
#[must_use]
pub fn bus_by_name(name: &str) -> Option<Box<dyn Bus + Send + Sync>> {
    Some(match name {
        "axi4-lite-32" => Box::new(AxiLite::BITS_32),
        "axi4-lite-64" => Box::new(AxiLite::BITS_64),
        "device" => Box::new(Device),
        _ => return None,
    })
}

/// AXI4-Lite: one transaction for each bus word that the access touches, at ascending addresses,
/// with strobes for the bytes touched (Arm IHI 0022, B1.1: no bursts, all transactions of the full
/// data bus width).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AxiLite {
    bytes: u32,
}

impl AxiLite {
    /// The 32-bit data bus that most register files have.
    pub const BITS_32: AxiLite = AxiLite { bytes: 4 };
    /// The 64-bit data bus.
    pub const BITS_64: AxiLite = AxiLite { bytes: 8 };
}

impl Bus for AxiLite {
    fn name(&self) -> &'static str {
        if self.bytes == 4 { "axi4-lite-32" } else { "axi4-lite-64" }
    }

    fn width(&self) -> u32 {
        self.bytes
    }

    fn lower(&self, access: &Access, beats: &mut Vec<Beat>) {
        let width = u64::from(self.bytes);
        let mut offset = access.offset;
        while offset < access.end() {
            let word_end = (offset / width + 1).saturating_mul(width);
            let end = word_end.min(access.end());
            beats.push(piece(access, offset, (end - offset) as u32));
            offset = end;
        }
    }
}

/// As the instruction issued it: one transaction an access, of the access's own width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device;

impl Bus for Device {
    fn name(&self) -> &'static str {
        "device"
    }

    fn width(&self) -> u32 {
        Data::MAX as u32
    }

    fn lower(&self, access: &Access, beats: &mut Vec<Beat>) {
        beats.push(piece(access, access.offset, access.size));
    }
}

/// The part of `access` at `offset`, of `size` bytes.
fn piece(access: &Access, offset: u64, size: u32) -> Beat {
    let skipped = (offset - access.offset) as usize;
    let data = access
        .data
        .as_ref()
        .and_then(|data| data.bytes().get(skipped..skipped + size as usize).map(Data::new));
    Beat { direction: access.direction, offset, size, data }
}
