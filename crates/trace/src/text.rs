//! Text for people, one line an event, as `grep` and `awk` like it.
//!
//! ```text
//! W addr 0x0 data 0x3020100 size 4   libc.so.6 __memcpy_generic+0x58   stp x6, x7, [x0]   seed.py:12
//! W addr 0x40 data 0x0 size 1 count 16384   libc.so.6 memset+0x90   rep stosb
//! SYSCALL preadv addr 0x0 length 64
//! ```
//! `addr` is the offset in the window; with several windows, ` window N` follows the size. Data
//! that is not known is `?`. `count` accesses lie side by side, towards lower addresses after
//! ` step -1`; where their data differ, the first few are there.
//!
//! At the end come the line of the module's own source and the line of Python, as far as they are
//! known; three spaces part what belongs together.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};

use crate::{Access, Frame, Record, Repeat, Sink, Site, Syscall};

/// One access and its site, on one line.
pub struct Line<'a> {
    /// What was done.
    pub access: &'a Access,
    /// Where it came from.
    pub site: Option<&'a Site>,
    /// Whether to name the window.
    pub with_window: bool,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Access { direction, offset, size, data, window, .. } = self.access;
        write!(f, "{} addr {offset:#x} data ", direction.letter())?;
        match data {
            Some(data) => write!(f, "{data:#}")?,
            None => f.write_str("?")?,
        }
        write!(f, " size {size}")?;
        if self.with_window {
            write!(f, " window {window}")?;
        }
        match self.site {
            Some(site) => write!(f, "   {site}"),
            None => Ok(()),
        }
    }
}

/// The accesses of a [`Repeat`] and their site, on one line.
struct RepeatLine<'a> {
    repeat: &'a Repeat,
    site: Option<&'a Site>,
    with_window: bool,
}

impl fmt::Display for RepeatLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: u32 = 4;
        let Repeat { first, count, step, bytes } = self.repeat;
        let Access { direction, offset, size, window, .. } = first;
        write!(f, "{} addr {offset:#x} data ", direction.letter())?;
        match (first.data, bytes) {
            (Some(data), _) => write!(f, "{data:#}")?,
            (None, None) => f.write_str("?")?,
            (None, Some(_)) => {
                for (number, data) in (0..SHOWN).filter_map(|n| Some((n, self.repeat.data(n)?))) {
                    write!(f, "{}{data:#}", if number > 0 { "," } else { "" })?;
                }
                f.write_str(if *count > SHOWN { ",..." } else { "" })?;
            }
        }
        write!(f, " size {size} count {count}")?;
        if *step < 0 {
            write!(f, " step {step}")?;
        }
        if self.with_window {
            write!(f, " window {window}")?;
        }
        match self.site {
            Some(site) => write!(f, "   {site}"),
            None => Ok(()),
        }
    }
}

/// The function, or the module and address when no function is known.
#[must_use]
pub fn place(site: &Site) -> String {
    let Site { pc, symbol, symbol_offset, address, .. } = site;
    place_in(site.module_name(), symbol.as_deref(), *symbol_offset, *address, *pc)
}

fn place_in(
    module: Option<&str>,
    symbol: Option<&str>,
    symbol_offset: Option<u64>,
    address: Option<u64>,
    pc: u64,
) -> String {
    let module = module.unwrap_or("?");
    match (symbol, symbol_offset, address) {
        (Some(symbol), Some(offset), _) => format!("{module} {symbol}+{offset:#x}"),
        (Some(symbol), None, _) => format!("{module} {symbol}"),
        (None, _, Some(address)) => format!("{module}+{address:#x}"),
        (None, _, None) => format!("pc {pc:#x}"),
    }
}

/// `libc.so.6 memcpy+0x58   stp x6, x7, [x0]   seed.py:12`
impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&place(self))?;
        if let Some(text) = &self.text {
            write!(f, "   {text}")?;
        }
        if let Some(source) = &self.source {
            write!(f, "   {source}")?;
        }
        match &self.python {
            Some(python) => write!(f, "   {python}"),
            None => Ok(()),
        }
    }
}

/// `libmmio.so poke+0x1a   mmio.c:40`, or a function of Python as `seed.py:12 in main`.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = &self.python {
            return write!(f, "{line} in {}", line.function);
        }
        let Frame { pc, symbol, symbol_offset, address, .. } = self;
        let module = self.module_name();
        f.write_str(&place_in(module, symbol.as_deref(), *symbol_offset, *address, *pc))?;
        match &self.source {
            Some(line) => write!(f, "   {line}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Syscall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Syscall { name, offset, length, .. } = self;
        write!(f, "SYSCALL {name} addr {offset:#x} length {length}")
    }
}

/// Writes events as they come.
pub struct Writer<W> {
    out: W,
    sites: HashMap<u32, Site>,
    windows: usize,
}

impl<W: Write> Writer<W> {
    /// Text to `out`.
    pub fn new(out: W) -> Self {
        Writer { out, sites: HashMap::new(), windows: 0 }
    }
}

impl<W: Write> Sink for Writer<W> {
    fn put(&mut self, record: &Record) -> io::Result<()> {
        match record {
            Record::Trace(_) => Ok(()),
            Record::Window(_) => {
                self.windows += 1;
                Ok(())
            }
            Record::Site(site) => {
                self.sites.insert(site.id, site.clone());
                Ok(())
            }
            Record::Access(access) => {
                let site = access.site.and_then(|id| self.sites.get(&id));
                writeln!(self.out, "{}", Line { access, site, with_window: self.windows > 1 })
            }
            Record::Repeat(repeat) => {
                let site = repeat.first.site.and_then(|id| self.sites.get(&id));
                let with_window = self.windows > 1;
                writeln!(self.out, "{}", RepeatLine { repeat, site, with_window })
            }
            Record::Syscall(syscall) => writeln!(self.out, "{syscall}"),
            Record::Mark(mark) => writeln!(self.out, "MARK {}", mark.text),
            Record::Loss(loss) => writeln!(self.out, "LOSS {}", loss.detail),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
