//! QEMU's plugin interface, as far as it is used here.
//!
//! The interface is QEMU's `include/qemu/qemu-plugin.h`. Its functions are looked up when the
//! plugin is loaded, so that one build serves QEMU 7.2 (interface 1) as well as later versions.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::sync::atomic::{AtomicI32, Ordering};

use thiserror::Error;

/// QEMU's name for one loaded plugin.
pub(crate) type Id = u64;
/// A block of code under translation; valid during the translation callback only.
pub(crate) type Block = *mut c_void;
/// An instruction of such a block.
pub(crate) type Insn = *mut c_void;
/// QEMU's description of one access.
pub(crate) type MemInfo = u32;

pub(crate) type TranslationCallback = extern "C" fn(Id, Block);
pub(crate) type CpuCallback = extern "C" fn(c_uint, *mut c_void);
pub(crate) type MemoryCallback = extern "C" fn(c_uint, MemInfo, u64, *mut c_void);
pub(crate) type SyscallCallback =
    extern "C" fn(Id, c_uint, i64, u64, u64, u64, u64, u64, u64, u64, u64);
pub(crate) type SyscallReturnCallback = extern "C" fn(Id, c_uint, i64, i64);

/// `QEMU_PLUGIN_CB_NO_REGS`: the callback leaves the CPU's registers alone.
pub(crate) const NO_REGISTERS: c_int = 0;
/// `QEMU_PLUGIN_MEM_RW`. (Asked for loads or for stores alone, QEMU 7.2 calls back for others.)
pub(crate) const LOADS_AND_STORES: c_int = 3;

/// `qemu_info_t` up to what is read of it.
#[repr(C)]
pub(crate) struct Info {
    pub(crate) target_name: *const c_char,
    pub(crate) oldest_interface: c_int,
    pub(crate) newest_interface: c_int,
    pub(crate) system_emulation: bool,
}

/// `qemu_plugin_mem_value`: data as the CPU sees it, not as it lies in memory.
#[repr(C)]
pub(crate) struct Value {
    kind: c_int,
    data: ValueData,
}

#[repr(C)]
#[derive(Clone, Copy)]
union ValueData {
    u8: u8,
    u16: u16,
    u32: u32,
    u64: u64,
    u128: [u64; 2],
}

impl Value {
    /// The number and its size in bytes.
    pub(crate) fn number(&self) -> Option<(u128, usize)> {
        // SAFETY: `kind` says which member QEMU has set (enum qemu_plugin_mem_value_type).
        unsafe {
            Some(match self.kind {
                0 => (self.data.u8.into(), 1),
                1 => (self.data.u16.into(), 2),
                2 => (self.data.u32.into(), 4),
                3 => (self.data.u64.into(), 8),
                4 => (u128::from(self.data.u128[1]) << 64 | u128::from(self.data.u128[0]), 16),
                _ => return None,
            })
        }
    }
}

/// The version of the interface that the plugin was made for. QEMU reads it after loading and
/// refuses what it no longer, or does not yet, support.
#[unsafe(no_mangle)]
pub(crate) static qemu_plugin_version: AtomicI32 = AtomicI32::new(1);

/// Runs when the plugin is loaded, before QEMU reads the version.
#[used]
#[unsafe(link_section = ".init_array")]
static CHOOSE_VERSION: extern "C" fn() = choose_version;

/// What is used here is the same in all versions, so the plugin names the one that this QEMU
/// speaks, known by a function that came with it: 4 in QEMU 9.2, 3 in 9.1, 2 in 9.0.
extern "C" fn choose_version() {
    let marks = [
        (4, c"qemu_plugin_mem_get_value"),
        (3, c"qemu_plugin_register_vcpu_tb_exec_cond_cb"),
        (2, c"qemu_plugin_scoreboard_new"),
    ];
    let known = marks.into_iter().find(|(_, name)| !address(name).is_null());
    qemu_plugin_version.store(known.map_or(1, |(version, _)| version), Ordering::Relaxed);
}

fn address(name: &CStr) -> *mut c_void {
    // SAFETY: the name ends in NUL; looking up a symbol has no effect.
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }
}

