//! The ways of writing a block of words from Python that the sweep compares.

use clap::ValueEnum;

/// One way of writing a block of 32-bit words into a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    /// Slice assignment to a memoryview of the mapping, as in the question that began it
    Memoryview,
    /// A scalar loop over that memoryview
    Loop,
    /// Slice assignment to the mmap object
    Mmap,
    /// Slice assignment to a ctypes array over the mapping
    Ctypes,
    /// `struct.pack_into`
    Struct,
    /// Slice assignment to a numpy array over the mapping
    Numpy,
    /// Slice assignment to `busprobe.view` of the mapping
    Busprobe,
}

/// Maps the window and makes the data, without touching the window.
///
/// The data lies at a fixed place within its page, away from the window's: beyond eight vectors,
/// glibc's copy goes backwards when destination and source are near each other modulo 4 KiB, and a
/// table that changed from run to run would explain nothing.
const PREPARE: &str = r#"
import mmap, os, sys
path, n = sys.argv[1], int(sys.argv[2])
mm = mmap.mmap(os.open(path, os.O_RDWR), 0)
mv32 = memoryview(mm).cast("I")
source = mmap.mmap(-1, 4096 + 4 * n)
data = memoryview(source)[2048:2048 + 4 * n].cast("I")
for i in range(n):
    data[i] = int.from_bytes(bytes((4 * i + k) & 255 for k in range(4)), "little") if n > 1 else 1
"#;

impl Way {
    /// As `--via` names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Way::Memoryview => "memoryview",
            Way::Loop => "loop",
            Way::Mmap => "mmap",
            Way::Ctypes => "ctypes",
            Way::Struct => "struct",
            Way::Numpy => "numpy",
            Way::Busprobe => "busprobe",
        }
    }

    /// The package that it needs beyond the standard library.
    pub(crate) fn package(self) -> Option<&'static str> {
        match self {
            Way::Numpy => Some("numpy"),
            Way::Busprobe => Some("busprobe"),
            _ => None,
        }
    }

    /// The program: its arguments are the window's path and the number of words.
    pub(crate) fn program(self) -> String {
        let write = match self {
            Way::Memoryview => "mv32[0:n] = data",
            Way::Loop => "for i in range(n):\n    mv32[i] = data[i]",
            Way::Mmap => "block = data.tobytes()\nmm[0:4 * n] = block",
            Way::Ctypes => {
                "import ctypes\nwords = (ctypes.c_uint32 * n).from_buffer(mm)\nwords[:] = data.tolist()"
            }
            Way::Struct => "import struct\nstruct.pack_into(f\"<{n}I\", mm, 0, *data.tolist())",
            Way::Numpy => {
                "import numpy\nwords = numpy.frombuffer(mm, dtype=\"<u4\")\n\
                 words[0:n] = numpy.frombuffer(data, dtype=\"<u4\")"
            }
            Way::Busprobe => "import busprobe\nbusprobe.view(mm, \"I\")[0:n] = data",
        };
        format!("{PREPARE}{write}\n")
    }
}
