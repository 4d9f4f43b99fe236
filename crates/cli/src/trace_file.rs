//! Traces from files.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use busprobe_trace::{Header, Record, Trace, jsonl};

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

/// The records of a trace in JSON Lines, and before them what it says anywhere that was not seen.
///
/// A file is read twice for that; what can be read only once is read into memory.
pub(crate) fn open_knowing_unseen(path: &Path) -> Result<(Vec<String>, Records), Trouble> {
    let of_file = |error| Trouble::of_file(path, &error);
    if path.metadata().is_ok_and(|metadata| metadata.is_file()) {
        let file = BufReader::with_capacity(1 << 18, File::open(path).map_err(of_file)?);
        return Ok((jsonl::unseen(file), open(path)?));
    }
    let records: Vec<_> = open(path)?.collect();
    let unseen = records.iter().filter_map(|record| match record {
        Ok(Record::Loss(loss)) => Some(loss.detail.clone()),
        _ => None,
    });
    Ok((unseen.collect(), Box::new(records.into_iter())))
}

/// The first of the records.
pub(crate) fn header(records: &mut Records, path: &Path) -> Result<Header, Trouble> {
    let in_file = |error| Trouble::new(format!("{}: {error}", path.display()));
    match records.next().transpose().map_err(in_file)? {
        Some(Record::Trace(header)) => Ok(header),
        _ => Err(in_file(jsonl::ReadError::NotATrace.into())),
    }
}

/// The whole trace, and what ended it early if anything did.
pub(crate) fn load(path: &Path) -> Result<(Trace, Option<Damage>), Trouble> {
    let mut records = open(path)?;
    let mut trace = Trace::new(header(&mut records, path)?);
    for record in records {
        match record {
            Ok(record) => trace.push(record),
            Err(damage) => return Ok((trace, Some(damage))),
        }
    }
    Ok((trace, None))
}
