//! Which window an address of a log lies in.

use std::collections::HashMap;

use busprobe_trace::Window;

/// More regions than this in one log are no regions but noise.
const MOST_REGIONS: usize = 4096;

/// Addresses as a log counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub base: u64,
    /// Bytes.
    pub length: u64,
}

/// Where a log says that an address lies.
#[derive(Clone, Copy)]
pub(super) enum Region<'a> {
    /// It names no region.
    Bus,
    /// A named one; the address counts from the bus's first.
    Named(&'a [u8]),
    /// A named one; the address counts from its start.
    Within(&'a [u8]),
    /// The one that the log declared with this number.
    Declared(u32),
}

pub(super) enum Placed {
    At { window: u32, offset: u64 },
    Outside,
}

/// The windows of a trace as they are met.
pub(super) struct Windows {
    given: Vec<Range>,
    named: HashMap<Box<[u8]>, u32>,
    declared: HashMap<u32, (u32, Range)>,
    bus: Option<u32>,
    last: Option<(Box<[u8]>, u32)>,
    known: u32,
}

impl Windows {
    pub(super) fn new(given: &[Range]) -> Self {
        Windows {
            given: given.to_vec(),
            named: HashMap::new(),
            declared: HashMap::new(),
            bus: None,
            last: None,
            known: given.len() as u32,
        }
    }

    /// The given windows.
    pub(super) fn given(&self) -> impl Iterator<Item = Window> {
        self.given.iter().enumerate().map(|(id, range)| window(id as u32, "window", *range))
    }

    /// Remembers a region that the log declares.
    pub(super) fn declare(&mut self, number: u32, range: Range, name: &str) -> Option<Window> {
        if !self.given.is_empty() || self.declared.len() >= MOST_REGIONS {
            return None;
        }
        let id = self.next_id();
        self.declared.insert(number, (id, range));
        Some(window(id, name, range))
    }

    /// Where an access lies, and the window if this is the first time that it is met.
    pub(super) fn place(
        &mut self,
        region: Region,
        address: u64,
        size: u32,
    ) -> (Placed, Option<Window>) {
        if !self.given.is_empty() {
            return (self.place_in_given(address, size), None);
        }
        match region {
            Region::Bus => self.place_on_bus(address),
            Region::Named(name) => self.place_in_named(name, Some(0), address),
            Region::Within(name) => self.place_in_named(name, None, address),
            Region::Declared(number) => match self.declared.get(&number) {
                Some((id, range)) if contains(*range, address, size) => {
                    (Placed::At { window: *id, offset: address - range.base }, None)
                }
                _ => self.place_on_bus(address),
            },
        }
    }

    fn place_in_given(&self, address: u64, size: u32) -> Placed {
        match self.given.iter().position(|range| contains(*range, address, size)) {
            Some(id) => Placed::At { window: id as u32, offset: address - self.given[id].base },
            None => Placed::Outside,
        }
    }

    fn place_on_bus(&mut self, address: u64) -> (Placed, Option<Window>) {
        if let Some(id) = self.bus {
            return (Placed::At { window: id, offset: address }, None);
        }
        let id = self.next_id();
        self.bus = Some(id);
        let all = Range { base: 0, length: u64::MAX };
        (Placed::At { window: id, offset: address }, Some(window(id, "bus", all)))
    }

    fn place_in_named(
        &mut self,
        name: &[u8],
        base: Option<u64>,
        address: u64,
    ) -> (Placed, Option<Window>) {
        if let Some((last, id)) = &self.last
            && **last == *name
        {
            return (Placed::At { window: *id, offset: address }, None);
        }
        let mut new = None;
        let id = match self.named.get(name) {
            Some(&id) => id,
            None if self.named.len() >= MOST_REGIONS => return self.place_on_bus(address),
            None => {
                let id = self.next_id();
                self.named.insert(name.into(), id);
                let name = super::scan::text(name);
                new = Some(Window { id, name, base, length: u64::MAX });
                id
            }
        };
        self.last = Some((name.into(), id));
        (Placed::At { window: id, offset: address }, new)
    }

    fn next_id(&mut self) -> u32 {
        self.known += 1;
        self.known - 1
    }
}

fn window(id: u32, name: &str, Range { base, length }: Range) -> Window {
    Window { id, name: name.to_owned(), base: Some(base), length }
}

fn contains(Range { base, length }: Range, address: u64, size: u32) -> bool {
    address
        .checked_sub(base)
        .is_some_and(|offset| offset.checked_add(size.into()).is_some_and(|end| end <= length))
}
