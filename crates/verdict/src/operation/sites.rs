//! What cutting needs to know of each site.

use std::collections::HashMap;
use std::sync::Arc;

use busprobe_trace::{Frame, PythonLine, Site};

use super::routine::Routine;
use super::{By, What};

/// What sets one operation apart from the next: equal numbers belong together.
pub(super) type Key = u32;

/// The key of accesses of which nothing is known that could set them apart.
pub(super) const UNKNOWN: Key = 0;

/// What cutting needs to know of one site.
pub(super) struct Place {
    id: u32,
    pub(super) key: Key,
    pub(super) routine: Routine,
    pub(super) python: Option<Arc<PythonLine>>,
    pub(super) function: Option<Arc<str>>,
}

/// What makes a key.
#[derive(PartialEq, Eq, Hash)]
enum Owner {
    Line(PythonLine),
    Function { module: Option<String>, symbol: Option<String>, stack: Vec<Frame> },
}

/// The sites of a trace, as they are named.
#[derive(Default)]
pub(super) struct Sites {
    places: Vec<Place>,
    /// Where the ids lie that are not their own index.
    elsewhere: HashMap<u32, usize>,
    keys: HashMap<Owner, Key>,
}

impl Sites {
    pub(super) fn add(&mut self, site: &Site, by: Option<By>) {
        let python = site.python.as_ref().filter(|_| by != Some(By::Call));
        let owner = match python {
            Some(line) => Owner::Line(line.clone()),
            None => Owner::Function {
                module: site.module.clone(),
                symbol: site.symbol.clone(),
                stack: site.stack.clone(),
            },
        };
        let next = self.keys.len() as Key + 1;
        let function = site.symbol.as_deref().or(site.module_name());
        let index = self.places.len();
        self.places.push(Place {
            id: site.id,
            key: *self.keys.entry(owner).or_insert(next),
            routine: Routine::of(site),
            python: python.cloned().map(Arc::new),
            function: function.map(Arc::from),
        });
        if index != site.id as usize {
            self.elsewhere.insert(site.id, index);
        }
    }

    /// The site of that id, and its index.
    pub(super) fn get(&self, id: u32) -> Option<(usize, &Place)> {
        let index = id as usize;
        match self.places.get(index) {
            Some(place) if place.id == id => Some((index, place)),
            _ => self.elsewhere.get(&id).map(|&index| (index, &self.places[index])),
        }
    }
}

impl Place {
    /// What an operation is known by that begins here.
    pub(super) fn what(&self) -> What {
        match (&self.python, &self.function) {
            (Some(line), function) => What::Line(line.clone(), function.clone()),
            (None, Some(function)) => What::Call(function.clone()),
            (None, None) => What::Window,
        }
    }
}
