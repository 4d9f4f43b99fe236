//! Which `CPython` an image is, by what it exports.

use crate::image::Image;
use crate::memory::{Memory, number};

/// A minor version of `CPython`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V3_8,
    V3_9,
    V3_10,
    V3_11,
    V3_12,
    V3_13,
}

impl Version {
    #[cfg(test)]
    pub(crate) const ALL: [Version; 6] = [
        Version::V3_8,
        Version::V3_9,
        Version::V3_10,
        Version::V3_11,
        Version::V3_12,
        Version::V3_13,
    ];

    /// The version of an image that has the interpreter in it.
    pub(crate) fn of(memory: &dyn Memory, image: &Image) -> Option<Version> {
        // From 3.11 on the version is a constant of the C API, laid out as `PY_VERSION_HEX`.
        if let Some(place) = image.symbol(memory, "Py_Version") {
            return match number(memory, place)? >> 16 {
                0x030b => Some(Version::V3_11),
                0x030c => Some(Version::V3_12),
                0x030d => Some(Version::V3_13),
                _ => None,
            };
        }
        // Earlier ones are known by functions that the C API got with them ("New in version").
        let has = |name| image.symbol(memory, name).is_some();
        if has("Py_NewRef") {
            Some(Version::V3_10)
        } else if has("PyFrame_GetCode") {
            Some(Version::V3_9)
        } else if has("PyCode_NewWithPosOnlyArgs") {
            Some(Version::V3_8)
        } else {
            None
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::memory::Memory;

    /// This very process, read by the system so that what is not mapped does no harm.
    pub(crate) struct OwnProcess;

    impl Memory for OwnProcess {
        fn read(&self, address: u64, bytes: &mut [u8]) -> bool {
            use std::os::unix::fs::FileExt;
            let memory = std::fs::File::open("/proc/self/mem").unwrap();
            memory.read_exact_at(bytes, address).is_ok()
        }
    }
}
