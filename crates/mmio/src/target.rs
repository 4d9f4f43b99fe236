//! TARGET: the one way to say which range of what a window is over.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::{TargetError, parse_quantity};

/// What a window is over. It is text until it is opened or resolved: parsing one touches nothing.
///
/// | text | what |
/// | --- | --- |
/// | `mem:0x0a000000+16K` | physical memory, through `/dev/mem` |
/// | `uio:NAME[/map]` | a map of a UIO device, by its name or number |
/// | `pci:0000:01:00.0/bar0` | a BAR of a PCI function; `bar0_wc` for its write-combining mapping |
/// | `file:PATH[@OFFSET][+LENGTH]` | a file, a device file or a resource file |
/// | `anon:16K` | memory of the process's own |
/// | `sim:FILE`, `sim:4K` | a [simulated device](crate::sim): as a file describes it, or just memory |
/// | `PATH[@OFFSET][+LENGTH]` | a file, a UIO device or a resource, whichever it is |
///
/// Numbers are decimal or `0x`, with the suffixes K, M and G.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Physical memory.
    Memory {
        /// Bus address of the first byte.
        address: u64,
        /// Bytes.
        length: Option<u64>,
    },
    /// A map of a UIO device.
    Uio {
        /// As `/sys/class/uio/uioN/name` has it, or `uioN`, or N.
        device: String,
        /// From 0.
        map: u32,
    },
    /// A base address register of a PCI function.
    Pci {
        /// `domain:bus:device.function`, as under `/sys/bus/pci/devices`.
        function: String,
        /// 0 to 5.
        bar: u8,
        /// Whether to map it write-combining: stores may then be merged and reordered.
        write_combining: bool,
    },
    /// A file, a device file or a resource file.
    File {
        /// Its path.
        path: PathBuf,
        /// Where in the file the window starts.
        offset: u64,
        /// Bytes; to the end of the file when not given.
        length: Option<u64>,
    },
    /// A simulated device.
    Simulated {
        /// The file that describes it, or the length of a device that is all memory.
        device: String,
    },
    /// Memory of the process's own, zeroed.
    Anonymous {
        /// Bytes.
        length: u64,
    },
}

impl Target {
    /// Reads a target.
    ///
    /// # Errors
    /// [`TargetError::Syntax`], which says what to write instead.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
        let syntax = |expected| {
            move |problem: String| TargetError::Syntax { text: text.to_owned(), problem, expected }
        };
        match scheme {
            "mem" => parse_memory(rest)
                .map_err(syntax("write mem:ADDRESS+LENGTH, like mem:0x0a000000+16K")),
            "uio" => parse_uio(rest).map_err(syntax("write uio:NAME or uio:NAME/MAP, like uio:0")),
            "pci" => parse_pci(rest).map_err(syntax(
                "write pci:DOMAIN:BUS:DEVICE.FUNCTION/barN, like pci:0000:01:00.0/bar0",
            )),
            "anon" => parse_anonymous(rest).map_err(syntax("write anon:LENGTH, like anon:16K")),
            "sim" => parse_simulated(rest)
                .map_err(syntax("write sim:FILE, or sim:LENGTH for a device that is all memory")),
            "file" => parse_file(rest).map_err(syntax(FILE)),
            _ => parse_file(text).map_err(syntax(FILE)),
        }
    }
}

const FILE: &str = "write file:PATH[@OFFSET][+LENGTH], like file:window.bin@0x1000+4K";

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        Target::parse(text)
    }
}

/// As [`Target::parse`] reads it.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with_length = |f: &mut fmt::Formatter<'_>, length: &Option<u64>| match length {
            Some(length) => write!(f, "+{length:#x}"),
            None => Ok(()),
        };
        match self {
            Target::Memory { address, length } => {
                write!(f, "mem:{address:#x}")?;
                with_length(f, length)
            }
            Target::Uio { device, map } => write!(f, "uio:{device}/map{map}"),
            Target::Pci { function, bar, write_combining } => {
                let suffix = if *write_combining { "_wc" } else { "" };
                write!(f, "pci:{function}/bar{bar}{suffix}")
            }
            Target::File { path, offset, length } => {
                write!(f, "file:{}", path.display())?;
                if *offset != 0 {
                    write!(f, "@{offset:#x}")?;
                }
                with_length(f, length)
            }
            Target::Simulated { device } => write!(f, "sim:{device}"),
            Target::Anonymous { length } => write!(f, "anon:{length:#x}"),
        }
    }
}

