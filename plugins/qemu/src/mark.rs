//! Marks that the program puts by a system call, see [`busprobe_mark`].

use busprobe_mark::{LONGEST, OPTION, SIGNATURE};
use busprobe_python_frames::Memory;

use crate::guest::GuestMemory;
use crate::plugin::Plugin;

/// The text of the mark, when the call with these arguments is one. Its arguments tell it, whatever
/// the emulated instruction set's number for it is; 32-bit programs have half the signature.
pub(crate) fn text(plugin: &Plugin, arguments: [u64; 6]) -> Option<Vec<u8>> {
    let [option, start, length, first, second, _] = arguments;
    let signature = if plugin.word == 4 { SIGNATURE & 0xffff_ffff } else { SIGNATURE };
    if option as u32 != OPTION || first != signature || second != signature {
        return None;
    }
    let mut text = vec![0; length.min(LONGEST as u64) as usize];
    // What is in a window is not read: that would be an access.
    let is_read = GuestMemory(plugin).read(start, &mut text);
    Some(if is_read { text } else { Vec::new() })
}
