//! Small programs for three instruction sets: what they did, at the instructions' own width.

use busprobe_capture::qemu::Capture;
use busprobe_trace::{Level, Trace};

use crate::parts;
use crate::run::{Window, accesses, run, site};

fn run_small(arch: &str) -> Option<Trace> {
    let window = Window::new();
    let program = parts::program(arch);
    let capture = Capture::new([program.as_os_str(), window.path().as_os_str()])
        .qemu(parts::qemu(arch)?)
        .watch(window.watch());
    let (outcome, trace) = run(capture);
    assert_eq!(outcome.status, 7);
    assert_eq!((trace.header.level, trace.header.machine.as_str()), (Level::Instruction, arch));
    assert_eq!(trace.header.capture, busprobe_trace::Capture::Qemu);
    assert_eq!(trace.windows[0].length, 16 << 10);
    Some(trace)
}

fn texts(trace: &Trace) -> Vec<&str> {
    trace.accesses().map(|access| site(trace, access).text.as_deref().unwrap()).collect()
}

#[test]
fn an_aarch64_program_shows_each_instruction_as_one_access() {
    let Some(trace) = run_small("aarch64") else { return };
    assert_eq!(
        accesses(&trace),
        [
            "W 0x0 4 0x13121110",
            "W 0x10 16 0x1f1e1d1c1b1a19181716151413121110",
            "W 0x20 16 0x1f1e1d1c1b1a19181716151413121110",
            "W 0x40 32 0x1f1e1d1c1b1a191817161514131211101f1e1d1c1b1a19181716151413121110",
            "R 0x10 16 0x1f1e1d1c1b1a19181716151413121110",
            "R 0x2 1 0x12",
            "W 0x80 8 0x1716151413121110",
            "W 0x88 8 0x1716151413121110",
            "W 0x90 8 0x1716151413121110",
        ]
    );
    assert_eq!(
        texts(&trace)[..4],
        [
            "str w1, [x9]",
            "stp x1, x2, [x9, #0x10]",
            "str q0, [x9, #0x20]",
            "stp q0, q0, [x9, #0x40]"
        ]
    );
    assert_eq!(trace.header.cpu.as_deref(), Some("cortex-a57"));
    assert_eq!(trace.losses().count(), 0);
}

#[test]
fn an_arm_program_shows_each_instruction_as_one_access() {
    let Some(trace) = run_small("arm") else { return };
    assert_eq!(
        accesses(&trace),
        [
            "W 0x0 4 0x13121110",
            "W 0x8 8 0x1716151413121110",
            "W 0x10 16 0x1f1e1d1c1b1a19181716151413121110",
            "R 0x2 2 0x1312",
            "W 0x20 4 0x13121110",
            "W 0x24 4 0x13121110",
            "W 0x28 4 0x13121110",
        ]
    );
    assert_eq!(texts(&trace)[1..3], ["strd r0, r1, [sb, #8]", "stm.w r4, {r0, r1, r2, r3}"]);
    let last = site(&trace, trace.accesses().last().unwrap());
    assert_eq!(last.symbol.as_deref(), Some("accesses"));
    // Thumb code begins at an even address; the 1 in its symbol's is not part of it.
    assert_eq!(last.symbol_offset.unwrap() % 2, 0);
}

#[test]
fn a_riscv64_program_shows_each_instruction_as_one_access() {
    let Some(trace) = run_small("riscv64") else { return };
    assert_eq!(
        accesses(&trace),
        [
            "W 0x0 4 0x13121110",
            "W 0x8 8 0x1716151413121110",
            "W 0x10 1 0x10",
            "R 0x2 2 0x1312",
            "W 0x20 4 0x13121110",
            "W 0x24 4 0x13121110",
            "W 0x28 4 0x13121110",
        ]
    );
    assert_eq!(texts(&trace)[1], "sd t1,8(s1)");
}

#[test]
fn a_site_is_a_place_in_the_programs_file() {
    let Some(trace) = run_small("riscv64") else { return };
    let first = site(&trace, trace.accesses().next().unwrap());
    assert_eq!(first.module_name(), Some("riscv64.elf"));
    // A program linked at fixed addresses: the file's addresses are the process's.
    assert_eq!(first.address, Some(first.pc));
}

#[test]
fn only_what_lies_in_the_watched_range_is_recorded() {
    let window = Window::new();
    let program = parts::program("aarch64");
    let Some(qemu) = parts::qemu("aarch64") else { return };
    let (_, trace) = run(Capture::new([program.as_os_str(), window.path().as_os_str()])
        .qemu(qemu)
        .watch(busprobe_capture::Watch::file(window.path(), 0x84..0x90))
        .watch(busprobe_capture::Watch::file(window.path(), 0x0..0x2)));
    let seen = trace.accesses().map(|access| (access.window, access.offset, access.size));
    // The store of 4 bytes at 0 and that of 8 at 0x80 reach over an edge.
    assert_eq!(seen.collect::<Vec<_>>(), [(1, 0, 2), (0, 0, 4), (0, 4, 8)]);
    assert_eq!(trace.losses().count(), 1);
}
