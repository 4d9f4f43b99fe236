//! The instructions from a load-exclusive to its store-exclusive, run as one.
//!
//! Each exception clears the monitor that tells the store whether anything came between (Arm's
//! Architecture Reference Manual, section B2.12): stepped one by one, the store would never succeed,
//! and a program that repeats it until it does would never end. So all of them run from the stub,
//! with a breakpoint wherever they leave it.

use super::encoding::{Action, Encoding, Register, Transfer};

/// As many instructions as are looked through for the store.
pub(super) const MOST: usize = 16;
/// `brk #0`.
const BREAKPOINT: u32 = 0xd420_0000;

/// From a load-exclusive to the store-exclusive at the same address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exclusive {
    /// What runs at the stub.
    pub(super) code: Vec<u32>,
    /// For each word of it, where the program is that stops there.
    pub(super) origins: Vec<u64>,
    /// Which word of it stores.
    pub(super) store_at: usize,
    /// Has the address, in place of the program's own base register.
    pub(super) address: Register,
    /// Keep what was loaded.
    pub(super) copies: [Register; 2],
    pub(super) load: Encoding,
    pub(super) store: Encoding,
}

impl Exclusive {
    /// Decodes the instructions at `pc`; `None` when they are not a load-exclusive and, some
    /// arithmetic and branches out later, its store.
    pub(super) fn decode(pc: u64, words: &[u32]) -> Option<Exclusive> {
        let load = Encoding::decode(*words.first()?)?;
        let Register::General(base) = load.base else { return None };
        if load.action != Action::LoadExclusive || load.uses(load.base) {
            return None;
        }
        let (length, store) =
            words.iter().enumerate().take(MOST).skip(1).find_map(|(at, word)| {
                let store = Encoding::decode(*word)?;
                matches!(store.action, Action::StoreExclusive { .. }).then_some((at, store))
            })?;
        let body = &words[1..length];
        let is_simple =
            |word: &u32| is_hint(*word) || branch(*word).is_some() || is_arithmetic(*word);
        let changes_base = |word: &u32| is_arithmetic(*word) && *word & 31 == u32::from(base);
        if store.base != load.base
            || store.size != load.size
            || !body.iter().all(is_simple)
            || body.iter().any(changes_base)
        {
            return None;
        }
        // Whatever a field holds, it is kept from.
        let fields =
            words[..=length].iter().flat_map(|word| [0, 5, 10, 16].map(|at| word >> at & 31));
        let used = fields.fold(0_u32, |used, number| used | 1 << number);
        let mut free = (0..=30).filter(|number| used >> number & 1 == 0);
        let (address, copies) = (free.next()?, [free.next()?, free.next()?]);

        let Transfer::General { registers, count } = load.transfer else { return None };
        let mut code = vec![load.with_base(address)];
        let mut origins = vec![pc];
        let next = pc + 4;
        for (copy, loaded) in copies.into_iter().zip(registers).take(count.into()) {
            code.push(copy_of(loaded, copy));
            origins.push(next);
        }
        let body_at = code.len();
        code.extend(body);
        origins.extend((0..=body.len() as u64).map(|number| next + 4 * number));
        let store_at = code.len();
        code.extend([store.with_base(address), BREAKPOINT]);
        let end = pc + 4 * (length as u64 + 1);
        origins.push(end);
        for (number, word) in body.iter().enumerate() {
            let Some(branch) = branch(*word) else { continue };
            let target = (next + 4 * number as u64).wrapping_add_signed(branch.distance(*word));
            if (next..end).contains(&target) {
                return None;
            }
            let at = body_at + number;
            code[at] = branch.with_distance(*word, (code.len() - at) as u32);
            code.push(BREAKPOINT);
            origins.push(target);
        }
        let [address, copies @ ..] = [address, copies[0], copies[1]].map(Register::General);
        Some(Exclusive { code, origins, store_at, address, copies, load, store })
    }
}

/// `orr copy, xzr, register`.
fn copy_of(register: Register, copy: u8) -> u32 {
    let number = if let Register::General(number) = register { number } else { 31 };
    0xaa00_03e0 | u32::from(number) << 16 | u32::from(copy)
}

/// Calculates with registers alone: the classes "data processing" of section C4.1, but for what is
/// relative to the program counter.
fn is_arithmetic(word: u32) -> bool {
    let is_relative = word & 0x1f00_0000 == 0x1000_0000;
    match word >> 25 & 15 {
        0b1000 | 0b1001 => !is_relative,
        class => class & 0b0101 == 0b0101,
    }
}

/// Hints and barriers.
fn is_hint(word: u32) -> bool {
    word & 0xffff_f01f == 0xd503_201f || word & 0xffff_f01f == 0xd503_301f
}

/// Where a conditional branch has its distance, in words.
#[derive(Clone, Copy)]
struct Branch {
    bits: u32,
}

impl Branch {
    const LOWEST: u32 = 5;

    /// In bytes.
    fn distance(self, word: u32) -> i64 {
        let above = 32 - Self::LOWEST - self.bits;
        4 * i64::from((word << above) as i32 >> (above + Self::LOWEST))
    }

    fn with_distance(self, word: u32, words: u32) -> u32 {
        let mask = ((1 << self.bits) - 1) << Self::LOWEST;
        word & !mask | words << Self::LOWEST & mask
    }
}

