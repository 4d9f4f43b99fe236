//! The class "loads and stores" of A64: Arm's Architecture Reference Manual, section C4.1.

/// A register that an address or a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Register {
    General(u8),
    StackPointer,
    Zero,
}

impl Register {
    /// What number 31 stands for depends on the place: here the zero register.
    fn value(number: u8) -> Register {
        if number == 31 { Register::Zero } else { Register::General(number) }
    }
}

/// What is added to the base register to make the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offset {
    Immediate(i64),
    /// A register, extended as `option` says, shifted left.
    Register {
        register: Register,
        option: u8,
        shift: u8,
    },
}

/// Whether the base register takes part in more than the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writeback {
    No,
    /// The base becomes the address before the access.
    Pre,
    /// The base is the address and moves afterwards.
    Post,
}

/// The registers that the data is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transfer {
    /// The low bytes of general registers, one after the other in memory.
    General { registers: [Register; 2], count: u8 },
    /// Vector registers, `count` of them from `first` on, `each` bytes a register, interleaved by
    /// elements of `element` bytes.
    Vectors { first: u8, count: u8, each: u8, element: u8 },
    /// Two vector registers of a pair.
    VectorPair { registers: [u8; 2] },
    /// None: the bytes become zero.
    Zeros,
    /// Element `index` of vector registers from `first` on, `element` bytes of each.
    Lane { first: u8, count: u8, element: u8, index: u8 },
}

/// What an instruction does at its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing: it keeps caches in step.
    Maintain,
    Load,
    Store,
    /// A load that a store may depend on.
    LoadExclusive,
    /// A store that may not happen; the register says 0 when it did.
    StoreExclusive {
        status: Register,
    },
    /// Reads into the transfer's register, and writes what `operation` makes of that and `operand`.
    Atomic {
        operation: Operation,
        operand: Register,
    },
    /// Compares with and reads into `expected`, and writes the transfer's registers.
    CompareAndSwap {
        expected: [Register; 2],
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Add,
    Clear,
    ExclusiveOr,
    Set,
    SignedMaximum,
    SignedMinimum,
    UnsignedMaximum,
    UnsignedMinimum,
    Swap,
}

/// One instruction of the class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Encoding {
    pub(super) word: u32,
    pub(super) base: Register,
    pub(super) offset: Offset,
    pub(super) writeback: Writeback,
    pub(super) action: Action,
    pub(super) transfer: Transfer,
    /// Bytes in memory, all registers together; of [`Transfer::Zeros`], which each CPU has its own
    /// block for, 0.
    pub(super) size: u32,
}

impl Encoding {
    /// Decodes an instruction; `None` for those that are not of the class, other than `dc`, and for
    /// those of it that are not known here: PC-relative and authenticated loads, tags, blocks of
    /// 64 bytes, SVE, `cpy` and `set`.
    pub(super) fn decode(word: u32) -> Option<Encoding> {
        const DC_ZVA: u32 = 0xd50b_7420;
        let field = Fields(word);
        match field.bits(29, 24) {
            _ if word & !31 == DC_ZVA => Some(field.block(Action::Store)),
            // `dc cvac`, `cvau`, `cvap`, `cvadp` and `civac`, and `ic ivau`.
            _ if word & !0xf1f == 0xd50b_7020
                && [5, 10, 11, 12, 13, 14].contains(&field.bits(11, 8)) =>
            {
                Some(field.block(Action::Maintain))
            }
            0b00_1000 => Some(field.exclusive()),
            0b00_1100 => field.structures(),
            0b00_1101 => Some(field.lane()),
            0b01_1001 => field.ordered(),
            0b10_1000 | 0b10_1001 | 0b10_1100 | 0b10_1101 => field.pair(),
            0b11_1000 | 0b11_1001 | 0b11_1100 | 0b11_1101 => field.single(),
            _ => None,
        }
    }

    /// The same instruction with another base register, which `dc zva` never needs.
    pub(super) fn with_base(&self, number: u8) -> u32 {
        self.word & !(31 << 5) | u32::from(number) << 5
    }