fn number(text: &str, what: &str) -> Result<u64, String> {
    parse_quantity(text).ok_or_else(|| format!("{text:?} is no {what}"))
}

fn positive_length(text: &str) -> Result<u64, String> {
    match number(text, "length")? {
        0 => Err("a window has at least one byte".to_owned()),
        length => Ok(length),
    }
}

fn parse_memory(rest: &str) -> Result<Target, String> {
    let (address, length) = match rest.split_once('+') {
        Some((address, length)) => (address, Some(positive_length(length)?)),
        None => (rest, None),
    };
    let address = number(address, "address")?;
    if address.checked_add(length.unwrap_or(1)).is_none() {
        return Err("the range goes beyond 64 bits".to_owned());
    }
    Ok(Target::Memory { address, length })
}

fn parse_uio(rest: &str) -> Result<Target, String> {
    let (device, map) = match rest.split_once('/') {
        Some((device, map)) => {
            let digits = map.strip_prefix("map").unwrap_or(map);
            (device, digits.parse().map_err(|_| format!("{map:?} is no map"))?)
        }
        None => (rest, 0),
    };
    if device.is_empty() {
        return Err("the device's name is missing".to_owned());
    }
    Ok(Target::Uio { device: device.to_owned(), map })
}

fn parse_pci(rest: &str) -> Result<Target, String> {
    let (function, bar) = rest.split_once('/').ok_or("the BAR is missing")?;
    let (bar_name, write_combining) = match bar.strip_suffix("_wc") {
        Some(bar) => (bar, true),
        None => (bar, false),
    };
    let Some(Ok(bar @ 0..=5)) = bar_name.strip_prefix("bar").map(str::parse) else {
        return Err(format!("{bar:?} is no BAR: they are bar0 to bar5"));
    };
    // The domain may be left out, as lspci does.
    let function = if function.matches(':').count() == 1 {
        format!("0000:{function}")
    } else {
        function.to_owned()
    };
    if !is_pci_function(&function) {
        return Err(format!("{function:?} is no PCI function"));
    }
    Ok(Target::Pci { function, bar, write_combining })
}

fn is_pci_function(text: &str) -> bool {
    let hexadecimal = |part: &str, digits| {
        part.len() >= digits && part.len() <= 8 && part.bytes().all(|b| b.is_ascii_hexdigit())
    };
    let parts: Vec<&str> = text.split([':', '.']).collect();
    let [domain, bus, device, function] = parts[..] else { return false };
    hexadecimal(domain, 4)
        && hexadecimal(bus, 2)
        && hexadecimal(device, 2)
        && hexadecimal(function, 1)
}

fn parse_simulated(rest: &str) -> Result<Target, String> {
    match parse_quantity(rest) {
        Some(0) => Err("a device has at least one byte".to_owned()),
        None if rest.is_empty() => Err("the device is missing".to_owned()),
        _ => Ok(Target::Simulated { device: rest.to_owned() }),
    }
}

fn parse_anonymous(rest: &str) -> Result<Target, String> {
    Ok(Target::Anonymous { length: positive_length(rest)? })
}

/// `@` and `+` begin an offset and a length only when a number follows: paths have them too.
fn parse_file(rest: &str) -> Result<Target, String> {
    let split = |text: &str, mark| {
        let (before, after) = text.rsplit_once(mark)?;
        let digits = after.starts_with(|first: char| first.is_ascii_digit());
        digits.then(|| (before.to_owned(), after.to_owned()))
    };
    let (rest, length) = match split(rest, '+') {
        Some((rest, length)) if parse_quantity(&length).is_some() => {
            (rest, Some(positive_length(&length)?))
        }
        _ => (rest.to_owned(), None),
    };
    let (path, offset) = match split(&rest, '@') {
        Some((path, offset)) if parse_quantity(&offset).is_some() => {
            (path, number(&offset, "offset")?)
        }
        _ => (rest, 0),
    };
    if path.is_empty() {
        return Err("the path is missing".to_owned());
    }
    if offset.checked_add(length.unwrap_or(1)).is_none() {
        return Err("the range goes beyond 64 bits".to_owned());
    }
    Ok(Target::File { path: path.into(), offset, length })
}
