//! Where an access came from.

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
}

/// A line of a compiled program's source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SourceLine {
    /// As the compiler recorded it.
    pub file: String,
    /// From 1.
    pub line: u32,
}

/// A line of a Python program.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PythonLine {
    /// As the code object names it.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// The function's qualified name, `<module>` at the top.
    pub function: String,
}

impl Site {
    /// The last part of the module's path.
    #[must_use]
    pub fn module_name(&self) -> Option<&str> {
        self.module.as_deref().map(|path| path.rsplit('/').next().unwrap_or(path))
    }
}
