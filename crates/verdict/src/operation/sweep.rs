//! Where one call of a copy routine ends and the next begins.
//!
//! A trace does not show calls. But a copy routine goes over its block once, so an instruction of
//! it that runs again does so in a loop, and the step it has moved by is filled exactly by what was
//! accessed since it last ran. Where that does not hold, another call has begun. Two calls whose
//! blocks follow on one another look like one, and two that take different ways through the
//! routine share no instruction: neither can be told.

use busprobe_trace::Access;

use super::routine::Routine;

/// glibc's copy of very large blocks on x86-64 goes over several pages at once, this far apart.
const PAGE: u64 = 4096;

/// What one call has done so far.
#[derive(Default)]
pub(super) struct Sweep {
    /// Which call this is; what is noted of earlier ones does not count.
    call: u64,
    /// Bytes accessed, by direction.
    done: [u64; 2],
    /// By site, the reads and the writes of each apart.
    steps: Vec<Step>,
    /// The steps that belong to this call.
    taken: Vec<usize>,
}

/// The last time that an instruction ran.
#[derive(Clone, Copy, Default)]
struct Step {
    call: u64,
    window: u32,
    offset: u64,
    /// Bytes accessed before it.
    before: u64,
    /// Which way it went, once it has run twice.
    ascends: Option<bool>,
}

impl Sweep {
    /// Begins another call.
    pub(super) fn restart(&mut self) {
        self.call += 1;
        self.done = [0; 2];
        self.taken.clear();
    }

    /// Whether the call at hand can have made `access` too.
    pub(super) fn continues(&self, routine: Routine, site: usize, access: &Access) -> bool {
        if routine == Routine::Other {
            return true;
        }
        let place = place(site, access);
        let Some(step) = self.steps.get(place).filter(|step| step.call == self.call) else {
            return true;
        };
        if step.window != access.window {
            return false;
        }
        let moved = access.offset.abs_diff(step.offset);
        let turned = step.ascends.is_some_and(|ascends| ascends != (access.offset > step.offset));
        match routine {
            Routine::Copy => {
                let since = self.done[access.direction as usize] - step.before;
                moved == since
                    || (access.offset > step.offset && self.is_pages_apart(place, access))
            }
            Routine::Loop => moved != 0 && !turned,
            // One instruction at one address is a FIFO or a poll, whoever does it.
            Routine::Nameless if moved == 0 => self.taken.len() == 1 && step.ascends.is_none(),
            Routine::Nameless => !turned,
            Routine::Other => true,
        }
    }

    /// Whether another instruction does the same one page further up, or further down, where it
    /// has its turn first.
    fn is_pages_apart(&self, place: usize, access: &Access) -> bool {
        let above = self.steps[place].offset.wrapping_add(PAGE);
        let below = access.offset.wrapping_sub(PAGE);
        self.taken.iter().any(|&taken| {
            let offset = self.steps[taken].offset;
            let is_like = taken != place && taken % 2 == place % 2;
            is_like && (offset == above || offset == below)
        })
    }

    /// Notes an access of the call at hand.
    pub(super) fn note(&mut self, site: usize, access: &Access) {
        let place = place(site, access);
        if place >= self.steps.len() {
            self.steps.resize(place + 1, Step { call: u64::MAX, ..Step::default() });
        }
        let step = &mut self.steps[place];
        let again = step.call == self.call;
        let ascends = match access.offset.cmp(&step.offset) {
            _ if !again => None,
            std::cmp::Ordering::Equal => step.ascends,
            order => Some(order.is_gt()),
        };
        let done = &mut self.done[access.direction as usize];
        *step = Step {
            call: self.call,
            window: access.window,
            offset: access.offset,
            before: *done,
            ascends,
        };
        *done += u64::from(access.size);
        if !again {
            self.taken.push(place);
        }
    }
}

fn place(site: usize, access: &Access) -> usize {
    site * 2 + access.direction as usize
}
