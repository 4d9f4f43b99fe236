//! What accesses become on each bus, and what buses are called.

use busprobe_trace::{Access, Data, Direction};
use busprobe_verdict::{AxiLite, Beat, Bus, Device, Impossible, bus_by_name, lower};

fn write(offset: u64, bytes: &[u8]) -> Access {
    let access = Access::new(Direction::Write, offset, bytes.len() as u32);
    Access { data: Some(Data::new(bytes)), ..access }
}

/// Offset, size and data of each beat.
fn beats(bus: &str, accesses: &[Access]) -> Vec<(u64, u32, Option<Data>)> {
    let bus = bus_by_name(bus).unwrap();
    let row = |beat: &Beat| (beat.offset, beat.size, beat.data);
    lower(bus.as_ref(), accesses).iter().map(row).collect()
}

fn places(bus: &str, accesses: &[(u64, u32)]) -> Vec<(u64, u32)> {
    let write = |&(offset, size): &(u64, u32)| Access::new(Direction::Write, offset, size);
    let accesses: Vec<Access> = accesses.iter().map(write).collect();
    beats(bus, &accesses).iter().map(|&(offset, size, _)| (offset, size)).collect()
}

#[test]
fn a_bus_of_any_width_cuts_at_its_words() {
    assert_eq!(places("beats:8", &[(3, 4)]), [(3, 1), (4, 1), (5, 1), (6, 1)]);
    assert_eq!(places("beats:16", &[(3, 4)]), [(3, 1), (4, 2), (6, 1)]);
    assert_eq!(places("beats:128", &[(0, 32)]), [(0, 16), (16, 16)]);
    assert_eq!(places("beats:512", &[(0, 64), (60, 8)]), [(0, 64), (60, 4), (64, 4)]);
    assert_eq!(places("device", &[(60, 8)]), [(60, 8)]);
}

#[test]
fn a_narrowing_bridge_can_put_beats_without_strobes() {
    let bus = "axi4-lite-32:null-beats=64";
    assert_eq!(places(bus, &[(4, 4)]), [(0, 0), (4, 4)]);
    assert_eq!(places(bus, &[(0, 2)]), [(0, 2), (4, 0)]);
    assert_eq!(places("beats:8,null-beats=32", &[(2, 1)]), [(0, 0), (1, 0), (2, 1), (3, 0)]);
    let read = Access::new(Direction::Read, 4, 4);
    assert_eq!(beats(bus, &[read]).len(), 1, "a read has no strobes");
}

#[test]
fn a_slave_without_strobes_takes_whole_words() {
    let bus = "axi4-lite-32:strobes=ignored";
    let data = beats(bus, &[write(4, &[1, 2, 3, 4]), write(9, &[5])]);
    assert_eq!(data, [(4, 4, Some(Data::new(&[1, 2, 3, 4]))), (8, 4, None)]);
}

#[test]
fn a_full_line_goes_out_at_once_and_the_rest_at_the_end() {
    let words: Vec<(u64, u32)> = (0..20).map(|word| (4 * word, 4)).collect();
    assert_eq!(places("wc-x86", &words), [(0, 64), (64, 8), (72, 8)]);
    assert_eq!(places("normal-nc-arm", &words), [(0, 64), (64, 16)]);
    assert_eq!(places("wc-x86:width=256", &words), [(0, 32), (32, 32), (64, 8), (72, 8)]);
}

#[test]
fn a_second_store_overwrites_what_has_not_gone_out() {
    let first = write(0, &[1, 2, 3, 4]);
    let second = write(2, &[5, 6, 7, 8]);
    let combined = Data::new(&[1, 2, 5, 6, 7, 8]);
    assert_eq!(beats("wc-x86", &[first, second]), [(0, 6, Some(combined))]);
}

#[test]
fn bytes_that_do_not_lie_together_are_beats_of_their_own() {
    assert_eq!(places("wc-x86", &[(0, 1), (7, 1), (9, 2)]), [(0, 1), (7, 1), (9, 2)]);
}

#[test]
fn a_line_too_many_sends_the_one_that_was_begun_first() {
    let lines = [(0, 4), (64, 4), (128, 4), (4, 4)];
    assert_eq!(places("wc-x86:buffers=2", &lines), [(0, 4), (64, 4), (128, 4), (4, 4)]);
    assert_eq!(places("wc-x86:buffers=3", &lines), [(0, 8), (64, 4), (128, 4)]);
}

#[test]
fn a_load_waits_for_all_stores_before_it() {
    let read = Access::new(Direction::Read, 128, 4);
    let seen = beats("wc-x86", &[write(0, &[1]), read, write(1, &[2])]);
    assert_eq!(seen.iter().map(|beat| beat.0).collect::<Vec<_>>(), [0, 128, 1]);
}

#[test]
fn a_bus_with_one_outcome_could_be_only_that() {
    let accesses = [write(0, &[1, 2, 3, 4, 5, 6, 7, 8])];
    let bus = AxiLite::BITS_32;
    let log = lower(&bus, &accesses);
    assert_eq!(bus.could(&accesses, &log), Ok(()));
    assert_eq!(bus.could(&accesses, &log[..1]), Err(Impossible::Different { beat: 1 }));
    assert_eq!(Device.could(&accesses, &log), Err(Impossible::Different { beat: 0 }));
    let unknown: Vec<Beat> = log.iter().map(|beat| Beat { data: None, ..*beat }).collect();
    assert_eq!(bus.could(&accesses, &unknown), Ok(()));
}

#[test]
fn a_bus_is_called_what_it_was_asked_for() {
    for name in [
        "device",
        "axi4-lite-32",
        "axi4-lite-64:strobes=ignored",
        "axi4-lite-32:null-beats=128,strobes=ignored",
        "beats:256",
        "beats:32,null-beats=64",
        "wc-x86",
        "wc-x86:buffers=12,line=32",
        "normal-nc-arm:chunk=8,width=64",
    ] {
        assert_eq!(bus_by_name(name).unwrap().name(), name);
    }
    assert_eq!(bus_by_name("beats:256").unwrap().width(), 32);
}

#[test]
fn what_is_no_bus_says_what_would_be() {
    for (name, what) in [
        ("isa", "known are device"),
        ("", "known are device"),
        ("beats", "a power of two from 8 to 512"),
        ("beats:24", "a power of two from 8 to 512"),
        ("beats:1024", "a power of two from 8 to 512"),
        ("device:buffers=1", "it has no parameters, so no buffers"),
        ("axi4-lite-32:null-beats=32", "null-beats is the bits of the wider bus"),
        ("axi4-lite-32:strobes=no", "strobes is used or ignored"),
        ("wc-x86:buffers=0", "buffers is from 1 to 64"),
        ("wc-x86:line=64,line=64", "line=64 comes a second time"),
        ("wc-x86:lines=64", "known are buffers, line, chunk, width"),
        ("wc-x86:line=16,chunk=32", "from 4 to 16"),
    ] {
        let Err(error) = bus_by_name(name) else { panic!("{name} is a bus") };
        let error = error.to_string();
        assert!(error.starts_with(&format!("{name:?} is no bus: ")), "{error}");
        assert!(error.contains(what), "{error}");
    }
}
