//! Simulated devices: what their registers do, and how they are described as text.

use std::time::{Duration, Instant};

use busprobe_mmio::sim::{Device, Logged, Refused, Register};
use busprobe_mmio::{
    AccessError, Direction, Fault, Mode, OpenError, Signal, Target, TargetError, Width, Window,
};
use proptest::prelude::*;

#[test]
fn registers_do_what_their_kind_says() {
    let device = Device::new(0x100)
        .register(0x00, Register::read_write(Width::W32).reset(5))
        .register(0x04, Register::read_only(Width::W32).reset(6))
        .register(0x08, Register::write_only(Width::W32).reset(7))
        .register(0x0c, Register::write_1_to_clear(Width::W32).reset(0xff))
        .register(0x10, Register::read_to_clear(Width::W32).reset(9));
    let window = Window::simulated("sim:test", &device);
    let mut reset = [0_u32; 5];
    window.read_block(0, &mut reset, Mode::Incr).unwrap();
    assert_eq!(reset, [5, 6, 0, 0xff, 9]);
    window.write_block(0, &[0x11_u32; 5], Mode::Incr).unwrap();
    assert_eq!(device.peek(0x08), Some(0x11));
    let mut after = [0_u32; 5];
    window.read_block(0, &mut after, Mode::Incr).unwrap();
    assert_eq!(after, [0x11, 6, 0, 0xee, 0x11]);
    assert_eq!(window.read32(0x10), Ok(0), "the read before has cleared it");
}

#[test]
fn a_fifo_gives_back_what_it_got_in_order() {
    let device = Device::new(0x100).register(0x40, Register::fifo(Width::W16, 3));
    let window = Window::simulated("sim:test", &device);
    window.write_block(0x40, &[1_u16, 2, 3, 4], Mode::Fixed).unwrap();
    assert_eq!(device.level(0x40), 3);
    let mut out = [0_u16; 4];
    window.read_block(0x40, &mut out, Mode::Fixed).unwrap();
    assert_eq!(out, [1, 2, 3, 0], "the fourth did not fit, and was lost");
}

#[test]
fn a_register_answers_only_its_own_width_at_its_own_place() {
    let device = Device::new(0x10).register(4, Register::read_write(Width::W32));
    let window = Window::simulated("sim:test", &device);
    let fault = |offset, width| {
        let (signal, direction) = (Signal::Sigbus, Direction::Read);
        Fault { signal, direction, offset, address: None, width, completed: 0 }
    };
    assert_eq!(window.read16(4), Err(fault(4, Width::W16).into()));
    assert_eq!(window.read16(6), Err(fault(6, Width::W16).into()));
    assert_eq!(window.read64(0), Err(fault(0, Width::W64).into()));
    assert_eq!(window.read32(0), Err(fault(0, Width::W32).into()));
    assert_eq!(window.read32(4), Ok(0));
}

#[test]
fn an_injected_fault_comes_when_it_was_ordered() {
    let device = Device::new(64).memory(0, 64).fault(8, Direction::Write, 1, 2);
    let window = Window::simulated("sim:test", &device);
    assert_eq!(window.write32(8, 1), Ok(()));
    let Err(AccessError::Fault(fault)) = window.write_block(0, &[9_u32; 4], Mode::Incr) else {
        panic!("no fault")
    };
    assert_eq!((fault.completed, fault.offset, fault.signal), (2, 8, Signal::Sigbus));
    assert_eq!(window.read32(8), Ok(1), "reads are as ever");
    assert!(window.write32(8, 2).is_err());
    assert_eq!(window.write32(8, 3), Ok(()));
}

#[test]
fn a_side_effect_may_refuse_and_may_change_other_registers() {
    let device = Device::new(64)
        .register(0, Register::read_write(Width::W32))
        .register(4, Register::read_only(Width::W32))
        .on_write(0, |device, value| {
            device.poke(4, value + 1);
            if value == 13 { Err(Refused) } else { Ok(()) }
        });
    let window = Window::simulated("sim:test", &device);
    window.write32(0, 6).unwrap();
    assert_eq!(window.read32(4), Ok(7));
    assert!(matches!(window.write32(0, 13), Err(AccessError::Fault(_))));
}

