//! The maps of UIO devices (Documentation/driver-api/uio-howto.rst).

use std::fs;
use std::path::Path;

use super::{Entry, directories, resolved};

pub(super) fn entries(root: &Path) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (device, directory) in directories(&root.join("sys/class/uio")) {
        let name = fs::read_to_string(directory.join("name")).unwrap_or_default();
        let maps = directories(&directory.join("maps"));
        if maps.is_empty() {
            let target = format!("uio:{device}");
            let obstacle = Some("it has no maps".to_owned());
            let what = name.trim().to_owned();
            entries.push(Entry { target, length: None, base: None, what, obstacle });
        }
        for (map, _) in maps {
            entries.push(resolved(root, format!("uio:{device}/{map}"), name.trim().to_owned()));
        }
    }
    entries
}
