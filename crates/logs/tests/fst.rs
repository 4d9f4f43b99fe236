//! A fast signal trace is read as the dump that it was made of, and a damaged one does no harm.
//!
//! `icarus-11/sim-*.fst` are `icarus-11/sim.vcd` as `vcd2fst` of `GTKWave` 3.3.118 packs it, with
//! `-4`, `-F` and `-Z`.

use std::io::Cursor;

use busprobe_logs::import::waveform::{Format, Options, ReadError, read_fst, read_vcd};
use busprobe_trace::{Capture, Header, Level, Trace};
use proptest::prelude::*;

const VCD: &str = include_str!("icarus-11/sim.vcd");
const PACKED: [(&str, &[u8]); 3] = [
    ("lz4", include_bytes!("icarus-11/sim-lz4.fst")),
    ("fastlz", include_bytes!("icarus-11/sim-fastlz.fst")),
    ("zlib", include_bytes!("icarus-11/sim-zlib.fst")),
];
const LINK: Options<'_> = Options { link: Some("link"), clock: None, only: None };

fn empty() -> Trace {
    Trace::new(Header::new(Level::Instruction, Capture::Lab, ""))
}

fn read(file: &[u8]) -> Result<Trace, ReadError> {
    let mut trace = empty();
    read_fst(Cursor::new(file), &LINK, &mut trace).map(|_| trace)
}

#[test]
fn a_link_carries_in_fst_what_it_carries_in_vcd() {
    let mut from_vcd = empty();
    read_vcd(VCD.as_bytes(), &LINK, &mut from_vcd).unwrap();
    assert_eq!(from_vcd.accesses().count(), 9);
    for (packing, file) in PACKED {
        assert_eq!(Format::of_beginning(file), Some(Format::Fst), "{packing}");
        assert_eq!(read(file).unwrap(), from_vcd, "{packing}");
    }
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    for (packing, file) in PACKED {
        for cut in 0..file.len() {
            if let Ok(trace) = read(&file[..cut]) {
                // The hierarchy is before the end in some files, and nothing that matters after it.
                assert_eq!(trace, read(file).unwrap(), "{packing} cut at {cut}");
            }
        }
    }
}

#[test]
fn what_is_no_fst_is_refused_in_words() {
    for (file, said) in [
        (&b""[..], "byte 0: not as FST has it: the file is empty"),
        (b"\0", "byte 0: not as FST has it: a block that ends beyond the end of the file"),
        (b"qemu_ram_write: addr 0x0", "a block that ends beyond the end of the file"),
        (&[254, 0, 0, 0, 0, 0, 0, 0, 9, 0], "compressed as a whole, which is not read"),
        (&[255, 0, 0, 0, 0, 0, 0, 0, 0], "cut off while it was written"),
        (&[9, 0, 0, 0, 0, 0, 0, 0, 8], "a block of an unknown kind"),
        (&[3, 0, 0, 0, 0, 0, 0, 0, 8], "a block that is too short for its kind"),
    ] {
        let error = read(file).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn a_block_that_claims_more_than_it_can_hold_is_refused_before_it_is_read() {
    let mut file = PACKED[0].1.to_vec();
    let geometry = blocks(&file).find(|&at| file[at] == 3).unwrap();
    file[geometry + 9..geometry + 17].fill(0x7F);
    let error = read(&file).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "byte {geometry}: not as FST has it: a block that unpacks to more than it can hold"
        )
    );
}

/// A block of that kind, with its length.
fn block(kind: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    [&[kind][..], &(content.len() as u64 + 8).to_be_bytes(), &content].concat()
}

/// A block of the values of one wire, with that table of where its changes are.
fn values(kind: u8, table: &[u8]) -> Vec<u8> {
    let (times_and_memory, first_values) = ([0; 24], [0, 0, 1]);
    let changes = [1, b'4'];
    let table_length = (table.len() as u64).to_be_bytes();
    block(kind, &[&times_and_memory, &first_values, &changes, table, &table_length, &[0; 24]])
}

#[test]
fn what_would_make_the_reader_ask_for_gigabytes_is_refused() {
    let many = [0xFE, 0xFF, 0xFF, 0xFF, 0x0F];
    for (file, said) in [
        (block(2, &[&many]), "more times without a dump than it can hold"),
        (block(7, &[&[0; 8], &many]), "a block that unpacks to more than it can hold"),
        (values(5, &many), "a table of more wires than its block has"),
        (values(8, &many), "a table of more wires than its block has"),
        (values(5, &[0xD1, 0x0F]), "values of a wire that begin behind all values"),
        (values(8, &[0xD1, 0x0F]), "values of a wire that begin behind all values"),
    ] {
        let error = read(&file).unwrap_err().to_string();
        assert_eq!(error, format!("byte 0: not as FST has it: {said}"));
    }
}

/// Where the blocks begin.
fn blocks(file: &[u8]) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(0), |&at| {
        let length = u64::from_be_bytes(file[at + 1..at + 9].try_into().unwrap());
        Some(at + 1 + length as usize).filter(|&next| next < file.len())
    })
}

proptest! {
    #[test]
    fn no_change_of_a_good_file_does_any_harm(
        which in 0..PACKED.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut file = PACKED[which].1.to_vec();
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        let _ = read(&file);
    }
}
