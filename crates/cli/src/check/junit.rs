//! Verdicts as `JUnit` XML, as continuous integration shows it.

use std::fs::File;
use std::io::{self, Seek, Write};

use super::judged::{Judged, Output};
use crate::markup::escape;

/// Writes a test case for each verdict. The counts stand before the cases, so these wait in a
/// file without a name.
pub(super) struct JUnit<W> {
    out: W,
    suite: String,
    cases: io::BufWriter<File>,
    tests: u64,
    failures: u64,
}

impl<W: Write> JUnit<W> {
    /// A suite of that name.
    pub(super) fn new(out: W, suite: &str) -> io::Result<Self> {
        let cases = io::BufWriter::new(tempfile::tempfile()?);
        Ok(JUnit { out, suite: escape(suite), cases, tests: 0, failures: 0 })
    }
}

impl<W: Write> Output for JUnit<W> {
    fn take(&mut self, judged: &Judged) -> io::Result<()> {
        self.tests += 1;
        let (class, name) = match judged {
            Judged::Operation { head, verdict, window, .. } => {
                let name = judged.name().unwrap_or_else(|| "operation".to_owned());
                (*window, format!("{} {name}: {}", head.index, verdict.intent()))
            }
            Judged::NotFound(listed) => ("not found", listed.wanted()),
        };
        let (class, name) = (escape(class), escape(&name));
        write!(self.cases, "    <testcase classname=\"{class}\" name=\"{name}\"")?;
        if let Some((file, line)) = judged.line() {
            write!(self.cases, " file=\"{}\" line=\"{line}\"", escape(file))?;
        }
        if judged.is_exact() {
            return writeln!(self.cases, "/>");
        }
        self.failures += 1;
        let kind = match judged.classes()[..] {
            [] => "not all seen".to_owned(),
            ref classes => classes.join(", "),
        };
        let words = escape(&judged.words());
        writeln!(self.cases, ">")?;
        writeln!(self.cases, "      <failure type=\"{kind}\" message=\"{words}\"/>")?;
        writeln!(self.cases, "    </testcase>")
    }

    fn finish(&mut self) -> io::Result<()> {
        let JUnit { tests, failures, suite, .. } = self;
        let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\"");
        writeln!(self.out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(self.out, "<testsuites name=\"busprobe check\" {counts}>")?;
        writeln!(self.out, "  <testsuite name=\"{suite}\" {counts} skipped=\"0\">")?;
        self.cases.flush()?;
        self.cases.rewind()?;
        io::copy(self.cases.get_mut(), &mut self.out)?;
        writeln!(self.out, "  </testsuite>\n</testsuites>")?;
        self.out.flush()
    }
}
