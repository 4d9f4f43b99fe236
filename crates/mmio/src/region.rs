//! From a target to the file, the offset and the length that a mapping of it has.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::{Target, TargetError, page_size, parse_quantity};

/// A range of a file: what mmap(2) is told, before rounding to pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// The file.
    pub path: PathBuf,
    /// Where in the file the window starts, as the file's own mmap counts.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// The bus address of the first byte, when it is known.
    pub base: Option<u64>,
}

/// Where the system's `/dev` and `/sys` are: at `/`, or in a tree made up for a test.
#[derive(Clone, Debug)]
pub struct System {
    root: PathBuf,
}

impl Default for System {
    fn default() -> Self {
        System::at("/")
    }
}

impl System {
    /// The system whose files are below `root`.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        System { root: root.into() }
    }

    pub(crate) fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.join(below)
    }
}

impl Target {
    /// The file and range that a mapping of this target has. Opens and maps nothing: it looks at
    /// names and sizes only.
    ///
    /// # Errors
    /// When the target is not there, has no length, or is no file at all.
    pub fn region(&self) -> Result<Region, TargetError> {
        self.region_in(&System::default())
    }

    /// [`Target::region`] on a system that is somewhere else.
    ///
    /// # Errors
    /// As [`Target::region`].
    pub fn region_in(&self, system: &System) -> Result<Region, TargetError> {
        match self {
            Target::Memory { address, length: Some(length) } => Ok(Region {
                path: system.path("dev/mem"),
                offset: *address,
                length: *length,
                base: Some(*address),
            }),
            Target::Memory { length: None, .. } => {
                Err(self.has_no_region(format!("how long is it? write {self}+4K for one page")))
            }
            Target::Uio { device, map } => self.uio(system, device, *map),
            Target::Pci { function, bar, write_combining } => {
                self.pci(system, function, *bar, *write_combining)
            }
            Target::File { path, offset, length } => self.file(system, path, *offset, *length),
            Target::Simulated { .. } => {
                Err(self.has_no_region("a simulated device is no file".to_owned()))
            }
            Target::Anonymous { .. } => {
                Err(self.has_no_region("anonymous memory is no file".to_owned()))
            }
        }
    }

    fn has_no_region(&self, problem: String) -> TargetError {
        TargetError::NoRegion { target: self.to_string(), problem }
    }

    fn not_found(&self, problem: String) -> TargetError {
        TargetError::NotFound { target: self.to_string(), problem }
    }

    pub(crate) fn io(&self, path: &Path) -> impl FnOnce(std::io::Error) -> TargetError {
        move |source| TargetError::Io { target: self.to_string(), path: path.to_owned(), source }
    }

    /// Map N of a UIO device is at N pages into the device file, and starts `offset` bytes into
    /// its first page (Documentation/driver-api/uio-howto.rst).
    fn uio(&self, system: &System, device: &str, map: u32) -> Result<Region, TargetError> {
        let (number, directory) = self.find_uio(system, device)?;
        let directory = directory.join(format!("maps/map{map}"));
        let attribute = |name: &str| -> Result<Option<u64>, TargetError> {
            let path = directory.join(name);
            let text = fs::read_to_string(&path).map_err(self.io(&path))?;
            Ok(parse_quantity(text.trim()))
        };
        if !directory.exists() {
            return Err(self.not_found(format!("uio{number} has no map {map}")));
        }
        let malformed = || self.not_found(format!("{} holds no numbers", directory.display()));
        let (address, size) = (attribute("addr")?, attribute("size")?);
        let within_page = attribute("offset")?.unwrap_or(0);
        Ok(Region {
            path: system.path(format!("dev/uio{number}")),
            offset: u64::from(map) * page_size() + within_page,
            length: size.ok_or_else(malformed)?,
            base: address.map(|address| address + within_page),
        })
    }

    fn find_uio(&self, system: &System, device: &str) -> Result<(u32, PathBuf), TargetError> {
        let class = system.path("sys/class/uio");
        let mut found = Vec::new();
        let mut names = Vec::new();
        for entry in fs::read_dir(&class).into_iter().flatten().flatten() {
            let file_name = entry.file_name().to_string_lossy().into_owned();
            let Some(number) = file_name.strip_prefix("uio").and_then(|n| n.parse().ok()) else {
                continue;
            };
            let name = fs::read_to_string(entry.path().join("name")).unwrap_or_default();
            let name = name.trim().to_owned();
            if device == name || device == file_name || device.parse() == Ok(number) {
                found.push((number, entry.path()));
            }
            names.push(format!("{name} ({file_name})"));
        }
        found.sort();
        match found.len() {
            1 => Ok(found.remove(0)),
            0 if names.is_empty() => Err(self.not_found(format!(
                "{} lists no UIO device; is uio_pci_generic or uio_pdrv_genirq loaded and bound?",
                class.display()
            ))),
            0 => {
                names.sort();
                Err(self.not_found(format!("no such UIO device; there is {}", names.join(", "))))
            }
            several => Err(self.not_found(format!(
                "{several} UIO devices have that name; write uio:{} for the first",
                found[0].0
            ))),
        }
    }

    fn pci(
        &self,
        system: &System,
        function: &str,
        bar: u8,
        write_combining: bool,
    ) -> Result<Region, TargetError> {
        let directory = system.path("sys/bus/pci/devices").join(function);
        if !directory.exists() {
            return Err(self.not_found("no such PCI function; lspci -D lists them".to_owned()));
        }
        // One line a resource: start, end (inclusive), flags (Documentation/PCI/sysfs-pci.rst).
        let list = directory.join("resource");
        let text = fs::read_to_string(&list).map_err(self.io(&list))?;
        let line = text.lines().nth(bar.into()).unwrap_or_default();
        let numbers: Vec<u64> = line.split_whitespace().filter_map(parse_quantity).collect();
        let (start, end) = match numbers[..] {
            [start, end, _] if end > start => (start, end),
            _ => return Err(self.not_found(format!("the function has no BAR {bar}"))),
        };
        let suffix = if write_combining { "_wc" } else { "" };
        let path = directory.join(format!("resource{bar}{suffix}"));
        if !path.exists() {
            let why =
                if write_combining { "only prefetchable BARs have one" } else { "is it I/O?" };
            return Err(self.not_found(format!("there is no {}: {why}", path.display())));
        }
        Ok(Region { path, offset: 0, length: end - start + 1, base: Some(start) })
    }

    fn file(
        &self,
        system: &System,
        path: &Path,
        offset: u64,
        length: Option<u64>,
    ) -> Result<Region, TargetError> {
        let metadata = fs::metadata(path).map_err(self.io(path))?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            return Err(self.has_no_region("it is a directory".to_owned()));
        }
        if kind.is_char_device() {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.strip_prefix("uio").is_some_and(|number| number.parse::<u32>().is_ok())
                && (offset, length) == (0, None)
            {
                return self.uio(system, &name, 0);
            }
            let length = length.ok_or_else(|| {
                self.has_no_region(format!(
                    "a device file has no length of its own; write {self}+4K"
                ))
            })?;
            let base = (path == Path::new("/dev/mem")).then_some(offset);
            return Ok(Region { path: path.to_owned(), offset, length, base });
        }
        let size = metadata.len();
        let length = length.unwrap_or(size.saturating_sub(offset));
        if length == 0 || offset.saturating_add(length) > size {
            return Err(self.has_no_region(format!(
                "the range {offset:#x} to {:#x} is not within the file, which has {size:#x} bytes",
                offset.saturating_add(length)
            )));
        }
        Ok(Region { path: path.to_owned(), offset, length, base: None })
    }
}
