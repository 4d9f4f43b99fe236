//! When the emulated program loads or stores.

use std::ffi::{c_uint, c_void};
use std::sync::atomic::Ordering;

use busprobe_qemu_stream::{Access, Record};

use crate::api::{MemInfo, is_update};
use crate::instruction::Instruction;
use crate::layout::Piece;
use crate::plugin::{Plugin, now, plugin, process, thread};
use crate::python;

/// The widest step that QEMU takes: this much before a window an access can still reach it.
const WIDEST: u64 = 64;

/// Called after each load and store.
pub(crate) extern "C" fn on_access(
    cpu: c_uint,
    info: MemInfo,
    address: u64,
    userdata: *mut c_void,
) {
    let Some(plugin) = plugin() else { return };
    if !plugin.layout.may_overlap(address, address.saturating_add(WIDEST)) {
        return;
    }
    // SAFETY: `info` is QEMU's for this call.
    let (size, store) =
        unsafe { (1_u64 << (plugin.api.size_shift)(info), (plugin.api.is_store)(info)) };
    let Some(piece) = plugin.layout.find(address, address.saturating_add(size)) else { return };
    // SAFETY: the callback was registered with an instruction that lives for ever.
    let instruction = unsafe { &*userdata.cast::<Instruction>() };

    let counters = plugin.cpu(cpu);
    let block = counters.blocks.load(Ordering::Relaxed);
    counters.last_access.store(block, Ordering::Relaxed);
    let (process, thread) = (process(), thread());
    let access = Access {
        process,
        thread,
        time_ns: now(),
        site: instruction.id,
        python: python::line(plugin, process, thread, block),
        block,
        store,
        watch: piece.watch,
        offset: piece.offset_of(address),
        size: size as u8,
        data: data(plugin, info, address, size as usize, &piece),
    };
    plugin.report_site(access.process, instruction);
    if plugin.api.value.is_none() && is_update(info) {
        // What it loaded has been overwritten.
        plugin.output.put(&Record::Access(Access { store: false, data: None, ..access }));
    }
    plugin.output.put(&Record::Access(access));
}

/// The bytes of an access in address order, as one little-endian number.
fn data(plugin: &Plugin, info: MemInfo, address: u64, size: usize, piece: &Piece) -> Option<u128> {
    if let Some(value) = plugin.api.value {
        // SAFETY: `info` is QEMU's for this call.
        let (value, big_endian) = unsafe { (value(info), (plugin.api.is_big_endian)(info)) };
        let (number, known) = value.number()?;
        let number = if big_endian { number.swap_bytes() >> (128 - 8 * known) } else { number };
        return (known == size).then_some(number);
    }
    let mut bytes = [0; 16];
    if !piece.regular || size > bytes.len() {
        return None;
    }
    let host = address.wrapping_add(plugin.guest_base()) as *const u8;
    for (index, byte) in bytes[..size].iter_mut().enumerate() {
        // SAFETY: the emulated program has just accessed these bytes, which lie in QEMU's own
        // memory; another thread may be writing them, so each is read once, as it is.
        *byte = unsafe { host.add(index).read_volatile() };
    }
    Some(u128::from_le_bytes(bytes))
}
