//! Python 3.11 for AArch64 on a window, as its users have it.

use std::collections::BTreeSet;

use busprobe_trace::{Access, Event, LossKind, Trace};

use crate::parts;
use crate::run::{Window, accesses, python, python_capture, python_on, run, site};

/// What the scripts begin with.
const BEGIN: &str = "
import mmap, os, sys
fd = os.open(WINDOW, os.O_RDWR)
mm = mmap.mmap(fd, 16384)
mv32 = memoryview(mm).cast('@I')
";

/// The offsets of the four-byte beats that the stores of a block make, in order.
fn beats(accesses: &[&Access]) -> Vec<u64> {
    let offsets = |access: &&Access| (access.offset..access.end()).step_by(4);
    accesses.iter().flat_map(offsets).collect()
}

fn offsets(ranges: &[std::ops::Range<u64>]) -> Vec<u64> {
    ranges.iter().flat_map(|range| range.clone().step_by(4)).collect()
}

#[test]
fn blocks_from_python_show_the_table_and_the_orders_that_were_seen_on_the_bus() {
    // Words written and writes that the bus saw, as the question that busprobe answers gives them
    // for Python on a Cortex-A57 with a 32-bit AXI4-Lite bus.
    let table = [
        (1, 2),
        (2, 4),
        (4, 8),
        (8, 8),
        (16, 16),
        (32, 32),
        (64, 68),
        (128, 132),
        (230, 244),
        (256, 260),
    ];
    let words: Vec<u64> = table.iter().map(|(words, _)| *words).collect();
    let script = format!(
        "{BEGIN}
for n in {words:?}:
    data = memoryview(bytearray(x & 255 for x in range(4 * n))).cast('@I')
    mv32[0:n] = data
    mv32[4000] = n"
    );
    let Some((outcome, trace)) = python(&script) else { return };
    assert_eq!((outcome.status, outcome.losses), (0, 0));

    let all: Vec<&Access> = trace.accesses().collect();
    let blocks: Vec<&[&Access]> =
        all.split(|access| access.offset == 16000).take(table.len()).collect();
    let seen: Vec<(u64, usize)> =
        words.iter().zip(&blocks).map(|(words, block)| (*words, beats(block).len())).collect();
    assert_eq!(seen, table);

    let order = |words: u64| beats(blocks[table.iter().position(|row| row.0 == words).unwrap()]);
    assert_eq!(order(1), offsets(&[0..4, 0..4]));
    assert_eq!(order(4), offsets(&[0..0x10, 0..0x10]));
    assert_eq!(order(8), offsets(&[0..0x10, 0x10..0x20]));
    assert_eq!(order(32), offsets(&[0x40..0x60, 0..0x40, 0x60..0x80]));
    assert_eq!(order(64), offsets(&[0..0xd0, 0xc0..0x100]));
    for block in &blocks {
        for access in *block {
            let data = access.data.unwrap();
            let expected: Vec<u8> = (access.offset..access.end()).map(|byte| byte as u8).collect();
            assert_eq!(data.bytes(), expected);
        }
    }

    let causes = blocks[9].iter().map(|access| site(&trace, access));
    for cause in causes.clone() {
        assert_eq!(cause.module_name(), Some("libc.so.6"));
        assert!(cause.build_id.is_some() && cause.address.is_some());
    }
    let texts: Vec<&str> = causes.filter_map(|cause| cause.text.as_deref()).collect();
    assert!(texts.iter().filter(|text| text.starts_with("stp ")).count() >= texts.len() - 1);
}

#[test]
fn debug_files_name_the_functions_of_a_stripped_libc() {
    let window = Window::new();
    let script = format!("{BEGIN}\nmv32[0:64] = memoryview(bytearray(256)).cast('@I')");
    let Some(capture) = python_capture(&window, &script) else { return };
    let Some(debug_files) = parts::debug_files() else { return };
    let (_, trace) = run(capture.symbols(debug_files));
    for access in trace.accesses() {
        assert_eq!(site(&trace, access).symbol.as_deref(), Some("__memcpy_generic"));
    }
    assert_eq!(trace.accesses().map(|access| access.size).sum::<u32>(), 4 * 68);
}

#[test]
fn a_cpu_whose_accesses_qemu_hides_is_said_to_be_one() {
    let window = Window::new();
    let Some(capture) = python_capture(&window, "pass") else { return };
    let (_, trace) = run(capture.cpu("max"));
    let (kind, detail) = only_loss(&trace);
    assert_eq!(kind, LossKind::Missed);
    assert!(detail.starts_with("CPU max has SVE"), "{detail}");
}

