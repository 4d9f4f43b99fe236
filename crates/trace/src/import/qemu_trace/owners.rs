//! Which memory region of QEMU's each byte of the window was first seen to belong to.

use std::collections::BTreeMap;

/// Runs of bytes by their first address; neighbours of one region are one run, so a device that is
/// accessed throughout takes one entry.
#[derive(Default)]
pub(super) struct Owners {
    runs: BTreeMap<u64, Run>,
}

struct Run {
    end: u64,
    region: u64,
}

impl Owners {
    /// Whether the access at `address` is its region's own; the first region that comes to a byte
    /// owns it from then on.
    pub(super) fn owns(&mut self, region: u64, address: u64, size: u32) -> bool {
        let end = address.saturating_add(size.into());
        let mut at = address;
        let mut owner_of_first = None;
        while at < end {
            let run = self.runs.range(..=at).next_back().map(|(_, run)| run);
            if let Some(run) = run.filter(|run| run.end > at) {
                owner_of_first.get_or_insert(run.region);
                at = run.end;
            } else {
                let next = self.runs.range(at..end).next().map_or(end, |(&start, _)| start);
                owner_of_first.get_or_insert(region);
                self.insert(at, Run { end: next, region });
                at = next;
            }
        }
        owner_of_first.is_none_or(|owner| owner == region)
    }

    /// Adds a run of bytes that had no owner.
    fn insert(&mut self, mut start: u64, mut run: Run) {
        if let Some((&before, left)) = self.runs.range(..start).next_back()
            && left.end == start
            && left.region == run.region
        {
            start = before;
        }
        if let Some(right) = self.runs.get(&run.end)
            && right.region == run.region
        {
            let old = run.end;
            run.end = right.end;
            self.runs.remove(&old);
        }
        self.runs.insert(start, run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_region_at_a_byte_owns_it() {
        let mut owners = Owners::default();
        assert!(owners.owns(1, 0, 8));
        assert!(!owners.owns(2, 0, 4));
        assert!(!owners.owns(2, 4, 4));
        assert!(owners.owns(2, 8, 4));
        assert!(owners.owns(1, 0, 4));
    }

    #[test]
    fn a_device_accessed_throughout_is_one_run() {
        let mut owners = Owners::default();
        for address in (0..4096).step_by(8).chain((4..4096).step_by(8)) {
            assert!(owners.owns(7, address, 4));
        }
        assert_eq!(owners.runs.len(), 1);
    }
}
