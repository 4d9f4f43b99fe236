//! `busprobe poll` reads until it has seen enough, and says how often.

use std::fs;

use busprobe_trace::jsonl;

use crate::table::Bench;

#[test]
fn what_is_there_already_takes_one_read() {
    let done = Bench::new().run("poll WINDOW 0x4:7:0=4");
    assert_eq!((done.status, done.text()), (Some(0), "0x07060504 after 1 read\n"));
}

#[test]
fn what_does_not_come_ends_with_1_and_the_last_value() {
    let done = Bench::new().run("poll WINDOW 0x6=0 --width 8 --timeout 20ms --interval 5ms");
    let words: Vec<&str> = done.text().split_whitespace().collect();
    assert_eq!((done.status, words[0], words[1], words[3]), (Some(1), "0x06", "after", "reads"));
    assert!(words[2].parse::<u64>().unwrap() > 1, "{}", done.text());
    assert!(done.error.starts_with("busprobe: offset 0x6 did not become 0x0"), "{}", done.error);
}

#[test]
fn json_has_the_value_and_the_number_of_reads() {
    let done = Bench::new().run("poll WINDOW 0x4 --mask 0xff --value 5 --timeout 0 --json");
    let object: serde_json::Value = serde_json::from_slice(&done.out).unwrap();
    assert_eq!(object["value"], "0x07060504");
    assert_eq!(object["became"], false);
    assert!(object["reads"].as_u64().unwrap() >= 1);
}

#[test]
fn the_trace_has_each_read_and_the_last_ones_data() {
    let bench = Bench::new();
    let trace = bench.path("trace.jsonl");
    let options = "--timeout 10ms --interval 2ms";
    let done = bench.run(&format!("poll WINDOW 0x4=1 {options} --trace {}", trace.display()));
    let reads: usize = done.text().split(' ').nth(2).unwrap().parse().unwrap();
    let trace = jsonl::read(fs::read(trace).unwrap().as_slice()).unwrap();
    assert_eq!(trace.accesses().count(), reads);
    let (last, before) = trace.events.split_last().unwrap();
    let data = |event: &busprobe_trace::Event| match event {
        busprobe_trace::Event::Access(access) => access.data.map(|data| data.to_string()),
        other => panic!("{other:?}"),
    };
    assert_eq!(data(last).unwrap(), "0x07060504");
    assert!(before.iter().all(|event| data(event).is_none()));
}