#[test]
fn a_single_element_is_one_store_of_the_interpreters_own() {
    let Some((_, trace)) = python(&format!("{BEGIN}\nmv32[3] = 7; mv32[4]")) else { return };
    assert_eq!(accesses(&trace), ["W 0xc 4 0x7", "R 0x10 4 0x0"]);
    let store = site(&trace, trace.accesses().next().unwrap());
    assert_eq!(store.module_name(), Some("python3.11"));
}

#[test]
fn two_threads_are_told_apart_and_nothing_of_theirs_is_lost() {
    let script = format!(
        "{BEGIN}
import threading
def work(base):
    for n in range(200):
        mv32[base + n] = n
        mv32[base:base + 64] = data
data = memoryview(bytearray(256)).cast('@I')
threads = [threading.Thread(target=work, args=(base,)) for base in (0, 1024)]
[t.start() for t in threads]
[t.join() for t in threads]"
    );
    let Some((_, trace)) = python(&script) else { return };
    let of = |low: bool| {
        let mine: Vec<&Access> =
            trace.accesses().filter(|access| (access.offset < 4096) == low).collect();
        let threads: BTreeSet<u32> = mine.iter().map(|access| access.thread).collect();
        let bytes: u64 = mine.iter().map(|access| u64::from(access.size)).sum();
        (threads, bytes)
    };
    let (first, second) = (of(true), of(false));
    assert_eq!((first.0.len(), second.0.len()), (1, 1));
    assert_ne!(first.0, second.0);
    let bytes = 200 * (4 + 4 * 68);
    assert_eq!((first.1, second.1), (bytes, bytes));
}

#[test]
fn a_forked_child_is_recorded() {
    let script = format!(
        "{BEGIN}
mv32[0] = 1
if os.fork() == 0:
    mv32[0] = 2
    os._exit(0)
os.wait()
mv32[0] = 3"
    );
    let Some((_, trace)) = python(&script) else { return };
    assert_eq!(accesses(&trace), ["W 0x0 4 0x1", "W 0x0 4 0x2", "W 0x0 4 0x3"]);
    let all: Vec<&Access> = trace.accesses().collect();
    assert_eq!(all[0].thread, all[2].thread);
    assert_ne!(all[0].thread, all[1].thread);
    assert!(all.iter().all(|access| site(&trace, access).pc == site(&trace, all[0]).pc));
}

#[test]
fn a_program_that_closes_all_it_did_not_open_is_still_recorded() {
    let script = format!("import os\nos.closerange(3, 4096)\n{BEGIN}\nmv32[0] = 5");
    let Some((outcome, trace)) = python(&script) else { return };
    assert_eq!((outcome.status, accesses(&trace)), (0, vec!["W 0x0 4 0x5".to_owned()]));
}

#[test]
fn what_a_killed_program_did_last_is_recorded() {
    let Some((outcome, trace)) = python(&format!("{BEGIN}\nmv32[0] = 5; os.kill(os.getpid(), 9)"))
    else {
        return;
    };
    assert_eq!((outcome.status, accesses(&trace)), (137, vec!["W 0x0 4 0x5".to_owned()]));
}

#[test]
fn a_system_call_into_the_window_is_recorded_as_one() {
    let window = Window::new();
    let script = format!(
        "{BEGIN}
import io
with io.FileIO('/proc/self/exe') as file:
    file.readinto(memoryview(mm)[64:128])"
    );
    let Some((outcome, trace)) = python_on(&window, &script) else { return };
    assert_eq!(calls(&trace), [("read", 64, 64)]);
    assert_eq!((outcome.accesses, outcome.syscalls), (0, 1));
}

#[test]
fn each_buffer_of_a_list_that_lies_in_the_window_is_recorded() {
    let script = format!(
        "{BEGIN}
file = os.open('/proc/self/exe', os.O_RDONLY)
window = memoryview(mm)
os.preadv(file, [window[8:24], bytearray(8), window[256:260]], 0)"
    );
    let Some((_, trace)) = python(&script) else { return };
    assert_eq!(calls(&trace), [("preadv", 8, 16), ("preadv", 256, 4)]);
}

