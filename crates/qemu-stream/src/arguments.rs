//! What the capture tells the plugin.

use std::fmt;
use std::num::ParseIntError;

use thiserror::Error;

/// A range of a file, told apart by what the system calls it: two paths to one file are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRange {
    /// `st_dev` of stat(2).
    pub device: u64,
    /// `st_ino` of stat(2).
    pub inode: u64,
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
}

/// The plugin's arguments, as QEMU hands them over: `stream=/proc/812/fd/5`,
/// `watch=801:1f3c:0:1000` once for each watch (hexadecimal, as [`FileRange`] lists them; their
/// order gives their numbers), `exec=221` for each number of a system call that starts a program,
/// `vector=65` for each of one whose second argument points to buffers and whose third counts
/// them, and `word=8`, the bytes of a pointer of the program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// The pipe, by a path that can be opened for writing.
    pub stream: String,
    /// What to watch.
    pub watches: Vec<FileRange>,
    /// Numbers of the system calls by which a process becomes another program.
    pub exec: Vec<i64>,
    /// Numbers of the system calls that are given a list of buffers (readv(2)); understood of
    /// little-endian programs only.
    pub vector: Vec<i64>,
    /// Bytes of a pointer of the program: 4 or 8. Needed with `vector`.
    pub word: u8,
}

/// Why arguments are not understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ArgumentsError {
    /// An argument that has no meaning here.
    #[error(
        "{0}: not an argument of this plugin; known are stream=PATH, \
         watch=DEV:INODE:OFFSET:LENGTH (hexadecimal), exec=NUMBER, vector=NUMBER and word=BYTES"
    )]
    Unknown(String),
    /// No stream was named.
    #[error("stream=PATH is missing: the pipe or file that records go to")]
    NoStream,
}

impl Arguments {
    /// Reads `name=value` words.
    ///
    /// # Errors
    /// When one has no meaning, or the stream is missing.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, ArgumentsError> {
        let mut arguments = Arguments::default();
        for word in words {
            let unknown = |_: ParseIntError| ArgumentsError::Unknown(word.to_owned());
            match word.split_once('=') {
                Some(("stream", path)) if !path.is_empty() => {
                    path.clone_into(&mut arguments.stream);
                }
                Some(("exec", number)) => arguments.exec.push(number.parse().map_err(unknown)?),
                Some(("vector", number)) => {
                    arguments.vector.push(number.parse().map_err(unknown)?);
                }
                Some(("word", bytes)) => arguments.word = bytes.parse().map_err(unknown)?,
                Some(("watch", range)) => {
                    let numbers = range
                        .split(':')
                        .map(|number| u64::from_str_radix(number, 16))
                        .collect::<Result<Vec<u64>, _>>()
                        .map_err(unknown)?;
                    let [device, inode, offset, length] = numbers[..] else {
                        return Err(ArgumentsError::Unknown(word.to_owned()));
                    };
                    arguments.watches.push(FileRange { device, inode, offset, length });
                }
                _ => return Err(ArgumentsError::Unknown(word.to_owned())),
            }
        }
        if arguments.stream.is_empty() { Err(ArgumentsError::NoStream) } else { Ok(arguments) }
    }
}

/// The words with commas between them, as they follow the plugin's path in `-plugin`; a comma in a
/// value is doubled (QEMU manual, "Standard options").
impl fmt::Display for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stream={}", self.stream.replace(',', ",,"))?;
        for FileRange { device, inode, offset, length } in &self.watches {
            write!(f, ",watch={device:x}:{inode:x}:{offset:x}:{length:x}")?;
        }
        self.exec.iter().try_for_each(|number| write!(f, ",exec={number}"))?;
        self.vector.iter().try_for_each(|number| write!(f, ",vector={number}"))?;
        if self.word == 0 { Ok(()) } else { write!(f, ",word={}", self.word) }
    }
}
