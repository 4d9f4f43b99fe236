//! Lists of buffers that a system call is given: `struct iovec` of readv(2), an address and a
//! length, each as wide as a pointer of the emulated program.

use busprobe_python_frames::Memory;

use crate::guest::GuestMemory;
use crate::plugin::Plugin;

/// `UIO_MAXIOV`: the kernel takes no more.
const MOST_ENTRIES: u64 = 1024;

/// Address and length of each buffer of the list at an emulated address; none when the list is not
/// all there.
pub(crate) fn entries(plugin: &Plugin, address: u64, count: u64) -> Vec<(u64, u64)> {
    let word = usize::from(plugin.word);
    if !matches!(word, 4 | 8) || count > MOST_ENTRIES {
        return Vec::new();
    }
    let mut bytes = vec![0; count as usize * 2 * word];
    if !GuestMemory(plugin).read(address, &mut bytes) {
        return Vec::new();
    }
    let number =
        |bytes: &[u8]| bytes.iter().rev().fold(0, |high, byte| high << 8 | u64::from(*byte));
    let entry = |entry: &[u8]| (number(&entry[..word]), number(&entry[word..]));
    bytes.chunks_exact(2 * word).map(entry).collect()
}
