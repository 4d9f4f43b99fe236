//! The memory BARs of PCI functions (Documentation/PCI/sysfs-pci.rst).

use std::fs;
use std::path::Path;

use busprobe_mmio::parse_quantity;

use super::{Entry, directories, driver, resolved};

/// `IORESOURCE_MEM` of include/linux/ioport.h; BARs of I/O ports have no such bit.
const MEMORY: u64 = 0x200;

pub(super) fn entries(root: &Path) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (function, directory) in directories(&root.join("sys/bus/pci/devices")) {
        let resources = fs::read_to_string(directory.join("resource")).unwrap_or_default();
        let id = |name: &str| {
            let text = fs::read_to_string(directory.join(name)).unwrap_or_default();
            text.trim().trim_start_matches("0x").to_owned()
        };
        let driver = driver(&directory).unwrap_or_else(|| "no driver".to_owned());
        let what = format!("{}:{} {driver}", id("vendor"), id("device"));
        for (bar, line) in resources.lines().take(6).enumerate() {
            let flags = line.split_whitespace().nth(2).and_then(parse_quantity);
            if flags.is_some_and(|flags| flags & MEMORY != 0) {
                let target = format!("pci:{function}/bar{bar}");
                entries.push(disabled(&directory, resolved(root, target, what.clone())));
            }
        }
    }
    entries
}

/// A function whose memory is switched off answers no access; `enable` counts who switched it on.
fn disabled(directory: &Path, entry: Entry) -> Entry {
    let enable = fs::read_to_string(directory.join("enable")).unwrap_or_default();
    let obstacle = match enable.trim() {
        "0" => Some(format!("it is not enabled; echo 1 > {}/enable", directory.display())),
        _ => None,
    };
    Entry { obstacle: entry.obstacle.or(obstacle), ..entry }
}
