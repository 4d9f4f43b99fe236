//! What a window does to the memory behind it, and what it refuses to do.

use std::fs;
use std::io::Write;

use busprobe_mmio::{
    AccessError, Direction, Mode, OpenError, OpenOptions, Run, Target, Width, Window,
};
use proptest::prelude::*;

const LENGTH: usize = 256;

/// A window over a file, and the file, whose bytes are 0, 1, 2, ...
fn window() -> (Window, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let bytes: Vec<u8> = (0..=255).collect();
    file.write_all(&bytes).unwrap();
    let target = Target::parse(file.path().to_str().unwrap()).unwrap();
    (Window::open(&target).unwrap(), file)
}

fn contents(file: &tempfile::NamedTempFile) -> Vec<u8> {
    fs::read(file.path()).unwrap()
}

#[test]
fn a_scalar_is_read_at_its_own_width() {
    let (window, _file) = window();
    assert_eq!(window.read8(1), Ok(0x01));
    assert_eq!(window.read16(2), Ok(0x0302));
    assert_eq!(window.read32(4), Ok(0x0706_0504));
    assert_eq!(window.read64(8), Ok(0x0f0e_0d0c_0b0a_0908));
    assert_eq!(window.read(4, Width::W32), Ok(0x0706_0504));
}

#[test]
fn a_scalar_is_written_at_its_own_width() {
    let (window, file) = window();
    let mut expected = contents(&file);
    window.write8(1, 0xa1).unwrap();
    expected[1] = 0xa1;
    window.write16(2, 0xb2b1).unwrap();
    expected[2..4].copy_from_slice(&[0xb1, 0xb2]);
    window.write32(4, 0xc4c3_c2c1).unwrap();
    expected[4..8].copy_from_slice(&[0xc1, 0xc2, 0xc3, 0xc4]);
    window.write64(8, 0xd8d7_d6d5_d4d3_d2d1).unwrap();
    expected[8..16].copy_from_slice(&[0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8]);
    assert_eq!(contents(&file), expected);
}

#[test]
fn a_fixed_block_stays_at_one_offset() {
    let (window, file) = window();
    let mut expected = contents(&file);
    window.write_block(0x10, &[1_u32, 2, 3, 4, 5, 6], Mode::Fixed).unwrap();
    expected[0x10..0x14].copy_from_slice(&6_u32.to_le_bytes());
    assert_eq!(contents(&file), expected);
    let mut out = [0_u32; 6];
    window.read_block(0x10, &mut out, Mode::Fixed).unwrap();
    assert_eq!(out, [6; 6]);
}

#[test]
fn an_unaligned_window_in_a_file_starts_where_it_says() {
    let (_window, file) = window();
    let target = format!("file:{}@0x21+16", file.path().display());
    let window = Window::open(&Target::parse(&target).unwrap()).unwrap();
    assert_eq!(window.len(), 16);
    assert_eq!(window.read8(0), Ok(0x21));
    let error = window.read32(0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "32-bit read at offset 0x0 is not aligned: the start of the window has to be a multiple \
         of 4"
    );
}

#[test]
fn a_read_only_window_refuses_writes() {
    let (_window, file) = window();
    let target = Target::parse(file.path().to_str().unwrap()).unwrap();
    let window = OpenOptions::new().read_only(true).open(&target).unwrap();
    assert_eq!(window.read8(7), Ok(7));
    assert_eq!(window.write8(7, 0), Err(AccessError::ReadOnly { offset: 7 }));
    assert_eq!(contents(&file)[7], 7);
}

#[test]
fn a_range_outside_of_the_file_cannot_be_opened() {
    let (_window, file) = window();
    let target = format!("file:{}@128+129", file.path().display());
    let error = Window::open(&Target::parse(&target).unwrap()).unwrap_err();
    let message = error.to_string();
    assert!(
        message.ends_with("the range 0x80 to 0x101 is not within the file, which has 0x100 bytes"),
        "{message}"
    );
}