    /// Whether the instruction uses that register for anything but its address's base.
    pub(super) fn uses(&self, register: Register) -> bool {
        let in_transfer = match self.transfer {
            Transfer::General { registers, count } => {
                registers[..usize::from(count)].contains(&register)
            }
            _ => false,
        };
        let in_action = match self.action {
            Action::Maintain | Action::Load | Action::LoadExclusive | Action::Store => false,
            Action::StoreExclusive { status } => status == register,
            Action::Atomic { operand, .. } => operand == register,
            Action::CompareAndSwap { expected } => expected.contains(&register),
        };
        let in_offset =
            matches!(self.offset, Offset::Register { register: used, .. } if used == register);
        in_transfer || in_action || in_offset
    }
}

#[derive(Clone, Copy)]
struct Fields(u32);

impl Fields {
    fn bits(self, high: u32, low: u32) -> u8 {
        (self.0 >> low & ((1 << (high - low + 1)) - 1)) as u8
    }

    fn bit(self, at: u32) -> bool {
        self.0 >> at & 1 == 1
    }

    fn signed(self, high: u32, low: u32) -> i64 {
        i64::from((self.0 << (31 - high)) as i32 >> (31 - high + low))
    }

    fn rt(self) -> u8 {
        self.bits(4, 0)
    }

    fn base(self) -> Register {
        match self.bits(9, 5) {
            31 => Register::StackPointer,
            number => Register::General(number),
        }
    }

    fn rt2(self) -> u8 {
        self.bits(14, 10)
    }

    fn rm(self) -> u8 {
        self.bits(20, 16)
    }

    fn one(self) -> Transfer {
        Transfer::General { registers: [Register::value(self.rt()), Register::Zero], count: 1 }
    }

    fn load_if(is_load: bool) -> Action {
        if is_load { Action::Load } else { Action::Store }
    }

    /// At the base register itself.
    fn plain(self, action: Action, transfer: Transfer, size: u32) -> Encoding {
        Encoding {
            word: self.0,
            base: self.base(),
            offset: Offset::Immediate(0),
            writeback: Writeback::No,
            action,
            transfer,
            size,
        }
    }

    /// `dc` and `ic`, of the block that a register points into.
    fn block(self, action: Action) -> Encoding {
        let base = Register::value(self.rt());
        Encoding { base, ..self.plain(action, Transfer::Zeros, 0) }
    }

    /// Load/store exclusive, ordered, compare and swap.
    fn exclusive(self) -> Encoding {
        let size = 1_u32 << self.bits(31, 30);
        let (is_load, status) = (self.bit(22), Register::value(self.rm()));
        let registers = [Register::value(self.rt()), Register::value(self.rt2())];
        let pair = Transfer::General { registers, count: 2 };
        let action =
            if is_load { Action::LoadExclusive } else { Action::StoreExclusive { status } };
        match (self.bit(23), self.bit(21)) {
            (false, false) => self.plain(action, self.one(), size),
            (false, true) if self.bit(31) => self.plain(action, pair, 2 * size),
            (false, true) => {
                // `casp`: two consecutive registers of each kind, 32 or 64 bits each.
                let half = if self.bit(30) { 8 } else { 4 };
                let two = |first: u8| [first, first + 1].map(Register::value);
                let registers = two(self.rt() & !1);
                let transfer = Transfer::General { registers, count: 2 };
                let action = Action::CompareAndSwap { expected: two(self.rm() & !1) };
                self.plain(action, transfer, 2 * half)
            }
            (true, false) => self.plain(Fields::load_if(is_load), self.one(), size),
            (true, true) => {
                let action = Action::CompareAndSwap { expected: [status, Register::Zero] };
                self.plain(action, self.one(), size)
            }
        }
    }

    /// `ldapur`, `stlur` and relatives.
    fn ordered(self) -> Option<Encoding> {
        if self.bit(21) || self.bits(11, 10) != 0 {
            return None;
        }
        let size = 1 << self.bits(31, 30);
        let action = Fields::load_if(self.bits(23, 22) != 0);
        let offset = Offset::Immediate(self.signed(20, 12));
        Some(Encoding { offset, ..self.plain(action, self.one(), size) })
    }

