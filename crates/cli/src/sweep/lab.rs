//! Cells of the sweep in the lab: a libc's own code on an emulated CPU.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use busprobe_lab::{Call, Chosen, Cpu, Ending, Function, Lab, Routine, Run, Unaligned};
use busprobe_mmio::parse_quantity;
use busprobe_trace::{Access, Direction, text};
use busprobe_verdict::{AxiLite, Intent, Verdict};
use clap::ValueEnum;
use serde::Serialize;

use super::cell::Cell;
use crate::emulation::Emulation;
use crate::trouble::Trouble;

/// What `--on lab` needs to know.
#[derive(clap::Args)]
#[command(next_help_heading = "With --on lab")]
pub(crate) struct LabArgs {
    /// The arm64 C library whose code runs
    #[arg(long, value_name = "PATH", required_if_eq("on", "lab"))]
    libc: Option<PathBuf>,

    /// The function that is called
    #[arg(long, value_enum, default_value = "memcpy")]
    function: Called,

    /// Another routine than the one that the libc picks for the CPU: its symbol or 0xADDRESS
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,

    /// Where in the window the block begins
    #[arg(long, value_name = "N", default_value = "0", value_parser = offset)]
    dst_offset: u64,

    /// Where the source begins, from an aligned address
    #[arg(long, value_name = "N", default_value = "0", value_parser = offset)]
    src_offset: u64,

    /// What becomes of an access that is not aligned to its size
    #[arg(long, value_enum, default_value = "fault")]
    unaligned: Policy,

    /// Print each access with the instruction that made it
    #[arg(long)]
    listing: bool,
}

impl LabArgs {
    /// Whether the lab was meant.
    pub(crate) fn is_given(&self) -> bool {
        self.libc.is_some()
    }
}

/// The function that is called.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Called {
    Memcpy,
    Memmove,
    /// With zero
    Memset,
}

/// What becomes of an access that is not aligned to its size.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Policy {
    /// SIGBUS, as on Device memory
    Fault,
    /// Single bytes, as in QEMU before 9.0
    Bytes,
    /// Beats of the bus, as on Normal non-cacheable memory
    Beats,
}

/// What the lab adds to a cell in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Facts {
    routine: String,
    address: u64,
    build_id: Option<String>,
    cpu: &'static str,
    /// How the call ended, when it did not return.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
    /// Each access as text, with its instruction.
    listing: Vec<String>,
}

/// The cells, and what to print below their table.
pub(crate) fn cells(
    args: &LabArgs,
    emulation: &Emulation,
    words: &[u64],
) -> Result<(Vec<Cell>, Vec<String>), Trouble> {
    let cpu = emulation.cpu.as_deref().map(Cpu::named).transpose()?.unwrap_or_default();
    let path = args.libc.as_deref().unwrap_or(Path::new("libc.so.6"));
    let mut lab = Lab::open(path, cpu)?;
    if let Some(symbols) = &emulation.symbols {
        lab.add_symbols(symbols)?;
    }
    let function = args.function.into();
    let routine = match &args.variant {
        Some(variant) => lab.variant(function, variant)?,
        None => lab.routine(function)?,
    };
    let mut notes = vec![which(&lab, &routine, path)];
    let mut stops: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut cells = Vec::new();
    for &words in words {
        let call = Call {
            destination: args.dst_offset,
            source: args.src_offset,
            unaligned: args.unaligned.into(),
            ..Call::of(4 * words)
        };
        let run = lab.run(&routine, &call)?;
        let intent = Intent::block(Direction::Write, args.dst_offset, words, 4);
        let verdict = Verdict::of(&run.trace.events, &AxiLite::BITS_32, &intent);
        let facts = facts(&lab, &routine, &run);
        if let Some(stopped) = &facts.stopped {
            stops.entry(stopped.clone()).or_default().push(words.to_string());
        }
        if args.listing {
            let plural = if words == 1 { "" } else { "s" };
            notes.push(format!("\n{words} word{plural}:"));
            notes.extend(facts.listing.iter().cloned());
        }
        cells.push(Cell { lab: Some(facts), ..Cell::new(&routine.to_string(), words, &verdict) });
    }
    let stops = stops.iter().map(|(why, words)| format!("{} words: {why}", words.join(", ")));
    notes.extend(stops);
    Ok((cells, notes))
}

fn offset(text: &str) -> Result<u64, String> {
    parse_quantity(text).ok_or_else(|| "an offset is decimal or 0x..., and may end in K".to_owned())
}

/// Which code it was, and who says so.
fn which(lab: &Lab, routine: &Routine, path: &Path) -> String {
    let function = routine.function;
    let cpu = lab.cpu().name();
    let by = match routine.chosen {
        Chosen::Only => format!("{function} is"),
        Chosen::Resolved => format!("{function} on {cpu} is, by the libc's own resolver,"),
        Chosen::Named => format!("{function} is, by --variant,"),
    };
    let address = routine.address;
    let build_id = lab.build_id().unwrap_or("unknown");
    format!("{by} {routine} ({}+{address:#x}, build id {build_id})", path.display())
}

fn facts(lab: &Lab, routine: &Routine, run: &Run) -> Facts {
    let line = |access: &Access| {
        let site = access.site.and_then(|id| run.trace.site(id));
        text::Line { access, site, with_window: false }.to_string()
    };
    Facts {
        routine: routine.to_string(),
        address: routine.address,
        build_id: lab.build_id().map(str::to_owned),
        cpu: lab.cpu().name(),
        stopped: (run.ending != Ending::Returned).then(|| run.ending.to_string()),
        listing: run.trace.accesses().map(line).collect(),
    }
}

impl From<Called> for Function {
    fn from(called: Called) -> Self {
        match called {
            Called::Memcpy => Function::Memcpy,
            Called::Memmove => Function::Memmove,
            Called::Memset => Function::Memset,
        }
    }
}

impl From<Policy> for Unaligned {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Fault => Unaligned::Fault,
            Policy::Bytes => Unaligned::Bytes,
            Policy::Beats => Unaligned::Beats,
        }
    }
}
