//! Tables of commands and what is expected of them: text, so that whoever else runs the commands
//! on a window of the same bytes can read them too.

use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of the window that the tables are about.
pub(crate) const WINDOW: usize = 16 << 10;

/// A command and the lines below it.
pub(crate) struct Case {
    pub(crate) command: &'static str,
    pub(crate) expected: Vec<&'static str>,
}

/// Reads a table: `$` begins a command, what follows up to an empty line is expected of it.
pub(crate) fn cases(text: &'static str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('$').map(str::trim) {
            Some(command) => cases.push(Case { command, expected: Vec::new() }),
            None => cases.last_mut().expect("a command comes first").expected.push(line),
        }
    }
    assert!(!cases.is_empty());
    cases
}

/// A fresh window in a directory of its own.
pub(crate) struct Bench {
    pub(crate) directory: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let bench = Bench { directory: tempfile::tempdir().unwrap() };
        let bytes: Vec<u8> = (0..WINDOW).map(|i| i as u8).collect();
        fs::write(bench.window(), bytes).unwrap();
        bench
    }

    pub(crate) fn window(&self) -> PathBuf {
        self.path("window.bin")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn contents(&self) -> Vec<u8> {
        fs::read(self.window()).unwrap()
    }

    /// A command's words, with the places of the window and the files.
    pub(crate) fn words(&self, command: &str) -> Vec<String> {
        let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/access/files");
        let place = |word: &str| {
            word.replace("WINDOW", self.window().to_str().unwrap())
                .replace("FILES", files.to_str().unwrap())
        };
        command.split_whitespace().map(place).collect()
    }

    /// Runs a command as the tables write it.
    pub(crate) fn run(&self, command: &str) -> Outcome {
        let command = assert_cmd::Command::cargo_bin("busprobe")
            .unwrap()
            .args(self.words(command))
            .output()
            .unwrap();
        Outcome {
            status: command.status.code(),
            out: command.stdout,
            error: String::from_utf8(command.stderr).unwrap(),
        }
    }
}

/// What became of a command.
pub(crate) struct Outcome {
    pub(crate) status: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) error: String,
}

impl Outcome {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }
}
