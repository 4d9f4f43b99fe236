//! All access assembly: the only instructions of busprobe that touch a window.
//!
//! Each is one load or store of the element's own width through a plain base register: no
//! writeback, no pairs, no vectors. A hypervisor can emulate those from the syndrome alone (Arm
//! ARM DDI 0487, `ESR_ELx.ISV`), and no compiler merges or splits what it cannot see into.
//!
//! Every access instruction has an [`Entry`] in the section `busprobe_access`: where it is, how
//! wide it is, and where to go on when it faults. The fault handler finds its way by that table,
//! and a test disassembles exactly the instructions that the table lists.

use std::arch::asm;

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
compile_error!("busprobe-mmio has access instructions for x86-64, AArch64 and RISC-V 64 only");

/// 0 when all accesses of the block were made; what [`crate::fault`] put there otherwise.
pub(crate) type Status = u64;

/// One access instruction, as the section `busprobe_access` lists it.
#[repr(C)]
pub(crate) struct Entry {
    /// The instruction, in bytes from this field.
    instruction: i32,
    /// Where to go on after a fault, in bytes from this field.
    landing: i32,
    /// Which access of its block this is.
    pub(crate) index: u8,
    /// The access's width in bytes.
    pub(crate) bytes: u8,
    /// 0 for a load, 1 for a store.
    pub(crate) store: u8,
    reserved: u8,
}

impl Entry {
    /// The instruction's address.
    pub(crate) fn instruction(&self) -> usize {
        (&raw const self.instruction).addr().wrapping_add_signed(self.instruction as isize)
    }

    /// The address to go on at after a fault.
    pub(crate) fn landing(&self) -> usize {
        (&raw const self.landing).addr().wrapping_add_signed(self.landing as isize)
    }
}

/// Every access instruction of this program or library.
pub(crate) fn entries() -> &'static [Entry] {
    // The linker names the ends of a section whose name is a C identifier.
    unsafe extern "C" {
        static __start_busprobe_access: Entry;
        static __stop_busprobe_access: Entry;
    }
    // A program that makes no access has the section too.
    // SAFETY: no instruction, and nothing in the section.
    unsafe { asm!(".pushsection busprobe_access, \"aR\", @progbits\n.popsection") };
    let (start, stop) = (&raw const __start_busprobe_access, &raw const __stop_busprobe_access);
    // SAFETY: the section is an array of entries that the blocks below put there, read-only.
    unsafe {
        let count = stop.offset_from_unsigned(start);
        std::slice::from_raw_parts(start, count)
    }
}

/// The text of one access instruction: `load 4 "value" "pointer"`.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
macro_rules! instruction {
    (load 1 $v:literal $p:literal) => { concat!("movzx {", $v, ":e}, byte ptr [{", $p, "}]") };
    (load 2 $v:literal $p:literal) => { concat!("movzx {", $v, ":e}, word ptr [{", $p, "}]") };
    (load 4 $v:literal $p:literal) => { concat!("mov {", $v, ":e}, dword ptr [{", $p, "}]") };
    (load 8 $v:literal $p:literal) => { concat!("mov {", $v, ":r}, qword ptr [{", $p, "}]") };
    (store 1 $v:literal $p:literal) => { concat!("mov byte ptr [{", $p, "}], {", $v, ":l}") };
    (store 2 $v:literal $p:literal) => { concat!("mov word ptr [{", $p, "}], {", $v, ":x}") };
    (store 4 $v:literal $p:literal) => { concat!("mov dword ptr [{", $p, "}], {", $v, ":e}") };
    (store 8 $v:literal $p:literal) => { concat!("mov qword ptr [{", $p, "}], {", $v, ":r}") };
    // Loads are acquiring and stores releasing as they are (Intel SDM volume 3, memory ordering).
    (load_acquire $bytes:tt $v:literal $p:literal) => { instruction!(load $bytes $v $p) };
    (store_release $bytes:tt $v:literal $p:literal) => { instruction!(store $bytes $v $p) };
}
#[cfg(target_arch = "aarch64")]
#[rustfmt::skip]
macro_rules! instruction {
    (load 1 $v:literal $p:literal) => { concat!("ldrb {", $v, ":w}, [{", $p, "}]") };
    (load 2 $v:literal $p:literal) => { concat!("ldrh {", $v, ":w}, [{", $p, "}]") };
    (load 4 $v:literal $p:literal) => { concat!("ldr {", $v, ":w}, [{", $p, "}]") };
    (load 8 $v:literal $p:literal) => { concat!("ldr {", $v, ":x}, [{", $p, "}]") };
    (store 1 $v:literal $p:literal) => { concat!("strb {", $v, ":w}, [{", $p, "}]") };
    (store 2 $v:literal $p:literal) => { concat!("strh {", $v, ":w}, [{", $p, "}]") };
    (store 4 $v:literal $p:literal) => { concat!("str {", $v, ":w}, [{", $p, "}]") };
    (store 8 $v:literal $p:literal) => { concat!("str {", $v, ":x}, [{", $p, "}]") };
    (load_acquire 1 $v:literal $p:literal) => { concat!("ldarb {", $v, ":w}, [{", $p, "}]") };
    (load_acquire 2 $v:literal $p:literal) => { concat!("ldarh {", $v, ":w}, [{", $p, "}]") };
    (load_acquire 4 $v:literal $p:literal) => { concat!("ldar {", $v, ":w}, [{", $p, "}]") };
    (load_acquire 8 $v:literal $p:literal) => { concat!("ldar {", $v, ":x}, [{", $p, "}]") };
    (store_release 1 $v:literal $p:literal) => { concat!("stlrb {", $v, ":w}, [{", $p, "}]") };
    (store_release 2 $v:literal $p:literal) => { concat!("stlrh {", $v, ":w}, [{", $p, "}]") };
    (store_release 4 $v:literal $p:literal) => { concat!("stlr {", $v, ":w}, [{", $p, "}]") };
    (store_release 8 $v:literal $p:literal) => { concat!("stlr {", $v, ":x}, [{", $p, "}]") };
}
#[cfg(target_arch = "riscv64")]
#[rustfmt::skip]
macro_rules! instruction {
    (load 1 $v:literal $p:literal) => { concat!("lbu {", $v, "}, 0({", $p, "})") };
    (load 2 $v:literal $p:literal) => { concat!("lhu {", $v, "}, 0({", $p, "})") };
    (load 4 $v:literal $p:literal) => { concat!("lwu {", $v, "}, 0({", $p, "})") };
    (load 8 $v:literal $p:literal) => { concat!("ld {", $v, "}, 0({", $p, "})") };
    (store 1 $v:literal $p:literal) => { concat!("sb {", $v, "}, 0({", $p, "})") };
    (store 2 $v:literal $p:literal) => { concat!("sh {", $v, "}, 0({", $p, "})") };
    (store 4 $v:literal $p:literal) => { concat!("sw {", $v, "}, 0({", $p, "})") };
    (store 8 $v:literal $p:literal) => { concat!("sd {", $v, "}, 0({", $p, "})") };
    (load_acquire $bytes:tt $v:literal $p:literal) => { instruction!(load $bytes $v $p) };
    (store_release $bytes:tt $v:literal $p:literal) => { instruction!(store $bytes $v $p) };
}

