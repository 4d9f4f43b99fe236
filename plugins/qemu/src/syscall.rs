//! When the emulated program calls the system: what it maps, and which calls may get a pointer
//! into a window.

use std::cell::RefCell;
use std::ffi::c_uint;

use busprobe_qemu_stream::{Mark, Record, Syscall};

use crate::api::Id;
use crate::plugin::{Plugin, now, plugin, process, thread};
use crate::{file, mark, python, vector};

/// Smallest page of any instruction set; mapped addresses are multiples of it.
const PAGE: u64 = 4096;

/// A system call under way.
#[derive(Default)]
struct Call {
    arguments: [u64; 6],
    /// What it was given in windows. Told once it has succeeded: a call that fails moves nothing.
    in_windows: Vec<Syscall>,
}

thread_local! {
    /// The call that this thread is in.
    static CALL: RefCell<Call> = RefCell::default();
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
    if plugin.exec.contains(&number) {
        plugin.output.put(&Record::Exec { process: process() });
    }
    if let Some(text) = mark::text(plugin, arguments) {
        let (thread, time_ns) = (thread(), now());
        plugin.output.put(&Record::Mark(Mark { thread, time_ns, text }));
    }
    let in_windows = in_windows(plugin, number, arguments);
    CALL.replace(Call { arguments, in_windows });
}

/// Called after each system call that returns.
pub(crate) extern "C" fn on_syscall_return(_: Id, _: c_uint, number: i64, result: i64) {
    let Some(plugin) = plugin() else { return };
    let Call { arguments, in_windows } = CALL.take();
    if plugin.exec.contains(&number) {
        plugin.output.put(&Record::ExecFailed { process: process() });
    }
    if !(-PAGE.cast_signed()..0).contains(&result) {
        for call in in_windows {
            plugin.output.put(&Record::Syscall(call));
        }
        follow_mappings(plugin, arguments, unextended(result as u64));
    }
}

/// The arguments that are addresses in windows; of a list of buffers the buffers that are.
fn in_windows(plugin: &Plugin, number: i64, arguments: [u64; 6]) -> Vec<Syscall> {
    let telling = |argument: u8, address: u64, next: u64| {
        let piece = plugin.layout.find(address, address.saturating_add(1))?;
        Some(Syscall {
            process: process(),
            thread: thread(),
            time_ns: now(),
            number,
            watch: piece.watch,
            argument,
            offset: piece.offset_of(address),
            next,
        })
    };
    if plugin.vector.contains(&number) {
        let buffers = vector::entries(plugin, arguments[1], arguments[2]).into_iter();
        return buffers.filter_map(|(address, length)| telling(1, address, length)).collect();
    }
    let next = arguments.into_iter().skip(1).chain([0]);
    (0..)
        .zip(arguments.into_iter().zip(next))
        .filter_map(|(argument, (address, next))| telling(argument, address, next))
        .collect()
}

/// Takes note of what the call has mapped, moved or unmapped. Every instruction set numbers its
/// calls in its own way; the calls are known by what they are given and give instead. `mmap` gives
/// a page's address and has the file as its fifth argument. All others that change mappings
/// (`munmap`, `mremap`, an anonymous `mmap` over an old one) have or give an address of the window
/// they change. A call that only looks the same costs a second look and changes nothing.
fn follow_mappings(plugin: &Plugin, arguments: [u64; 6], result: u64) {
    let [address, length, protection, _, descriptor, _] = arguments;
    let is_page = |address: u64| address != 0 && address.is_multiple_of(PAGE);
    if is_page(result) && protection & libc::PROT_EXEC as u64 != 0 {
        python::code_mapped();
    }
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
