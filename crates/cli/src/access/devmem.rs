//! `busprobe devmem`: busybox devmem's arguments, output, messages and exit status.
//!
//! What busybox 1.35 does was observed from its binary: numbers begin with a digit and are octal
//! after `0`, the width is decimal or one of `bhwl`, values lose their upper bits, a fourth
//! argument is ignored, failure is status 1. Unlike busybox, an address that is not aligned is
//! refused: it would not be one access.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use busprobe_mmio::{AccessError, Action, OpenError, OpenOptions, Target, TargetError, Width};

const USAGE: &str = "Usage: devmem ADDRESS [WIDTH [VALUE]]";

/// Read or write physical memory, as busybox devmem does
///
/// Exactly one access: a load when there is no VALUE, else a store. WIDTH is 8, 16, 32 or 64 bits,
/// or b, h, w or l; 32 when not given. As with busybox, a VALUE too large for WIDTH loses its
/// upper bits, and the exit status is 1 when something is wrong. An ADDRESS that is not a multiple
/// of the width is refused.
#[derive(clap::Args)]
#[command(
    override_usage = "busprobe devmem [--mem FILE] ADDRESS [WIDTH [VALUE]]",
    after_help = "\
Examples:
  busprobe devmem 0x0a000000
  busprobe devmem 0x0a000004 16
  busprobe devmem 0x0a000008 32 0xdeadbeef"
)]
pub(crate) struct Args {
    /// The memory, in place of /dev/mem
    #[arg(long, value_name = "FILE", default_value = "/dev/mem")]
    mem: PathBuf,

    /// ADDRESS [WIDTH [VALUE]]
    #[arg(value_name = "ADDRESS", trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    match access(args) {
        Ok(Some(value)) => {
            println!("{value}");
            ExitCode::SUCCESS
        }
        Ok(None) => ExitCode::SUCCESS,
        Err(Stop(message)) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The whole line that ends it.
struct Stop(String);

fn stop(what: impl fmt::Display) -> Stop {
    Stop(format!("devmem: {what}"))
}

/// What was read, if it was a read.
fn access(args: &Args) -> Result<Option<String>, Stop> {
    let usage = || Stop(USAGE.to_owned());
    let mut words = args.words.iter().map(String::as_str);
    let address = words.next().ok_or_else(usage)?;
    let bits = words.next().map_or(Ok(32), bits)?;
    let value = words.next().map(|word| number(word).ok_or_else(usage)).transpose()?;
    let address = number(address).ok_or_else(usage)?;
    let width = Width::from_bits(bits).ok_or_else(|| stop("bad width"))?;
    if !address.is_multiple_of(width.bytes()) {
        let bytes = width.bytes();
        return Err(stop(format!(
            "{address:#x} is not a multiple of {bytes}, as {width} bits need"
        )));
    }
    let length = Some(width.bytes());
    let target = Target::File { path: args.mem.clone(), offset: address, length };
    let window = OpenOptions::new().read_only(value.is_none()).open(&target).map_err(refused)?;
    let failed = |failure: AccessError| stop(failure);
    let Some(value) = value else {
        let value = window.read(0, width).map_err(failed)?;
        let digits = 2 * width.bytes() as usize;
        return Ok(Some(format!("0x{value:0digits$X}")));
    };
    window.write(0, width, value & width.max_value()).map_err(failed)?;
    Ok(None)
}

fn bits(text: &str) -> Result<u32, Stop> {
    let invalid = || stop(format!("invalid number '{text}'"));
    match text.as_bytes() {
        [letter] if !letter.is_ascii_digit() => Ok(match letter.to_ascii_lowercase() {
            b'b' => 8,
            b'h' => 16,
            b'w' => 32,
            b'l' => 64,
            _ => 0,
        }),
        digits if digits.iter().all(u8::is_ascii_digit) => text.parse().map_err(|_| invalid()),
        _ => Err(invalid()),
    }
}

/// As C writes numbers: decimal, `0x` or octal.
fn number(text: &str) -> Option<u64> {
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = match (hexadecimal, text.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        _ => (text, 10),
    };
    // from_str_radix takes a sign.
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// The system's refusal in busybox's words; any other in ours.
fn refused(error: OpenError) -> Stop {
    match error {
        OpenError::Refused { action: Action::Open, path, source, .. }
        | OpenError::Target(TargetError::Io { path, source, .. }) => {
            stop(format!("can't open '{}': {}", path.display(), reason(&source)))
        }
        OpenError::Refused { source, .. } => stop(format!("mmap: {}", reason(&source))),
        other => stop(other),
    }
}

/// Without the number that Rust adds.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
