//! What one side says is what the other hears, and noise is told from speech.

use std::io::ErrorKind;

use busprobe_qemu_stream::{
    Access, Arguments, ArgumentsError, FileRange, LONGEST, Mark, Module, Python, Reader, Record,
    Site, Start, Syscall, frame,
};
use proptest::prelude::*;

fn record() -> impl Strategy<Value = Record> {
    let start = ("\\PC{0,40}", any::<bool>()).prop_map(|(target, values)| {
        Record::Start(Start { format: Start::FORMAT, target, values })
    });
    let module = prop::option::of(("\\PC{0,200}", any::<u64>()))
        .prop_map(|module| module.map(|(path, offset)| Module { path, offset }));
    let site = (any::<(u32, u32, u64, Vec<u8>)>(), "\\PC{0,80}", module).prop_map(
        |((process, id, pc, code), text, module)| {
            Record::Site(Site { process, id, pc, code, text, module })
        },
    );
    let python = (any::<(u32, u32, u32, u32)>(), ["\\PC{0,200}", "\\PC{0,200}"], "[A-Z_]{0,20}")
        .prop_map(|((process, id, line, offset), [file, function], name)| {
            let instruction = Some(name).filter(|name| !name.is_empty());
            Record::Python(Python { process, id, file, line, function, offset, instruction })
        });
    let first = any::<(u32, u32, u64, u32, Option<u32>, u64)>();
    let access = (first, any::<(bool, u32, i64, u8, Option<u128>)>()).prop_map(
        |((process, thread, time_ns, site, python, block), (store, watch, offset, size, data))| {
            Record::Access(Access {
                process,
                thread,
                time_ns,
                site,
                python,
                block,
                store,
                watch,
                offset,
                size,
                data,
            })
        },
    );
    let syscall = any::<(u32, u32, u64, i64, u32, u8, i64, u64)>().prop_map(
        |(process, thread, time_ns, number, watch, argument, offset, next)| {
            Record::Syscall(Syscall {
                process,
                thread,
                time_ns,
                number,
                watch,
                argument,
                offset,
                next,
            })
        },
    );
    let mapped = any::<(u32, u32, bool)>().prop_map(|(process, watch, shared)| Record::Mapped {
        process,
        watch,
        shared,
    });
    let exec = any::<(u32, bool)>().prop_map(|(process, failed)| {
        if failed { Record::ExecFailed { process } } else { Record::Exec { process } }
    });
    let unplaced = any::<(u32, u32, u32)>().prop_map(|(process, thread, site)| Record::Unplaced {
        process,
        thread,
        site,
    });
    let mark = any::<(u32, u64, Vec<u8>)>()
        .prop_map(|(thread, time_ns, text)| Record::Mark(Mark { thread, time_ns, text }));
    prop_oneof![start, site, python, access, syscall, mapped, exec, unplaced, mark]
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(records in prop::collection::vec(record(), 0..20)) {
        let bytes: Vec<u8> = records.iter().flat_map(frame).collect();
        let read = Reader::new(bytes.as_slice()).collect::<Result<Vec<_>, _>>().unwrap();
        prop_assert_eq!(read, records);
    }

    #[test]
    fn a_stream_cut_off_keeps_its_whole_records(
        records in prop::collection::vec(record(), 1..6),
        cut: prop::sample::Index,
    ) {
        let frames: Vec<Vec<u8>> = records.iter().map(frame).collect();
        let bytes = frames.concat();
        let cut = cut.index(bytes.len());
        let ends = frames.iter().scan(0, |end, frame| { *end += frame.len(); Some(*end) });
        let whole = ends.clone().take_while(|end| *end <= cut).count();
        let at_an_end = cut == 0 || ends.into_iter().any(|end| end == cut);

        let mut reader = Reader::new(&bytes[..cut]);
        for record in &records[..whole] {
            prop_assert_eq!(&reader.next_record().unwrap().unwrap(), record);
        }
        match reader.next_record() {
            Ok(None) => prop_assert!(at_an_end),
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
                prop_assert!(!at_an_end);
            }
            Ok(Some(record)) => prop_assert!(false, "{record:?} out of nothing"),
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(junk in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Reader::new(junk.as_slice()).take_while(Result::is_ok).count();
    }

    #[test]
    fn arguments_survive_their_way_through_qemu(
        stream in "[!-~]{1,40}",
        watches in prop::collection::vec(any::<(u64, u64, u64, u64)>(), 0..4),
        exec in prop::collection::vec(any::<i64>(), 0..3),
        vector in prop::collection::vec(any::<i64>(), 0..3),
        word: u8,
    ) {
        let watches = watches
            .into_iter()
            .map(|(device, inode, offset, length)| FileRange { device, inode, offset, length })
            .collect();
        let arguments = Arguments { stream, watches, exec, vector, word };
        let text = arguments.to_string();
        let words = as_qemu_splits(&text);
        prop_assert_eq!(Arguments::parse(words.iter().map(String::as_str)), Ok(arguments));
    }
}

/// At single commas; two are one comma.
fn as_qemu_splits(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == ',' && letters.next_if_eq(&',').is_none() {
            words.push(String::new());
        } else {
            words.last_mut().unwrap().push(letter);
        }
    }
    words
}

#[test]
fn no_record_is_longer_than_a_pipe_takes_at_once() {
    let module = Some(Module { path: "/long".repeat(2000), offset: 1 });
    let site = Site { process: 1, id: 2, pc: 3, code: vec![4], text: "é".repeat(4000), module };
    let bytes = frame(&Record::Site(site));
    assert!(bytes.len() <= LONGEST);
    let Some(Record::Site(read)) = Reader::new(bytes.as_slice()).next_record().unwrap() else {
        panic!("no site");
    };
    assert_eq!((read.process, read.id, read.pc, read.module), (1, 2, 3, None));
    assert!(read.text.starts_with("éé"));
}

#[test]
fn an_unknown_argument_is_named() {
    for word in ["watch=1:2:3", "watch=x:0:0:0", "exec=", "stream=", "colour=red", "stream"] {
        assert_eq!(
            Arguments::parse(["stream=/p", word]),
            Err(ArgumentsError::Unknown(word.to_owned()))
        );
    }
    assert_eq!(Arguments::parse(["exec=221"]), Err(ArgumentsError::NoStream));
}
