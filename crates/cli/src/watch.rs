//! From `--watch TARGET` to what the capture recognises.

use std::fs;
use std::path::PathBuf;

use busprobe_capture::native::Watch;
use busprobe_mmio::Target;

use crate::trouble::Trouble;

/// A bus word, the least that a window can start at.
const WORD: u64 = 4;

/// The window that `text` names. Looks at names and sizes only.
pub(crate) fn parse(text: &str) -> Result<Watch, Trouble> {
    let region = Target::parse(text)?.region()?;
    if region.offset % WORD != 0 {
        return Err(Trouble::new(format!(
            "{text}: misaligned window: it starts at {:#x}, inside a bus word; start it at a \
             multiple of {WORD}",
            region.offset
        )));
    }
    Ok(Watch {
        name: text.to_owned(),
        path: region.path,
        offset: region.offset,
        length: region.length,
        base: region.base,
    })
}

/// Every file of this system through which device memory is mapped.
pub(crate) fn all_devices() -> Result<Vec<Watch>, Trouble> {
    let mut paths = vec![PathBuf::from("/dev/mem")];
    let entries = |directory: &str| fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries("/sys/class/uio") {
        paths.push(PathBuf::from("/dev").join(entry.file_name()));
    }
    for device in entries("/sys/bus/pci/devices") {
        for bar in 0..6 {
            for suffix in ["", "_wc"] {
                paths.push(device.path().join(format!("resource{bar}{suffix}")));
            }
        }
    }
    paths.retain(|path| path.exists());
    if paths.is_empty() {
        return Err(Trouble::new(
            "no device memory to watch on this system: name what to watch with --watch TARGET",
        ));
    }
    Ok(paths.into_iter().map(|path| Watch::file(path, 0..u64::MAX)).collect())
}
