//! What operations were meant to be, as the command line says it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use busprobe_trace::{PythonLine, Window};
use busprobe_verdict::{Bus, By, Head, Intent, Judge};
use serde::Deserialize;

use crate::judging::parse_bus;
use crate::trouble::Trouble;

/// What operations were meant to be.
pub(super) enum Meant {
    /// One intent, for every operation.
    Each(Intent),
    /// A file of intents, each for some operations.
    Listed(Vec<Listed>),
}

/// One intent of a file, and which operations it is for: those that all of it fits.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    operation: Option<Which>,
    mark: Option<String>,
    window: Option<Which>,
    #[serde(deserialize_with = "intent")]
    intent: Intent,
    /// When it is not the common one.
    #[serde(default, deserialize_with = "bus")]
    bus: Option<Arc<dyn Bus>>,
}

/// A number or a name.
#[derive(Deserialize)]
#[serde(untagged)]
enum Which {
    Number(u64),
    Name(String),
}

impl Which {
    fn is(&self, number: u64, name: Option<&str>) -> bool {
        match self {
            Which::Number(wanted) => *wanted == number,
            Which::Name(wanted) => Some(wanted.as_str()) == name,
        }
    }

    fn words(&self) -> String {
        match self {
            Which::Number(number) => number.to_string(),
            Which::Name(name) => name.clone(),
        }
    }
}

fn intent<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Intent, D::Error> {
    String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
}

fn bus<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Arc<dyn Bus>>, D::Error> {
    let name = Option::<String>::deserialize(from)?;
    name.map(|name| parse_bus(&name)).transpose().map_err(serde::de::Error::custom)
}

impl Listed {
    fn fits(&self, head: &Head, windows: &[Window]) -> bool {
        let name = head.name();
        let window = windows.iter().find(|window| window.id == head.window);
        self.operation.as_ref().is_none_or(|which| which.is(head.index, name.as_deref()))
            && self.mark.as_deref().is_none_or(|mark| Some(mark) == head.mark())
            && self.window.as_ref().is_none_or(|which| {
                which.is(head.window.into(), window.map(|window| window.name.as_str()))
            })
    }

    /// Which operations it is for, in words.
    pub(super) fn wanted(&self) -> String {
        let mark = self.mark.as_ref().map(|mark| format!("mark {mark}"));
        let window = self.window.as_ref().map(|window| format!("window {}", window.words()));
        let operation = self.operation.as_ref().map(Which::words);
        let all: Vec<String> = [operation, mark, window].into_iter().flatten().collect();
        if all.is_empty() { "any operation".to_owned() } else { all.join(", ") }
    }

    pub(super) fn intent(&self) -> &Intent {
        &self.intent
    }
}

/// What `--intent` was given: an intent, or the name of a file of them.
#[derive(Clone, Debug)]
pub(super) enum Given {
    Intent(Intent),
    File(PathBuf),
}

pub(super) fn parse(text: &str) -> Result<Given, String> {
    match text.parse() {
        Ok(intent) => Ok(Given::Intent(intent)),
        Err(_) if Path::new(text).extension() == Some("json".as_ref()) => {
            Ok(Given::File(text.into()))
        }
        Err(error) => Err(format!("{error}, or name a file of intents: intents.json")),
    }
}

impl Given {
    /// What was meant, with the file read.
    pub(super) fn read(&self) -> Result<Meant, Trouble> {
        let path = match self {
            Given::Intent(intent) => return Ok(Meant::Each(intent.clone())),
            Given::File(path) => path,
        };
        let file = fs::read_to_string(path).map_err(|error| Trouble::of_file(path, &error))?;
        let listed = serde_json::from_str(&file)
            .map_err(|error| Trouble::new(format!("{}: {error}", path.display())))?;
        Ok(Meant::Listed(listed))
    }
}

/// Says of each operation what it was meant to be.
pub(super) struct Judges<'a> {
    meant: Option<&'a Meant>,
    bus: &'a dyn Bus,
    /// Of the listed intents, whether there was an operation for it.
    found: Vec<bool>,
    /// Beats to keep of each operation.
    beats: usize,
}

impl<'a> Judges<'a> {
    pub(super) fn new(meant: Option<&'a Meant>, bus: &'a dyn Bus, beats: usize) -> Self {
        Judges { meant, bus, found: vec![false; listed(meant).len()], beats }
    }

    /// Who judges an operation; of the listed intents the first that fits, of each direction.
    pub(super) fn judge(&mut self, head: &Head, windows: &[Window]) -> Judge {
        let python: Option<&PythonLine> = head.python();
        let judge = match self.meant {
            None => Judge::inferring(self.bus, python),
            Some(Meant::Each(intent)) => Judge::against(self.bus, vec![intent.clone()]),
            Some(Meant::Listed(listed)) => {
                let mut intents: Vec<Intent> = Vec::new();
                let mut bus = self.bus;
                for (index, one) in listed.iter().enumerate() {
                    if !one.fits(head, windows) {
                        continue;
                    }
                    self.found[index] = true;
                    if intents.iter().all(|known| known.direction() != one.intent.direction()) {
                        bus = one.bus.as_deref().unwrap_or(bus);
                        intents.push(one.intent.clone());
                    }
                }
                match &intents[..] {
                    [] => Judge::inferring(self.bus, python),
                    _ => Judge::against(bus, intents),
                }
            }
        };
        judge.keeping_beats(self.beats)
    }

    /// The listed intents that there was no operation for.
    pub(super) fn not_found(&self) -> impl Iterator<Item = &'a Listed> {
        listed(self.meant).iter().zip(&self.found).filter(|(_, found)| !**found).map(|(one, _)| one)
    }
}

fn listed(meant: Option<&Meant>) -> &[Listed] {
    match meant {
        Some(Meant::Listed(listed)) => listed,
        _ => &[],
    }
}

/// What sets operations apart when nothing is asked for: one intent alone is for all that lies
/// between two marks.
pub(super) fn cut_by(asked: Option<By>, meant: Option<&Meant>) -> Option<By> {
    asked.or(matches!(meant, Some(Meant::Each(_))).then_some(By::Mark))
}
