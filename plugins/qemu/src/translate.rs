//! When QEMU translates a block: callbacks for what its instructions will do.

use std::ffi::{CStr, c_uint, c_void};
use std::sync::atomic::Ordering;

use busprobe_qemu_stream::Record;

use crate::api::{Block, Id, Insn, LOADS_AND_STORES, NO_REGISTERS};
use crate::instruction::Instruction;
use crate::plugin::{Plugin, plugin, process, thread};
use crate::{a64, memory};

/// Called by QEMU for each block that it translates.
pub(crate) extern "C" fn on_translation(_: Id, block: Block) {
    let Some(plugin) = plugin() else { return };
    let api = &plugin.api;
    // SAFETY: QEMU gives a block that is valid during this call, and takes callbacks for it and
    // its instructions; `userdata` of the callbacks is an instruction that lives for ever.
    unsafe {
        (api.register_block)(block, on_block, NO_REGISTERS, std::ptr::null_mut());
        for index in 0..(api.block_length)(block) {
            let insn = (api.block_instruction)(block, index);
            let Some(instruction) = describe(plugin, insn) else { continue };
            let userdata = std::ptr::from_ref(instruction).cast_mut().cast::<c_void>();
            let callback = memory::on_access;
            (api.register_memory)(insn, callback, NO_REGISTERS, LOADS_AND_STORES, userdata);
            if plugin.is_a64() && a64::writes_unseen(&instruction.code) {
                (api.register_execution)(insn, on_unseen_write, NO_REGISTERS, userdata);
            }
        }
    }
}

/// The instruction, unless it cannot access memory.
///
/// # Safety
/// `insn` must be an instruction of a block under translation.
unsafe fn describe(plugin: &Plugin, insn: Insn) -> Option<&'static Instruction> {
    let api = &plugin.api;
    // SAFETY: the caller's promise; in user-mode emulation the code lies in QEMU's own memory at
    // the host address, as long as the instruction says. QEMU's text is allocated by malloc and
    // ours to free.
    unsafe {
        let pc = (api.instruction_address)(insn);
        let host = (api.instruction_host_address)(insn);
        if host.is_null() {
            return None;
        }
        plugin.guest_base.store((host as u64).wrapping_sub(pc), Ordering::Relaxed);
        let code = std::slice::from_raw_parts(host, (api.instruction_size)(insn));
        if plugin.is_a64() && a64::touches_no_memory(code) {
            return None;
        }
        Some(plugin.instructions.get(pc, code, || {
            let text = (api.instruction_text)(insn);
            if text.is_null() {
                return String::new();
            }
            let owned = CStr::from_ptr(text).to_string_lossy().into_owned();
            libc::free(text.cast());
            owned
        }))
    }
}

/// Called whenever a CPU begins a block.
extern "C" fn on_block(cpu: c_uint, _: *mut c_void) {
    if let Some(plugin) = plugin() {
        plugin.cpu(cpu).blocks.fetch_add(1, Ordering::Relaxed);
    }
}

/// A run of such an instruction is taken to concern a window when it comes this close, in blocks,
/// after an access to one: `memset` stores to the buffer's start before it zeroes the rest.
const CLOSE: u64 = 4;

/// Called before an instruction that writes memory which QEMU does not tell of.
extern "C" fn on_unseen_write(cpu: c_uint, userdata: *mut c_void) {
    let Some(plugin) = plugin() else { return };
    let cpu = plugin.cpu(cpu);
    let (blocks, last) = (cpu.blocks.load(Ordering::Relaxed), &cpu.last_access);
    let last_access = last.load(Ordering::Relaxed);
    if last_access == 0 || blocks.saturating_sub(last_access) > CLOSE {
        return;
    }
    last.store(blocks, Ordering::Relaxed);
    // SAFETY: the callback was registered with an instruction that lives for ever.
    let instruction = unsafe { &*userdata.cast::<Instruction>() };
    let process = process();
    plugin.report_site(process, instruction);
    let (thread, site) = (thread(), instruction.id);
    plugin.output.put(&Record::Unplaced { process, thread, site });
}
