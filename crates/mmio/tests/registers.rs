//! Updates, fields, polls and split accesses, judged by what a simulated device was asked.

use std::time::Duration;

use busprobe_mmio::sim::{Device, Register};
use busprobe_mmio::{
    AccessError, Direction, Field, OpenOptions, Poll, PollError, Polled, Run, Width, Window,
};
use proptest::prelude::*;

/// A device of registers that read as they were written, and a window over it.
fn device() -> (Window, Device) {
    let device = Device::new(0x100)
        .register(0x10, Register::read_write(Width::W32).reset(0x1234_5678))
        .register(0x20, Register::read_write(Width::W32).reset(0x89ab_cdef))
        .register(0x24, Register::read_write(Width::W32).reset(0x0123_4567))
        .register(0x30, Register::read_write(Width::W64));
    (Window::simulated("sim:test", &device), device)
}

/// Each access that came: direction, offset, bits, value.
fn log(device: &Device) -> Vec<(char, u64, u32, u64)> {
    let letter = |direction| if direction == Direction::Read { 'R' } else { 'W' };
    let line = |a: &busprobe_mmio::sim::Logged| {
        (letter(a.direction), a.offset, a.width.bits(), a.value.unwrap())
    };
    device.log().iter().map(line).collect()
}

#[test]
fn an_update_is_one_read_and_one_write() {
    let (window, device) = device();
    assert_eq!(window.update(0x10, Width::W32, 0xff00, 0xab00), Ok(0x1234_5678));
    assert_eq!(log(&device), [('R', 0x10, 32, 0x1234_5678), ('W', 0x10, 32, 0x1234_ab78)]);
}

#[test]
fn an_update_that_cannot_be_written_does_not_read() {
    let device = Device::new(4).register(0, Register::read_to_clear(Width::W32));
    let window = OpenOptions::new().read_only(true).simulate("sim:test", &device);
    let error = window.update(0, Width::W32, 1, 1).unwrap_err();
    assert_eq!(error, AccessError::ReadOnly { offset: 0 });
    let window = Window::simulated("sim:test", &device);
    let error = window.update(0, Width::W32, 0x6, 0x8).unwrap_err();
    assert_eq!(error.to_string(), "the value 0x8 has bits outside of the mask 0x6");
    assert!(window.update(0, Width::W32, 1 << 32, 0).is_err());
    assert_eq!(log(&device), []);
}

#[test]
fn a_field_is_read_by_one_read_and_written_by_one_more_write() {
    let (window, device) = device();
    let field = Field::new(15, 8).unwrap();
    assert_eq!(window.read_field(0x10, Width::W32, field), Ok(0x56));
    assert_eq!(window.write_field(0x10, Width::W32, field, 0xab), Ok(0x56));
    let read = ('R', 0x10, 32, 0x1234_5678);
    assert_eq!(log(&device), [read, read, ('W', 0x10, 32, 0x1234_ab78)]);
}

#[test]
fn a_field_that_is_none_or_too_small_is_refused_without_an_access() {
    let (window, device) = device();
    let field = Field::new(7, 4).unwrap();
    let error = window.write_field(0x10, Width::W32, field, 0x10).unwrap_err();
    assert_eq!(error.to_string(), "0x10 does not fit into the field 7:4");
    let wide = Field::new(32, 4).unwrap();
    let error = window.read_field(0x10, Width::W32, wide).unwrap_err();
    assert_eq!(error.to_string(), "the field 32:4 does not lie within 32 bits");
    for text in ["4:7", "64:0", "a:0", "", "7:", ":0", "-1:0"] {
        assert!(text.parse::<Field>().is_err(), "{text:?}");
    }
    assert_eq!("5".parse(), Field::new(5, 5));
    assert_eq!(log(&device), []);
}

#[test]
fn a_poll_says_how_often_it_read() {
    let device = Device::new(4).register(0, Register::read_write(Width::W32)).on_read(0, {
        let reads = std::sync::atomic::AtomicU64::new(0);
        move |device, _| {
            let before = reads.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            device.poke(0, if before >= 4 { 0x81 } else { 0x80 });
            Ok(())
        }
    });
    let window = Window::simulated("sim:test", &device);
    let poll = Poll::new(1, 1).interval(Duration::ZERO);
    assert_eq!(window.poll(0, Width::W32, &poll), Ok(Polled { value: 0x81, reads: 5 }));
    assert_eq!(device.log().len(), 5);
}

