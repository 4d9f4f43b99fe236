//! When the system refuses to open or map a target: which rule did it, and what helps.
//!
//! The rules are those of drivers/char/mem.c (`devmem_is_allowed`, `open_port`), kernel/resource.c
//! (`iomem_is_exclusive`), drivers/pci/pci-sysfs.c and security/lockdown.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::{Region, System, iomem};

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Opening the file.
    Open,
    /// Mapping it.
    Map,
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Action::Open => "open",
            Action::Map => "map",
        })
    }
}

/// The rule and the remedy, in one sentence; empty when nothing more is known than what the system
/// said.
pub(crate) fn explain(
    system: &System,
    action: Action,
    region: &Region,
    error: &io::Error,
) -> String {
    let physical = region.path == system.path("dev/mem");
    let kernel_owned = physical || region.path.starts_with(system.path("sys/bus/pci"));
    let file = region.path.display();
    match (action, error.raw_os_error().unwrap_or(0)) {
        (_, libc::EPERM) if kernel_owned && lockdown(system).is_some() => {
            let level = lockdown(system).unwrap_or_default();
            format!(
                "the kernel is locked down ({level}), as it is under Secure Boot: turn that off, \
                 or bind the device to a driver for user space (UIO, VFIO)"
            )
        }
        (Action::Open, libc::EPERM) if kernel_owned => {
            "it takes the capability CAP_SYS_RAWIO: run as root, or in a container with \
             --cap-add SYS_RAWIO"
                .to_owned()
        }
        (Action::Open, libc::EACCES) => permissions(system, &region.path),
        (Action::Open, libc::ENOENT) if physical => {
            "this kernel has no /dev/mem (CONFIG_DEVMEM), or this container does not show it: use \
             uio: or pci: instead"
                .to_owned()
        }
        (Action::Open, libc::ENOENT) => format!("{file} is not there: does udev run here?"),
        (Action::Open, libc::EBUSY) => "another process has it open, and shares it not".to_owned(),
        (Action::Map, libc::EPERM) if physical => claimed(system, region),
        (Action::Map, libc::EINVAL) if physical => format!(
            "{:#x}+{:#x} is beyond this machine's physical addresses, or mapped elsewhere with \
             other caching",
            region.offset, region.length
        ),
        (Action::Map, libc::EINVAL) => {
            "the device has no such range: its map is shorter, or begins elsewhere".to_owned()
        }
        (Action::Map, libc::ENODEV) => format!("{file} is nothing that can be mapped"),
        _ => String::new(),
    }
}

/// The level of lockdown, when there is one: `none [integrity] confidentiality`.
fn lockdown(system: &System) -> Option<String> {
    let text = fs::read_to_string(system.path("sys/kernel/security/lockdown")).ok()?;
    let (level, _) = text.split_once('[')?.1.split_once(']')?;
    (level != "none").then(|| level.to_owned())
}

fn permissions(system: &System, path: &Path) -> String {
    let Ok(metadata) = fs::metadata(path) else {
        return "a folder on the way to it is not yours to enter: run as root".to_owned();
    };
    let mode = metadata.mode() & 0o777;
    let group = name_of(system, "etc/group", metadata.gid());
    let owner = name_of(system, "etc/passwd", metadata.uid());
    let remedy = if mode & 0o060 == 0o060 && metadata.gid() != 0 {
        format!("join the group {group}, or run as root")
    } else {
        "run as root, or let a udev rule give your group the device".to_owned()
    };
    format!("it belongs to {owner} and the group {group}, with mode {mode:04o}: {remedy}")
}

/// The name that a line `NAME:x:ID:...` gives the id.
fn name_of(system: &System, list: &str, id: u32) -> String {
    let text = fs::read_to_string(system.path(list)).unwrap_or_default();
    let found = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    });
    found.unwrap_or_else(|| id.to_string())
}

/// Who keeps a range of physical memory from being mapped.
fn claimed(system: &System, region: &Region) -> String {
    let resources = system.iomem();
    let touched = iomem::touched(&resources, region.offset, region.length);
    let describe = |resource: &iomem::Resource| {
        format!("{} ({:#x}-{:#x})", resource.name, resource.range.start(), resource.range.end())
    };
    if let Some(memory) = touched.iter().find(|resource| resource.name == "System RAM") {
        return format!(
            "it touches {}, which {} keeps from /dev/mem: take memory that is reserved (memmap=, or \
             a reserved-memory node with no-map)",
            describe(memory),
            option(system, "CONFIG_STRICT_DEVMEM"),
        );
    }
    match touched.last() {
        Some(owner) => format!(
            "the driver of {} owns it, and {} keeps others out: unbind the driver, use its own \
             interface, or boot with iomem=relaxed",
            describe(owner),
            option(system, "CONFIG_IO_STRICT_DEVMEM"),
        ),
        None if resources.is_empty() => format!(
            "{} or a driver keeps it from /dev/mem; /proc/iomem says which to root",
            option(system, "CONFIG_STRICT_DEVMEM"),
        ),
        None => "no one in /proc/iomem claims it: the architecture itself keeps it from /dev/mem"
            .to_owned(),
    }
}

/// The option of the kernel's configuration, and its value when the configuration is there.
fn option(system: &System, name: &str) -> String {
    let release = fs::read_to_string(system.path("proc/sys/kernel/osrelease")).unwrap_or_default();
    let path = system.path(format!("boot/config-{}", release.trim()));
    let text = fs::read_to_string(path).unwrap_or_default();
    let line =
        text.lines().find(|line| line.starts_with(name) && line[name.len()..].starts_with('='));
    line.unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests;
