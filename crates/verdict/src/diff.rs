//! What one trace has and another has not.

use std::collections::HashMap;

use busprobe_trace::{Data, Direction, Event, Trace};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::{Beat, Bus, By, Operation, lower, operations};

/// One beat in the comparison of two traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Both traces have it, in this place of the order.
    Same(Beat),
    /// Only the first trace has it.
    Removed(Beat),
    /// Only the second trace has it.
    Added(Beat),
}

/// Two operations side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationDiff {
    /// The mark that both begin with, if any.
    pub name: Option<String>,
    /// The window's id.
    pub window: u32,
    /// Their beats, those of the first trace before those of the second where they differ.
    pub changes: Vec<Change>,
    /// Whether data counts: it does when both traces know all of it.
    pub with_data: bool,
}

impl OperationDiff {
    /// Whether both are the same.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.changes.iter().all(|change| matches!(change, Change::Same(_)))
    }
}

/// Compares what two traces put on `bus`, operation by operation.
///
/// Operations belong together when they begin with the same mark and are in the same window; of
/// several such the first belongs to the first, and so on. Within an operation the order counts,
/// and time, thread and site do not. With [`Device`](crate::Device) as the bus, accesses are
/// compared as they were issued.
#[must_use]
pub fn diff(first: &Trace, second: &Trace, bus: &dyn Bus) -> Vec<OperationDiff> {
    let (first, second) = (keyed(first), keyed(second));
    let mut left: HashMap<&Key, &Operation> = second.iter().map(|(key, one)| (key, one)).collect();
    let mut diffs: Vec<OperationDiff> = first
        .iter()
        .map(|(key, operation)| compare(Some(operation), left.remove(key), bus))
        .collect();
    let alone = second.iter().filter(|(key, _)| left.contains_key(key));
    diffs.extend(alone.map(|(_, operation)| compare(None, Some(operation), bus)));
    diffs
}

/// The mark, the window, and how many operations there were of both before.
type Key = (Option<String>, u32, usize);

fn keyed(trace: &Trace) -> Vec<(Key, Operation<'_>)> {
    let mut before = HashMap::new();
    operations(trace, Some(By::Mark))
        .into_iter()
        .map(|operation| {
            let (name, window) = (operation.name(), operation.head.window);
            let count = before.entry((name.clone(), window)).or_insert(0);
            *count += 1;
            ((name, window, *count), operation)
        })
        .collect()
}

fn compare(first: Option<&Operation>, second: Option<&Operation>, bus: &dyn Bus) -> OperationDiff {
    let either = first.or(second);
    let old = first.map_or(Vec::new(), |operation| beats(operation, bus));
    let new = second.map_or(Vec::new(), |operation| beats(operation, bus));
    let with_data = old.iter().chain(&new).all(|beat| beat.data.is_some());
    let key = |beat: &Beat| key(beat, with_data);
    let old_keys: Vec<_> = old.iter().map(key).collect();
    let new_keys: Vec<_> = new.iter().map(key).collect();
    let mut changes = Vec::new();
    for step in capture_diff_slices(Algorithm::Myers, &old_keys, &new_keys) {
        let (_, old_range, new_range) = step.as_tag_tuple();
        if matches!(step, DiffOp::Equal { .. }) {
            changes.extend(old[old_range].iter().copied().map(Change::Same));
        } else {
            changes.extend(old[old_range].iter().copied().map(Change::Removed));
            changes.extend(new[new_range].iter().copied().map(Change::Added));
        }
    }
    OperationDiff {
        name: either.and_then(Operation::name),
        window: either.map_or(0, |operation| operation.head.window),
        changes,
        with_data,
    }
}

fn beats(operation: &Operation, bus: &dyn Bus) -> Vec<Beat> {
    let accesses = operation.events.iter().filter_map(|event| match event {
        Event::Access(access) => Some(access),
        _ => None,
    });
    lower(bus, accesses)
}

/// What has to be equal for two beats to be the same.
fn key(beat: &Beat, with_data: bool) -> (bool, u64, u32, Option<Vec<u8>>) {
    let data = beat.data.as_ref().filter(|_| with_data).map(Data::bytes).map(<[u8]>::to_vec);
    (beat.direction == Direction::Write, beat.offset, beat.size, data)
}
