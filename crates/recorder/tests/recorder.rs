//! The driver on a model of the core; `hdl/` holds the core itself to the same register map.

use busprobe_mmio::sim::{Device, Register as Simulated};
use busprobe_mmio::{Direction, Width, Window};
use busprobe_recorder::{Directions, Recorder, RecorderError, Register};
use busprobe_trace::{Capture, Event, Header, Level, LossKind, Trace, text};
use proptest::prelude::*;

const RECORD: u64 = Register::Record as u64;
const LOST: u64 = Register::Lost as u64;

/// A core of a link with 32-bit addresses.
fn core(data_width: u64) -> Device {
    let fixed = |value| Simulated::read_only(Width::W32).reset(value);
    let kept = |value| Simulated::read_write(Width::W32).reset(value);
    Device::new(0x1000)
        .register(Register::Id as u64, fixed(Register::ID_VALUE.into()))
        .register(Register::Link as u64, fixed(16 << 16 | 32 << 8 | data_width))
        .register(Register::Capacity as u64, fixed(1024))
        .register(Register::Clock as u64, fixed(100_000_000))
        .register(Register::Control as u64, kept(0))
        .register(Register::Status as u64, fixed(0))
        .register(Register::Level as u64, fixed(0))
        .register(LOST, fixed(0))
        .register(Register::FirstLow as u64, kept(0))
        .register(Register::FirstHigh as u64, kept(0))
        .register(Register::LastLow as u64, kept(0xFFFF_FFFF))
        .register(Register::LastHigh as u64, kept(0xFFFF_FFFF))
        .register(RECORD, Simulated::fifo(Width::W32, 8 * 1024))
        .on_read(Register::Level as u64, |device, _| {
            device.poke(Register::Level as u64, device.level(RECORD).div_ceil(8) as u64);
            Ok(())
        })
        .on_read(Register::Status as u64, |device, _| {
            let word = device.level(RECORD).wrapping_neg() % 8;
            device.poke(Register::Status as u64, (word as u64) << 8);
            Ok(())
        })
}

/// A transaction comes by: a write when it has strobes. It took 3 cycles.
fn happens(core: &Device, gap: u64, address: u64, data: u64, strobes: u64, cycle: u64) {
    let write = u64::from(strobes != 0);
    let header = gap << 16 | strobes << 8 | write << 1 | 1;
    for word in [header, address, 0, data & 0xFFFF_FFFF, data >> 32, cycle, cycle + 3, 0] {
        core.poke(RECORD, word);
    }
}

fn empty() -> Trace {
    Trace::new(Header::new(Level::Instruction, Capture::Lab, ""))
}

fn drained(recorder: &mut Recorder) -> Trace {
    let mut trace = empty();
    let mut writer = recorder.begin("recorder", &mut trace).unwrap();
    recorder.drain(&mut writer).unwrap();
    trace
}

fn events(trace: &Trace) -> Vec<String> {
    let line = |event: &Event| match event {
        Event::Access(access) => text::Line { access, site: None, with_window: false }.to_string(),
        Event::Loss(loss) => format!("{:?} {}", loss.kind, loss.count.unwrap_or(0)),
        other => format!("{other:?}"),
    };
    trace.events.iter().map(line).collect()
}

#[test]
fn a_drain_is_a_trace_at_the_level_of_the_bus() {
    let core = core(32);
    let window = Window::simulated("sim:recorder", &core);
    happens(&core, 0, 0x40, 0xDEAD_BEEF, 0b1111, 7);
    happens(&core, 0, 0x42, 0x1122_3344, 0b1100, 20);
    happens(&core, 0, 0x44, 5, 0, 30);
    let trace = drained(&mut Recorder::new(&window).unwrap());
    assert_eq!((trace.header.level, trace.header.capture), (Level::Bus, Capture::Recorder));
    assert_eq!((trace.windows[0].base, trace.windows[0].length), (Some(0), 1 << 32));
    assert_eq!(
        events(&trace),
        [
            "W addr 0x40 data 0xdeadbeef size 4",
            "W addr 0x42 data 0x1122 size 2",
            "R addr 0x44 data 0x5 size 4",
        ]
    );
    let times: Vec<_> = trace.accesses().map(|access| access.time_ns).collect();
    assert_eq!(times, [Some(30), Some(160), Some(260)]);
}

#[test]
fn arming_writes_the_filter_before_it_arms_and_offsets_count_from_it() {
    let core = core(64);
    let window = Window::simulated("sim:recorder", &core);
    let mut recorder = Recorder::new(&window).unwrap();
    core.clear_log();
    recorder.arm(0x44..=0x4B, Directions { reads: false, writes: true }).unwrap();
    let writes: Vec<_> = core.log().iter().map(|access| (access.offset, access.value)).collect();
    assert_eq!(
        writes,
        [
            (0x20, Some(0x44)),
            (0x24, Some(0)),
            (0x28, Some(0x4B)),
            (0x2C, Some(0)),
            (0x10, Some(0b0101)),
        ]
    );
    happens(&core, 0, 0x40, 0x1122_3344_5566_7788, 0b1111_0000, 0);
    let trace = drained(&mut recorder);
    assert_eq!((trace.windows[0].base, trace.windows[0].length), (Some(0x40), 16));
    assert_eq!(events(&trace), ["W addr 0x4 data 0x11223344 size 4"]);
    let later = Recorder::new(&window).unwrap();
    let mut trace = empty();
    later.begin("recorder", &mut trace).unwrap();
    assert_eq!(trace.windows[0].base, Some(0x40), "another process finds the filter in the core");
}