/// `b.cond`, `cbz` and `cbnz`, `tbz` and `tbnz`.
fn branch(word: u32) -> Option<Branch> {
    let is_conditional = word & 0xff00_0000 == 0x5400_0000;
    match word & 0x7e00_0000 {
        _ if is_conditional => Some(Branch { bits: 19 }),
        0x3400_0000 => Some(Branch { bits: 19 }),
        0x3600_0000 => Some(Branch { bits: 14 }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use busprobe_site::{Machine, disassemble};

    use super::*;

    fn texts(exclusive: &Exclusive) -> Vec<String> {
        let text = |word: &u32| disassemble(Machine::Aarch64, 0, &word.to_le_bytes());
        exclusive.code.iter().map(|word| text(word).expect("an instruction")).collect()
    }

    // All words here are from `aarch64-linux-gnu-as`.

    /// `1: ldxr w1, [x0]; add w2, w1, #1; stxr w3, w2, [x0]; cbnz w3, 1b`.
    const INCREMENT: [u32; 4] = [0x885f_7c01, 0x1100_0422, 0x8803_7c02, 0x35ff_ffa3];
    /// `1: ldaxr x1, [x0]; cmp x1, x2; b.ne 2f; stlxr w4, x3, [x0]; cbnz w4, 1b; 2:`.
    const COMPARE: [u32; 5] = [0xc85f_fc01, 0xeb02_003f, 0x5400_0061, 0xc804_fc03, 0x35ff_ff84];

    #[test]
    fn an_increment_runs_with_another_base_and_keeps_what_it_loaded() {
        let exclusive = Exclusive::decode(0x1000, &INCREMENT).expect("a sequence");
        assert_eq!((exclusive.load.size, exclusive.store_at), (4, 3));
        assert_eq!(exclusive.origins, [0x1000, 0x1004, 0x1004, 0x1008, 0x100c]);
        let texts = texts(&exclusive);
        let (Register::General(address), Register::General(copy)) =
            (exclusive.address, exclusive.copies[0])
        else {
            panic!("general registers")
        };
        assert!(texts[0].ends_with(&format!("[x{address}]")), "{texts:?}");
        assert!(texts[1].contains(&format!("x{copy}")), "{texts:?}");
        assert!(texts[3].ends_with(&format!("w2, [x{address}]")), "{texts:?}");
        assert!([0, 1, 2, 3].iter().all(|used| ![address, copy].contains(used)));
    }

    #[test]
    fn a_branch_out_ends_at_a_breakpoint_of_its_own() {
        let exclusive = Exclusive::decode(0x1000, &COMPARE).expect("a sequence");
        // The load, the copy, two of its own, the store; then where it ends, and where it leaves.
        assert_eq!(exclusive.code.len(), 7);
        assert_eq!(exclusive.code[5..], [BREAKPOINT; 2]);
        assert_eq!(exclusive.origins[4..], [0x100c, 0x1010, 0x1014]);
        let jump = exclusive.code[3];
        assert_eq!(branch(jump).map(|branch| branch.distance(jump)), Some(4 * 3));
        assert_eq!(jump & 31, 1, "still b.ne");
    }

    #[test]
    fn a_spinlock_that_is_taken_goes_back_to_its_load() {
        // 1: ldaxr w1, [x0]; cbnz w1, 1b; stxr w1, w2, [x0].
        let words = [0x885f_fc01, 0x35ff_ffe1, 0x8801_7c02];
        let exclusive = Exclusive::decode(0x1000, &words).expect("a sequence");
        assert_eq!(exclusive.origins.last(), Some(&0x1000));
    }

    #[test]
    fn a_pair_keeps_both_of_what_it_loaded() {
        // ldxp x1, x2, [x0]; stxp w3, x4, x5, [x0].
        let exclusive = Exclusive::decode(0x1000, &[0xc87f_0801, 0xc823_1404]).expect("a sequence");
        assert_eq!((exclusive.load.size, exclusive.code.len()), (16, 5));
        assert_ne!(exclusive.copies[0], exclusive.copies[1]);
    }

    #[test]
    fn what_is_no_plain_sequence_is_left_alone() {
        let [load, add, store, _] = INCREMENT;
        let nop = 0xd503_201f;
        // ldr w5, [x6]; b .; adr x5, .; add x0, x0, #4; stxr w3, w2, [x7]; stxrb w3, w2, [x0].
        for odd in [0xb940_00c5, 0x1400_0000, 0x1000_0005, 0x9100_1000] {
            assert_eq!(Exclusive::decode(0, &[load, odd, store]), None, "{odd:#x}");
        }
        for other_store in [0x8803_7ce2, 0x0803_7c02] {
            assert_eq!(Exclusive::decode(0, &[load, add, other_store]), None);
        }
        assert_eq!(Exclusive::decode(0, &[load, add]), None);
        assert_eq!(Exclusive::decode(0, &[add, store]), None);
        // b.eq to the store itself.
        assert_eq!(Exclusive::decode(0, &[load, 0x5400_0040, nop, store]), None);
        let far = [&[load][..], &[nop; MOST], &[store]].concat();
        assert_eq!(Exclusive::decode(0, &far), None);
    }
}
