//! Any bytes as a value change dump.

#![no_main]

use busprobe_logs::import::waveform::{Options, read_vcd};
use busprobe_trace::{Capture, Header, Level, Trace};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut trace = Trace::new(Header::new(Level::Bus, Capture::Import, "unknown"));
    let _ = read_vcd(input, &Options::default(), &mut trace);
});
