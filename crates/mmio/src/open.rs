//! Opening a window: from a target to what is behind it.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use crate::mapping::Mapping;
use crate::memory::Memory;
use crate::sim::Device;
use crate::window::Rules;
use crate::{
    Action, ByteOrder, OpenError, Region, System, Target, TargetError, Window, fault,
    parse_quantity, refusal,
};

/// How to open a window; by default for reading and writing, in this machine's byte order.
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
    rules: Rules,
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
        self.rules.read_only = read_only;
        self
    }

    /// The byte order of every element.
    #[must_use]
    pub fn byte_order(mut self, byte_order: ByteOrder) -> Self {
        self.rules.byte_order = byte_order;
        self
    }

    /// Whether every load is a load-acquire and every store a store-release (`LDAR` and `STLR` on
    /// `AArch64`, plain ones on x86-64, which orders them anyway, and with fences on RISC-V): for
    /// CPUs whose errata let plain device accesses overtake each other. A hypervisor cannot
    /// emulate them, so they are for real hardware.
    #[must_use]
    pub fn strict_order(mut self, strict_order: bool) -> Self {
        self.rules.strict_order = strict_order;
        self
    }

    /// Refuses every access that is not wholly within one of these ranges of offsets.
    #[must_use]
    pub fn allow(mut self, ranges: impl IntoIterator<Item = Range<u64>>) -> Self {
        self.rules.allowed = Some(ranges.into_iter().collect());
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
        match target {
            Target::Anonymous { length } => {
                let region = Region { path: "".into(), offset: 0, length: *length, base: None };
                self.map(target, None, &region)
            }
            Target::Simulated { device } => {
                Ok(self.simulate(&target.to_string(), &simulated(target, device)?))
            }
            _ => {
                let region = target.region_in(&self.system)?;
                let file = fs::OpenOptions::new()
                    .read(true)
                    .write(!self.rules.read_only)
                    // For /dev/mem: without it, memory that is RAM would be mapped cached.
                    .custom_flags(libc::O_SYNC)
                    .open(&region.path)
                    .map_err(|error| self.refused(target, Action::Open, &region, error))?;
                self.map(target, Some(file), &region)
            }
        }
    }

    /// A window over a simulated device.
    #[must_use]
    pub fn simulate(&self, name: &str, device: &Device) -> Window {
        let memory = Memory::Simulated(device.clone());
        Window::new(name, None, device.len(), memory, None, self.rules.clone())
    }

    /// A window over memory that someone else has mapped.
    ///
    /// # Errors
    /// When the fault handler cannot be installed.
    ///
    /// # Safety
    /// `length` bytes from `start` stay mapped, for writing too unless it is to be read-only,
    /// while the window lives, and nothing in this process holds a reference to them.
    pub unsafe fn over(&self, name: &str, start: *mut u8, length: usize) -> io::Result<Window> {
        fault::install()?;
        let memory = Memory::Mapped { start, _mapping: None };
        Ok(Window::new(name, None, length as u64, memory, None, self.rules.clone()))
    }

    fn map(
        &self,
        target: &Target,
        file: Option<File>,
        region: &Region,
    ) -> Result<Window, OpenError> {
        let refused = |error| self.refused(target, Action::Map, region, error);
        fault::install().map_err(refused)?;
        let length = usize::try_from(region.length).map_err(|_| OpenError::TooLong {
            target: target.to_string(),
            length: region.length,
        })?;
        let mapping = Mapping::new(file.as_ref(), region.offset, length, !self.rules.read_only)
            .map_err(refused)?;
        let memory = Memory::Mapped { start: mapping.start(), _mapping: Some(mapping) };
        let name = target.to_string();
        Ok(Window::new(
            &name,
            region.base,
            region.length,
            memory,
            file.map(Arc::new),
            self.rules.clone(),
        ))
    }

    fn refused(
        &self,
        target: &Target,
        action: Action,
        region: &Region,
        source: io::Error,
    ) -> OpenError {
        let reason = refusal::explain(&self.system, action, region, &source);
        let (target, path) = (target.to_string(), region.path.clone());
        OpenError::Refused { target, action, path, source, reason }
    }
}

fn simulated(target: &Target, device: &str) -> Result<Device, TargetError> {
    if let Some(length) = parse_quantity(device) {
        let no_room = || TargetError::NoRegion {
            target: target.to_string(),
            problem: Device::NO_ROOM.to_owned(),
        };
        let room = Device::room(length).ok_or_else(no_room)?;
        return Ok(Device::new(length).memory(0, room));
    }
    let path = Path::new(device);
    let text = fs::read_to_string(path).map_err(target.io(path))?;
    Device::parse(&text)
        .map_err(|source| TargetError::Script { target: target.to_string(), source })
}
