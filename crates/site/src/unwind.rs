//! What a module says of how to find a function's caller.

use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

use object::{Object, ObjectSection};

/// Bytes of a module, and the addresses that they have there.
#[derive(Clone, Debug)]
pub struct Section {
    /// As the module counts addresses.
    pub range: Range<u64>,
    /// The bytes; none where only the addresses matter.
    pub bytes: Rc<[u8]>,
}

/// The tables by which the stack is unwound in a module's functions (LSB Core, "Exception Frames").
#[derive(Clone, Debug, Default)]
pub struct UnwindTables {
    /// The code; its addresses alone.
    pub text: Option<Section>,
    /// The global offset table; its addresses alone.
    pub got: Option<Section>,
    /// `.eh_frame`, a description of each function's frame.
    pub eh_frame: Option<Section>,
    /// `.eh_frame_hdr`, an index of that.
    pub eh_frame_hdr: Option<Section>,
}

impl UnwindTables {
    /// The tables of the file at `path`; none when it cannot be read.
    pub(crate) fn read(path: &Path) -> UnwindTables {
        let Ok(bytes) = std::fs::read(path) else { return UnwindTables::default() };
        let Ok(file) = object::File::parse(&*bytes) else { return UnwindTables::default() };
        let section = |name, with_bytes| {
            let section = file.section_by_name(name)?;
            let range = section.address()..section.address().checked_add(section.size())?;
            let bytes = if with_bytes { section.uncompressed_data().ok()? } else { (&[]).into() };
            Some(Section { range, bytes: Rc::from(&*bytes) })
        };
        UnwindTables {
            text: section(".text", false),
            got: section(".got", false),
            eh_frame: section(".eh_frame", true),
            eh_frame_hdr: section(".eh_frame_hdr", true),
        }
    }
}
