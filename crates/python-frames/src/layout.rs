//! Where `CPython`'s structures keep what is looked for.
//!
//! Offsets are bytes, on machines where pointers and `long` have 8: those of 3.8 to 3.12 from the
//! debug information of 3.8.18, 3.9.18, 3.10.13, 3.11.7 and 3.12.1; 3.13 carries a table of its own
//! (`_Py_DebugOffsets`, `Include/internal/pycore_runtime.h`).

use crate::lines::LineTable;
use crate::memory::{Memory, bytes, u64_at};
use crate::object::TYPE;
use crate::version::Version;

/// The structures of one interpreter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// `_PyRuntimeState`: the first interpreter.
    pub(crate) first_interpreter: u64,
    /// `PyInterpreterState`: the next one.
    pub(crate) next_interpreter: u64,
    /// `PyInterpreterState`: its first thread.
    pub(crate) first_thread: u64,
    pub(crate) thread: ThreadLayout,
    pub(crate) frame: FrameLayout,
    pub(crate) code: CodeLayout,
    /// `PyASCIIObject` and `PyCompactUnicodeObject`: where the characters begin.
    pub(crate) ascii_text: u64,
    pub(crate) other_text: u64,
}

/// `PyThreadState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadLayout {
    pub(crate) next: u64,
    pub(crate) interpreter: u64,
    /// What `pthread_self` gives there.
    pub(crate) pthread: u64,
    /// What `gettid` gives there.
    pub(crate) native_id: Option<u64>,
    /// A byte whose bit 4 says that the thread is in this state and in no other.
    pub(crate) active: Option<u64>,
    /// The frame that is running, or what leads to it.
    pub(crate) frame: u64,
    /// When something leads to it: where that has the frame.
    pub(crate) by_c_frame: Option<u64>,
}

/// `PyFrameObject` up to 3.10, `_PyInterpreterFrame` from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameLayout {
    pub(crate) code: u64,
    pub(crate) previous: u64,
    pub(crate) position: Position,
    /// A byte that is 3 for frames that stand for C alone.
    pub(crate) owner: Option<u64>,
}

/// How a frame says which instruction it is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// Bytes from the first, in a Python object of the type frame.
    Bytes(u64),
    /// Two bytes each, in such an object.
    Units(u64),
    /// The instruction's address; the frame is no object.
    Address(u64),
}

/// `PyCodeObject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CodeLayout {
    pub(crate) file: u64,
    pub(crate) function: u64,
    pub(crate) first_line: u64,
    pub(crate) lines: u64,
    pub(crate) line_table: LineTable,
    pub(crate) bytecode: Bytecode,
}

/// Where a code object has its instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bytecode {
    /// In another object, of the type bytes.
    Object(u64),
    /// At its own end, as many as its size says.
    Inline(u64),
}

impl Bytecode {
    /// What the type says of the size of its instances.
    pub(crate) fn basic_size(self) -> u64 {
        match self {
            Bytecode::Object(_) => 176,
            Bytecode::Inline(start) => start,
        }
    }
}

impl CodeLayout {
    /// Bytes to read of a code object.
    pub(crate) fn length(&self) -> usize {
        let ends = [self.file, self.function, self.first_line, self.lines].map(|at| at + 8);
        let bytecode = match self.bytecode {
            Bytecode::Object(at) => at + 8,
            Bytecode::Inline(_) => 24,
        };
        ends.into_iter().fold(bytecode, u64::max) as usize
    }
}

impl ThreadLayout {
    /// Bytes to read of a thread's state.
    pub(crate) fn length(&self) -> usize {
        let active = self.active.unwrap_or(0);
        let native_id = self.native_id.unwrap_or(0);
        let fields = [self.next, self.interpreter, self.pthread, native_id, active, self.frame];
        fields.into_iter().fold(0, u64::max) as usize + 8
    }
}

impl FrameLayout {
    /// Whether a frame stands for C alone; `word` gives 8 bytes of it.
    pub(crate) fn is_of_c(&self, word: impl Fn(u64) -> Option<u64>) -> Option<bool> {
        /// `FRAME_OWNED_BY_CSTACK`: there is such a frame where C has called the interpreter.
        const OF_C: u8 = 3;
        let Some(owner) = self.owner else { return Some(false) };
        Some(word(owner)? as u8 == OF_C)
    }

    /// The code object of a frame, and the byte offset of the instruction that it is at; `word`
    /// gives 8 bytes of it. `frame_type` is what a frame has as its type, where it is an object.
    pub(crate) fn position(
        &self,
        frame_type: u64,
        bytecode: Bytecode,
        word: impl Fn(u64) -> Option<u64>,
    ) -> Option<(u64, u32)> {
        let code = word(self.code)?;
        let is_frame = || word(TYPE) == Some(frame_type);
        let offset = match self.position {
            Position::Bytes(at) if is_frame() => (word(at)? as u32).into(),
            Position::Units(at) if is_frame() => 2 * u64::from(word(at)? as u32),
            Position::Bytes(_) | Position::Units(_) => return None,
            Position::Address(at) => {
                let Bytecode::Inline(start) = bytecode else { return None };
                word(at)?.checked_sub(code.checked_add(start)?)?
            }
        };
        // Before its first instruction a frame is at -1.
        let offset = i32::try_from(offset).ok()?;
        Some((code, offset as u32))
    }

