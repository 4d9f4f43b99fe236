//! `/proc/self/maps`: what is mapped where, by the kernel's word (`proc_pid_maps`(5)).

use std::io;
use std::ops::Range;

/// One mapping of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// Host addresses.
    pub(crate) range: Range<u64>,
    /// Whether stores reach the file.
    pub(crate) shared: bool,
    /// The file's offset of the first byte.
    pub(crate) offset: u64,
    /// Device and inode as this list names them. On some file systems the device is not the one
    /// that stat(2) tells.
    pub(crate) file: (String, u64),
    /// The file's path, empty for memory without a file.
    pub(crate) path: String,
}

/// All mappings of this process.
pub(crate) fn read() -> io::Result<Vec<Mapping>> {
    let bytes = std::fs::read("/proc/self/maps")?;
    Ok(String::from_utf8_lossy(&bytes).lines().filter_map(parse).collect())
}

/// The mapping at a host address.
pub(crate) fn at(address: u64) -> Option<Mapping> {
    read().ok()?.into_iter().find(|mapping| mapping.range.contains(&address))
}

/// `7f0000000000-7f0000001000 rw-s 00000000 fd:01 1234      /path with spaces`
fn parse(line: &str) -> Option<Mapping> {
    let mut words = line.splitn(6, ' ');
    let (start, end) = words.next()?.split_once('-')?;
    let hexadecimal = |word| u64::from_str_radix(word, 16).ok();
    Some(Mapping {
        range: hexadecimal(start)?..hexadecimal(end)?,
        shared: words.next()?.ends_with('s'),
        offset: hexadecimal(words.next()?)?,
        file: (words.next()?.to_owned(), words.next()?.parse().ok()?),
        path: words.next().unwrap_or_default().trim_start().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_a_path_of_several_words() {
        let line = "7f00c000-7f00d000 rw-s 00002000 fd:01 4242                       /tmp/my file";
        let mapping = parse(line).unwrap();
        assert_eq!(
            mapping,
            Mapping {
                range: 0x7f00_c000..0x7f00_d000,
                shared: true,
                offset: 0x2000,
                file: ("fd:01".to_owned(), 4242),
                path: "/tmp/my file".to_owned(),
            }
        );
    }

    #[test]
    fn memory_without_a_file_has_no_path() {
        let mapping = parse("7f00c000-7f00d000 rw-p 00000000 00:00 0 ").unwrap();
        assert_eq!((mapping.shared, mapping.path.as_str()), (false, ""));
    }

    #[test]
    fn this_very_code_is_mapped_from_a_file() {
        let here = this_very_code_is_mapped_from_a_file as fn() as usize as u64;
        assert!(at(here).unwrap().path.starts_with('/'));
    }
}
