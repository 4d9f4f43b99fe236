//! Where the calling thread itself is in a Python program, found so cheaply that a signal handler
//! can do it at every access: no lock, no memory of its own, no system call.

use crate::interpreter::Interpreter;
use crate::layout::{Bytecode, Layout};
use crate::object::{BYTES, LONGEST_TABLE, SIZE, TYPE, Types, text_range};

/// The first page is nobody's.
const LOWEST: u64 = 4096;

/// `PyGILState_GetThisThreadState`: the state of the thread that calls it, null when it has none.
/// It takes no lock, and needs none to be held.
type StateOfThisThread = extern "C" fn() -> *const u8;

/// A bytecode instruction, by where it lies, and what lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The code object.
    pub(crate) code: u64,
    /// The instruction's byte offset in it.
    pub(crate) offset: u32,
    /// A hash of all that tells the line, so that other code that comes to lie at the same place
    /// is another place.
    contents: u64,
}

impl Place {
    /// A number that no other place has but by great chance; never 0.
    #[must_use]
    pub fn key(&self) -> u64 {
        let mut hash = Hash(self.contents);
        hash.add(self.code);
        hash.add(self.offset.into());
        hash.0.max(1)
    }
}

/// The interpreter of this very process.
#[derive(Clone, Copy)]
pub struct Own {
    layout: Layout,
    types: Types,
    state: StateOfThisThread,
}

impl Interpreter {
    /// For use in the process that the interpreter runs in.
    ///
    /// # Safety
    /// It was found in the memory of this process, and stays mapped for as long as the process
    /// lives.
    #[must_use]
    pub unsafe fn own(&self) -> Option<Own> {
        let address = self.state_of_this_thread? as usize;
        // SAFETY: the caller says that it is mapped here; the C API gives it that signature.
        let state = unsafe { std::mem::transmute::<usize, StateOfThisThread>(address) };
        Some(Own { layout: self.layout, types: self.types, state })
    }
}

impl Own {
    /// Where the calling thread is, or where the Python code is that called what it runs; `None`
    /// when the thread runs no Python. A signal handler may ask this of the thread that it
    /// interrupted.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        let state = (self.state)() as u64;
        // SAFETY: the state is this thread's, and lives as long as it does.
        unsafe { self.place_in(state) }
    }

    /// # Safety
    /// `state` is null or the calling thread's. The frame that it runs, the code and what belongs
    /// to that live meanwhile, since this thread is doing something else.
    unsafe fn place_in(&self, state: u64) -> Option<Place> {
        let Layout { thread, frame: layout, code, .. } = &self.layout;
        // SAFETY: by the caller.
        unsafe {
            if word(state, thread.pthread)? != libc::pthread_self() as u64 {
                return None;
            }
            let mut frame = word(state, thread.frame)?;
            if let Some(offset) = thread.by_c_frame {
                frame = word(frame, offset)?;
            }
            if layout.is_of_c(|at| word(frame, at))? {
                frame = word(frame, layout.previous)?;
            }
            let (code, offset) =
                layout.position(self.types.frame, code.bytecode, |at| word(frame, at))?;
            let contents = self.contents(code, offset)?;
            Some(Place { code, offset, contents })
        }
    }

    /// A hash of what tells the line of an instruction; `None` of what is no code.
    ///
    /// # Safety
    /// `code` is null or a Python object.
    unsafe fn contents(&self, code: u64, offset: u32) -> Option<u64> {
        let layout = &self.layout.code;
        // SAFETY: by the caller; what a code object refers to are Python objects.
        unsafe {
            if word(code, TYPE)? != self.types.code {
                return None;
            }
            let mut hash = Hash(0);
            hash.add(word(code, layout.first_line)? & 0xffff_ffff);
            for text in [layout.file, layout.function] {
                let text = word(code, text)?;
                let (start, length) = text_range(&self.layout, &self.types, |at| word(text, at))?;
                hash.add_bytes(text + start, length);
            }
            let table = word(code, layout.lines)?;
            let length = word(table, SIZE)?;
            if word(table, TYPE)? != self.types.bytes || length > LONGEST_TABLE {
                return None;
            }
            hash.add_bytes(table + BYTES, length);
            let (start, size) = match layout.bytecode {
                Bytecode::Object(at) => {
                    let bytecode = word(code, at)?;
                    (bytecode + BYTES, word(bytecode, SIZE)?)
                }
                Bytecode::Inline(at) => (code + at, word(code, SIZE)?.checked_mul(2)?),
            };
            if u64::from(offset) >= size {
                return None;
            }
            hash.add_bytes(start + u64::from(offset), 1);
            Some(hash.0)
        }
    }
}

/// The 8 bytes at `offset` of what lies at `address`; `None` when that is null.
///
/// # Safety
/// The address is null, or as much can be read there.
unsafe fn word(address: u64, offset: u64) -> Option<u64> {
    let is_null = address < LOWEST;
    // SAFETY: by the caller.
    (!is_null).then(|| unsafe { ((address + offset) as *const u64).read_unaligned() })
}

struct Hash(u64);

impl Hash {
    fn add(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }

    /// # Safety
    /// As many bytes can be read at `start`.
    unsafe fn add_bytes(&mut self, start: u64, length: u64) {
        // SAFETY: by the caller.
        let bytes = unsafe { std::slice::from_raw_parts(start as *const u8, length as usize) };
        // Several at a time, for which the CPU need not wait for one another.
        let mut lanes = [Hash(1), Hash(2), Hash(3), Hash(4)];
        let (blocks, rest) = bytes.as_chunks::<32>();
        for block in blocks {
            for (lane, word) in lanes.iter_mut().zip(block.as_chunks::<8>().0) {
                lane.add(u64::from_ne_bytes(*word));
            }
        }
        if !blocks.is_empty() {
            for lane in lanes {
                self.add(lane.0);
            }
        }
        let (words, rest) = rest.as_chunks::<8>();
        for word in words {
            self.add(u64::from_ne_bytes(*word));
        }
        let last = rest.iter().fold(0, |last, byte| last << 8 | u64::from(*byte));
        self.add(length << 56 ^ last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(bytes: &[u8]) -> u64 {
        let mut hash = Hash(0);
        // SAFETY: the bytes are there.
        unsafe { hash.add_bytes(bytes.as_ptr() as u64, bytes.len() as u64) };
        hash.0
    }

    #[test]
    fn what_differs_in_two_words_alike_is_not_the_same() {
        let both = |[one, other]: [u64; 2]| {
            let mut hash = Hash(0);
            hash.add(one);
            hash.add(other);
            hash.0
        };
        assert_ne!(both([1, 0x30]), both([3, 0x32]));
    }

    #[test]
    fn each_byte_and_the_length_count() {
        for length in [1, 7, 8, 9, 31, 32, 33, 100] {
            let bytes = vec![7; length];
            for index in 0..length {
                let mut other = bytes.clone();
                other[index] ^= 1;
                assert_ne!(hash(&bytes), hash(&other), "byte {index} of {length}");
            }
            assert_ne!(hash(&bytes), hash(&bytes[1..]));
        }
        assert_ne!(hash(&[0]), hash(&[]));
    }
}
