//! Any bytes as a log: of the format that the first byte chooses, or of the one that is found.

#![no_main]

use busprobe_logs::import::{Format, Import, Options};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&choice, log)) = input.split_first() else { return };
    let format = Format::ALL.get(usize::from(choice)).copied();
    if let Ok(import) = Import::new(log, &Options { format, ..Options::default() }) {
        // A repeat may stand for a million accesses; that many are enough.
        import.take(1 << 12).for_each(drop);
    }
});
