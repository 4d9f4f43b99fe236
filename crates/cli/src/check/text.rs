//! Verdicts for people: a line each while they are few, a table when they are many.

use std::io::{self, Write};

use super::judged::{Judged, Output};
use crate::picture::picture;
use crate::verdict_table::{FEW, VerdictTable};

/// Of so many verdicts each has its picture.
const PICTURED: usize = 3;

/// Which operations are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pictures {
    /// None.
    None,
    /// Those that are not exact, while they are few.
    Few,
    /// All that are shown one by one.
    All,
}

/// Writes verdicts when all are there.
pub(super) struct Text<W> {
    out: W,
    columns: u16,
    pictures: Pictures,
    /// The first verdicts, each with its picture.
    few: Vec<Line>,
    table: VerdictTable,
}

struct Line {
    name: Option<String>,
    words: String,
    picture: String,
    exact: bool,
    /// Whether it is of the only operation, which needs no name unless the program gave it one.
    alone: bool,
}

impl<W: Write> Text<W> {
    pub(super) fn new(out: W, columns: u16, pictures: Pictures) -> Self {
        Text { out, columns, pictures, few: Vec::new(), table: VerdictTable::default() }
    }
}

impl<W: Write> Output for Text<W> {
    fn take(&mut self, judged: &Judged) -> io::Result<()> {
        let (index, verdict, alone) = match judged {
            Judged::Operation { head, verdict, .. } => {
                (Some(head.index), Some(*verdict), head.index == 1 && head.mark().is_none())
            }
            Judged::NotFound(_) => (None, None, false),
        };
        if self.few.len() < FEW {
            let drawn = verdict.filter(|_| self.pictures != Pictures::None);
            self.few.push(Line {
                name: judged.name(),
                words: judged.words(),
                picture: drawn.map_or(String::new(), |v| picture(v, self.columns.into())),
                exact: judged.is_exact(),
                alone,
            });
        }
        self.table.add(index, judged.name(), judged.words(), judged.badness());
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.table.count() > FEW as u64 {
            writeln!(self.out, "{}", self.table.summary())?;
            writeln!(self.out, "{}", self.table.render(self.columns))?;
            return self.out.flush();
        }
        let alone = self.few.iter().all(|line| line.alone);
        let is_drawn = |line: &Line| match self.pictures {
            Pictures::None => false,
            Pictures::Few => !line.exact && self.few.len() <= PICTURED,
            Pictures::All => true,
        };
        for line in &self.few {
            match line.name.as_ref().filter(|_| !alone) {
                Some(name) => writeln!(self.out, "{name}: {}", line.words)?,
                None => writeln!(self.out, "{}", line.words)?,
            }
            if is_drawn(line) {
                write!(self.out, "{}", line.picture)?;
            }
        }
        self.out.flush()
    }
}