#[test]
fn a_mark_lies_between_the_accesses_around_it() {
    let script = format!(
        "{BEGIN}
import ctypes
prctl = ctypes.CDLL(None).prctl
def mark(text):
    signature = ctypes.c_ulong({:#x})
    prctl({:#x}, text, ctypes.c_ulong(len(text)), signature, signature)
mark('Größe'.encode()); mv32[0] = 1; mark(b'\\xff'); mv32[1] = 2; mark(b'x' * 9999)",
        busprobe_mark::SIGNATURE,
        busprobe_mark::OPTION,
    );
    let Some((_, trace)) = python(&script) else { return };
    let story: Vec<String> = trace
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Mark(mark) => Some(mark.text.clone()),
            Event::Access(access) => Some(format!("{:#x}", access.offset)),
            _ => None,
        })
        .collect();
    let longest = "x".repeat(busprobe_mark::LONGEST);
    assert_eq!(story, ["Größe", "0x0", "\u{fffd}", "0x4", &longest]);
}

fn calls(trace: &Trace) -> Vec<(&str, u64, u64)> {
    let calls = trace.events.iter().filter_map(|event| match event {
        Event::Syscall(call) => Some((call.name.as_str(), call.offset, call.length)),
        _ => None,
    });
    calls.collect()
}

fn only_loss(trace: &Trace) -> (LossKind, &str) {
    let losses: Vec<_> = trace.losses().collect();
    assert_eq!(losses.len(), 1, "{losses:?}");
    (losses[0].kind, &losses[0].detail)
}

#[test]
fn a_process_that_becomes_another_program_is_a_loss() {
    let Some((outcome, trace)) = python("import os\nos.execv('/bin/true', ['true'])") else {
        return;
    };
    assert_eq!(outcome.status, 0);
    let (kind, detail) = only_loss(&trace);
    assert_eq!(kind, LossKind::NotWatched);
    assert!(detail.contains("became another program"), "{detail}");
}

#[test]
fn a_program_that_cannot_be_started_is_none() {
    let script = "
import os
try:
    os.execv('/nowhere', ['x'])
except OSError:
    pass";
    let Some((_, trace)) = python(script) else { return };
    assert_eq!(trace.losses().count(), 0);
}

#[test]
fn a_private_mapping_is_no_window_and_is_said() {
    let script = "
import mmap, os
mm = mmap.mmap(os.open(WINDOW, os.O_RDWR), 4096, access=mmap.ACCESS_COPY)
mm[0] = 1";
    let Some((_, trace)) = python(script) else { return };
    assert_eq!(trace.accesses().count(), 0);
    let (kind, detail) = only_loss(&trace);
    assert_eq!(kind, LossKind::NotWatched);
    assert!(detail.starts_with("a private mapping of "), "{detail}");
}

#[test]
fn zeroing_by_blocks_is_said_not_to_be_seen() {
    let script = format!(
        "{BEGIN}
import ctypes
ctypes.memset(ctypes.addressof(ctypes.c_char.from_buffer(mm)), 0, 4096)"
    );
    let Some((_, trace)) = python(&script) else { return };
    let (kind, detail) = only_loss(&trace);
    assert_eq!(kind, LossKind::Missed);
    assert!(detail.starts_with("`dc zva, x3` ran close after"), "{detail}");
}

#[test]
fn each_access_names_the_line_of_python_that_made_it() {
    let script = format!(
        "{BEGIN}
import threading
class Register:
    def poke(self, at):
        mv32[at] = 1

        mv32[at:at + 4] = data
data = memoryview(bytearray(16)).cast('@I')
Register().poke(0)
def second():
    [mv32[at] for at in (64, 65)]
threads = [threading.Thread(target=second) for _ in range(2)]
[t.start() for t in threads]
[t.join() for t in threads]
if os.fork() == 0:
    mv32[128] = 3
    os._exit(0)
os.wait()"
    );
    let Some((_, trace)) = python(&script) else { return };
    let lines = trace.accesses().map(|access| {
        let line = site(&trace, access).python.as_ref();
        let line = line.unwrap_or_else(|| panic!("{access:?} has no line"));
        let instruction = line.instruction.as_deref().unwrap();
        format!(
            "{:#x} {}:{} {} {}",
            access.offset, line.file, line.line, line.function, instruction
        )
    });
    let mut lines: Vec<String> = lines.collect();
    let of_threads = lines.iter().filter(|line| line.contains("listcomp")).count();
    assert_eq!(of_threads, 4);
    lines.dedup();
    lines.retain(|line| !line.contains("listcomp"));
    assert_eq!(
        lines,
        [
            "0x0 <string>:10 Register.poke STORE_SUBSCR",
            "0x0 <string>:12 Register.poke STORE_SUBSCR",
            "0x200 <string>:21 <module> STORE_SUBSCR",
        ]
    );
}
