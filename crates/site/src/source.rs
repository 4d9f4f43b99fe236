//! Source lines by address, from the compiler's debug information (DWARF 5, 6.2 and 2.17).

use std::borrow::Cow;
use std::path::Path;
use std::rc::Rc;

use addr2line::Context;
use gimli::{Dwarf, EndianRcSlice, RunTimeEndian, SectionId};
use object::{Object, ObjectSection};

use crate::debug_file;
use crate::module::hexadecimal;

/// A function that an instruction belongs to, and the line in it.
///
/// A function that the compiler has put into others has none of its own instructions: the
/// instruction is then of several, each called by the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFrame {
    /// The function, as the symbol table would spell it.
    pub function: Option<String>,
    /// The file, as the compiler recorded it.
    pub file: String,
    /// From 1.
    pub line: u32,
}

/// The source lines of one module.
pub(crate) struct Source {
    context: Context<EndianRcSlice<RunTimeEndian>>,
}

impl Source {
    /// From the module at `path`, or from the file with its debug information.
    pub(crate) fn open(path: &Path, build_id: Option<&str>) -> Option<Source> {
        Source::read(path, build_id).or_else(|| {
            let files = debug_file::places(path, build_id?);
            files.iter().find_map(|file| Source::read(file, build_id))
        })
    }

    /// From a file, when it is of that build and has debug information.
    fn read(path: &Path, build_id: Option<&str>) -> Option<Source> {
        let bytes = std::fs::read(path).ok()?;
        let file = object::File::parse(&*bytes).ok()?;
        let found = file.build_id().ok().flatten().map(hexadecimal);
        file.section_by_name(".debug_info")?;
        if found.as_deref() != build_id {
            return None;
        }
        let endian =
            if file.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
        let section = |id: SectionId| {
            let data = file
                .section_by_name(id.name())
                .and_then(|section| section.uncompressed_data().ok())
                .unwrap_or_default();
            Ok::<_, gimli::Error>(EndianRcSlice::new(Rc::from(&*data), endian))
        };
        let context = Context::from_dwarf(Dwarf::load(section).ok()?).ok()?;
        Some(Source { context })
    }

    /// The functions and lines of the instruction at `address`, innermost first.
    pub(crate) fn frames(&self, address: u64) -> Vec<SourceFrame> {
        let mut found = Vec::new();
        let Ok(mut frames) = self.context.find_frames(address).skip_all_loads() else {
            return found;
        };
        while let Ok(Some(frame)) = frames.next() {
            let function =
                frame.function.and_then(|function| function.raw_name().ok().map(Cow::into_owned));
            let Some(place) = frame.location else { break };
            let (Some(file), Some(line @ 1..)) = (place.file, place.line) else { break };
            found.push(SourceFrame { function, file: file.to_owned(), line });
        }
        found
    }
}
