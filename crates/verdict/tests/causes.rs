//! Why the bus saw what it did, read off the accesses.

use busprobe_trace::{Access, Data, Direction};
use busprobe_verdict::explain::{Cause, causes};
use busprobe_verdict::{AxiLite, Intent};

fn store(offset: u64, bytes: &[u8]) -> Access {
    Access {
        data: Some(Data::new(bytes)),
        ..Access::new(Direction::Write, offset, bytes.len() as u32)
    }
}

fn load(offset: u64, size: u32) -> Access {
    Access::new(Direction::Read, offset, size)
}

fn at(site: u32, access: &Access) -> Access {
    Access { site: Some(site), ..access.clone() }
}

fn words(accesses: &[Access], intent: &str) -> Vec<String> {
    let accesses: Vec<&Access> = accesses.iter().collect();
    let intent: Intent = intent.parse().expect("the tests write intents rightly");
    causes(&accesses, &intent, &AxiLite::BITS_32).iter().map(Cause::to_string).collect()
}

#[test]
fn words_written_once_each_in_order_need_no_cause() {
    let stores = [store(0, &[1, 0, 0, 0]), store(4, &[2, 0, 0, 0])];
    assert_eq!(words(&stores, "W 0x0 2x32"), [""; 0]);
}

#[test]
fn a_block_as_long_as_one_register_has_its_head_and_tail_in_one_place() {
    let bytes: Vec<u8> = (0..16).collect();
    assert_eq!(
        words(&[store(0, &bytes), store(0, &bytes)], "W 0x0 4x32"),
        [
            "stores overlap: store 1 and store 2 both cover 0x0 to 0xf, as in a copy that counts one \
             from the start of the block and one from its end, which for this length is the same \
             place; 16 bytes come again in all",
            "a store of 16 bytes is 4 beats on a bus of 32 bits",
        ]
    );
}

#[test]
fn the_tail_of_a_longer_block_overlaps_what_was_there() {
    let stores = [store(0, &[1; 16]), store(16, &[2; 16]), store(24, &[2; 16])];
    let said = words(&stores, "W 0x0 10x32");
    assert_eq!(
        said[0],
        "stores overlap: store 2 and store 3 both cover 0x18 to 0x1f, as in a copy whose last part is \
         counted from the block's end; 8 bytes come again in all"
    );
}

#[test]
fn a_head_that_comes_last_is_named_as_such() {
    let stores = [store(4, &[1; 16]), store(0, &[1; 16])];
    let said = words(&stores, "W 0x0 5x32");
    assert!(said[0].contains("as in a copy that puts the head of the block by itself"), "{said:?}");
}

#[test]
fn ctypes_reads_each_place_before_it_writes_it() {
    let accesses = [at(1, &load(8, 4)), at(2, &store(8, &[5, 0, 0, 0]))];
    assert_eq!(words(&accesses, "W 0x8 1x32"), ["the place is read before it is written"]);
}

#[test]
fn one_instruction_that_reads_and_writes_is_told_from_two() {
    let accesses = [at(1, &load(8, 4)), at(1, &store(8, &[5, 0, 0, 0]))];
    assert_eq!(
        words(&accesses, "W 0x8 1x32"),
        [
            "the instruction itself reads the place and writes it back: one instruction, two accesses"
        ]
    );
}

#[test]
fn a_field_that_is_zeroed_first_is_not_called_an_overlap() {
    let accesses = [
        at(1, &store(0, &[0; 4])),
        at(2, &store(0, &[5])),
        at(2, &store(1, &[0])),
        at(2, &store(2, &[0])),
        at(2, &store(3, &[0])),
    ];
    let said = words(&accesses, "W 0x0 1x32");
    assert_eq!(
        said[0],
        "the place is filled with zeros before the value is written (4 bytes): the device sees the \
         zeros"
    );
    assert!(said.iter().all(|cause| !cause.contains("overlap")), "{said:?}");
}

#[test]
fn a_block_that_begins_in_its_middle_says_where_the_order_turns() {
    let stores =
        [store(64, &[1; 16]), store(80, &[1; 16]), store(0, &[1; 16]), store(16, &[1; 16])];
    let said = words(&stores, "W 0x0 24x32");
    assert!(said[0].starts_with("the store at 0x0 comes after the one at 0x50"), "{said:?}");
}

#[test]
fn a_block_from_its_end_runs_down() {
    let stores = [store(8, &[1; 4]), store(4, &[1; 4]), store(0, &[1; 4])];
    assert_eq!(words(&stores, "W 0x0 3x32"), ["the stores run from the highest address down"]);
}

#[test]
fn what_begins_inside_a_bus_word_is_counted() {
    let stores = [store(2, &[1; 4]), store(6, &[1; 4])];
    let said = words(&stores, "W 0x2 4x16");
    assert!(
        said.last()
            .unwrap()
            .starts_with("access 1, 4 bytes at 0x2, begins inside a bus word (2 in all)")
    );
}