#[test]
fn a_missing_file_is_named() {
    let error = Window::open(&Target::parse("file:/nowhere/window.bin").unwrap()).unwrap_err();
    assert!(matches!(error, OpenError::Target(_)));
    let message = error.to_string();
    assert!(message.contains("/nowhere/window.bin: No such file"), "{message}");
}

/// What the same run does to plain memory.
fn expected_write(before: &[u8], run: Run, values: &[u8]) -> Vec<u8> {
    let mut memory = before.to_vec();
    let width = run.width.bytes() as usize;
    for (offset, value) in run.offsets().zip(values.chunks(width)) {
        memory[offset as usize..][..width].copy_from_slice(value);
    }
    memory
}

fn width() -> impl Strategy<Value = Width> {
    prop_oneof![Just(Width::W8), Just(Width::W16), Just(Width::W32), Just(Width::W64)]
}

prop_compose! {
    /// Runs inside, at the edges of and outside of a window, aligned and not.
    fn run()(
        width in width(), count in 0..20_u64, element in -1..40_i64, off in 0..9_i64,
        stride in -4..5_i64, skew in 0..9_i64,
    ) -> Run {
        let bytes = width.bytes() as i64;
        let unless_zero = |skew: i64| i64::from(skew >= 7);
        let offset = (element * bytes + unless_zero(off)) as u64;
        Run::strided(offset, width, count, stride * bytes + unless_zero(skew))
    }
}

proptest! {
    #[test]
    fn a_written_run_is_all_there_or_not_at_all(run in run(), seed in any::<u8>()) {
        let (window, file) = window();
        let values: Vec<u8> =
            (0..run.count * run.width.bytes()).map(|i| seed.wrapping_add(i as u8)).collect();
        let before = contents(&file);
        // SAFETY: `values` has exactly the run's bytes.
        let result = unsafe { window.write_run(run, values.as_ptr()) };
        let expected = match result {
            Ok(()) => expected_write(&before, run, &values),
            Err(_) => before,
        };
        prop_assert_eq!(contents(&file), expected);
        prop_assert_eq!(result, window.check(run, Direction::Write));
    }

    #[test]
    fn a_read_run_is_what_the_memory_holds(run in run()) {
        let (window, file) = window();
        let width = run.width.bytes() as usize;
        let mut out = vec![0xee; run.count as usize * width];
        // SAFETY: `out` takes exactly the run's bytes.
        let result = unsafe { window.read_run(run, out.as_mut_ptr()) };
        if result.is_ok() {
            let memory = contents(&file);
            let expected: Vec<u8> =
                run.offsets().flat_map(|at| memory[at as usize..][..width].to_vec()).collect();
            prop_assert_eq!(out, expected);
        } else {
            prop_assert!(out.iter().all(|byte| *byte == 0xee));
        }
    }

    #[test]
    fn a_filled_run_holds_the_value(run in run(), value in any::<u64>()) {
        let (window, file) = window();
        let before = contents(&file);
        let result = window.fill(run, value);
        let one = value.to_le_bytes()[..run.width.bytes() as usize].to_vec();
        let expected = match result {
            Ok(()) => expected_write(&before, run, &one.repeat(run.count as usize)),
            Err(_) => before,
        };
        prop_assert_eq!(contents(&file), expected);
        prop_assert!(result.is_err() || value <= run.width.max_value());
    }

    #[test]
    fn a_run_is_refused_exactly_when_an_element_is_outside_or_unaligned(run in run()) {
        let (window, _file) = window();
        let bytes = run.width.bytes();
        let fits = |at: u64| at.checked_add(bytes).is_some_and(|end| end <= LENGTH as u64);
        let possible = run.offset % bytes == 0
            && run.offsets().all(|at| fits(at) && at % bytes == 0)
            && (run.count > 0 || run.offset <= LENGTH as u64);
        prop_assert_eq!(window.check(run, Direction::Read).is_ok(), possible);
    }
}
