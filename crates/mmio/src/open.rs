//! Opening a window: from a target to mapped memory.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;

use crate::mapping::Mapping;
use crate::{OpenError, Region, System, Target, Window, fault};

/// How to open a window; by default for reading and writing.
///
/// ```
/// use busprobe_mmio::{AccessError, OpenOptions, Target};
///
/// let window = OpenOptions::new().read_only(true).open(&Target::parse("anon:4K")?)?;
/// assert!(matches!(window.write32(0, 1), Err(AccessError::ReadOnly { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    read_only: bool,
    system: System,
}

impl OpenOptions {
    /// For reading and writing, on this system.
    #[must_use]
    pub fn new() -> Self {
        OpenOptions::default()
    }

    /// Whether to open and map it for reading only: then neither this window nor a stray pointer
    /// can write to it.
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Looks for devices on another system than the one at `/`.
    #[must_use]
    pub fn system(mut self, system: System) -> Self {
        self.system = system;
        self
    }

    /// Opens the window. Maps it, and accesses nothing.
    ///
    /// # Errors
    /// When the target is not there, or the system refuses it.
    pub fn open(&self, target: &Target) -> Result<Window, OpenError> {
        if let Target::Anonymous { length } = target {
            let region = Region { path: "".into(), offset: 0, length: *length, base: None };
            return self.map(target, None, &region);
        }
        let region = target.region_in(&self.system)?;
        let file = fs::OpenOptions::new()
            .read(true)
            .write(!self.read_only)
            // For /dev/mem: without it, memory that is RAM would be mapped cached.
            .custom_flags(libc::O_SYNC)
            .open(&region.path)
            .map_err(refused(target, "open", &region))?;
        self.map(target, Some(&file), &region)
    }

    fn map(
        &self,
        target: &Target,
        file: Option<&File>,
        region: &Region,
    ) -> Result<Window, OpenError> {
        let refused = |error| refused(target, "map", region)(error);
        fault::install().map_err(refused)?;
        let length = usize::try_from(region.length).map_err(|_| OpenError::Range {
            target: target.to_string(),
            problem: "it is longer than this process's address space".to_owned(),
        })?;
        let mapping =
            Mapping::new(file, region.offset, length, !self.read_only).map_err(refused)?;
        Ok(Window::mapped(target.to_string(), region.base, mapping, length, !self.read_only))
    }
}

fn refused<'a>(
    target: &'a Target,
    action: &'static str,
    region: &'a Region,
) -> impl FnOnce(io::Error) -> OpenError + 'a {
    move |source| OpenError::Refused {
        target: target.to_string(),
        action,
        path: region.path.clone(),
        source,
    }
}
