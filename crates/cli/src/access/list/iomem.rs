//! Regions of physical memory, from /proc/iomem, and what /dev/mem would say to them.
//!
//! ```text
//! e0000000-efffffff : PCI Bus 0000:00
//!   e0000000-e0003fff : 0000:01:00.0
//!     e0000000-e00000ff : xhci-hcd
//! ```
//! Buses are left out for what is on them. A name that is neither a function's address nor one of
//! the kernel's own words for a range is that of the driver that has claimed it.

use std::fs;
use std::path::Path;

use super::{Entry, no_permission};

struct Line {
    depth: usize,
    start: u64,
    last: u64,
    name: String,
}

pub(super) fn entries(root: &Path) -> Vec<Entry> {
    let text = fs::read_to_string(root.join("proc/iomem")).unwrap_or_default();
    let lines: Vec<Line> = text.lines().filter_map(parse).collect();
    if !lines.is_empty() && lines.iter().all(|line| line.last == 0) {
        let obstacle = Some("/proc/iomem hides the addresses; run as root".to_owned());
        let (target, what) = ("mem:".to_owned(), format!("{} regions", lines.len()));
        return vec![Entry { target, length: None, base: None, what, obstacle }];
    }
    let general = no_permission(&root.join("dev/mem")).or_else(|| lockdown(root));
    let mut entries = Vec::new();
    let mut within: Option<usize> = None;
    for (index, line) in lines.iter().enumerate() {
        if within.is_some_and(|depth| line.depth > depth) {
            continue;
        }
        within = None;
        if line.name.starts_with("PCI Bus") {
            continue;
        }
        within = Some(line.depth);
        let inner = lines[index + 1..].iter().take_while(|inner| inner.depth > line.depth);
        let rule = rule(line, inner);
        let length = (line.last - line.start).saturating_add(1);
        entries.push(Entry {
            target: format!("mem:{:#x}+{length:#x}", line.start),
            length: Some(length),
            base: Some(line.start),
            what: line.name.clone(),
            obstacle: general.clone().or(rule),
        });
    }
    entries
}

fn parse(line: &str) -> Option<Line> {
    let (range, name) = line.split_once(" : ")?;
    let (start, last) = range.trim_start().split_once('-')?;
    let hexadecimal = |text| u64::from_str_radix(text, 16).ok();
    let (start, last) = (hexadecimal(start)?, hexadecimal(last)?);
    let depth = (range.len() - range.trim_start().len()) / 2;
    (start <= last).then(|| Line { depth, start, last, name: name.to_owned() })
}

/// What a kernel with the usual options holds against a region.
fn rule<'a>(line: &'a Line, mut inner: impl Iterator<Item = &'a Line>) -> Option<String> {
    if line.name == "System RAM" {
        return Some("it is RAM, which CONFIG_STRICT_DEVMEM keeps /dev/mem out of".to_owned());
    }
    let owner = if is_driver(&line.name) { Some(line) } else { inner.find(|l| is_driver(&l.name)) };
    let owner = &owner?.name;
    Some(format!(
        "{owner} has claimed it, and CONFIG_IO_STRICT_DEVMEM keeps /dev/mem out; unbind the \
         driver or boot with iomem=relaxed"
    ))
}

fn is_driver(name: &str) -> bool {
    let range = ["Reserved", "reserved", "RAM buffer", "ACPI ", "PCI ECAM", "PCI MMCONFIG"];
    let function = name.len() == 12 && name.matches(':').count() == 2 && name.contains('.');
    !function && !range.iter().any(|start| name.starts_with(start))
}

fn lockdown(root: &Path) -> Option<String> {
    let path = root.join("sys/kernel/security/lockdown");
    let text = fs::read_to_string(path).unwrap_or_default();
    let active = text.contains("[integrity]") || text.contains("[confidentiality]");
    active.then(|| "the kernel is locked down, as Secure Boot makes it".to_owned())
}
