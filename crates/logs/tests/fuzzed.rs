//! What the fuzzer found worth keeping does no harm; the targets in `fuzz/` read it the same way.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use busprobe_logs::import::waveform::{self, read_fst, read_vcd};
use busprobe_logs::import::{Format, Import, Options};
use busprobe_trace::{Capture, Header, Level, Trace};

/// The inputs that are kept for a target.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let files = fs::read_dir(folder).unwrap();
    let inputs: Vec<_> = files.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(!inputs.is_empty(), "{target}");
    inputs
}

fn empty() -> Trace {
    Trace::new(Header::new(Level::Bus, Capture::Import, "unknown"))
}

#[test]
fn logs_do_no_harm() {
    for input in corpus("import") {
        let Some((&choice, log)) = input.split_first() else { continue };
        let format = Format::ALL.get(usize::from(choice)).copied();
        if let Ok(import) = Import::new(log, &Options { format, ..Options::default() }) {
            import.take(1 << 12).for_each(drop);
        }
    }
}

#[test]
fn value_change_dumps_do_no_harm() {
    for input in corpus("vcd") {
        let _ = read_vcd(input.as_slice(), &waveform::Options::default(), &mut empty());
    }
}

#[test]
fn fast_signal_traces_do_no_harm() {
    for input in corpus("fst") {
        let options = waveform::Options { link: Some("link"), ..Default::default() };
        let _ = read_fst(Cursor::new(input), &options, &mut empty());
    }
}
