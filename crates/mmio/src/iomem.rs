//! `/proc/iomem`: which part of the system claims which range of bus addresses.

use std::fs;
use std::ops::RangeInclusive;

use crate::System;

/// A range of bus addresses, and who claims it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// First and last address.
    pub range: RangeInclusive<u64>,
    /// A kind of memory, a bus, a device or a driver.
    pub name: String,
    /// How many other resources it is part of.
    pub depth: usize,
}

impl System {
    /// What `/proc/iomem` says; nothing when it cannot be read, or hides its addresses from those
    /// who are not root.
    #[must_use]
    pub fn iomem(&self) -> Vec<Resource> {
        let text = fs::read_to_string(self.path("proc/iomem")).unwrap_or_default();
        let all: Vec<Resource> = text.lines().filter_map(parse).collect();
        let hidden = all.iter().all(|resource| *resource.range.end() == 0);
        if hidden { Vec::new() } else { all }
    }
}

/// `  fe000000-fe003fff : 0000:01:00.0`, two spaces for each level.
fn parse(line: &str) -> Option<Resource> {
    let text = line.trim_start();
    let (range, name) = text.split_once(" : ")?;
    let (start, end) = range.split_once('-')?;
    let address = |digits| u64::from_str_radix(digits, 16).ok();
    let depth = (line.len() - text.len()) / 2;
    Some(Resource { range: address(start)?..=address(end)?, name: name.to_owned(), depth })
}

/// The resources that the range touches, the outermost first.
pub(crate) fn touched(resources: &[Resource], start: u64, length: u64) -> Vec<&Resource> {
    let last = start.saturating_add(length - 1);
    let touches =
        |resource: &&Resource| *resource.range.start() <= last && start <= *resource.range.end();
    resources.iter().filter(touches).collect()
}