/// Orders everything before against everything after, at the device too.
#[cfg(target_arch = "x86_64")]
macro_rules! full_fence {
    () => {
        "mfence"
    };
}
#[cfg(target_arch = "aarch64")]
macro_rules! full_fence {
    () => {
        "dsb sy"
    };
}
#[cfg(target_arch = "riscv64")]
macro_rules! full_fence {
    () => {
        "fence iorw, iorw"
    };
}

/// What a load-acquire needs after it, and a store-release before it, where they have no
/// instructions of their own (RISC-V unprivileged ISA, table of mappings).
#[cfg(not(target_arch = "riscv64"))]
macro_rules! ordering {
    ($kind:ident) => {
        ""
    };
}
#[cfg(target_arch = "riscv64")]
macro_rules! ordering {
    (load_acquire) => {
        "fence ir, iorw"
    };
    (store_release) => {
        "fence iorw, ow"
    };
}

/// A barrier for all accesses, to memory and to devices.
pub(crate) fn fence() {
    // SAFETY: a barrier has no preconditions.
    unsafe { asm!(full_fence!(), options(nostack, preserves_flags)) };
}

/// The table's entries for the instructions at labels 2 to 5 of a block that ends at label 9.
macro_rules! entries {
    (@direction load) => { "0" };
    (@direction store) => { "1" };
    ($direction:ident $bytes:literal: $($label:literal $index:literal)+) => {
        concat!(
            // Retained (R): nothing in the program refers to the entries by name.
            ".pushsection busprobe_access, \"aR\", @progbits\n.balign 4\n",
            $(
                ".long ", $label, "b - .\n.long 9b - .\n",
                ".byte ", $index, ", ", $bytes, ", ", entries!(@direction $direction), ", 0\n",
            )+
            ".popsection",
        )
    };
}

/// An asm block whose status is kept in the one register that the fault handler knows:
/// [`crate::fault`] names the same ones.
#[cfg(target_arch = "x86_64")]
macro_rules! block {
    ($status:ident; $($body:tt)*) => {
        asm!($($body)*, inout("rdx") $status, options(nostack, preserves_flags))
    };
}
#[cfg(target_arch = "aarch64")]
macro_rules! block {
    ($status:ident; $($body:tt)*) => {
        asm!($($body)*, inout("x9") $status, options(nostack, preserves_flags))
    };
}
#[cfg(target_arch = "riscv64")]
macro_rules! block {
    ($status:ident; $($body:tt)*) => {
        asm!($($body)*, inout("t0") $status, options(nostack, preserves_flags))
    };
}

