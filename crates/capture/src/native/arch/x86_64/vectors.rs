//! The vector and mask registers, as `NT_X86_XSTATE` lays them out: Intel's manual, volume 1,
//! chapter 13, the standard format, with the places that CPUID leaf 0xD gives.

use std::arch::x86_64::__cpuid_count;
use std::sync::LazyLock;

use iced_x86::Register;
use nix::errno::Errno;

use crate::native::ptrace::{self, Tid};

/// `linux/elf.h`.
const NT_X86_XSTATE: libc::c_int = 0x202;
const CPUID_XSAVE: u32 = 0xd;

/// In the legacy region: the x87 unit's status word.
const X87_STATUS: usize = 2;
/// In the legacy region: 16 bytes a register, of the x87 unit from the top of its stack on.
const X87: usize = 32;
const XMM: usize = 160;
/// The bitmap of the components that are not in their initial state.
const XSTATE_BV: usize = 512;

/// State components by their number.
#[derive(Clone, Copy)]
enum Component {
    X87 = 0,
    Sse = 1,
    Avx = 2,
    Opmask = 5,
    ZmmHigh = 6,
    HighZmm = 7,
    ProtectionKeys = 9,
}

struct Layout {
    size: usize,
    offsets: [usize; 10],
}

static LAYOUT: LazyLock<Layout> = LazyLock::new(|| {
    let size = __cpuid_count(CPUID_XSAVE, 0).ecx.max(1024) as usize;
    let mut offsets = [0; 10];
    for component in [
        Component::Avx,
        Component::Opmask,
        Component::ZmmHigh,
        Component::HighZmm,
        Component::ProtectionKeys,
    ] {
        let number = component as usize;
        offsets[number] = __cpuid_count(CPUID_XSAVE, number as u32).ebx as usize;
    }
    Layout { size, offsets }
});

/// The vector and mask registers of a thread.
pub(crate) enum Vectors {
    /// All of them, as the kernel saves them.
    Saved(Vec<u8>),
    /// No more than was kept of them: one register, with all of its bytes.
    One(Register, [u8; 64]),
}

impl Vectors {
    /// Those of a stopped thread.
    pub(crate) fn read(tid: Tid) -> Result<Vectors, Errno> {
        let mut bytes = vec![0; LAYOUT.size];
        let length = ptrace::register_bytes(tid, NT_X86_XSTATE, &mut bytes)?;
        bytes.truncate(length);
        Ok(Vectors::Saved(bytes))
    }

    /// Registers that hold nothing.
    pub(crate) fn blank() -> Vectors {
        Vectors::Saved(vec![0; XSTATE_BV + 8])
    }

    /// Gives a stopped thread these registers, which have to be all.
    pub(crate) fn write(&self, tid: Tid) -> Result<(), Errno> {
        match self {
            Vectors::Saved(area) => ptrace::set_register_bytes(tid, NT_X86_XSTATE, area),
            Vectors::One(..) => Err(Errno::EINVAL),
        }
    }

    /// The same with the x87 unit as `fninit` leaves it: its stack empty, no exception pending.
    pub(super) fn with_empty_x87(&self) -> Option<Vectors> {
        let Vectors::Saved(area) = self else { return None };
        let mut area = area.clone();
        let saved = area.get_mut(XSTATE_BV..)?.first_chunk_mut()?;
        *saved = (u64::from_le_bytes(*saved) & !(1 << Component::X87 as u32)).to_le_bytes();
        Some(Vectors::Saved(area))
    }

    /// The same with a mask register that selects no more than the first so many elements.
    pub(super) fn with_narrow_mask(&self, register: Register, elements: usize) -> Option<Vectors> {
        let Vectors::Saved(area) = self else { return None };
        let narrow = self.mask(register)? & ((1 << elements) - 1);
        let mut area = area.clone();
        *area.get_mut(mask_place(register)..)?.first_chunk_mut()? = narrow.to_le_bytes();
        Some(Vectors::Saved(area))
    }

