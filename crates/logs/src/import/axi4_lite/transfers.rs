//! What a link's wires carry at an edge of its clock.

use busprobe_trace::axi4_lite::Response;

use super::{Address, Bits, Link, ReadData, Reset, Role, Transfers, WriteData};

impl<T: Copy + PartialEq> Link<T> {
    /// Whether the link is in reset; a reset whose level is not known is one.
    pub(in crate::import) fn in_reset(&self, bits: impl Fn(T) -> Bits) -> bool {
        self.reset.is_some_and(|(id, level)| match level {
            Reset::Low => !bits(id).is_high(),
            Reset::High => !bits(id).is_low(),
        })
    }

    /// The transfers at an edge before which the wires have the values `bits`.
    pub(in crate::import) fn transfers(&self, bits: impl Fn(T) -> Bits) -> Transfers {
        let bits = |role| self.signal(role).map(&bits);
        let both_high = |valid, ready| {
            bits(valid).is_some_and(Bits::is_high) && bits(ready).is_some_and(Bits::is_high)
        };
        let address = |role| Address(bits(role).unwrap_or_default().whole(self.width(role)));
        let word = |role, strobes: u8| {
            let lanes = (0..8).filter(|lane| strobes >> lane & 1 == 1);
            let mask = lanes.fold(0, |mask, lane| mask | 0xFF << (8 * lane));
            bits(role).unwrap_or_default().in_mask(mask)
        };
        let response = |role| Response(bits(role).map_or(0, |bits| (bits.low() & 3) as u8));
        let lanes = |role| ((1u16 << (self.width(role) / 8).min(8)) - 1) as u8;

        let mut transfers = Transfers::default();
        if both_high(Role::AwValid, Role::AwReady) {
            transfers.aw = Some(address(Role::AwAddr));
        }
        if both_high(Role::WValid, Role::WReady) {
            let all = lanes(Role::WData);
            let strobes = bits(Role::WStrb).map_or(all, |bits| bits.low() as u8 & all);
            transfers.w = Some(WriteData { data: word(Role::WData, strobes), strobes });
        }
        if both_high(Role::BValid, Role::BReady) {
            transfers.b = Some(response(Role::BResp));
        }
        if both_high(Role::ArValid, Role::ArReady) {
            transfers.ar = Some(address(Role::ArAddr));
        }
        if both_high(Role::RValid, Role::RReady) {
            let data = word(Role::RData, lanes(Role::RData));
            transfers.r = Some(ReadData { data, response: response(Role::RResp) });
        }
        transfers
    }
}
