//! Where an imported trace goes.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::Arc;

use busprobe_logs::export::{Exporter, Format, Stream};
use busprobe_verdict::Device;

use crate::trouble::Trouble;

/// A trace in `path`: Parquet by its name, JSON Lines by any other; standard output without one.
pub(super) fn create(path: Option<&Path>) -> Result<Box<dyn Exporter>, Trouble> {
    // A trace shows no beats; only drawings ask for a bus.
    let bus = Arc::new(Device);
    let Some(path) = path else {
        let out = Stream(BufWriter::with_capacity(1 << 18, io::stdout()));
        return Ok(Format::Jsonl.exporter(out, bus));
    };
    let extension = path.extension().and_then(|extension| extension.to_str());
    let format = match extension.and_then(Format::of_extension) {
        #[cfg(feature = "parquet")]
        Some(Format::Parquet) => Format::Parquet,
        _ => Format::Jsonl,
    };
    let file = File::create(path).map_err(|error| Trouble::of_file(path, &error))?;
    Ok(format.exporter(BufWriter::with_capacity(1 << 18, file), bus))
}