    /// `ldp`, `stp`, `ldnp`, `stnp`, `ldpsw`.
    fn pair(self) -> Option<Encoding> {
        let is_vector = self.bit(26);
        let each = match (self.bits(31, 30), is_vector) {
            (0, _) => 4,
            (1, false) if self.bit(22) => 4,
            (1, true) | (2, false) => 8,
            (2, true) => 16,
            _ => return None,
        };
        let transfer = if is_vector {
            Transfer::VectorPair { registers: [self.rt(), self.rt2()] }
        } else {
            let registers = [self.rt(), self.rt2()].map(Register::value);
            Transfer::General { registers, count: 2 }
        };
        let writeback = match self.bits(24, 23) {
            0b01 => Writeback::Post,
            0b11 => Writeback::Pre,
            _ => Writeback::No,
        };
        let offset = Offset::Immediate(self.signed(21, 15) * i64::from(each));
        let plain = self.plain(Fields::load_if(self.bit(22)), transfer, 2 * each);
        Some(Encoding { offset, writeback, ..plain })
    }

    /// `ldr`, `str` and relatives of one register, and the atomic operations.
    fn single(self) -> Option<Encoding> {
        let (is_vector, opc) = (self.bit(26), self.bits(23, 22));
        let log = if is_vector && opc & 2 != 0 { 4 } else { self.bits(31, 30) };
        let has_register = !self.bit(24) && self.bit(21);
        if has_register && self.bits(11, 10) != 0b10 {
            return if is_vector { None } else { self.atomic() };
        }
        let is_known = match (is_vector, log, opc) {
            (true, 4, _) => self.bits(31, 30) == 0,
            // Prefetches.
            (false, 3, 2 | 3) | (false, 2, 3) => false,
            _ => true,
        };
        if !is_known {
            return None;
        }
        let size = 1 << log;
        let (action, transfer) = if is_vector {
            let each = size as u8;
            let transfer = Transfer::Vectors { first: self.rt(), count: 1, each, element: each };
            (Fields::load_if(opc & 1 != 0), transfer)
        } else {
            (Fields::load_if(opc != 0), self.one())
        };
        let (offset, writeback) = if self.bit(24) {
            let scaled = (self.0 >> 10 & 0xfff) << log;
            (Offset::Immediate(i64::from(scaled)), Writeback::No)
        } else if has_register {
            if !self.bit(14) {
                return None;
            }
            let shift = if self.bit(12) { log } else { 0 };
            let (register, option) = (Register::value(self.rm()), self.bits(15, 13));
            (Offset::Register { register, option, shift }, Writeback::No)
        } else {
            let writeback = match self.bits(11, 10) {
                0b01 => Writeback::Post,
                0b11 => Writeback::Pre,
                _ => Writeback::No,
            };
            (Offset::Immediate(self.signed(20, 12)), writeback)
        };
        Some(Encoding { offset, writeback, ..self.plain(action, transfer, size) })
    }

    /// `ldadd`, `swp` and relatives, and `ldapr`.
    fn atomic(self) -> Option<Encoding> {
        if self.bits(11, 10) != 0 {
            return None;
        }
        let size = 1 << self.bits(31, 30);
        let operation = match (self.bit(15), self.bits(14, 12)) {
            (false, 0) => Operation::Add,
            (false, 1) => Operation::Clear,
            (false, 2) => Operation::ExclusiveOr,
            (false, 3) => Operation::Set,
            (false, 4) => Operation::SignedMaximum,
            (false, 5) => Operation::SignedMinimum,
            (false, 6) => Operation::UnsignedMaximum,
            (false, 7) => Operation::UnsignedMinimum,
            (true, 0) => Operation::Swap,
            (true, 4) => return Some(self.plain(Action::Load, self.one(), size)),
            _ => return None,
        };
        let operand = Register::value(self.rm());
        Some(self.plain(Action::Atomic { operation, operand }, self.one(), size))
    }

    /// `ld1` to `ld4` and `st1` to `st4` of whole registers.
    fn structures(self) -> Option<Encoding> {
        let each: u8 = if self.bit(30) { 16 } else { 8 };
        let (count, is_interleaved) = match self.bits(15, 12) {
            0b0000 => (4, true),
            0b0010 => (4, false),
            0b0100 => (3, true),
            0b0110 => (3, false),
            0b0111 => (1, false),
            0b1000 => (2, true),
            0b1010 => (2, false),
            _ => return None,
        };
        let element = if is_interleaved { 1 << self.bits(11, 10) } else { each };
        let transfer = Transfer::Vectors { first: self.rt(), count, each, element };
        Some(self.structure(transfer, u32::from(each) * u32::from(count)))
    }

