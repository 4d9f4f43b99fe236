//! The pages that are watched, and how many traces want them so.

use std::ops::Range;

use super::guard::{self, Pages};
use super::mapping::{self, Mapping};
use super::step;
use crate::inprocess::Error;
use crate::inprocess::Region;

/// Pages that are watched.
struct Span {
    pages: Pages,
    /// What handlers know them by.
    guard: usize,
    watchers: usize,
}

/// All pages that are watched.
#[derive(Default)]
pub(super) struct Spans {
    all: Vec<Span>,
}

impl Spans {
    pub(super) const fn new() -> Spans {
        Spans { all: Vec::new() }
    }

    /// Watches the pages that have something of the regions, those that are watched already once
    /// more. Returns what to give back.
    pub(super) fn take(&mut self, regions: &[Region]) -> Result<Vec<usize>, Error> {
        let mut taken = Vec::new();
        for region in regions {
            if let Err(error) = self.take_region(region, &mut taken) {
                // What is given back here has just been accessible.
                let _ = self.give_back(&taken);
                return Err(error);
            }
        }
        Ok(taken)
    }

    fn take_region(&mut self, region: &Region, taken: &mut Vec<usize>) -> Result<(), Error> {
        let range = whole_pages(&region.range());
        if region.length == 0 {
            return Err(Error::Empty { name: region.name.clone() });
        }
        let mut watched: Vec<Range<u64>> = Vec::new();
        for span in &mut self.all {
            if guard::overlap(&span.pages.range, &range) {
                span.watchers += 1;
                taken.push(span.guard);
                watched.push(span.pages.range.clone());
            }
        }
        let mappings = mapping::all().map_err(Error::refused("/proc/self/maps"))?;
        for gap in gaps(&range, watched) {
            for mapping in whole(&mappings, &gap, &region.name)? {
                taken.push(self.add(&mapping, region)?);
            }
        }
        Ok(())
    }

    fn add(&mut self, mapping: &Mapping, region: &Region) -> Result<usize, Error> {
        let name = || region.name.clone();
        if !mapping.is_shared {
            return Err(Error::Private { name: name() });
        }
        let distance = mapping.alias().map_err(|source| Error::NoAlias { name: name(), source })?;
        let pages =
            Pages { range: mapping.range.clone(), distance, protection: mapping.protection };
        let Some(guard) = guard::put(&pages) else {
            unmap_alias(&pages);
            return Err(Error::TooMany { most: guard::MOST });
        };
        // Handlers know the pages by now: a thread that touches them at once is seen.
        let closed = pages.close();
        self.all.push(Span { pages, guard, watchers: 1 });
        match closed {
            Ok(()) => Ok(guard),
            Err(error) => {
                let _ = self.give_back(&[guard]);
                Err(Error::refused("mprotect")(error))
            }
        }
    }

    /// Gives back what [`Spans::take`] returned: what nobody watches any more is as it was.
    pub(super) fn give_back(&mut self, taken: &[usize]) -> Result<(), Error> {
        for guard in taken {
            if let Some(span) = self.all.iter_mut().find(|span| span.guard == *guard) {
                span.watchers -= 1;
            }
        }
        let (left, unwatched) = std::mem::take(&mut self.all)
            .into_iter()
            .partition::<Vec<_>, _>(|span| span.watchers > 0);
        self.all = left;
        let mut result = Ok(());
        for span in &unwatched {
            result = result.and(guard::take(span.guard).map_err(Error::refused("mprotect")));
        }
        step::wait_for_all();
        for span in &unwatched {
            unmap_alias(&span.pages);
        }
        result
    }

    /// Gives all back: in a forked child.
    pub(super) fn abandon(&mut self) {
        for span in std::mem::take(&mut self.all) {
            // A child that cannot have its pages back will hear of it when it uses them.
            let _ = guard::take(span.guard);
            unmap_alias(&span.pages);
        }
    }
}

fn unmap_alias(pages: &Pages) {
    let start = pages.range.start.wrapping_add_signed(pages.distance);
    let length = (pages.range.end - pages.range.start) as usize;
    // SAFETY: the alias is ours, and no step uses it any more.
    unsafe { libc::munmap(start as *mut _, length) };
}

fn whole_pages(range: &Range<u64>) -> Range<u64> {
    // SAFETY: sysconf(3) has no preconditions.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64;
    range.start / page * page..range.end.next_multiple_of(page)
}

/// What of `range` is in none of `parts`.
fn gaps(range: &Range<u64>, mut parts: Vec<Range<u64>>) -> Vec<Range<u64>> {
    parts.sort_by_key(|part| part.start);
    let mut gaps = Vec::new();
    let mut from = range.start;
    for part in parts {
        if from < part.start {
            gaps.push(from..part.start);
        }
        from = from.max(part.end);
    }
    if from < range.end {
        gaps.push(from..range.end);
    }
    gaps
}

/// The mappings that make up all of `range`, cut to it.
fn whole(mappings: &[Mapping], range: &Range<u64>, name: &str) -> Result<Vec<Mapping>, Error> {
    let mut parts = Vec::new();
    let mut from = range.start;
    for mapping in mappings {
        if mapping.range.contains(&from) && from < range.end {
            let end = mapping.range.end.min(range.end);
            parts.push(mapping.part(from..end));
            from = end;
        }
    }
    if from < range.end {
        return Err(Error::NotMapped { name: name.to_owned(), address: from });
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_watched_yet_lies_between_what_is() {
        let gaps = |parts: &[[u64; 2]]| {
            let parts = parts.iter().map(|[start, end]| *start..*end).collect();
            gaps(&(10..20), parts).iter().map(|gap| [gap.start, gap.end]).collect::<Vec<_>>()
        };
        assert_eq!(gaps(&[]), [[10, 20]]);
        assert_eq!(gaps(&[[14, 16], [5, 11]]), [[11, 14], [16, 20]]);
        assert!(gaps(&[[5, 25]]).is_empty());
        assert!(gaps(&[[10, 15], [15, 20]]).is_empty());
    }
}
