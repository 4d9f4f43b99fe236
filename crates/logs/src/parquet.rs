//! Traces as Parquet, for archives and for questions over many traces at once.
//!
//! A row is a record, and the columns are the fields of all kinds of record by their names in JSON
//! Lines; those that a record has not are null. `t` says which kind it is:
//!
//! | `t` | columns |
//! | --- | --- |
//! | `trace` | `version`, `level`, `capture`, `machine`, `cpu`, `command` (a JSON array) |
//! | `window` | `id`, `name`, `base`, `length` |
//! | `site` | `id`, `pc`, `module`, `build_id`, `address`, `symbol`, `symbol_offset`, `source_file`, `source_line`, `python_file`, `python_line`, `python_function`, `text` |
//! | `access` | `seq`, `dir`, `window`, `offset`, `size`, `data`, `thread`, `time_ns`, `site` |
//! | `syscall` | `seq`, `name`, `window`, `offset`, `length`, `thread`, `time_ns` |
//! | `mark` | `seq`, `text`, `thread`, `time_ns` |
//! | `loss` | `seq`, `kind`, `detail`, `count` |
//!
//! A `repeat` is written as the accesses that it stands for.
//!
//! So that no question needs a join, an access also has its site's columns, except `id` and
//! `address`. Numbers are unsigned integers of 32 or 64 bits, all else is text; `data` is
//! hexadecimal as in JSON Lines. Rows come in groups of [`ROWS`], so that reading and writing take
//! the memory of one group.
//!
//! ```sql
//! SELECT symbol, count(*) FROM 'traces/*.parquet' WHERE t = 'access' GROUP BY symbol;
//! ```

mod columns;
mod file;
mod reader;
mod rows;
mod scan;
mod writer;

pub use file::ReadError;
pub use reader::Reader;
pub use scan::{Row, Scan};
pub use writer::Writer;

/// Rows of a group.
pub const ROWS: usize = 1 << 16;

/// What every file of the format begins with.
pub const MAGIC: &[u8; 4] = b"PAR1";
