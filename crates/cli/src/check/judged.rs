//! One row of what was judged, and who takes it.

use std::io;

use busprobe_trace::Site;
use busprobe_verdict::{Head, Verdict};

use super::meant::Listed;
use crate::verdict_table::badness;

/// What became of one intent.
pub(super) enum Judged<'a> {
    /// An operation against it.
    Operation {
        head: &'a Head,
        verdict: &'a Verdict,
        /// Where its first access came from.
        site: Option<&'a Site>,
        /// The window's name.
        window: &'a str,
    },
    /// There was no operation for it.
    NotFound(&'a Listed),
}

/// Takes what is judged, as it is.
pub(super) trait Output {
    /// Takes one verdict.
    fn take(&mut self, judged: &Judged) -> io::Result<()>;

    /// Takes notice that there are no more.
    fn finish(&mut self) -> io::Result<()>;
}

impl Judged<'_> {
    /// The operation's name, or of what the intent was for.
    pub(super) fn name(&self) -> Option<String> {
        match self {
            Judged::Operation { head, .. } => head.name(),
            Judged::NotFound(listed) => Some(listed.wanted()),
        }
    }

    pub(super) fn is_exact(&self) -> bool {
        matches!(self, Judged::Operation { verdict, .. } if verdict.is_exact())
    }

    /// The names of the classes; none when nothing is wrong but not all was seen.
    pub(super) fn classes(&self) -> Vec<&'static str> {
        match self {
            Judged::Operation { verdict, .. } => {
                verdict.classes().iter().map(|class| class.name()).collect()
            }
            Judged::NotFound(_) => vec!["not found"],
        }
    }

    /// The verdict on one line.
    pub(super) fn words(&self) -> String {
        match self {
            Judged::Operation { verdict, .. } => verdict.to_string(),
            Judged::NotFound(listed) => {
                format!("no such operation, so nothing was judged against {}", listed.intent())
            }
        }
    }

    /// How bad it is, 0 when it is exact.
    pub(super) fn badness(&self) -> u8 {
        match self {
            Judged::Operation { verdict, .. } => badness(verdict),
            Judged::NotFound(_) => 5,
        }
    }

    /// The file and line that it came from: of Python, else of the instruction's own source, else
    /// of who called it.
    pub(super) fn line(&self) -> Option<(&str, u32)> {
        let Judged::Operation { site: Some(site), .. } = self else { return None };
        let own = site.python.as_ref().map(|line| (line.file.as_str(), line.line));
        let own = own.or(site.source.as_ref().map(|line| (line.file.as_str(), line.line)));
        own.or_else(|| {
            site.stack.iter().find_map(|frame| {
                let python = frame.python.as_ref().map(|line| (line.file.as_str(), line.line));
                python.or(frame.source.as_ref().map(|line| (line.file.as_str(), line.line)))
            })
        })
    }
}
