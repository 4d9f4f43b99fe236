//! Any bytes as a waveform.

#![no_main]

use busprobe_trace::{Capture, Header, Level, Trace, vcd};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut trace = Trace::new(Header::new(Level::Bus, Capture::Import, "unknown"));
    let _ = vcd::read(input, &vcd::Options::default(), &mut trace);
});
