//! What the one who opens a window can ask of its accesses.

use std::time::Duration;

use busprobe_mmio::sim::Device;
use busprobe_mmio::{
    AccessError, ByteOrder, Direction, LockError, Mode, OpenOptions, Run, Target, Width, Window,
};

fn anonymous() -> Target {
    Target::parse("anon:4K").unwrap()
}

#[test]
fn a_big_endian_window_has_the_high_byte_first() {
    let device = Device::new(64).memory(0, 64);
    let window = OpenOptions::new().byte_order(ByteOrder::Big).simulate("sim:test", &device);
    let bytes = |from: u64, count: u64| -> Vec<u8> {
        (from..from + count).map(|at| device.peek(at).unwrap() as u8).collect()
    };
    window.write16(0, 0x0102).unwrap();
    assert_eq!(bytes(0, 2), [1, 2]);
    window.write_block(4, &[0x0102_0304_u32, 0x0506_0708], Mode::Incr).unwrap();
    assert_eq!(bytes(4, 8), [1, 2, 3, 4, 5, 6, 7, 8]);
    window.fill(Run::incr(16, Width::W16, 2), 0x0a0b).unwrap();
    assert_eq!(bytes(16, 4), [0xa, 0xb, 0xa, 0xb]);
    window.write64_lo_hi(24, 0x0102_0304_0506_0708).unwrap();
    assert_eq!(bytes(24, 8), [1, 2, 3, 4, 5, 6, 7, 8]);
    let last: Vec<u64> = device.log().iter().rev().take(2).map(|access| access.offset).collect();
    assert_eq!(last, [24, 28], "the low word, at the higher offset, came first");
    assert_eq!(window.read64(24), Ok(0x0102_0304_0506_0708));
    assert_eq!(window.read64_hi_lo(24), Ok(0x0102_0304_0506_0708));
    assert_eq!(window.update(4, Width::W32, 0xff, 0x55), Ok(0x0102_0304));
    assert_eq!(bytes(4, 4), [1, 2, 3, 0x55]);
}

#[test]
fn mapped_memory_and_a_simulated_device_agree_on_every_rule() {
    for byte_order in [ByteOrder::Little, ByteOrder::Big] {
        for strict in [false, true] {
            let options = OpenOptions::new().byte_order(byte_order).strict_order(strict);
            let device = Device::new(4096).memory(0, 4096);
            for window in
                [options.open(&anonymous()).unwrap(), options.simulate("sim:test", &device)]
            {
                let values: Vec<u16> = (0..11).map(|i| 0x100 * i + 1).collect();
                window.write_block(2, &values, Mode::Incr).unwrap();
                let mut back = [0_u16; 11];
                window.read_block(2, &mut back, Mode::Incr).unwrap();
                assert_eq!(back[..], values);
                let expected = u8::from(byte_order == ByteOrder::Little);
                assert_eq!(window.read8(2), Ok(expected));
                window.fill(Run::strided(100, Width::W32, 5, 8), 0x0102_0304).unwrap();
                assert_eq!(window.read32(132), Ok(0x0102_0304));
                assert_eq!(window.read32(128), Ok(0));
            }
        }
    }
}

#[test]
fn what_is_not_on_the_allow_list_is_not_accessed() {
    let device = Device::new(64).memory(0, 64);
    let window = OpenOptions::new().allow([0..8, 16..32]).simulate("sim:test", &device);
    window.write32(4, 1).unwrap();
    window.write_block(16, &[1_u32; 4], Mode::Incr).unwrap();
    window.fill(Run::strided(0, Width::W32, 2, 16), 0).unwrap();
    device.clear_log();
    let refused = |offset| {
        Err(AccessError::NotAllowed { direction: Direction::Write, offset, width: Width::W32 })
    };
    assert_eq!(window.write32(8, 1), refused(8));
    assert_eq!(window.write_block(0, &[1_u32; 3], Mode::Incr), refused(8));
    assert_eq!(window.write_block(24, &[1_u32; 3], Mode::Incr), refused(32));
    assert!(window.read64(28).is_err());
    assert!(window.update(12, Width::W32, 1, 1).is_err());
    assert!(device.log().is_empty());
}

#[test]
fn a_lock_keeps_out_those_who_ask_for_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(4096).unwrap();
    let target = Target::parse(file.path().to_str().unwrap()).unwrap();
    let (one, other) = (Window::open(&target).unwrap(), Window::open(&target).unwrap());
    let lock = one.lock(Duration::ZERO).unwrap();
    assert!(matches!(other.lock(Duration::from_millis(3)), Err(LockError::Timeout { .. })));
    drop(lock);
    drop(other.lock(Duration::ZERO).unwrap());
    let anonymous = Window::open(&anonymous()).unwrap();
    assert!(matches!(anonymous.lock(Duration::ZERO), Err(LockError::NotShared { .. })));
}

#[test]
fn a_fence_can_be_passed() {
    let window = Window::open(&anonymous()).unwrap();
    window.write32(0, 1).unwrap();
    window.fence();
    assert_eq!(window.read32(0), Ok(1));
}
