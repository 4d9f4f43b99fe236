//! The registers of the control port, as `hdl/axil_recorder.svd` has them.

/// A register, by its byte offset in the control port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Register {
    /// [`Register::ID_VALUE`] in every recorder.
    Id = 0x000,
    /// What the core was built for.
    Link = 0x004,
    /// Records that its memory holds.
    Capacity = 0x008,
    /// The link's clock in Hz.
    Clock = 0x00C,
    /// What is recorded.
    Control = 0x010,
    /// What happened since the last clear.
    Status = 0x014,
    /// Records in the memory.
    Level = 0x018,
    /// Transactions that were not recorded.
    Lost = 0x01C,
    /// Filter: first byte address, low half.
    FirstLow = 0x020,
    /// Its high half.
    FirstHigh = 0x024,
    /// Filter: last byte address, low half.
    LastLow = 0x028,
    /// Its high half.
    LastHigh = 0x02C,
    /// The oldest record, word by word.
    Record = 0x040,
}

impl Register {
    /// All of them, by their names in the register map.
    pub const ALL: [(&str, Register); 13] = [
        ("ID", Register::Id),
        ("LINK", Register::Link),
        ("CAPACITY", Register::Capacity),
        ("CLOCK", Register::Clock),
        ("CONTROL", Register::Control),
        ("STATUS", Register::Status),
        ("LEVEL", Register::Level),
        ("LOST", Register::Lost),
        ("FIRST_LOW", Register::FirstLow),
        ("FIRST_HIGH", Register::FirstHigh),
        ("LAST_LOW", Register::LastLow),
        ("LAST_HIGH", Register::LastHigh),
        ("RECORD", Register::Record),
    ];

    /// What [`Register::Id`] reads as.
    pub const ID_VALUE: u32 = 0x4250_5231;
}

/// Bits of CONTROL.
pub(crate) mod control {
    pub(crate) const ARM: u32 = 1 << 0;
    pub(crate) const CLEAR: u32 = 1 << 1;
    pub(crate) const SKIP_READS: u32 = 1 << 2;
    pub(crate) const SKIP_WRITES: u32 = 1 << 3;
}
