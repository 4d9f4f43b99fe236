//! Running something and looking at its trace.

use std::path::PathBuf;

use busprobe_capture::qemu::Capture;
use busprobe_capture::{Outcome, Watch};
use busprobe_trace::{Access, Header, Level, Site, Trace};
use tempfile::TempDir;

use crate::parts;

/// A file of 16 KiB to watch.
pub(crate) struct Window {
    folder: TempDir,
}

impl Window {
    pub(crate) fn new() -> Window {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("window"), vec![0; 16 << 10]).unwrap();
        Window { folder }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("window")
    }

    pub(crate) fn watch(&self) -> Watch {
        Watch::file(self.path(), 0..16 << 10)
    }
}

/// An outcome and the trace that led to it.
pub(crate) fn run(capture: Capture) -> (Outcome, Trace) {
    let header = Header::new(Level::Bus, busprobe_trace::Capture::Sim, "not said yet");
    let mut trace = Trace::new(header);
    let outcome = capture.run(&mut trace).unwrap_or_else(|error| panic!("{error}"));
    assert!(outcome.sink_error.is_none());
    assert_eq!(outcome.accesses, trace.accesses().count() as u64);
    assert_eq!(outcome.losses, trace.losses().count() as u64);
    (outcome, trace)
}

/// Runs a script with Python for AArch64; `WINDOW` in it is the window's path.
pub(crate) fn python(script: &str) -> Option<(Outcome, Trace)> {
    let window = Window::new();
    python_on(&window, script)
}

/// As [`python`], on a window of the caller's.
pub(crate) fn python_on(window: &Window, script: &str) -> Option<(Outcome, Trace)> {
    Some(run(python_capture(window, script)?))
}

/// A capture of such a run, still to be run.
pub(crate) fn python_capture(window: &Window, script: &str) -> Option<Capture> {
    let (qemu, sysroot) = (parts::qemu("aarch64")?, parts::sysroot()?);
    let script = script.replace("WINDOW", &format!("'{}'", window.path().display()));
    let command = ["python3", "-E", "-S", "-c", &script];
    Some(Capture::new(command).qemu(qemu).sysroot(sysroot).watch(window.watch()))
}

/// `W 0x0 4 0x3020100`, for all accesses.
pub(crate) fn accesses(trace: &Trace) -> Vec<String> {
    trace.accesses().map(line).collect()
}

fn line(access: &Access) -> String {
    let Access { direction, offset, size, data, .. } = access;
    let data = data.map_or_else(|| "?".to_owned(), |data| format!("{data:#}"));
    format!("{} {offset:#x} {size} {data}", direction.letter())
}

/// The site of an access.
pub(crate) fn site<'a>(trace: &'a Trace, access: &Access) -> &'a Site {
    trace.site(access.site.unwrap()).unwrap()
}
