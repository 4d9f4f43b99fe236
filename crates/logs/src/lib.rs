//! Other tools' logs as busprobe traces, and busprobe traces as other tools read them.
//!
//! [`import`] has one file for each format that comes in. It reads a line at a time, in constant
//! memory, and says what it could not read.
//!
//! ```
//! use busprobe_logs::import::{Format, Import, Options};
//! use busprobe_trace::Record;
//!
//! let log = "qemu_ram_write: addr 0x0, data 0x1, size 0x4\n";
//! let mut import = Import::new(log.as_bytes(), &Options::default())?;
//! assert_eq!(import.format(), Format::RamWrite);
//! let accesses = import.by_ref().filter(|r| matches!(r, Ok(Record::Access(_)))).count();
//! assert_eq!((accesses, import.summary().foreign), (1, 0));
//! # Ok::<(), busprobe_logs::import::ImportError>(())
//! ```

pub mod export;
pub mod import;
#[cfg(feature = "parquet")]
pub mod parquet;
