//! By which interface the program reached the window.

use busprobe_trace::{Direction, Header, Site};
use serde::Serialize;

use crate::{Intent, Mode, remedy};

/// An interface through which programs write to a mapping, and which has an exact counterpart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Api {
    /// `memoryview`, by index or slice.
    Memoryview,
    /// An `mmap.mmap` object itself: slices, `read`, `write`.
    Mmap,
    /// `ctypes` objects laid over the mapping.
    Ctypes,
    /// `struct.pack_into` and `unpack_from`.
    Struct,
    /// A numpy array over the mapping.
    Numpy,
    /// Python code of which no more is known.
    Python,
    /// A compiled program.
    Native,
}

impl Api {
    /// What the code of a site, and of what called it, shows. Modules name themselves on every
    /// build; functions inside the interpreter only where it has its symbols. The same names in a
    /// program that is not Python's say nothing.
    #[must_use]
    pub fn of(site: &Site, header: &Header) -> Self {
        let own = (site.module_name().unwrap_or(""), site.symbol.as_deref().unwrap_or(""));
        let callers = site.stack.iter().map(|frame| {
            (frame.module_name().unwrap_or(""), frame.symbol.as_deref().unwrap_or(""))
        });
        let mut places = std::iter::once(own).chain(callers);
        let is_python = site.python.is_some()
            || header.runs_python()
            || places.clone().any(|(module, _)| is_of_python(module));
        if !is_python {
            return Api::Native;
        }
        let known = places.find_map(|(module, symbol)| {
            Some(match module.split('.').next().unwrap_or("") {
                "_ctypes" => Api::Ctypes,
                "_struct" => Api::Struct,
                "mmap" => Api::Mmap,
                "_multiarray_umath" => Api::Numpy,
                _ => Self::of_function(symbol)?,
            })
        });
        known.unwrap_or(Api::Python)
    }

    /// The functions of `CPython` that reach for memory, as Objects/ and Modules/ name them.
    fn of_function(symbol: &str) -> Option<Self> {
        Some(match symbol {
            "PyCData_set" | "PyCField_set" | "Simple_set_value" | "Array_ass_item" => Api::Ctypes,
            "s_pack_into" | "s_pack_internal" | "s_unpack_internal" => Api::Struct,
            symbol => match symbol.split('_').next() {
                Some("memory") => Api::Memoryview,
                Some("mmap") if symbol != "mmap" => Api::Mmap,
                _ => return None,
            },
        })
    }

    /// As people name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Api::Memoryview => "memoryview",
            Api::Mmap => "mmap",
            Api::Ctypes => "ctypes",
            Api::Struct => "struct",
            Api::Numpy => "numpy",
            Api::Python => "Python",
            Api::Native => "a compiled program",
        }
    }

    /// What that interface does with a window, in a sentence that holds on every CPU.
    #[must_use]
    pub fn habit(self, direction: Direction) -> Option<&'static str> {
        Some(match (self, direction) {
            (Api::Memoryview, _) => {
                "memoryview moves an element by itself as one access, and hands a slice to libc's \
                 memcpy or memmove"
            }
            (Api::Mmap, _) => {
                "an mmap object hands its slices, read() and write() to libc's memcpy"
            }
            (Api::Ctypes, Direction::Write) => {
                "ctypes reads the old value of a field or element before it writes the new one"
            }
            (Api::Struct, Direction::Write) => {
                "struct.pack_into fills the field with zeros, then writes the value"
            }
            (Api::Numpy, _) => {
                "numpy hands a contiguous block to libc's memcpy, and fills with vector stores"
            }
            _ => return None,
        })
    }

    /// The call that puts exactly `intent` on the bus, for a program that came this way; `None`
    /// when it takes more than one line.
    #[must_use]
    pub fn exact_call(self, intent: &Intent) -> Option<String> {
        if self != Api::Native {
            return remedy::python(intent);
        }
        let [run] = intent.runs() else { return None };
        let bits = intent.width() * 8;
        let mode = match intent.mode() {
            Mode::Ascending => "Incr",
            Mode::Fixed => "Fixed",
        };
        Some(match (intent.direction(), run.count) {
            (Direction::Write, 1) => format!("window.write{bits}({:#x}, value)?", run.start),
            (Direction::Read, 1) => format!("window.read{bits}({:#x})?", run.start),
            (Direction::Write, _) => {
                format!("window.write_block({:#x}, &words, Mode::{mode})?", run.start)
            }
            (Direction::Read, _) => {
                format!("window.read_block({:#x}, &mut words, Mode::{mode})?", run.start)
            }
        })
    }
}

/// Whether a file of that name is an interpreter of Python's, or an extension of one.
fn is_of_python(module: &str) -> bool {
    module.starts_with("python") || module.starts_with("libpython") || module.contains(".cpython-")
}

#[cfg(test)]
mod tests {
    use busprobe_trace::{Capture, Frame, Level};

    use super::*;

    fn api(command: &str, module: &str, symbol: &str) -> Api {
        let mut header = Header::new(Level::Instruction, Capture::Native, "x86_64");
        header.command = vec![command.into()];
        let caller =
            Frame { module: Some(module.into()), symbol: Some(symbol.into()), ..Frame::default() };
        let copy = Some("memcpy".to_owned());
        Api::of(&Site { symbol: copy, stack: vec![caller], ..Site::default() }, &header)
    }

    #[test]
    fn the_interfaces_of_python_are_told_by_their_modules_and_functions() {
        let python = "/usr/bin/python3";
        assert_eq!(api(python, python, "memory_ass_sub"), Api::Memoryview);
        assert_eq!(api("pytest", "/usr/lib/libpython3.11.so.1.0", "mmap_write"), Api::Mmap);
        assert_eq!(api("pytest", "_ctypes.cpython-312-x86_64-linux-gnu.so", "f"), Api::Ctypes);
        assert_eq!(api(python, python, "main"), Api::Python);
    }

    #[test]
    fn a_compiled_program_may_name_its_functions_as_python_does() {
        assert_eq!(api("./driver", "/opt/driver", "memory_write"), Api::Native);
        assert_eq!(api("./mmap", "/opt/mmap", "main"), Api::Native);
    }
}
