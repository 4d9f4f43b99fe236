//! Any bytes as a fast signal trace.

#![no_main]

use std::io::Cursor;
use std::panic;
use std::sync::Once;

use busprobe_logs::import::waveform::{Options, read_fst};
use busprobe_trace::{Capture, Header, Level, Trace};
use libfuzzer_sys::fuzz_target;

/// The fuzzer's own hook ends the process at each panic, and those of the reader of FST are caught.
/// One that is not caught still ends it.
static CAUGHT_PANICS_ARE_SILENT: Once = Once::new();

fuzz_target!(|input: &[u8]| {
    CAUGHT_PANICS_ARE_SILENT.call_once(|| panic::set_hook(Box::new(|_| {})));
    let mut trace = Trace::new(Header::new(Level::Bus, Capture::Import, "unknown"));
    // The waveforms of the corpus have two links.
    let options = Options { link: Some("link"), ..Options::default() };
    let _ = read_fst(Cursor::new(input), &options, &mut trace);
});