#[test]
fn a_delay_is_waited_for() {
    let device = Device::new(4).memory(0, 4).delay(0, Duration::from_millis(5));
    let start = Instant::now();
    Window::simulated("sim:test", &device).write32(0, 1).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(5));
}

#[test]
fn refused_accesses_are_in_the_log_without_a_value() {
    let device = Device::new(8).memory(0, 4);
    let window = Window::simulated("sim:test", &device);
    let _ = window.read_block(0, &mut [0_u16; 4], Mode::Incr);
    let log: Vec<_> =
        device.log().iter().map(|Logged { offset, value, .. }| (*offset, *value)).collect();
    assert_eq!(log, [(0, Some(0)), (2, Some(0)), (4, None)]);
}

const TIMER: &str = "
    # A timer with an interrupt.
    length   4K
    register 0x0 w1c
    register 0x4 8 rw reset=0x1f
    fifo     0x8 depth=2
    memory   0x100+0x100   # a buffer
    when     write 0x4 put 0x0 0x1
    fault    read 0x100 after=1 times=1
    delay    0x0 10us
";

#[test]
fn a_device_is_described_as_text() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), TIMER).unwrap();
    let window =
        Window::open(&Target::parse(&format!("sim:{}", file.path().display())).unwrap()).unwrap();
    assert_eq!(window.len(), 4096);
    assert_eq!(window.read8(4), Ok(0x1f));
    window.write8(4, 1).unwrap();
    assert_eq!(window.read32(0), Ok(1));
    window.write32(0, 1).unwrap();
    assert_eq!(window.read32(0), Ok(0));
    assert!(window.read32(0x100).is_ok());
    assert!(window.read32(0x100).is_err());
    assert!(window.read32(0x100).is_ok());
}

#[test]
fn a_device_of_memory_only_needs_no_file() {
    let window = Window::open(&Target::parse("sim:4K").unwrap()).unwrap();
    window.write64(0xff8, 7).unwrap();
    assert_eq!(window.read64(0xff8), Ok(7));
    let error = Window::open(&Target::parse("sim:4000000000G").unwrap()).unwrap_err();
    assert!(error.to_string().ends_with("a simulated device has at most 1G of memory"), "{error}");
}

#[test]
fn a_wrong_line_is_named() {
    for (text, message) in [
        ("", "line 1: the device has no length: begin with, say, length 4K"),
        ("register 0", "line 1: the first line says the length: length 4K"),
        ("length 4K\nlength 4K", "line 2: a second length"),
        ("length 4K\n\nregister 0x1000", "line 3: 0x1000 is beyond the device's 0x1000 bytes"),
        ("length 4K\nregister 0 x", "line 2: \"x\" is no kind: there is rw, ro, wo, w1c and rc"),
        ("length 4K\nregister 0 8 reset=256", "line 2: 0x100 does not fit into 8 bits"),
        ("length 4K\nmemory 4K+1", "line 2: 4K+1 is not within the device's 0x1000 bytes"),
        ("length 4K\nwhen write 0 set 0 1", "line 2: \"set\" is no effect: write put OFFSET VALUE"),
        ("length 4K\ndelay 0 10", "line 2: \"10\" is no time: write 10us, 10ms or 1s"),
        ("length 4K\nfault both 0", "line 2: \"both\" is no direction: write read or write"),
        ("length 4K more", "line 1: \"more\" has no meaning here"),
        ("length 8G\nmemory 0+4G", "line 2: a simulated device has at most 1G of memory"),
        ("length", "line 1: the length is missing"),
    ] {
        assert_eq!(Device::parse(text).unwrap_err().to_string(), message);
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "length 4K\nregistr 0").unwrap();
    let target = Target::parse(&format!("sim:{}", file.path().display())).unwrap();
    let error = Window::open(&target).unwrap_err();
    assert!(matches!(error, OpenError::Target(TargetError::Script { .. })));
    assert!(error.to_string().contains(": line 2: \"registr\" is no statement"), "{error}");
}

proptest! {
    #[test]
    fn reading_a_description_never_panics(
        text in "(length 4K\n)?((register|fifo|memory|when|fault|delay|length)( (0x[0-9a-f]{1,4}|[0-9]{1,3}|rw|write|read|put|depth=[0-9]|after=1|10ms|[0-9]{1,4}\\+[0-9]{1,4})){0,5}\n){0,4}"
    ) {
        let _ = Device::parse(&text);
    }
}
