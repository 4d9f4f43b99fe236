//! Where functions begin and end, for modules without a symbol table.
//!
//! The unwind table (`.eh_frame`) survives stripping and gives the exact range of every function
//! that was compiled or annotated with it, libc's assembly included (LSB Core, "Exception Frames").

use std::ops::Range;

use gimli::{BaseAddresses, CieOrFde, EhFrame, EndianSlice, RunTimeEndian, UnwindSection};
use object::{Object, ObjectSection};

/// The function ranges of one module, sorted.
#[derive(Default)]
pub(crate) struct Functions {
    ranges: Vec<Range<u64>>,
}

impl Functions {
    /// All ranges of `.eh_frame`; those before a damaged entry when it is damaged.
    pub(crate) fn of(file: &object::File<'_>) -> Self {
        let Some(section) = file.section_by_name(".eh_frame") else { return Self::default() };
        let Ok(data) = section.uncompressed_data() else { return Self::default() };
        let endian =
            if file.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
        let mut frames = EhFrame::from(EndianSlice::new(&data, endian));
        frames.set_address_size(if file.is_64() { 8 } else { 4 });
        let address = |name| file.section_by_name(name).map_or(0, |section| section.address());
        let bases = BaseAddresses::default()
            .set_eh_frame(section.address())
            .set_text(address(".text"))
            .set_got(address(".got"));

        let mut ranges = Vec::new();
        let mut entries = frames.entries(&bases);
        while let Ok(Some(entry)) = entries.next() {
            if let CieOrFde::Fde(partial) = entry
                && let Ok(fde) = partial.parse(EhFrame::cie_from_offset)
            {
                ranges.push(fde.initial_address()..fde.end_address());
            }
        }
        ranges.sort_by_key(|range| range.start);
        Functions { ranges }
    }

    /// The function that covers `address`.
    pub(crate) fn at(&self, address: u64) -> Option<Range<u64>> {
        let after = self.ranges.partition_point(|range| range.start <= address);
        self.ranges[..after].last().filter(|range| range.contains(&address)).cloned()
    }
}
