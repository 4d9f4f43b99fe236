//! The bytecode of a line of Python, as `dis` shows it.

use std::path::Path;
use std::process::{Command, Stdio};

use busprobe_trace::PythonLine;

/// Compiles a file, without running it, and prints the bytecode of one line.
const LINE_BYTECODE: &str = include_str!("line_bytecode.py");

/// The bytecode of the line, an arrow at the instruction that was running: from the program's
/// file and the `python3` that is here, when both agree with what the trace says; otherwise the
/// trace's own word for the one instruction.
pub(super) fn listing(line: &PythonLine) -> Vec<String> {
    let (Some(offset), Some(instruction)) = (line.offset, &line.instruction) else {
        return Vec::new();
    };
    let of_file = of_file(line, offset, instruction);
    of_file.unwrap_or_else(|| vec![format!("--> {offset:>5} {instruction}")])
}

fn of_file(line: &PythonLine, offset: u32, instruction: &str) -> Option<Vec<String>> {
    if !Path::new(&line.file).is_file() {
        return None;
    }
    // Always the user's own python3: a trace may come from anywhere, and names no program to run.
    let output = Command::new("python3")
        .args(["-I", "-S", "-W", "ignore", "-c", LINE_BYTECODE])
        .arg(&line.file)
        .arg(line.line.to_string())
        .arg(&line.function)
        .arg(offset.to_string())
        .arg(instruction)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    (output.status.success() && !lines.is_empty()).then_some(lines)
}
