//! An interpreter in a process, and the way from it to the line that a thread runs.

use std::collections::HashMap;
use std::rc::Rc;

use crate::Line;
use crate::code::Code;
use crate::image::Image;
use crate::layout::Layout;
use crate::memory::{Memory, bytes, number, u64_at};
use crate::object::Types;
use crate::opcodes::Opcodes;
use crate::own::Place;
use crate::thread::{Known, Thread};
use crate::version::Version;

/// `PyTypeObject.tp_basicsize`.
const BASIC_SIZE: u64 = 32;

/// A `CPython` in a process, with what has been learned of it.
///
/// It stays valid for as long as the image that it was found in is mapped where it was.
#[derive(Clone)]
pub struct Interpreter {
    /// The address of `_PyRuntime`.
    pub(crate) runtime: u64,
    /// The address of `PyGILState_GetThisThreadState`.
    pub(crate) state_of_this_thread: Option<u64>,
    pub(crate) layout: Layout,
    pub(crate) types: Types,
    pub(crate) opcodes: Opcodes,
    pub(crate) threads: HashMap<u32, Known>,
    pub(crate) codes: HashMap<u64, Code>,
}

impl Interpreter {
    /// Looks for Python among the images mapped in a process; `images` are the addresses of their
    /// first bytes.
    pub fn find(memory: &dyn Memory, images: impl IntoIterator<Item = u64>) -> Option<Interpreter> {
        images.into_iter().find_map(|base| Interpreter::of(memory, &Image::at(memory, base)?))
    }

    fn of(memory: &dyn Memory, image: &Image) -> Option<Interpreter> {
        let runtime = image.symbol(memory, "_PyRuntime")?;
        let version = Version::of(memory, image)?;
        let layout = Layout::of(version, memory, runtime)?;
        let symbol = |name| image.symbol(memory, name);
        let types = Types {
            code: symbol("PyCode_Type")?,
            frame: symbol("PyFrame_Type")?,
            text: symbol("PyUnicode_Type")?,
            bytes: symbol("PyBytes_Type")?,
        };
        // Debug builds, for one, have larger objects.
        let basic_size = number(memory, types.code.checked_add(BASIC_SIZE)?)?;
        let is_as_known = basic_size == layout.code.bytecode.basic_size();
        is_as_known.then(|| Interpreter {
            runtime,
            state_of_this_thread: symbol("PyGILState_GetThisThreadState"),
            layout,
            types,
            opcodes: Opcodes::of(version),
            threads: HashMap::new(),
            codes: HashMap::new(),
        })
    }

    /// What a stopped thread is running, or the Python code that called what it runs.
    ///
    /// `None` when the thread runs no Python, and whenever that cannot be told for sure.
    pub fn running(&mut self, memory: &dyn Memory, thread: &Thread) -> Option<Rc<Line>> {
        let state = self.thread_state(memory, thread)?;
        let mut frame = u64_at(&state, self.layout.thread.frame)?;
        if let Some(offset) = self.layout.thread.by_c_frame {
            frame = number(memory, frame.checked_add(offset)?)?;
        }
        let (code, offset) = self.position(memory, frame)?;
        self.line(memory, code, offset)
    }

    /// The line of a place that a thread has found itself at, and is at still.
    pub fn line_at(&mut self, memory: &dyn Memory, place: &Place) -> Option<Rc<Line>> {
        self.line(memory, place.code, place.offset)
    }

    /// The code object of a frame, and the byte offset of the instruction that it is at.
    fn position(&self, memory: &dyn Memory, mut frame: u64) -> Option<(u64, u32)> {
        let layout = &self.layout.frame;
        let mut bytes = bytes(memory, frame, layout.length())?;
        if layout.is_of_c(|at| u64_at(&bytes, at))? {
            frame = u64_at(&bytes, layout.previous)?;
            if !memory.read(frame, &mut bytes) {
                return None;
            }
        }
        layout.position(self.types.frame, self.layout.code.bytecode, |at| u64_at(&bytes, at))
    }
}