    /// `ld1` to `ld4` and `st1` to `st4` of one element, and those that load one into all.
    fn lane(self) -> Encoding {
        let count = ((self.bits(13, 13) << 1) | self.bits(21, 21)) + 1;
        let (q, s, size) = (self.bits(30, 30), self.bits(12, 12), self.bits(11, 10));
        let (log, index) = match self.bits(15, 14) {
            0 => (0, q << 3 | s << 2 | size),
            1 => (1, q << 2 | s << 1 | size >> 1),
            2 if size & 1 == 0 => (2, q << 1 | s),
            2 => (3, q),
            // Loaded into all: into the first as well.
            _ => (size, 0),
        };
        let element = 1_u8 << log;
        let transfer = Transfer::Lane { first: self.rt(), count, element, index };
        self.structure(transfer, u32::from(element) * u32::from(count))
    }

    fn structure(self, transfer: Transfer, size: u32) -> Encoding {
        let (offset, writeback) = match (self.bit(23), self.rm()) {
            (false, _) => (Offset::Immediate(0), Writeback::No),
            (true, 31) => (Offset::Immediate(i64::from(size)), Writeback::Post),
            (true, number) => {
                let register = Register::value(number);
                (Offset::Register { register, option: 0b011, shift: 0 }, Writeback::Post)
            }
        };
        let plain = self.plain(Fields::load_if(self.bit(22)), transfer, size);
        Encoding { offset, writeback, ..plain }
    }
}

#[cfg(test)]
mod tests {
    use busprobe_site::{Machine, disassemble};

    use super::*;