/// A function that QEMU lacks.
#[derive(Debug, Error)]
#[error("this QEMU has no {0}; QEMU 7.2 or later is needed")]
pub(crate) struct Missing(&'static str);

/// The functions of the interface.
pub(crate) struct Api {
    pub(crate) register_translation: unsafe extern "C" fn(Id, TranslationCallback),
    pub(crate) register_block: unsafe extern "C" fn(Block, CpuCallback, c_int, *mut c_void),
    pub(crate) register_execution: unsafe extern "C" fn(Insn, CpuCallback, c_int, *mut c_void),
    pub(crate) register_memory:
        unsafe extern "C" fn(Insn, MemoryCallback, c_int, c_int, *mut c_void),
    pub(crate) register_syscall: unsafe extern "C" fn(Id, SyscallCallback),
    pub(crate) register_syscall_return: unsafe extern "C" fn(Id, SyscallReturnCallback),
    pub(crate) block_length: unsafe extern "C" fn(Block) -> usize,
    pub(crate) block_instruction: unsafe extern "C" fn(Block, usize) -> Insn,
    pub(crate) instruction_address: unsafe extern "C" fn(Insn) -> u64,
    pub(crate) instruction_host_address: unsafe extern "C" fn(Insn) -> *const u8,
    pub(crate) instruction_size: unsafe extern "C" fn(Insn) -> usize,
    pub(crate) instruction_text: unsafe extern "C" fn(Insn) -> *mut c_char,
    pub(crate) size_shift: unsafe extern "C" fn(MemInfo) -> c_uint,
    pub(crate) is_store: unsafe extern "C" fn(MemInfo) -> bool,
    pub(crate) is_big_endian: unsafe extern "C" fn(MemInfo) -> bool,
    /// The data interface, from version 4 on.
    pub(crate) value: Option<unsafe extern "C" fn(MemInfo) -> Value>,
}

/// Whether an access is an atomic update, of which QEMU before interface 4 tells once, as a store.
///
/// Those versions (`include/qemu/plugin.h`, `make_plugin_meminfo`) keep what the access did in two
/// bits from bit 16 on: 1 for a load, 2 for a store. Later ones tell of an update's load and store
/// one by one, with the data of each.
pub(crate) fn is_update(info: MemInfo) -> bool {
    info >> 16 & 3 == 3
}

/// Looks up a function; its type is that of the place it is assigned to.
macro_rules! function {
    ($name:literal) => {{
        let address = address(match CStr::from_bytes_with_nul(concat!($name, "\0").as_bytes()) {
            Ok(name) => name,
            Err(_) => c"",
        });
        // SAFETY: the header declares the function of this name with this type, and a null
        // address is `None`.
        unsafe { std::mem::transmute::<*mut c_void, Option<_>>(address) }
    }};
}

impl Api {
    /// Looks up all functions.
    pub(crate) fn resolve() -> Result<Api, Missing> {
        macro_rules! required {
            ($name:literal) => {
                function!($name).ok_or(Missing($name))?
            };
        }
        Ok(Api {
            register_translation: required!("qemu_plugin_register_vcpu_tb_trans_cb"),
            register_block: required!("qemu_plugin_register_vcpu_tb_exec_cb"),
            register_execution: required!("qemu_plugin_register_vcpu_insn_exec_cb"),
            register_memory: required!("qemu_plugin_register_vcpu_mem_cb"),
            register_syscall: required!("qemu_plugin_register_vcpu_syscall_cb"),
            register_syscall_return: required!("qemu_plugin_register_vcpu_syscall_ret_cb"),
            block_length: required!("qemu_plugin_tb_n_insns"),
            block_instruction: required!("qemu_plugin_tb_get_insn"),
            instruction_address: required!("qemu_plugin_insn_vaddr"),
            instruction_host_address: required!("qemu_plugin_insn_haddr"),
            instruction_size: required!("qemu_plugin_insn_size"),
            instruction_text: required!("qemu_plugin_insn_disas"),
            size_shift: required!("qemu_plugin_mem_size_shift"),
            is_store: required!("qemu_plugin_mem_is_store"),
            is_big_endian: required!("qemu_plugin_mem_is_big_endian"),
            value: function!("qemu_plugin_mem_get_value"),
        })
    }
}
