//! When the emulated program calls the system: what it maps, and which calls may get a pointer
//! into a window.

use std::cell::Cell;
use std::ffi::c_uint;

use busprobe_qemu_stream::{Record, Syscall};

use crate::api::Id;
use crate::file;
use crate::plugin::{Plugin, now, plugin, process, thread};

/// Smallest page of any instruction set; mapped addresses are multiples of it.
const PAGE: u64 = 4096;

thread_local! {
    /// The arguments of the call that this thread is in.
    static ARGUMENTS: Cell<[u64; 6]> = const { Cell::new([0; 6]) };
}

/// Called before each system call.
pub(crate) extern "C" fn on_syscall(
    _: Id,
    _: c_uint,
    number: i64,
    a1: u64,
    a2: u64,
    a3: u64,
    a4: u64,
    a5: u64,
    a6: u64,
    _: u64,
    _: u64,
) {
    let Some(plugin) = plugin() else { return };
    let arguments = [a1, a2, a3, a4, a5, a6].map(unextended);
    ARGUMENTS.set(arguments);
    if plugin.exec.contains(&number) {
        plugin.output.put(&Record::Exec { process: process() });
    }
    for (index, address) in arguments.into_iter().enumerate() {
        let Some(piece) = plugin.layout.find(address, address.saturating_add(1)) else { continue };
        plugin.output.put(&Record::Syscall(Syscall {
            process: process(),
            thread: thread(),
            time_ns: now(),
            number,
            watch: piece.watch,
            argument: index as u8,
            offset: piece.offset_of(address),
            next: arguments.get(index + 1).copied().unwrap_or(0),
        }));
    }
}

/// Called after each system call that returns.
pub(crate) extern "C" fn on_syscall_return(_: Id, _: c_uint, number: i64, result: i64) {
    let Some(plugin) = plugin() else { return };
    if plugin.exec.contains(&number) {
        plugin.output.put(&Record::ExecFailed { process: process() });
    }
    if !(-PAGE.cast_signed()..0).contains(&result) {
        follow_mappings(plugin, ARGUMENTS.get(), unextended(result as u64));
    }
}

/// Takes note of what the call has mapped, moved or unmapped. Every instruction set numbers its
/// calls in its own way; the calls are known by what they are given and give instead. `mmap` gives
/// a page's address and has the file as its fifth argument. All others that change mappings
/// (`munmap`, `mremap`, an anonymous `mmap` over an old one) have or give an address of the window
/// they change. A call that only looks the same costs a second look and changes nothing.
fn follow_mappings(plugin: &Plugin, arguments: [u64; 6], result: u64) {
    let [address, length, _, _, descriptor, _] = arguments;
    let is_page = |address: u64| address != 0 && address.is_multiple_of(PAGE);
    if is_page(result)
        && let Ok(descriptor) = i32::try_from(descriptor)
        && let Some((file, regular)) = file::of_descriptor(descriptor)
        && plugin.layout.watches_of(file).next().is_some()
    {
        let shared = plugin.layout.mapped(file, regular, result, plugin.guest_base());
        for watch in plugin.layout.watches_of(file) {
            plugin.output.put(&Record::Mapped { process: process(), watch, shared });
        }
        return;
    }
    let touches = |start: u64| {
        is_page(start) && plugin.layout.may_overlap(start, start.saturating_add(length.max(1)))
    };
    if touches(address) || touches(result) {
        plugin.layout.refresh(plugin.guest_base());
    }
}

/// A 32-bit program's addresses reach the plugin sign-extended; no 64-bit program has addresses
/// that high.
fn unextended(value: u64) -> u64 {
    if value >> 32 == 0xffff_ffff { value & 0xffff_ffff } else { value }
}