#[test]
fn gaps_and_what_was_lost_last_are_losses_in_their_places() {
    let core = core(32);
    let window = Window::simulated("sim:recorder", &core);
    let mut recorder = Recorder::new(&window).unwrap();
    happens(&core, 0, 0, 1, 1, 0);
    core.poke(LOST, 3);
    assert_eq!(events(&drained(&mut recorder)), ["W addr 0x0 data 0x1 size 1", "Missed 3"]);
    happens(&core, 5, 4, 1, 1, 0);
    core.poke(LOST, 5);
    assert_eq!(events(&drained(&mut recorder)), ["Missed 2", "W addr 0x4 data 0x1 size 1"]);
}

#[test]
fn a_record_that_another_program_began_to_read_is_a_loss() {
    let core = core(32);
    let window = Window::simulated("sim:recorder", &core);
    let mut recorder = Recorder::new(&window).unwrap();
    happens(&core, 0, 0, 1, 1, 0);
    happens(&core, 0, 4, 1, 1, 0);
    window.read32(RECORD).unwrap();
    let trace = drained(&mut recorder);
    assert_eq!(events(&trace), ["Missed 1", "W addr 0x4 data 0x1 size 1"]);
    assert_eq!(trace.losses().next().unwrap().kind, LossKind::Missed);
}

#[test]
fn a_record_that_another_program_takes_amid_a_drain_is_a_loss() {
    let core = core(32).on_read(Register::Level as u64, |device, _| {
        device.poke(Register::Level as u64, 2);
        Ok(())
    });
    let window = Window::simulated("sim:recorder", &core);
    let mut recorder = Recorder::new(&window).unwrap();
    happens(&core, 0, 4, 1, 1, 0);
    assert_eq!(events(&drained(&mut recorder)), ["W addr 0x4 data 0x1 size 1", "Missed 1"]);
}

#[test]
fn a_drain_reads_the_fifo_eight_times_a_record_and_no_more() {
    let core = core(32);
    let window = Window::simulated("sim:recorder", &core);
    let mut recorder = Recorder::new(&window).unwrap();
    (0..300).for_each(|n| happens(&core, 0, 4 * n, n, 15, n));
    core.clear_log();
    assert_eq!(drained(&mut recorder).accesses().count(), 300);
    let log = core.log();
    assert!(log.iter().all(|access| access.direction == Direction::Read));
    assert_eq!(log.iter().filter(|access| access.offset == RECORD).count(), 8 * 300);
    assert_eq!(log.len(), 8 * 300 + 3, "STATUS, LEVEL and LOST once each");
}

#[test]
fn what_is_no_recorder_is_found_by_one_read() {
    let device = Device::new(0x1000).memory(0, 0x1000);
    let window = Window::simulated("sim:memory", &device);
    let error = Recorder::new(&window).unwrap_err();
    assert!(matches!(error, RecorderError::NotARecorder { found: 0, .. }));
    assert!(error.to_string().starts_with("no recorder core here: its first word is 0x42505231"));
    assert_eq!(device.log().len(), 1);
}

#[test]
fn a_range_outside_the_link_is_refused_before_anything_is_written() {
    let core = core(32);
    let window = Window::simulated("sim:recorder", &core);
    let mut recorder = Recorder::new(&window).unwrap();
    core.clear_log();
    for range in [0..=1 << 32, std::ops::RangeInclusive::new(8, 4)] {
        let error = recorder.arm(range, Directions::default()).unwrap_err().to_string();
        assert!(error.ends_with("is not within the link's addresses, 0 to 0xffffffff"), "{error}");
    }
    assert!(core.log().is_empty());
}

#[test]
fn the_registers_are_those_of_the_map() {
    let map = include_str!("../../../hdl/axil_recorder.svd");
    let text = |element: &str, name: &str| {
        let (_, rest) = element.split_once(&format!("<{name}>")).expect("every register has one");
        rest.split_once('<').expect("it ends").0.to_owned()
    };
    let described: Vec<(String, u64)> = map
        .split("<register>")
        .skip(1)
        .filter(|element| !element.contains("<alternateRegister>"))
        .map(|element| {
            let offset = text(element, "addressOffset");
            let offset = u64::from_str_radix(offset.trim_start_matches("0x"), 16);
            (text(element, "name"), offset.expect("an offset is hexadecimal"))
        })
        .collect();
    let ours = Register::ALL.map(|(name, register)| (name.to_owned(), register as u64));
    assert_eq!(described, ours);
    assert!(map.contains(&format!("<resetValue>0x{:08X}</resetValue>", Register::ID_VALUE)));
}

proptest! {
    /// `None` drains; `Some(lost)` loses that many, and records one.
    #[test]
    fn every_transaction_is_drained_or_counted_in_its_place(
        steps in prop::collection::vec(prop::option::of(0u64..4), 0..40),
    ) {
        let core = core(32);
        let window = Window::simulated("sim:recorder", &core);
        let mut recorder = Recorder::new(&window).unwrap();
        let (mut seen, mut lost, mut at) = (0, 0, 0);
        for step in steps.into_iter().chain([None]) {
            if let Some(gap) = step {
                happens(&core, gap, 4 * (seen + gap), 0, 15, 0);
                seen += gap + 1;
                lost += gap;
                core.poke(LOST, lost);
                continue;
            }
            for event in drained(&mut recorder).events {
                match event {
                    Event::Access(access) => {
                        prop_assert_eq!(access.offset, 4 * at);
                        at += 1;
                    }
                    Event::Loss(loss) => at += loss.count.unwrap(),
                    other => prop_assert!(false, "{:?}", other),
                }
            }
            prop_assert_eq!(at, seen);
        }
    }
}
