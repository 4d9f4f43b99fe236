//! `busprobe list`: what could be a TARGET here.
//!
//! It reads names and numbers below /sys and /proc only; no device is opened.

mod iomem;
mod pci;
mod uio;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use busprobe_mmio::{Region, System, Target};
use comfy_table::{Table, presets};
use nix::unistd::{AccessFlags, access};
use serde::Serialize;

use crate::trouble::Trouble;

/// List what can be opened, and why not when not
///
/// UIO devices, BARs of PCI functions, and regions of physical memory, each with the TARGET to
/// write, its length and bus address. Reads text below /sys and /proc; opens no device.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  busprobe list
  busprobe list uio:
  busprobe list --json")]
pub(crate) struct Args {
    /// Only targets that begin with this, like pci: or uio:dma
    #[arg(value_name = "PREFIX", default_value = "", hide_default_value = true)]
    prefix: String,

    /// Where /sys, /proc and /dev are
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,

    /// Print an array of objects
    #[arg(long)]
    json: bool,
}

/// Something that may be opened.
#[derive(Debug, Serialize)]
struct Entry {
    /// As every command takes it.
    target: String,
    /// Bytes, when known.
    length: Option<u64>,
    /// The bus address, when known.
    base: Option<u64>,
    /// A name or a driver.
    what: String,
    /// What is in the way of reading.
    obstacle: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    fs::read_dir(&args.root).map_err(|error| Trouble::of_file(&args.root, &error))?;
    let mut entries = uio::entries(&args.root);
    entries.extend(pci::entries(&args.root));
    entries.extend(iomem::entries(&args.root));
    entries.retain(|entry| entry.target.starts_with(&args.prefix));
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &entries)?;
        writeln!(out)?;
    } else if entries.is_empty() {
        writeln!(out, "{}", nothing(&args.prefix))?;
    } else {
        writeln!(out, "{}", table(&entries))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn nothing(prefix: &str) -> String {
    match prefix {
        "" => "no UIO device, PCI BAR or region of memory".to_owned(),
        prefix => format!("no target begins with {prefix}"),
    }
}

fn table(entries: &[Entry]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["TARGET", "LENGTH", "ADDRESS", "WHAT", "CAN BE OPENED"]);
    for Entry { target, length, base, what, obstacle } in entries {
        let number = |number: &Option<u64>| number.map_or("?".to_owned(), |n| format!("{n:#x}"));
        let answer = obstacle.as_ref().map_or("yes".to_owned(), |why| format!("no: {why}"));
        table.add_row([target.clone(), number(length), number(base), what.clone(), answer]);
    }
    table.trim_fmt()
}

/// An entry of a target that is resolved by name.
fn resolved(root: &Path, target: String, what: String) -> Entry {
    let region = match Target::parse(&target) {
        Ok(parsed) => parsed.region_in(&System::at(root)),
        Err(error) => Err(error),
    };
    match region {
        Ok(Region { path, length, base, .. }) => {
            Entry { target, length: Some(length), base, what, obstacle: no_permission(&path) }
        }
        Err(error) => {
            let problem = error.to_string();
            let problem = problem.split_once(": ").map_or(problem.as_str(), |(_, what)| what);
            let obstacle = Some(problem.to_owned());
            Entry { target, length: None, base: None, what, obstacle }
        }
    }
}

/// What keeps this user from reading a file, asked of its permissions and not by opening it.
fn no_permission(path: &Path) -> Option<String> {
    match access(path, AccessFlags::R_OK) {
        Ok(()) => None,
        Err(nix::Error::ENOENT) => Some(format!("there is no {}", path.display())),
        Err(error) => Some(format!("{}: {}; run as root", path.display(), error.desc())),
    }
}

/// The directories below one, by name; none when it is not there.
fn directories(path: &Path) -> Vec<(String, PathBuf)> {
    let mut found: Vec<_> = fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .collect();
    found.sort();
    found
}

/// The driver that is bound to a device.
fn driver(device: &Path) -> Option<String> {
    let driver = fs::read_link(device.join("driver")).ok()?;
    Some(driver.file_name()?.to_string_lossy().into_owned())
}
