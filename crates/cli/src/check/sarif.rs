//! Verdicts as SARIF 2.1.0 (OASIS), as code hosts and editors show findings.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::judged::{Judged, Output};

/// What can be found, and what it means.
const RULES: [(&str, &str); 9] = [
    ("doubled", "An element was put on the bus more than once"),
    ("extra", "There were transactions that no whole repetition of what was meant explains"),
    ("missing", "An element was not put on the bus"),
    ("out of order", "An element first came after a later one"),
    ("split", "An element came in several transactions"),
    ("merged", "A transaction carried several elements"),
    ("unaligned", "An access began inside its bus word"),
    ("not all seen", "Nothing was wrong in what was seen, but not all was seen"),
    ("not found", "There was no operation for an intent"),
];

/// Writes a result for each verdict that is not exact.
pub(super) struct Sarif<W> {
    out: W,
    results: u64,
}

impl<W: Write> Sarif<W> {
    pub(super) fn new(mut out: W) -> io::Result<Self> {
        let rules: Vec<Value> = RULES
            .iter()
            .map(|(class, text)| json!({"id": id(class), "shortDescription": {"text": text}}))
            .collect();
        let driver =
            json!({"name": "busprobe", "version": env!("CARGO_PKG_VERSION"), "rules": rules});
        write!(
            out,
            "{{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\
             \"version\":\"2.1.0\",\"runs\":[{{\"tool\":{{\"driver\":{driver}}},\"results\":["
        )?;
        Ok(Sarif { out, results: 0 })
    }
}

fn result(judged: &Judged) -> Value {
    let classes = judged.classes();
    let class = classes.first().copied().unwrap_or("not all seen");
    let name = judged.name().map(|name| format!("{name}: ")).unwrap_or_default();
    let mut result = json!({
        "ruleId": id(class),
        "ruleIndex": RULES.iter().position(|(known, _)| *known == class),
        "level": "error",
        "message": {"text": format!("{name}{}", judged.words())},
    });
    let mut location = json!({});
    if let Some((file, line)) = judged.line() {
        location["physicalLocation"] = json!({
            "artifactLocation": {"uri": uri(file)},
            "region": {"startLine": line.max(1)},
        });
    }
    if let Judged::Operation { head, verdict, .. } = judged {
        if let Some(function) = head.function() {
            location["logicalLocations"] = json!([{"name": function, "kind": "function"}]);
        }
        result["properties"] = json!({
            "operation": head.index,
            "window": head.window,
            "intent": verdict.intent().to_string(),
            "classes": classes,
            "accesses": verdict.accesses(),
            "beats": verdict.beat_count(),
        });
    }
    if location != json!({}) {
        result["locations"] = json!([location]);
    }
    result
}

/// A class as a rule's id.
fn id(class: &str) -> String {
    class.replace(' ', "-")
}

/// A path as a URI reference (RFC 3986): all else than its plain characters as `%XX`.
fn uri(path: &str) -> String {
    let mut uri = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(byte.into());
            }
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

impl<W: Write> Output for Sarif<W> {
    fn take(&mut self, judged: &Judged) -> io::Result<()> {
        if judged.is_exact() {
            return Ok(());
        }
        self.out.write_all(if self.results == 0 { b"\n" } else { b",\n" })?;
        self.results += 1;
        write!(self.out, "{}", result(judged))
    }

    fn finish(&mut self) -> io::Result<()> {
        writeln!(self.out, "\n]}}]}}")?;
        self.out.flush()
    }
}
