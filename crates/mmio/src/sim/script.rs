//! A simulated device as text, one thing a line, so that `sim:FILE` is a target everywhere.
//!
//! ```text
//! # A timer with an interrupt.
//! length   4K
//! register 0x0 w1c                  # rw (as written), ro, wo, w1c or rc (read-to-clear)
//! register 0x4 8 rw reset=0x1f      # width 8, 16, 32 (unless said otherwise) or 64
//! fifo     0x8 depth=16
//! memory   0x100+0x100
//! when     write 0x4 put 0x0 0x1    # a side effect
//! fault    read 0x8 after=2 times=1
//! delay    0x0 10ms
//! ```

use std::str::SplitWhitespace;
use std::time::Duration;

use thiserror::Error;

use super::{Device, Register};
use crate::{Direction, Width, parse_quantity};

/// A line of a device's text that is wrong.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line}: {problem}")]
pub struct ScriptError {
    /// From 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: String,
}

impl Device {
    /// Reads a device from text.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let mut device = None;
        for (number, line) in text.lines().enumerate() {
            let statement = line.split('#').next().unwrap_or_default();
            device = Statement(statement.split_whitespace())
                .apply(device)
                .map_err(|problem| ScriptError { line: number + 1, problem })?;
        }
        let problem = "the device has no length: begin with, say, length 4K".to_owned();
        device.ok_or(ScriptError { line: 1, problem })
    }
}

struct Statement<'a>(SplitWhitespace<'a>);

impl<'a> Statement<'a> {
    fn apply(mut self, device: Option<Device>) -> Result<Option<Device>, String> {
        let Some(keyword) = self.0.next() else { return Ok(device) };
        let device = match (keyword, device) {
            ("length", None) => Device::new(self.quantity("length")?),
            ("length", Some(_)) => return Err("a second length".to_owned()),
            (_, None) => return Err("the first line says the length: length 4K".to_owned()),
            ("register", Some(device)) => {
                let offset = self.offset(&device)?;
                let register = self.register()?;
                device.register(offset, register)
            }
            ("fifo", Some(device)) => {
                let offset = self.offset(&device)?;
                let fifo = self.fifo()?;
                device.register(offset, fifo)
            }
            ("memory", Some(device)) => {
                let (offset, length) = self.range(&device)?;
                device.memory(offset, length)
            }
            ("when", Some(device)) => self.when(device)?,
            ("fault", Some(device)) => self.fault(device)?,
            ("delay", Some(device)) => {
                let offset = self.offset(&device)?;
                let time = self.duration()?;
                device.delay(offset, time)
            }
            (unknown, _) => {
                return Err(format!(
                    "{unknown:?} is no statement: there is length, register, fifo, memory, when, \
                     fault and delay"
                ));
            }
        };
        match self.0.next() {
            Some(rest) => Err(format!("{rest:?} has no meaning here")),
            None => Ok(Some(device)),
        }
    }

