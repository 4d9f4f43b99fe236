//! Which files are waveforms.

/// A format of waveforms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Value change dump (IEEE 1364-2005 clause 18).
    Vcd,
    /// `GTKWave`'s fast signal trace.
    Fst,
}

impl Format {
    /// Every format.
    pub const ALL: &[Format] = &[Format::Vcd, Format::Fst];

    /// As `--format` names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Vcd => "vcd",
            Format::Fst => "fst",
        }
    }

    /// The format of a file that begins so. VCD begins with a `$keyword` and FST with the block
    /// that is its header, 329 bytes long, or with one that is a whole FST compressed once more; no
    /// log does.
    #[must_use]
    pub fn of_beginning(bytes: &[u8]) -> Option<Format> {
        match bytes {
            [0, 0, 0, 0, 0, 0, 0, 1, 73, ..] | [254, ..] => Some(Format::Fst),
            bytes if bytes.trim_ascii_start().starts_with(b"$") => Some(Format::Vcd),
            _ => None,
        }
    }
}