    /// Bytes to read of a frame.
    pub(crate) fn length(&self) -> usize {
        let (Position::Bytes(position) | Position::Units(position) | Position::Address(position)) =
            self.position;
        let fields = [self.code, self.previous, position, self.owner.unwrap_or(0)];
        fields.into_iter().fold(0, u64::max) as usize + 8
    }
}

const V3_8: Layout = Layout {
    first_interpreter: 32,
    next_interpreter: 0,
    first_thread: 8,
    thread: ThreadLayout {
        next: 8,
        interpreter: 16,
        pthread: 176,
        native_id: None,
        active: None,
        frame: 24,
        by_c_frame: None,
    },
    frame: FrameLayout { code: 32, previous: 24, position: Position::Bytes(104), owner: None },
    code: CodeLayout {
        file: 104,
        function: 112,
        first_line: 40,
        lines: 120,
        line_table: LineTable::Lnotab,
        bytecode: Bytecode::Object(48),
    },
    ascii_text: 48,
    other_text: 72,
};

const V3_10: Layout = Layout {
    frame: FrameLayout { position: Position::Units(96), ..V3_8.frame },
    code: CodeLayout { line_table: LineTable::Ranges, ..V3_8.code },
    ..V3_8
};

const V3_11: Layout = Layout {
    first_interpreter: 40,
    next_interpreter: 0,
    first_thread: 16,
    thread: ThreadLayout {
        next: 8,
        interpreter: 16,
        pthread: 152,
        native_id: Some(160),
        active: None,
        frame: 56,
        by_c_frame: Some(8),
    },
    frame: FrameLayout { code: 32, previous: 48, position: Position::Address(56), owner: Some(69) },
    code: CodeLayout {
        file: 112,
        function: 128,
        first_line: 72,
        lines: 136,
        line_table: LineTable::Locations,
        bytecode: Bytecode::Inline(184),
    },
    ascii_text: 48,
    other_text: 72,
};

const V3_12: Layout = Layout {
    first_thread: 72,
    thread: ThreadLayout {
        pthread: 136,
        native_id: Some(144),
        active: Some(24),
        by_c_frame: Some(0),
        ..V3_11.thread
    },
    frame: FrameLayout { code: 0, previous: 8, position: Position::Address(56), owner: Some(70) },
    code: CodeLayout { first_line: 68, bytecode: Bytecode::Inline(192), ..V3_11.code },
    ascii_text: 40,
    other_text: 56,
    ..V3_11
};

impl Layout {
    /// The layout of that version; `runtime` is the address of `_PyRuntime`.
    pub(crate) fn of(version: Version, memory: &dyn Memory, runtime: u64) -> Option<Layout> {
        match version {
            Version::V3_8 | Version::V3_9 => Some(V3_8),
            Version::V3_10 => Some(V3_10),
            Version::V3_11 => Some(V3_11),
            Version::V3_12 => Some(V3_12),
            Version::V3_13 => Layout::told(&bytes(memory, runtime, TOLD)?),
        }
    }

    /// What 3.13 says of itself at the start of its runtime.
    fn told(table: &[u8]) -> Option<Layout> {
        const FREE_THREADED: u64 = 2;
        // An offset beyond this lies in no structure.
        const MOST: u64 = 1 << 20;
        let field = |index: u64| u64_at(table, 8 * index).filter(|offset| *offset < MOST);
        // Without the GIL, objects begin otherwise.
        if !table.starts_with(b"xdebugpy") || field(FREE_THREADED)? != 0 {
            return None;
        }
        Some(Layout {
            first_interpreter: field(5)?,
            next_interpreter: field(8)?,
            first_thread: field(9)?,
            thread: ThreadLayout {
                next: field(21)?,
                interpreter: field(22)?,
                frame: field(23)?,
                by_c_frame: None,
                pthread: field(24)?,
                native_id: Some(field(25)?),
                active: Some(field(27)?),
            },
            frame: FrameLayout {
                previous: field(29)?,
                code: field(30)?,
                position: Position::Address(field(31)?),
                owner: Some(field(33)?),
            },
            code: CodeLayout {
                file: field(35)?,
                function: field(37)?,
                lines: field(38)?,
                first_line: field(39)?,
                bytecode: Bytecode::Inline(field(43)?),
                ..V3_12.code
            },
            ..V3_12
        })
    }
}

/// Bytes of the table that are read.
const TOLD: usize = 8 * 44;
