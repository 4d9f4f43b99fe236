//! JSON: an object that says where its values belong.
//!
//! ```json
//! {"target":"uio:dma/map0","offset":16,"width":32,"values":["0x00000001",null]}
//! ```
//! Values are strings, so that 64 bits survive every JSON reader; `null` could not be read.

use std::io::{self, Write};

use busprobe_mmio::{Field, Run, Width, parse_quantity};
use serde::Deserialize;

use crate::access::block::Block;
use crate::access::form::{Content, Form, padded, padded_field, unknown};

/// Writes one object, on one line.
pub(crate) struct Writer {
    target: String,
    run: Run,
    field: Option<Field>,
    begun: bool,
}

impl Writer {
    /// An object of a run's values, or of the values of a field.
    pub(crate) fn new(target: String, run: Run, field: Option<Field>) -> Self {
        Writer { target, run, field, begun: false }
    }

    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.begun = true;
        let target = serde_json::to_string(&self.target)?;
        let Run { offset, width, .. } = self.run;
        write!(out, "{{\"target\":{target},\"offset\":{offset},\"width\":{width},")?;
        if let Some(field) = &self.field {
            write!(out, "\"field\":\"{field}\",")?;
        }
        write!(out, "\"values\":[")
    }
}

impl Form for Writer {
    fn put(&mut self, out: &mut dyn Write, value: Option<u64>) -> io::Result<()> {
        if self.begun {
            write!(out, ",")?;
        } else {
            self.begin(out)?;
        }
        match (value, self.field) {
            (Some(value), Some(field)) => write!(out, "\"{}\"", padded_field(value, field)),
            (Some(value), None) => write!(out, "\"{}\"", padded(value, self.run.width)),
            (None, _) => write!(out, "null"),
        }
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if !self.begun {
            self.begin(out)?;
        }
        writeln!(out, "]}}")
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected {\"width\":32,\"values\":[...]} or an array of values")]
enum Document {
    Object { offset: Option<u64>, width: Option<u32>, values: Vec<Value> },
    Values(Vec<Value>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Number(u64),
    Text(String),
    Other(serde_json::Value),
}

/// Reads an object as [`Writer`] writes it, or an array of its values.
pub(crate) fn parse(bytes: &[u8], width: Option<Width>) -> Result<Content, String> {
    let document = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let (offset, bits, values) = match document {
        Document::Object { offset, width, values } => (offset, width, values),
        Document::Values(values) => (None, None, values),
    };
    let own = match bits {
        Some(bits) => Some(
            Width::from_bits(bits)
                .ok_or_else(|| format!("\"width\" is 8, 16, 32 or 64 bits, not {bits}"))?,
        ),
        None => None,
    };
    let width = width.or(own).unwrap_or(Width::W32);
    let values = values.iter().enumerate().map(|(index, value)| element(index, value));
    let values = values.collect::<Result<Vec<u64>, _>>()?;
    let block = Block::from_values(width, &values).map_err(|error| error.to_string())?;
    Ok(Content { block, offset })
}

fn element(index: usize, value: &Value) -> Result<u64, String> {
    let place = || format!("\"values\"[{index}]");
    match value {
        Value::Number(value) => Ok(*value),
        Value::Text(text) => {
            parse_quantity(text).ok_or_else(|| format!("{} is {text:?}, no value", place()))
        }
        Value::Other(serde_json::Value::Null) => Err(unknown(&place())),
        Value::Other(other) => Err(format!("{} is {other}, no value", place())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        parse(text.as_bytes(), None).unwrap_err()
    }

    #[test]
    fn an_object_says_width_and_offset() {
        let text = r#"{"target":"x","offset":16,"width":64,"values":["0xffffffffffffffff",1]}"#;
        let content = parse(text.as_bytes(), None).unwrap();
        assert_eq!(content, Content { block: Block::W64(vec![u64::MAX, 1]), offset: Some(16) });
    }

    #[test]
    fn an_array_of_values_is_enough() {
        let content = parse(b"[1, \"0x2\"]", Some(Width::W8)).unwrap();
        assert_eq!(content, Content { block: Block::W8(vec![1, 2]), offset: None });
    }

    #[test]
    fn what_is_no_value_is_named_with_its_place() {
        assert!(problem("[1, null]").starts_with("\"values\"[1] is unknown: "));
        assert_eq!(problem("[-1]"), "\"values\"[0] is -1, no value");
        assert_eq!(problem("[1, \"-1\"]"), "\"values\"[1] is \"-1\", no value");
        assert_eq!(problem("[4294967296]"), "0x100000000 does not fit into 32 bits");
        assert!(
            problem("{\"width\":12,\"values\":[]}").starts_with("\"width\" is 8, 16, 32 or 64")
        );
        assert!(problem("{}").starts_with("expected {\"width\":32,"));
        assert!(problem("[1,").contains("line 1 column 3"));
    }
}