    /// Whether the thread may load from memory of protection key 0, which all has that was given no
    /// other, and store to it: Intel's manual, volume 3, section 4.6.2.
    pub(crate) fn allow_key_0(&self) -> bool {
        let Vectors::Saved(area) = self else { return true };
        let mut rights = [0; 4];
        let place = LAYOUT.offsets[Component::ProtectionKeys as usize];
        let read = copy(area, Component::ProtectionKeys, place, &mut rights);
        read.is_none() || rights[0].trailing_zeros() >= 2
    }

    /// The x87 unit's status word.
    fn x87_status(&self) -> Option<u16> {
        let Vectors::Saved(area) = self else { return None };
        let mut bytes = [0; 2];
        copy(area, Component::X87, X87_STATUS, &mut bytes)?;
        Some(u16::from_le_bytes(bytes))
    }

    /// Whether the x87 unit has said since it was last asked that a load found its stack full, or
    /// an operation empty.
    pub(crate) fn has_x87_stack_fault(&self) -> Option<bool> {
        self.x87_status().map(|status| status >> 6 & 1 == 1)
    }

    /// Whether the next instruction of the x87 unit raises an exception instead.
    pub(crate) fn is_x87_exception_pending(&self) -> Option<bool> {
        self.x87_status().map(|status| status >> 7 & 1 == 1)
    }

    /// All 64 bytes of the zmm register that `register` is the lower part of; an MMX register's 8,
    /// an x87 register's 10.
    pub(crate) fn bytes(&self, register: Register) -> Option<[u8; 64]> {
        match self {
            Vectors::Saved(area) => saved(area, register),
            Vectors::One(kept, bytes) => (*kept == register).then_some(*bytes),
        }
    }

    /// A mask register; `k0` as an operand means that nothing is masked.
    pub(crate) fn mask(&self, register: Register) -> Option<u64> {
        let Vectors::Saved(area) = self else { return None };
        let mut bytes = [0; 8];
        copy(area, Component::Opmask, mask_place(register), &mut bytes)?;
        Some(u64::from_le_bytes(bytes))
    }
}

/// Where a mask register is kept.
fn mask_place(register: Register) -> usize {
    LAYOUT.offsets[Component::Opmask as usize] + 8 * register.number()
}

/// Whether this CPU has protection keys.
pub(crate) fn has_protection_keys() -> bool {
    LAYOUT.offsets[Component::ProtectionKeys as usize] > 0
}

/// Finds out how this CPU lays out the state, which [`saved`] would otherwise do when it is first
/// asked.
pub(crate) fn prepare() {
    LazyLock::force(&LAYOUT);
}

/// A register's bytes in the state that the kernel saved, as [`Vectors::bytes`] gives them. It
/// allocates nothing.
pub(crate) fn saved(area: &[u8], register: Register) -> Option<[u8; 64]> {
    let mut all = [0; 64];
    if register.is_mm() {
        copy(area, Component::X87, X87 + 16 * register.number(), &mut all[..8])?;
        return Some(all);
    }
    if register.is_st() {
        copy(area, Component::X87, X87 + 16 * register.number(), &mut all[..10])?;
        return Some(all);
    }
    if !register.is_vector_register() {
        return None;
    }
    let number = register.number();
    if number < 16 {
        let place = |component: Component| LAYOUT.offsets[component as usize];
        copy(area, Component::Sse, XMM + 16 * number, &mut all[..16])?;
        if place(Component::Avx) > 0 {
            let start = place(Component::Avx) + 16 * number;
            copy(area, Component::Avx, start, &mut all[16..32])?;
        }
        if place(Component::ZmmHigh) > 0 {
            let start = place(Component::ZmmHigh) + 32 * number;
            copy(area, Component::ZmmHigh, start, &mut all[32..])?;
        }
    } else {
        let start = LAYOUT.offsets[Component::HighZmm as usize] + 64 * (number - 16);
        copy(area, Component::HighZmm, start, &mut all)?;
    }
    Some(all)
}

/// A component in its initial state is all zeroes and need not have been saved.
fn copy(area: &[u8], component: Component, start: usize, to: &mut [u8]) -> Option<()> {
    let saved = u64::from_le_bytes(*area.get(XSTATE_BV..)?.first_chunk()?);
    if saved >> component as u32 & 1 == 1 {
        to.copy_from_slice(area.get(start..start + to.len())?);
    }
    Some(())
}
