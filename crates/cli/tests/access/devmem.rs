//! `busprobe devmem` says what busybox says, and does what busybox does.

use crate::table::{Bench, Case, cases};

fn table() -> Vec<Case> {
    cases(include_str!("devmem.txt"))
}

#[test]
fn it_prints_and_writes_what_busybox_does() {
    for Case { command, expected } in table() {
        let bench = Bench::new();
        let mut contents = bench.contents();
        let done = bench.run(&format!("devmem --mem WINDOW {command}"));
        let (mut out, mut error) = (String::new(), String::new());
        for line in expected {
            match line.split_once(' ').unwrap() {
                ("out", text) => out = format!("{text}\n"),
                ("err", text) => error = format!("{text}\n"),
                ("W", access) => store(&mut contents, access),
                _ => {}
            }
        }
        let status = i32::from(!error.is_empty());
        assert_eq!(
            (done.status, done.text(), &done.error),
            (Some(status), out.as_str(), &error),
            "{command}"
        );
        assert_eq!(bench.contents(), contents, "{command}");
    }
}

/// `addr 0x10 data 0xff size 1`
fn store(contents: &mut [u8], access: &str) {
    let words: Vec<&str> = access.split(' ').collect();
    let hexadecimal = |word: &str| u64::from_str_radix(&word[2..], 16).unwrap();
    let (offset, size) = (hexadecimal(words[1]) as usize, words[5].parse().unwrap());
    contents[offset..offset + size].copy_from_slice(&hexadecimal(words[3]).to_le_bytes()[..size]);
}

#[test]
fn what_cannot_be_opened_is_said_in_busyboxs_words() {
    let done = Bench::new().run("devmem --mem /no/such/mem 0x10");
    let expected = "devmem: can't open '/no/such/mem': No such file or directory\n";
    assert_eq!((done.status, done.error.as_str()), (Some(1), expected));
}

#[test]
fn an_address_that_is_not_aligned_is_refused() {
    // busybox makes the CPU split it, or dies of it.
    for command in ["0x11", "0xffe 32 1", "0x14 64", "0x1 h"] {
        let bench = Bench::new();
        let before = bench.contents();
        let done = bench.run(&format!("devmem --mem WINDOW {command}"));
        assert_eq!((done.status, done.text()), (Some(1), ""), "{command}");
        assert!(done.error.contains("is not a multiple of "), "{}", done.error);
        assert_eq!((done.error.lines().count(), bench.contents()), (1, before));
    }
}