#[test]
fn a_poll_gives_up_after_its_time_and_a_last_read() {
    let (window, device) = device();
    let poll = Poll::new(1, 1).timeout(Duration::ZERO);
    let error = window.poll(0x10, Width::W32, &poll).unwrap_err();
    let polled = Polled { value: 0x1234_5678, reads: 1 };
    assert!(matches!(error, PollError::Timeout { polled: found, .. } if found == polled));
    assert_eq!(
        error.to_string(),
        "offset 0x10 did not become 0x1 (mask 0x1) within 0ns: the last of 1 reads gave 0x12345678"
    );
    let poll = poll.timeout(Duration::from_millis(5)).interval(Duration::from_millis(2));
    let error = window.poll(0x10, Width::W32, &poll).unwrap_err();
    let PollError::Timeout { polled, .. } = error else { panic!("{error}") };
    assert_eq!(polled.reads as usize + 1, device.log().len());
    assert!((2..=5).contains(&polled.reads), "{polled:?}");
}

#[test]
fn a_64_bit_element_is_one_access_unless_an_order_is_asked_for() {
    let (window, device) = device();
    window.write64(0x30, 0x1122_3344_5566_7788).unwrap();
    assert_eq!(log(&device), [('W', 0x30, 64, 0x1122_3344_5566_7788)]);
    device.clear_log();
    assert!(matches!(window.read64(0x20), Err(AccessError::Fault(_))));
    device.clear_log();
    assert_eq!(window.read64_lo_hi(0x20), Ok(0x0123_4567_89ab_cdef));
    assert_eq!(window.read64_hi_lo(0x20), Ok(0x0123_4567_89ab_cdef));
    window.write64_lo_hi(0x20, 0x2222_2222_1111_1111).unwrap();
    window.write64_hi_lo(0x20, 0x4444_4444_3333_3333).unwrap();
    let (low, high) = ((32, 0x89ab_cdef), (32, 0x0123_4567));
    assert_eq!(
        log(&device),
        [
            ('R', 0x20, low.0, low.1),
            ('R', 0x24, high.0, high.1),
            ('R', 0x24, high.0, high.1),
            ('R', 0x20, low.0, low.1),
            ('W', 0x20, 32, 0x1111_1111),
            ('W', 0x24, 32, 0x2222_2222),
            ('W', 0x24, 32, 0x4444_4444),
            ('W', 0x20, 32, 0x3333_3333),
        ]
    );
}

#[test]
fn half_of_a_split_access_beyond_the_end_is_refused_before_the_other_half() {
    let device = Device::new(8).memory(0, 8);
    let window = Window::simulated("sim:test", &device);
    for offset in [4, 8, u64::MAX - 3, 2] {
        assert!(window.read64_lo_hi(offset).is_err());
        assert!(window.read64_hi_lo(offset).is_err());
        assert!(window.write64_lo_hi(offset, 0).is_err());
        assert!(window.write64_hi_lo(offset, 0).is_err());
    }
    assert_eq!(log(&device), []);
}

#[test]
fn a_flush_is_one_read() {
    let (window, device) = device();
    window.flush(0x10).unwrap();
    assert_eq!(log(&device), [('R', 0x10, 32, 0x1234_5678)]);
    assert!(window.flush(0x12).is_err());
}

proptest! {
    #[test]
    fn a_run_puts_its_own_accesses_on_the_bus_and_no_others(
        offset in 0..64_u64, count in 0..20_u64, stride in -16..17_i64,
        bits in prop_oneof![Just(8), Just(16), Just(32), Just(64)],
    ) {
        let width = Width::from_bits(bits).unwrap();
        let device = Device::new(128).memory(0, 128);
        let window = Window::simulated("sim:test", &device);
        let run = Run::strided(offset, width, count, stride);
        let bytes: Vec<u8> = (1..=count * width.bytes()).map(|i| i as u8).collect();
        // SAFETY: there are the run's bytes.
        let result = unsafe { window.write_run(run, bytes.as_ptr()) };
        let value = |chunk: &[u8]| chunk.iter().rev().fold(0, |v, b| v << 8 | u64::from(*b));
        let expected: Vec<_> = match result {
            Ok(()) => run.offsets().zip(bytes.chunks(width.bytes() as usize).map(value))
                .map(|(offset, value)| ('W', offset, bits, value)).collect(),
            Err(_) => Vec::new(),
        };
        prop_assert_eq!(log(&device), expected);
    }

    #[test]
    fn a_field_comes_back_as_it_was_put(lo in 0..64_u32, bits in 0..64_u32, value: u64, around: u64) {
        let field = Field::new((lo + bits).min(63), lo).unwrap();
        let value = field.get(value);
        let register = around & !field.mask() | field.put(value).unwrap();
        prop_assert_eq!(field.get(register), value);
        prop_assert_eq!(register & !field.mask(), around & !field.mask());
    }
}
