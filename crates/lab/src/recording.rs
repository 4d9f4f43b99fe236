//! From what instructions touched to accesses of a trace.

use std::collections::HashMap;

use busprobe_trace::{Access, Data, Direction, Event, Loss, LossKind, Site, Trace};

use crate::engine::Touch;
use crate::instruction;
use crate::process::{Step, WINDOW};
use crate::run::{Ending, Unaligned};

/// A trace in the making.
pub(crate) struct Recording<'a> {
    trace: Trace,
    site_ids: HashMap<u64, u32>,
    site_of: &'a mut dyn FnMut(u64) -> Site,
    unaligned: Unaligned,
    split: u64,
    ending: Ending,
}

impl<'a> Recording<'a> {
    /// Records into `trace`; `site_of` says what is at an address, as the file counts.
    pub(crate) fn new(
        trace: Trace,
        unaligned: Unaligned,
        site_of: &'a mut dyn FnMut(u64) -> Site,
    ) -> Self {
        let ending = Ending::Returned;
        Recording { trace, site_ids: HashMap::new(), site_of, unaligned, split: 0, ending }
    }

    /// Records one instruction; whether the program goes on.
    pub(crate) fn step(&mut self, step: &Step<'_>) -> bool {
        let widest = step.touches.iter().map(|touch| touch.size).max().unwrap_or(1);
        let alignment = instruction::alignment(step.word).unwrap_or(widest);
        let mut parts = step.touches;
        while let Some(count) = contiguous(parts) {
            let (access, rest) = parts.split_at(count);
            parts = rest;
            let offset = access[0].address.wrapping_sub(WINDOW);
            let aligned_to = |bytes: u32| offset.is_multiple_of(bytes.into());
            match self.unaligned {
                Unaligned::Fault if !aligned_to(alignment) => {
                    let site = (self.site_of)(step.address);
                    self.ending = Ending::AlignmentFault { site, offset, alignment };
                    return false;
                }
                // QEMU stores at most eight bytes at a time, each part on its own.
                Unaligned::Bytes if !aligned_to(alignment.min(8)) => {
                    self.split += 1;
                    for (index, byte) in bytes_of(access).iter().enumerate() {
                        self.push(
                            step.address,
                            access[0].direction,
                            offset + index as u64,
                            &[*byte],
                        );
                    }
                }
                _ => self.push(step.address, access[0].direction, offset, &bytes_of(access)),
            }
        }
        true
    }

    fn push(&mut self, address: u64, direction: Direction, offset: u64, data: &[u8]) {
        let site = self.site(address);
        self.trace.events.push(Event::Access(Access {
            seq: self.trace.events.len() as u64,
            data: Some(Data::new(data)),
            site: Some(site),
            ..Access::new(direction, offset, data.len() as u32)
        }));
    }

    /// The id of the site at `address`, which is new to the trace at its first access.
    fn site(&mut self, address: u64) -> u32 {
        *self.site_ids.entry(address).or_insert_with(|| {
            let id = self.trace.sites.len() as u32;
            self.trace.sites.push(Site { id, ..(self.site_of)(address) });
            id
        })
    }

    /// Ends the recording; `stopped` is the instruction that did not run, and what it needs.
    pub(crate) fn finish(mut self, stopped: Option<(u64, String)>) -> (Trace, Ending) {
        let ending = match stopped {
            Some((address, what)) => Ending::NotExecuted { site: (self.site_of)(address), what },
            None => self.ending,
        };
        let seq = |trace: &Trace| trace.events.len() as u64;
        if self.split > 0 {
            let detail = format!(
                "{} unaligned stores are shown as the single bytes that QEMU before 9.0 makes of \
                 them; on Device memory the first is an alignment fault",
                self.split
            );
            let loss = Loss {
                seq: seq(&self.trace),
                kind: LossKind::Approximate,
                detail,
                count: Some(self.split),
            };
            self.trace.events.push(Event::Loss(loss));
        }
        if ending != Ending::Returned {
            let detail = ending.to_string();
            let loss = Loss { seq: seq(&self.trace), kind: LossKind::Missed, detail, count: None };
            self.trace.events.push(Event::Loss(loss));
        }
        (self.trace, ending)
    }
}

/// How many of the first parts lie one behind the other and so are one access.
fn contiguous(parts: &[Touch]) -> Option<usize> {
    let first = parts.first()?;
    let mut end = first.address + u64::from(first.size);
    let more = parts[1..].iter().take_while(|part| {
        let next = part.direction == first.direction
            && part.address == end
            && part.address + u64::from(part.size) - first.address <= Data::MAX as u64;
        end += u64::from(part.size);
        next
    });
    Some(1 + more.count())
}

fn bytes_of(parts: &[Touch]) -> Vec<u8> {
    parts.iter().flat_map(Touch::data).copied().collect()
}
