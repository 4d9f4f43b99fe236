//! Programs to trace, the file that stands for a device, and what came out.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use busprobe_capture::native::Capture;
use busprobe_capture::{Outcome, Watch};
use busprobe_trace::{Access, Direction, LossKind, Record, Sink, Syscall, Trace};
use tempfile::TempDir;

/// Bytes of the file that is watched.
pub(crate) const LENGTH: u64 = 65536;

/// What every C program here begins with: `w` is the window, mapped by `window()`.
const PRELUDE: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
static volatile uint32_t *w;
static int fd;
static void window(char **v) {
    fd = open(v[1], O_RDWR);
    w = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (w == MAP_FAILED) { perror(v[1]); exit(99); }
}
#define CHECK(x) do { if (!(x)) { \
    fprintf(stderr, "line %d: not so: %s\n", __LINE__, #x); exit(98); } } while (0)
#line 1
"#;

/// A folder with a file to watch and programs that use it.
pub(crate) struct Bench {
    folder: TempDir,
}

/// What a traced run gave.
pub(crate) struct Run {
    pub(crate) trace: Trace,
    pub(crate) outcome: Outcome,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let bench = Bench { folder };
        fs::write(bench.window(), vec![0; LENGTH as usize]).expect("a file to watch");
        bench
    }

    /// The file that is watched.
    pub(crate) fn window(&self) -> PathBuf {
        self.path("win.bin")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Compiles `body`, which follows the prelude, with extra words for the compiler.
    pub(crate) fn compile(&self, body: &str, flags: &[&str]) -> PathBuf {
        let (source, program) = (self.path("program.c"), self.path("program"));
        fs::write(&source, format!("{PRELUDE}{body}")).expect("the source is written");
        let output = Command::new("cc")
            .args(["-O1", "-w", "-pthread", "-o"])
            .args([&program, &source])
            .args(flags)
            .output()
            .expect("a C compiler is needed: apt-get install gcc libc6-dev");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        program
    }

    /// A capture of a command that watches the whole file.
    pub(crate) fn capture<W: Into<OsString>>(
        &self,
        command: impl IntoIterator<Item = W>,
    ) -> Capture {
        Capture::new(command).watch(Watch::file(self.window(), 0..LENGTH))
    }

    /// Compiles and traces; the program's only argument is the watched file.
    pub(crate) fn trace(&self, body: &str) -> Run {
        self.trace_built(body, &[])
    }

    pub(crate) fn trace_built(&self, body: &str, flags: &[&str]) -> Run {
        run(self.capture([self.compile(body, flags), self.window()]))
    }

    /// A run of the trace's `main` that consists of these statements, after `window(v)`.
    pub(crate) fn statements(&self, statements: &str) -> Run {
        let body = format!("int main(int c, char **v) {{ window(v);\n{statements}\nreturn 0; }}");
        self.trace(&body).succeeded()
    }
}

pub(crate) fn run(capture: Capture) -> Run {
    let mut trace = Trace::new(Capture::header());
    let outcome = capture.run(&mut trace).expect("the program can be traced");
    Run { trace, outcome }
}

impl Run {
    /// The same, once the program has said that all went well.
    pub(crate) fn succeeded(self) -> Run {
        assert_eq!(self.outcome.status, 0, "the traced program failed");
        self
    }

    /// `W 0x40 4 0x1` and so on, one an access.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.trace.accesses().map(line).collect()
    }

    /// Direction, offset and size of each access: `W0/4`.
    pub(crate) fn beats(&self) -> Vec<String> {
        let beat = |a: &Access| format!("{}{:x}/{}", a.direction.letter(), a.offset, a.size);
        self.trace.accesses().map(beat).collect()
    }

    pub(crate) fn writes(&self) -> impl Iterator<Item = &Access> {
        self.trace.accesses().filter(|access| access.direction == Direction::Write)
    }

    pub(crate) fn syscalls(&self) -> Vec<(String, u64, u64)> {
        let triple = |syscall: &Syscall| (syscall.name.clone(), syscall.offset, syscall.length);
        self.trace
            .events
            .iter()
            .filter_map(|event| match event {
                busprobe_trace::Event::Syscall(syscall) => Some(triple(syscall)),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn losses(&self) -> Vec<(LossKind, &str)> {
        self.trace.losses().map(|loss| (loss.kind, loss.detail.as_str())).collect()
    }
}

fn line(access: &Access) -> String {
    let Access { direction, offset, size, data, .. } = access;
    match data {
        Some(data) => format!("{} {offset:#x} {size} {data:#}", direction.letter()),
        None => format!("{} {offset:#x} {size} ?", direction.letter()),
    }
}

/// A sink that takes so many records and no more.
pub(crate) struct Full(pub(crate) usize);

impl Sink for Full {
    fn put(&mut self, _: &Record) -> std::io::Result<()> {
        self.0 = self.0.checked_sub(1).ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(())
    }
}

/// The words of a file that the program has written.
pub(crate) fn words(path: &Path) -> Vec<u32> {
    let bytes = fs::read(path).expect("the watched file");
    bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect()
}
