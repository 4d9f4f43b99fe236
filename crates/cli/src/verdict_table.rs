//! Many verdicts as a table: the worst first, the same ones together.

use std::cmp::Reverse;
use std::collections::HashMap;

use busprobe_verdict::{Class, Verdict};
use comfy_table::{ContentArrangement, Table, presets};

/// So many verdicts are shown one by one; more are a table.
pub(crate) const FEW: usize = 8;

/// Rows of the table at the most.
const MOST_ROWS: usize = 20;

/// Different verdicts that are told apart at the most; those beyond are counted only.
const MOST_KINDS: usize = 4096;

/// Verdicts, counted by what they say of which operation.
#[derive(Default)]
pub(crate) struct VerdictTable {
    kinds: HashMap<(Option<String>, String), Kind>,
    all: u64,
    exact: u64,
}

/// Verdicts that say the same.
struct Kind {
    count: u64,
    badness: u8,
    /// The operation that the first of them is of.
    first: Option<u64>,
}

impl VerdictTable {
    /// Counts a verdict on the operation of that number and name; `badness` is 0 for an exact one.
    pub(crate) fn add(
        &mut self,
        index: Option<u64>,
        name: Option<String>,
        words: String,
        badness: u8,
    ) {
        self.all += 1;
        self.exact += u64::from(badness == 0);
        let is_full = self.kinds.len() >= MOST_KINDS;
        match self.kinds.get_mut(&(name.clone(), words.clone())) {
            Some(kind) => kind.count += 1,
            None if is_full => {}
            None => {
                self.kinds.insert((name, words), Kind { count: 1, badness, first: index });
            }
        }
    }

    /// How many verdicts there are.
    pub(crate) fn count(&self) -> u64 {
        self.all
    }

    /// One line over the table: how many there are, and how many are exact.
    pub(crate) fn summary(&self) -> String {
        let VerdictTable { all, exact, .. } = self;
        match all - exact {
            0 => format!("{all} verdicts, all exact"),
            wrong => format!("{all} verdicts: {wrong} not exact, {exact} exact"),
        }
    }

    /// The table, and how much of it is left out.
    pub(crate) fn render(&self, width: u16) -> String {
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_by_key(|((name, words), kind)| {
            (Reverse(kind.badness), Reverse(kind.count), kind.first, name.clone(), words.clone())
        });
        let mut table = Table::new();
        table
            .load_style(presets::UTF8_HORIZONTAL_ONLY)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width)
            .set_header(["times", "operation", "first", "verdict"]);
        for ((name, words), kind) in kinds.iter().take(MOST_ROWS) {
            let first = kind.first.map(|index| index.to_string());
            table.add_row([
                kind.count.to_string(),
                name.clone().unwrap_or_else(|| "-".to_owned()),
                first.unwrap_or_else(|| "-".to_owned()),
                words.clone(),
            ]);
        }
        let shown: u64 = kinds.iter().take(MOST_ROWS).map(|(_, kind)| kind.count).sum();
        match self.all - shown {
            0 => table.trim_fmt(),
            left => format!("{}\nand {left} more", table.trim_fmt()),
        }
    }
}

/// How bad a verdict is, 0 when it is exact.
pub(crate) fn badness(verdict: &Verdict) -> u8 {
    let of_class = |class: &Class| match class {
        Class::Exact => 0,
        Class::Split | Class::Merged | Class::Unaligned => 2,
        Class::OutOfOrder => 3,
        Class::Doubled | Class::Extra | Class::Missing => 4,
    };
    verdict.classes().iter().map(of_class).max().unwrap_or(1)
}
