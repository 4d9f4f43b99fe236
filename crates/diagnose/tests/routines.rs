//! The closed forms are what the libraries' own code was seen to do.

#[path = "../../lab/tests/libcs/mod.rs"]
mod libcs;

use busprobe_diagnose::{Call, Routine, Store};
use busprobe_lab::{Call as LabCall, Cpu, Function, Lab, Routine as Code, Unaligned};
use proptest::prelude::*;

#[test]
fn glibcs_copies_for_x86_64_are_as_captured() {
    let mut compared = 0;
    let mut routine = None;
    let mut call = Call { length: 0, destination: 0, source: 0, near: false };
    for line in include_str!("golden/x86_64.txt").lines() {
        if let Some(section) = line.strip_prefix('[') {
            let words: Vec<&str> = section.split(' ').collect();
            let [name, "destination", destination, "near", near, _] = words[..] else {
                panic!("no section: {line}")
            };
            routine = Routine::named(name);
            call = Call { destination: destination.parse().unwrap(), near: near == "1", ..call };
        } else if let Some((length, stores)) =
            line.split_once(": ").filter(|_| !line.starts_with('#'))
        {
            let call = Call { length: length.parse().unwrap(), ..call };
            let stored: Vec<Store> = stores.split(' ').map(store).collect();
            let routine = routine.expect("a section names a known routine");
            assert_eq!(routine.stores(&call), stored, "{} {call:?}", routine.name);
            compared += 1;
        }
    }
    assert!(compared > 250, "{compared}");
}

/// `0x10/16` in decimal: `16/16`.
fn store(text: &str) -> Store {
    let (offset, size) = text.split_once('/').unwrap();
    Store { offset: offset.parse().unwrap(), size: size.parse().unwrap() }
}

fn code_is(
    lab: &mut Lab,
    code: &Code,
    routine: &str,
    places: impl Strategy<Value = (u64, u64, u64)>,
) {
    let routine = Routine::named(routine).unwrap();
    let lab = std::cell::RefCell::new(lab);
    proptest!(ProptestConfig::with_cases(300), |((length, destination, source) in places)| {
        let unaligned = Unaligned::Beats;
        let in_lab = LabCall { destination, source, unaligned, ..LabCall::of(length) };
        let run = lab.borrow_mut().run(code, &in_lab).unwrap();
        let seen: Vec<Store> = run
            .trace
            .accesses()
            .map(|access| Store { offset: access.offset - destination, size: access.size })
            .collect();
        let call = Call { length, destination, source, near: false };
        prop_assert_eq!(routine.stores(&call), seen, "{} {:?}", routine.name, call);
    });
}

fn anywhere() -> impl Strategy<Value = (u64, u64, u64)> {
    (1..2048_u64, 0..64_u64, 0..16_u64)
}

fn short() -> impl Strategy<Value = (u64, u64, u64)> {
    (1..140_u64, 0..64_u64, 0..16_u64)
}

#[test]
fn glibcs_copies_for_aarch64_are_as_the_lab_runs_them() {
    let Some(libc) = libcs::path("libc6") else { return };
    for (cpu, routine) in [
        ("cortex-a57", "glibc-generic"),
        ("thunderx", "glibc-thunderx"),
        ("thunderx2", "glibc-thunderx2"),
    ] {
        let mut lab = Lab::open(&libc, Cpu::named(cpu).unwrap()).unwrap();
        for function in [Function::Memcpy, Function::Memmove] {
            let code = lab.routine(function).unwrap();
            code_is(&mut lab, &code, routine, short());
            // ThunderX2's goes otherwise for long blocks that are not aligned alike.
            if cpu != "thunderx2" {
                code_is(&mut lab, &code, routine, anywhere());
            }
        }
    }
}

#[test]
fn musls_copy_is_as_the_lab_runs_it() {
    let Some(libc) = libcs::path("musl") else { return };
    let mut lab = Lab::open(&libc, Cpu::default()).unwrap();
    let code = lab.routine(Function::Memcpy).unwrap();
    code_is(&mut lab, &code, "musl", short());
    code_is(&mut lab, &code, "musl", anywhere());
}

proptest! {
    #[test]
    fn every_routine_stores_every_byte_and_none_beyond(
        length in 1..3000_u64, destination in 0..64_u64, source in 0..16_u64, near: bool,
    ) {
        for routine in Routine::ALL {
            let call = Call { length, destination, source, near };
            let mut touched = vec![false; length as usize];
            for store in routine.stores(&call) {
                let end = store.offset + u64::from(store.size);
                prop_assert!(end <= length, "{} {:?} {:?}", routine.name, call, store);
                touched[store.offset as usize..end as usize].fill(true);
            }
            prop_assert!(touched.iter().all(|byte| *byte), "{} {:?}", routine.name, call);
        }
    }
}
