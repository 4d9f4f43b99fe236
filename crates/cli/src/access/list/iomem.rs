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

use busprobe_mmio::{Resource, System};

use super::{Entry, no_permission};

pub(super) fn entries(root: &Path) -> Vec<Entry> {
    let resources = System::at(root).iomem();
    let lines = fs::read_to_string(root.join("proc/iomem")).unwrap_or_default().lines().count();
    if resources.is_empty() && lines > 0 {
        let obstacle = Some("/proc/iomem hides the addresses; run as root".to_owned());
        let (target, what) = ("mem:".to_owned(), format!("{lines} regions"));
        return vec![Entry { target, length: None, base: None, what, obstacle }];
    }
    let general = no_permission(&root.join("dev/mem")).or_else(|| lockdown(root));
    let mut entries = Vec::new();
    let mut rest = resources.as_slice();
    while let Some((resource, behind)) = rest.split_first() {
        rest = behind;
        if resource.name.starts_with("PCI Bus") {
            continue;
        }
        let parts = rest.iter().take_while(|part| part.depth > resource.depth).count();
        let (parts, behind) = rest.split_at(parts);
        rest = behind;
        let (start, last) = (*resource.range.start(), *resource.range.end());
        let length = last.saturating_sub(start).saturating_add(1);
        entries.push(Entry {
            target: format!("mem:{start:#x}+{length:#x}"),
            length: Some(length),
            base: Some(start),
            what: resource.name.clone(),
            obstacle: general.clone().or_else(|| rule(resource, parts)),
        });
    }
    entries
}

/// What a kernel with the usual options holds against a region with these parts.
fn rule(resource: &Resource, parts: &[Resource]) -> Option<String> {
    if resource.name == "System RAM" {
        return Some("it is RAM, which CONFIG_STRICT_DEVMEM keeps /dev/mem out of".to_owned());
    }
    let mut all = std::iter::once(resource).chain(parts);
    let owner = &all.find(|part| is_driver(&part.name))?.name;
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
