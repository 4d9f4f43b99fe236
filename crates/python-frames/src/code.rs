//! Code objects: which file and function, and the line of each instruction.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;

use crate::Line;
use crate::interpreter::Interpreter;
use crate::layout::Bytecode;
use crate::memory::{Memory, Part, bytes, u32_at, u64_at};
use crate::object::{
    BYTES, SIZE, TYPE, bytes_length, bytes_length_of, table_length, text, text_length,
};

/// A code object as it was when it was last looked at.
///
/// Where one lay, another may lie later, with all that belongs to it where the former's was: a
/// program that makes code in a loop does that. So all of it is read again each time, in two
/// calls; what is kept is how much to read, and the lines.
#[derive(Clone)]
pub(crate) struct Code {
    head: Head,
    file: Text,
    function: Text,
    table: Vec<u8>,
    /// By the offset and number of the instruction.
    lines: HashMap<(u32, u8), Option<Rc<Line>>>,
}

/// The fields of a code object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    file: u64,
    function: u64,
    table: u64,
    first_line: i32,
    /// The object that holds the bytecode, if it is one of its own.
    bytecode: Option<u64>,
    /// Where the first instruction lies.
    start: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Text {
    /// Bytes in memory, with the object's head.
    length: usize,
    text: String,
}

impl Interpreter {
    /// The line of the instruction at that byte offset of the code object at `address`.
    pub(crate) fn line(
        &mut self,
        memory: &dyn Memory,
        address: u64,
        offset: u32,
    ) -> Option<Rc<Line>> {
        let (head, size) = self.head(memory, address)?;
        let is_known = self.codes.get(&address).is_some_and(|code| code.head == head);
        if !is_known {
            let code = self.learn(memory, head)?;
            self.codes.insert(address, code);
        }
        let opcode = match self.check(memory, address, size, offset) {
            Some(opcode) => opcode,
            // The same places, and something else in them.
            None if is_known => {
                let code = self.learn(memory, head)?;
                self.codes.insert(address, code);
                self.check(memory, address, size, offset)?
            }
            None => return None,
        };
        let (offset, opcode) = self.skip_prefixes(memory, &head, offset, opcode)?;
        let (opcodes, line_table) = (&self.opcodes, self.layout.code.line_table);
        let Code { file, function, table, lines, .. } = self.codes.get_mut(&address)?;
        let line = match lines.entry((offset, opcode)) {
            Entry::Occupied(line) => line.into_mut(),
            Entry::Vacant(place) => {
                place.insert(line_table.line(table, head.first_line, offset).map(|line| {
                    Rc::new(Line {
                        file: file.text.clone(),
                        line,
                        function: function.text.clone(),
                        offset,
                        instruction: opcodes.name(opcode),
                    })
                }))
            }
        };
        line.clone()
    }

    /// The fields of the code object at `address`, and how many bytes of bytecode it has when it
    /// says so itself.
    fn head(&self, memory: &dyn Memory, address: u64) -> Option<(Head, Option<u64>)> {
        let layout = &self.layout.code;
        let bytes = bytes(memory, address, layout.length())?;
        if u64_at(&bytes, TYPE)? != self.types.code {
            return None;
        }
        let (bytecode, start, size) = match layout.bytecode {
            Bytecode::Object(at) => {
                let object = u64_at(&bytes, at)?;
                (Some(object), object.checked_add(BYTES)?, None)
            }
            Bytecode::Inline(at) => {
                (None, address.checked_add(at)?, Some(u64_at(&bytes, SIZE)?.checked_mul(2)?))
            }
        };
        let head = Head {
            file: u64_at(&bytes, layout.file)?,
            function: u64_at(&bytes, layout.function)?,
            table: u64_at(&bytes, layout.lines)?,
            first_line: u32_at(&bytes, layout.first_line)? as i32,
            bytecode,
            start,
        };
        Some((head, size))
    }

    /// Reads what a code object refers to.
    fn learn(&self, memory: &dyn Memory, head: Head) -> Option<Code> {
        let text = |address| {
            let length = text_length(memory, &self.layout, &self.types, address)?;
            let object = bytes(memory, address, length)?;
            Some(Text { length, text: text(&self.layout, &self.types, &object)? })
        };
        let length = table_length(bytes_length(memory, &self.types, head.table)?);
        Some(Code {
            head,
            file: text(head.file)?,
            function: text(head.function)?,
            table: bytes(memory, head.table.checked_add(BYTES)?, length)?,
            lines: HashMap::new(),
        })
    }

    /// Reads again all that is known of a code object, and the opcode at `offset`; `None` when
    /// something is not as it was, or there is no such instruction.
    fn check(
        &self,
        memory: &dyn Memory,
        address: u64,
        size: Option<u64>,
        offset: u32,
    ) -> Option<u8> {
        let Code { head, file, function, table, .. } = self.codes.get(&address)?;
        let [mut file_now, mut function_now] =
            [file, function].map(|text: &Text| vec![0; text.length]);
        let mut table_now = vec![0; BYTES as usize + table.len()];
        let mut bytecode = [0; BYTES as usize];
        let mut opcode = [0];
        let all_read = memory.read_parts(&mut [
            Part { address: head.file, bytes: &mut file_now },
            Part { address: head.function, bytes: &mut function_now },
            Part { address: head.table, bytes: &mut table_now },
            Part { address: head.bytecode.unwrap_or(address), bytes: &mut bytecode },
            Part { address: head.start.checked_add(offset.into())?, bytes: &mut opcode },
        ]);
        let is_text = |known: &Text, object: &[u8]| {
            text(&self.layout, &self.types, object).is_some_and(|text| text == known.text)
        };
        let is_table = bytes_length_of(&self.types, &table_now).map(table_length)
            == Some(table.len())
            && table_now[BYTES as usize..] == table[..];
        let size = match size {
            Some(size) => size,
            None => bytes_length_of(&self.types, &bytecode)?.into(),
        };
        let is_same =
            all_read && is_text(file, &file_now) && is_text(function, &function_now) && is_table;
        (is_same && u64::from(offset) < size).then_some(opcode[0])
    }

    /// The instruction that the one at `offset` is, or is a prefix of.
    fn skip_prefixes(
        &self,
        memory: &dyn Memory,
        head: &Head,
        mut offset: u32,
        mut opcode: u8,
    ) -> Option<(u32, u8)> {
        const MOST_PREFIXES: usize = 3;
        for _ in 0..MOST_PREFIXES {
            if !self.opcodes.is_prefix(opcode) {
                break;
            }
            offset += 2;
            opcode = bytes(memory, head.start.checked_add(offset.into())?, 1)?[0];
        }
        Some((offset, opcode))
    }
}
