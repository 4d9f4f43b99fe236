//! Traces from files.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use busprobe_trace::{Record, Trace, jsonl};

use crate::trouble::Trouble;

/// What ends a trace before its end.
pub(crate) type Damage = Box<dyn Error>;

/// The records of a trace, read as they are asked for.
pub(crate) type Records = Box<dyn Iterator<Item = Result<Record, Damage>>>;

/// The records of the trace in a file; `-` is standard input.
pub(crate) fn open(path: &Path) -> Result<Records, Trouble> {
    if path == Path::new("-") {
        return Ok(lines(io::stdin().lock()));
    }
    #[cfg(feature = "parquet")]
    if let Some(file) = parquet(path)? {
        let reader = busprobe_logs::parquet::Reader::new(file)
            .map_err(|error| Trouble::new(format!("{}: {error}", path.display())))?;
        return Ok(Box::new(reader.map(|record| record.map_err(Damage::from))));
    }
    let file = File::open(path).map_err(|error| Trouble::of_file(path, &error))?;
    Ok(lines(BufReader::with_capacity(1 << 18, file)))
}

/// The file, when it is a Parquet file.
#[cfg(feature = "parquet")]
pub(crate) fn parquet(path: &Path) -> Result<Option<File>, Trouble> {
    if path == Path::new("-") {
        return Ok(None);
    }
    let of_file = |error| Trouble::of_file(path, &error);
    let file = File::open(path).map_err(of_file)?;
    Ok(is_parquet(&file).map_err(of_file)?.then_some(file))
}

/// Whether the file says so in its first bytes; a pipe is never one, and nothing is taken from it.
#[cfg(feature = "parquet")]
fn is_parquet(file: &File) -> io::Result<bool> {
    use busprobe_logs::parquet::MAGIC;
    use std::os::unix::fs::FileExt;

    let mut magic = [0; MAGIC.len()];
    let is_file = file.metadata()?.is_file();
    Ok(is_file && file.read_at(&mut magic, 0)? == magic.len() && magic == *MAGIC)
}

fn lines(input: impl BufRead + 'static) -> Records {
    Box::new(jsonl::Reader::new(input).map(|record| record.map_err(Damage::from)))
}

/// The whole trace, and what ended it early if anything did.
pub(crate) fn load(path: &Path) -> Result<(Trace, Option<Damage>), Trouble> {
    let mut records = open(path)?;
    let in_file = |error| Trouble::new(format!("{}: {error}", path.display()));
    let Some(Record::Trace(header)) = records.next().transpose().map_err(in_file)? else {
        return Err(in_file(jsonl::ReadError::NotATrace.into()));
    };
    let mut trace = Trace::new(header);
    for record in records {
        match record {
            Ok(record) => trace.push(record),
            Err(damage) => return Ok((trace, Some(damage))),
        }
    }
    Ok((trace, None))
}
