//! What is watched.

use std::ops::Range;
use std::path::PathBuf;

use busprobe_trace::Window;

/// A range of a file or device to watch, however the program opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// What the trace calls it.
    pub name: String,
    /// The file: `/dev/mem`, `/dev/uio0`, a PCI resource, a plain file.
    pub path: PathBuf,
    /// Where the window starts, as mmap(2) counts offsets in the file.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// The window's address on the bus, when it has one.
    pub base: Option<u64>,
}

impl Watch {
    /// A range of a file, named after the file, without a bus address.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>, range: Range<u64>) -> Watch {
        let path = path.into();
        let name = path.to_string_lossy().into_owned();
        let length = range.end.saturating_sub(range.start);
        Watch { name, path, offset: range.start, length, base: None }
    }

    /// What a trace says of it, under that id.
    #[must_use]
    pub fn window(&self, id: u32) -> Window {
        Window { id, name: self.name.clone(), base: self.base, length: self.length }
    }
}