/// The accesses of one element width.
///
/// The pointers have to be aligned to the width and mapped, or else the fault handler has to be
/// installed; what is behind them need not be memory.
pub trait Access: Copy {
    /// One load. The value means nothing unless the status is 0.
    unsafe fn load(from: *const Self) -> (Self, Status);
    /// One store.
    unsafe fn store(to: *mut Self, value: Self) -> Status;
    /// One load that later accesses do not overtake.
    unsafe fn load_acquire(from: *const Self) -> (Self, Status);
    /// One store that does not overtake earlier accesses.
    unsafe fn store_release(to: *mut Self, value: Self) -> Status;
    /// Four loads, in the order of the array.
    unsafe fn load4(from: [*const Self; 4]) -> ([Self; 4], Status);
    /// Four stores, in the order of the array.
    unsafe fn store4(to: [*mut Self; 4], values: [Self; 4]) -> Status;
}

macro_rules! access {
    ($element:ty, $bytes:tt) => {
        impl Access for $element {
            #[inline(always)]
            unsafe fn load(from: *const Self) -> (Self, Status) {
                let mut status: Status = 0;
                let value: u64;
                // SAFETY: one load of this width; the caller vouches for the pointer.
                unsafe {
                    block!(status;
                        "2:", instruction!(load $bytes "value" "from"), "9:",
                        entries!(load $bytes: "2" 0),
                        from = in(reg) from,
                        value = lateout(reg) value
                    );
                }
                (value as Self, status)
            }

            #[inline(always)]
            unsafe fn store(to: *mut Self, value: Self) -> Status {
                let mut status: Status = 0;
                // SAFETY: one store of this width; the caller vouches for the pointer.
                unsafe {
                    block!(status;
                        "2:", instruction!(store $bytes "value" "to"), "9:",
                        entries!(store $bytes: "2" 0),
                        to = in(reg) to,
                        value = in(reg) u64::from(value)
                    );
                }
                status
            }

            #[inline(always)]
            unsafe fn load_acquire(from: *const Self) -> (Self, Status) {
                let mut status: Status = 0;
                let value: u64;
                // SAFETY: one load of this width; the caller vouches for the pointer.
                unsafe {
                    block!(status;
                        "2:", instruction!(load_acquire $bytes "value" "from"), "9:",
                        ordering!(load_acquire),
                        entries!(load $bytes: "2" 0),
                        from = in(reg) from,
                        value = lateout(reg) value
                    );
                }
                (value as Self, status)
            }

            #[inline(always)]
            unsafe fn store_release(to: *mut Self, value: Self) -> Status {
                let mut status: Status = 0;
                // SAFETY: one store of this width; the caller vouches for the pointer.
                unsafe {
                    block!(status;
                        ordering!(store_release),
                        "2:", instruction!(store_release $bytes "value" "to"), "9:",
                        entries!(store $bytes: "2" 0),
                        to = in(reg) to,
                        value = in(reg) u64::from(value)
                    );
                }
                status
            }

            #[inline(always)]
            unsafe fn load4(from: [*const Self; 4]) -> ([Self; 4], Status) {
                let mut status: Status = 0;
                let (v0, v1, v2, v3): (u64, u64, u64, u64);
                // SAFETY: four loads of this width; the caller vouches for the pointers.
                unsafe {
                    block!(status;
                        "2:", instruction!(load $bytes "v0" "p0"),
                        "3:", instruction!(load $bytes "v1" "p1"),
                        "4:", instruction!(load $bytes "v2" "p2"),
                        "5:", instruction!(load $bytes "v3" "p3"), "9:",
                        entries!(load $bytes: "2" 0 "3" 1 "4" 2 "5" 3),
                        p0 = in(reg) from[0], p1 = in(reg) from[1],
                        p2 = in(reg) from[2], p3 = in(reg) from[3],
                        v0 = out(reg) v0, v1 = out(reg) v1,
                        v2 = out(reg) v2, v3 = lateout(reg) v3
                    );
                }
                ([v0 as Self, v1 as Self, v2 as Self, v3 as Self], status)
            }

            #[inline(always)]
            unsafe fn store4(to: [*mut Self; 4], values: [Self; 4]) -> Status {
                let mut status: Status = 0;
                // SAFETY: four stores of this width; the caller vouches for the pointers.
                unsafe {
                    block!(status;
                        "2:", instruction!(store $bytes "v0" "p0"),
                        "3:", instruction!(store $bytes "v1" "p1"),
                        "4:", instruction!(store $bytes "v2" "p2"),
                        "5:", instruction!(store $bytes "v3" "p3"), "9:",
                        entries!(store $bytes: "2" 0 "3" 1 "4" 2 "5" 3),
                        p0 = in(reg) to[0], p1 = in(reg) to[1],
                        p2 = in(reg) to[2], p3 = in(reg) to[3],
                        v0 = in(reg) u64::from(values[0]), v1 = in(reg) u64::from(values[1]),
                        v2 = in(reg) u64::from(values[2]), v3 = in(reg) u64::from(values[3])
                    );
                }
                status
            }
        }
    };
}

access!(u8, 1);
access!(u16, 2);
access!(u32, 4);
access!(u64, 8);
