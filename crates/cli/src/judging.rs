//! What commands are told that judge operations: the intent, the bus, what sets them apart.

use std::sync::Arc;

use busprobe_trace::Trace;
use busprobe_verdict::{Bus, By, Intent, Operation, bus_by_name, operations};

/// One intent for every operation of a trace, or none.
#[derive(clap::Args)]
pub(crate) struct Judging {
    /// What was meant: direction, start, count and bits (W 0x0 64x32), fixed for a FIFO
    #[arg(long, value_name = "INTENT")]
    pub(crate) intent: Option<Intent>,

    /// The bus between the CPU and the device: axi4-lite-32, axi4-lite-64, beats:BITS, device (as
    /// issued), wc-x86 or normal-nc-arm (write-combining)
    #[arg(long, default_value = "axi4-lite-32", value_parser = parse_bus)]
    pub(crate) bus: Arc<dyn Bus>,

    /// What sets operations apart: mark, line, call or window. Without it marks, then lines and
    /// calls; with --intent marks alone
    #[arg(long, value_name = "WHAT")]
    by: Option<By>,
}

impl Judging {
    /// The operations to judge: one intent is for all that lies between two marks.
    pub(crate) fn operations<'a>(&self, trace: &'a Trace) -> Vec<Operation<'a>> {
        operations(trace, self.by.or(self.intent.as_ref().map(|_| By::Mark)))
    }
}

/// The bus of that name, as `--bus` has it.
pub(crate) fn parse_bus(name: &str) -> Result<Arc<dyn Bus>, String> {
    bus_by_name(name).map(Arc::from).map_err(|error| error.to_string())
}