    /// `ldr x8, [x3, #16]!` in its parts.
    struct Words<'a> {
        mnemonic: &'a str,
        data: Vec<&'a str>,
        base: &'a str,
        immediate: Option<i64>,
        writeback: Writeback,
    }

    fn number(text: &str) -> i64 {
        match text.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16).expect("a number"),
            None => text.parse().expect("a number"),
        }
    }

    /// Of the disassembler's text, what can be compared; it leaves some operands undefined.
    fn words(text: &str) -> Option<Words<'_>> {
        let (mnemonic, operands) = text.split_once(' ')?;
        let (data, address) = operands.split_once('[')?;
        let (inside, after) = address.split_once(']')?;
        if text.contains("undefined") || data.contains('{') {
            return None;
        }
        let mut parts = inside.split(", ");
        let base = parts.next()?;
        let inner = parts.next().map(|part| part.strip_prefix('#').map(number));
        let outer = after.strip_prefix(", #").map(number);
        let writeback = match after {
            "" => Writeback::No,
            "!" => Writeback::Pre,
            _ => Writeback::Post,
        };
        let immediate = match inner {
            Some(inner) => inner,
            None => Some(outer.unwrap_or(0)),
        };
        let data = data.split(", ").map(str::trim).filter(|part| !part.is_empty()).collect();
        Some(Words { mnemonic, data, base, immediate, writeback })
    }

    impl Words<'_> {
        /// Prefetches, tags, authentication, and the extensions since Armv8.6.
        fn is_left_out(&self) -> bool {
            const STARTS: [&str; 20] = [
                "prf", "rprfm", "ldra", "ldg", "stg", "st2g", "stz", "ld64b", "st64b", "cpy",
                "set", "ldt", "stt", "gcs", "rcw", "ldf", "stf", "ldbf", "stbf", "swpp",
            ];
            const NAMES: [&str; 5] = ["ldap", "ldapp", "stlp", "ldatxr", "stltxr"];
            let starts = |start: &&str| self.mnemonic.starts_with(*start);
            STARTS.iter().any(starts)
                || NAMES.contains(&self.mnemonic)
                || ["ldclrp", "ldsetp"].iter().any(starts)
                || ["cas", "swp"].iter().any(starts) && self.mnemonic.contains('t')
        }

        fn has_status(&self) -> bool {
            self.mnemonic.starts_with("stx") || self.mnemonic.starts_with("stlx")
        }

        fn is_pair(&self) -> bool {
            self.mnemonic.starts_with("casp")
                || self.mnemonic.contains('p')
                    && self.data.len() - usize::from(self.has_status()) == 2
        }

        fn size(&self) -> u32 {
            let is_atomic = ["cas", "swp", "ldadd", "ldclr", "ldeor", "ldset", "ldsm", "ldum"]
                .iter()
                .any(|start| self.mnemonic.starts_with(start));
            let each = if self.mnemonic.ends_with("sw") {
                4
            } else if self.mnemonic.ends_with('b') {
                1
            } else if self.mnemonic.ends_with('h') {
                2
            } else {
                let register = self.data[usize::from(self.has_status())];
                match register.as_bytes()[0] {
                    b'w' | b's' => 4,
                    b'x' | b'd' => 8,
                    b'q' => 16,
                    b'h' => 2,
                    _ => 1,
                }
            };
            if self.is_pair() && !is_atomic || self.mnemonic.starts_with("casp") {
                2 * each
            } else {
                each
            }
        }
    }

    fn name(register: Register) -> String {
        match register {
            Register::General(number) => format!("x{number}"),
            Register::StackPointer => "sp".into(),
            Register::Zero => "xzr".into(),
        }
    }

    #[test]
    fn loads_and_stores_are_what_the_disassembler_calls_them() {
        let mut seed = 1_u64;
        let mut compared = 0;
        for _ in 0..400_000 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let word = (seed >> 32) as u32 & !(1 << 25) | 1 << 27;
            let text = disassemble(Machine::Aarch64, 0, &word.to_le_bytes());
            let Some(words) = text.as_deref().and_then(words) else { continue };
            if words.is_left_out() {
                continue;
            }
            let decoded = Encoding::decode(word);
            let text = text.as_deref().unwrap_or_default();
            let decoded = decoded.unwrap_or_else(|| panic!("{word:#010x} {text}"));
            let base = decoded.base;
            assert_eq!(name(base), words.base, "{word:#010x} {text}");
            assert_eq!(decoded.writeback, words.writeback, "{word:#010x} {text}");
            assert_eq!(decoded.size, words.size(), "{word:#010x} {text}");
            if let (Offset::Immediate(offset), Some(immediate)) = (decoded.offset, words.immediate)
            {
                assert_eq!(offset, immediate, "{word:#010x} {text}");
            }
            let is_store = words.mnemonic.starts_with("st");
            let stores = matches!(decoded.action, Action::Store | Action::StoreExclusive { .. });
            assert_eq!(is_store, stores, "{word:#010x} {text}");
            compared += 1;
        }
        assert!(compared > 100_000, "only {compared} were compared");
    }

    #[test]
    fn structures_of_vectors_have_their_size_and_registers() {
        let decoded = |word| Encoding::decode(word).expect("a load or store");
        // From `aarch64-linux-gnu-as`: st1 {v0.16b-v3.16b}, [x0]; ld4 {v4.4s-v7.4s}, [x1], #64;
        // st1 {v2.s}[3], [x5]; ld1r {v1.8h}, [x2].
        let st1 = decoded(0x4c00_2000);
        assert_eq!((st1.size, st1.action), (64, Action::Store));
        let ld4 = decoded(0x4cdf_0824);
        assert_eq!((ld4.size, ld4.writeback), (64, Writeback::Post));
        let lanes = Transfer::Vectors { first: 4, count: 4, each: 16, element: 4 };
        assert_eq!((ld4.transfer, ld4.offset), (lanes, Offset::Immediate(64)));
        let lane = Transfer::Lane { first: 2, count: 1, element: 4, index: 3 };
        assert_eq!(decoded(0x4d00_90a2).transfer, lane);
        assert_eq!(decoded(0x4d40_c441).size, 2);
    }

    #[test]
    fn a_block_becomes_zero_at_the_register_that_names_it() {
        // From `aarch64-linux-gnu-as`: dc zva, x3; dc cvac, x3.
        let zeroed = Encoding::decode(0xd50b_7423).expect("dc zva");
        assert_eq!((zeroed.base, zeroed.action), (Register::General(3), Action::Store));
        assert_eq!(zeroed.transfer, Transfer::Zeros);
        let cleaned = Encoding::decode(0xd50b_7a23).expect("dc cvac");
        assert_eq!((cleaned.base, cleaned.action), (Register::General(3), Action::Maintain));
    }

    #[test]
    fn another_base_register_is_the_only_change() {
        let stored = Encoding::decode(0xf900_0400).expect("str x0, [x0, #8]");
        assert!(stored.uses(Register::General(0)) && !stored.uses(Register::General(3)));
        assert_eq!(stored.with_base(3), 0xf900_0460);
    }
}
