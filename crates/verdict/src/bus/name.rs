//! What buses are called: `NAME`, `NAME:KEY=VALUE,...`, `beats:BITS,...`.

use thiserror::Error;

use super::{AxiLite, Bus, Device, WriteCombining};

/// Why a text names no bus.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{text:?} is no bus: {what}")]
pub struct BusError {
    text: String,
    what: String,
}

/// The bus of that name, with its parameters after a colon: `axi4-lite-32`, `beats:128`,
/// `wc-x86:buffers=12`.
///
/// # Errors
/// When there is no such bus, or it has no such parameter or value.
pub fn bus_by_name(text: &str) -> Result<Box<dyn Bus>, BusError> {
    let (name, parameters) = text.split_once(':').unwrap_or((text, ""));
    let mut parameters = Parameters::parse(text, parameters)?;
    let bus: Box<dyn Bus> = match name {
        "device" => Box::new(Device),
        "axi4-lite-32" => Box::new(AxiLite::parse(name, 4, &mut parameters)?),
        "axi4-lite-64" => Box::new(AxiLite::parse(name, 8, &mut parameters)?),
        "beats" => {
            let bits = parameters.bits()?;
            Box::new(AxiLite::parse(&format!("beats:{bits}"), bits / 8, &mut parameters)?)
        }
        "wc-x86" => Box::new(WriteCombining::X86.with(&mut parameters)?),
        "normal-nc-arm" => Box::new(WriteCombining::ARM.with(&mut parameters)?),
        _ => {
            return Err(parameters.error(
                "known are device, axi4-lite-32, axi4-lite-64, beats:BITS, wc-x86 and \
                 normal-nc-arm",
            ));
        }
    };
    parameters.end()?;
    Ok(bus)
}

/// The parameters of a bus that were not asked for yet.
pub(super) struct Parameters<'a> {
    text: &'a str,
    /// A parameter without a key has the empty one.
    left: Vec<(&'a str, &'a str)>,
    known: Vec<&'static str>,
}

impl<'a> Parameters<'a> {
    fn parse(text: &'a str, parameters: &'a str) -> Result<Self, BusError> {
        let mut parsed = Parameters { text, left: Vec::new(), known: Vec::new() };
        for parameter in parameters.split(',').filter(|parameter| !parameter.is_empty()) {
            let (key, value) = parameter.split_once('=').unwrap_or(("", parameter));
            if parsed.left.iter().any(|(other, _)| *other == key) {
                return Err(parsed.error(&format!("{parameter} comes a second time")));
            }
            parsed.left.push((key, value));
        }
        Ok(parsed)
    }

    fn take(&mut self, key: &'static str) -> Option<&'a str> {
        self.known.push(key);
        let at = self.left.iter().position(|(other, _)| *other == key)?;
        Some(self.left.remove(at).1)
    }

    fn bits(&mut self) -> Result<u32, BusError> {
        let what = "beats:BITS has a power of two from 8 to 512";
        self.number("", what, |bits| bits.is_power_of_two() && (8..=512).contains(bits))?
            .ok_or_else(|| self.error(what))
    }

    /// The number that `key` has, if it is given and `fits`; `what` says which do.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        what: &str,
        fits: impl Fn(&u32) -> bool,
    ) -> Result<Option<u32>, BusError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match value.parse().ok().filter(fits) {
            Some(number) => Ok(Some(number)),
            None if key.is_empty() => Err(self.error(what)),
            None => Err(self.error(&format!("{key} is {what}"))),
        }
    }

    /// Which of `words` the parameter `key` is, if it is given.
    pub(super) fn word(
        &mut self,
        key: &'static str,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, BusError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match words.iter().find(|word| **word == value) {
            Some(word) => Ok(Some(word)),
            None => Err(self.error(&format!("{key} is {}", words.join(" or ")))),
        }
    }

    fn end(&self) -> Result<(), BusError> {
        let Some((key, value)) = self.left.first() else { return Ok(()) };
        let known: Vec<&str> = self.known.iter().copied().filter(|key| !key.is_empty()).collect();
        let parameter = if key.is_empty() { value } else { key };
        Err(self.error(&match &known[..] {
            [] => format!("it has no parameters, so no {parameter}"),
            known => format!("it has no {parameter}; known are {}", known.join(", ")),
        }))
    }

    fn error(&self, what: &str) -> BusError {
        BusError { text: self.text.to_owned(), what: what.to_owned() }
    }
}