    fn word(&mut self, what: &str) -> Result<&'a str, String> {
        self.0.next().ok_or_else(|| format!("the {what} is missing"))
    }

    fn quantity(&mut self, what: &str) -> Result<u64, String> {
        let word = self.word(what)?;
        parse_quantity(word).ok_or_else(|| format!("{word:?} is no {what}"))
    }

    fn offset(&mut self, device: &Device) -> Result<u64, String> {
        let offset = self.quantity("offset")?;
        if offset >= device.len() {
            return Err(format!("{offset:#x} is beyond the device's {:#x} bytes", device.len()));
        }
        Ok(offset)
    }

    fn range(&mut self, device: &Device) -> Result<(u64, usize), String> {
        let word = self.word("range")?;
        let parts = word.split_once('+').map(|(at, n)| (parse_quantity(at), parse_quantity(n)));
        let Some((Some(offset), Some(length))) = parts else {
            return Err(format!("{word:?} is no range: write OFFSET+LENGTH"));
        };
        match (offset.checked_add(length), Device::room(length)) {
            (Some(end), Some(length)) if end <= device.len() => Ok((offset, length)),
            (Some(end), None) if end <= device.len() => Err(Device::NO_ROOM.to_owned()),
            _ => Err(format!("{word} is not within the device's {:#x} bytes", device.len())),
        }
    }

    fn register(&mut self) -> Result<Register, String> {
        let (mut width, mut kind, mut reset) = (Width::W32, "rw".to_owned(), 0);
        for word in self.0.by_ref() {
            if let Some(value) = word.strip_prefix("reset=") {
                reset = parse_quantity(value).ok_or_else(|| format!("{value:?} is no value"))?;
            } else if let Some(found) = word.parse().ok().and_then(Width::from_bits) {
                width = found;
            } else {
                word.clone_into(&mut kind);
            }
        }
        if reset > width.max_value() {
            return Err(format!("{reset:#x} does not fit into {width} bits"));
        }
        let register = match &*kind {
            "rw" => Register::read_write(width),
            "ro" => Register::read_only(width),
            "wo" => Register::write_only(width),
            "w1c" => Register::write_1_to_clear(width),
            "rc" => Register::read_to_clear(width),
            _ => return Err(format!("{kind:?} is no kind: there is rw, ro, wo, w1c and rc")),
        };
        Ok(register.reset(reset))
    }

    fn fifo(&mut self) -> Result<Register, String> {
        let (mut width, mut depth) = (Width::W32, 16);
        for word in self.0.by_ref() {
            if let Some(found) = word.strip_prefix("depth=").and_then(parse_quantity) {
                depth = found as usize;
            } else if let Some(found) = word.parse().ok().and_then(Width::from_bits) {
                width = found;
            } else {
                return Err(format!("{word:?} is neither a width nor depth=N"));
            }
        }
        Ok(Register::fifo(width, depth))
    }

    fn direction(&mut self) -> Result<Direction, String> {
        match self.word("direction")? {
            "read" => Ok(Direction::Read),
            "write" => Ok(Direction::Write),
            word => Err(format!("{word:?} is no direction: write read or write")),
        }
    }

    fn when(&mut self, device: Device) -> Result<Device, String> {
        let (direction, trigger) = (self.direction()?, self.offset(&device)?);
        match self.word("effect")? {
            "put" => {}
            word => return Err(format!("{word:?} is no effect: write put OFFSET VALUE")),
        }
        let (offset, value) = (self.offset(&device)?, self.quantity("value")?);
        let effect = move |device: &Device, _| {
            device.poke(offset, value);
            Ok(())
        };
        Ok(match direction {
            Direction::Read => device.on_read(trigger, effect),
            Direction::Write => device.on_write(trigger, effect),
        })
    }

    fn fault(&mut self, device: Device) -> Result<Device, String> {
        let (direction, offset) = (self.direction()?, self.offset(&device)?);
        let (mut after, mut times) = (0, u64::MAX);
        for word in self.0.by_ref() {
            match word.split_once('=').map(|(name, n)| (name, parse_quantity(n))) {
                Some(("after", Some(n))) => after = n,
                Some(("times", Some(n))) => times = n,
                _ => return Err(format!("{word:?} is neither after=N nor times=N")),
            }
        }
        Ok(device.fault(offset, direction, after, times))
    }

    fn duration(&mut self) -> Result<Duration, String> {
        let word = self.word("time")?;
        let digits = word.trim_end_matches(char::is_alphabetic);
        let unit = match &word[digits.len()..] {
            "us" => Duration::from_micros(1),
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            _ => return Err(format!("{word:?} is no time: write 10us, 10ms or 1s")),
        };
        let count: u32 = digits.parse().map_err(|_| format!("{word:?} is no time"))?;
        unit.checked_mul(count).ok_or_else(|| format!("{word:?} is too long"))
    }
}
