//! Where an access came from.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One instruction of one module.
///
/// Whatever is not truly known is `None`: a symbol whose size does not cover the instruction is
/// no symbol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Site {
    /// What accesses call it by; unique within a trace.
    pub id: u32,
    /// The instruction's address in the process.
    pub pc: u64,
    /// Path of the file that the code is mapped from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The module's GNU build id, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// The instruction's address as the module's own symbol table counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<u64>,
    /// The function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// Bytes from the function's start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol_offset: Option<u64>,
    /// The source line, from the module's debug information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceLine>,
    /// The line of Python that the interpreter was running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<PythonLine>,
    /// The instruction, disassembled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Who called, innermost first: the function's caller, its caller, and so on as far as is
    /// known. Empty when the capture was not asked for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<Frame>,
}

/// A call that was under way: the instruction that the callee returns to, and where it lies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// The address in the process that the callee returns to.
    pub pc: u64,
    /// Path of the file that the code is mapped from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// `pc` as the module's own symbol table counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<u64>,
    /// The function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// Bytes from the function's start to `pc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol_offset: Option<u64>,
    /// The source line of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceLine>,
    /// The line of Python, when the frame is one of Python.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<PythonLine>,
}

/// A line of a compiled program's source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SourceLine {
    /// As the compiler recorded it.
    pub file: String,
    /// From 1.
    pub line: u32,
}

/// A line of a Python program, and the instruction of it that was running.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PythonLine {
    /// As the code object names it.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// The function's qualified name, `<module>` at the top; the plain name where the
    /// interpreter keeps no other (`CPython` before 3.11).
    pub function: String,
    /// The bytecode instruction's byte offset in its code object, as `dis` prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
    /// The bytecode instruction's name, as `dis` prints it: `STORE_SUBSCR`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction: Option<String>,
}

/// `seed.py:12`: the last part of the file's path, and the line.
impl fmt::Display for SourceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", last_part(&self.file), self.line)
    }
}

/// `seed.py:12`: the last part of the file's path, and the line.
impl fmt::Display for PythonLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", last_part(&self.file), self.line)
    }
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

impl Site {
    /// The last part of the module's path.
    #[must_use]
    pub fn module_name(&self) -> Option<&str> {
        self.module.as_deref().map(last_part)
    }
}

impl Frame {
    /// The last part of the module's path.
    #[must_use]
    pub fn module_name(&self) -> Option<&str> {
        self.module.as_deref().map(last_part)
    }
}
