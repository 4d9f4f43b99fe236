//! Why a program could not be run under QEMU.

use std::io;
use std::path::PathBuf;

use busprobe_qemu_stream::Start;
use thiserror::Error;

/// Why a program could not be run under QEMU. It did not run.
#[derive(Debug, Error)]
pub enum Error {
    /// No command was given.
    #[error("no command to run: give one after `--`")]
    NoCommand,
    /// The folder with the program's libraries is not there.
    #[error(
        "{}: no such folder; --sysroot names the root of a system of the program's kind, with its \
         libraries and programs", path.display()
    )]
    NoSysroot {
        /// Which folder.
        path: PathBuf,
    },
    /// Nothing of that name is in the sysroot.
    #[error("{command}: not found in {}", sysroot.display())]
    NotInSysroot {
        /// What was looked for.
        command: String,
        /// Where.
        sysroot: PathBuf,
    },
    /// A name without a folder, and no sysroot to find it in.
    #[error(
        "{command}: this machine's own programs are not for QEMU; give the program's path, or \
         --sysroot to find it in"
    )]
    NoPath {
        /// What was looked for.
        command: String,
    },
    /// The program cannot be read.
    #[error("cannot run {}: {source}", path.display())]
    NotRun {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The program is a script, or nothing that runs.
    #[error(
        "{}: not a program that QEMU runs (no ELF file); for a script, give its interpreter first",
        path.display()
    )]
    NotElf {
        /// Which file.
        path: PathBuf,
    },
    /// The program is for another instruction set than was asked for.
    #[error("{}: a program for {is}, not for {wanted}: give --arch {is}, or none", path.display())]
    OtherArch {
        /// Which file.
        path: PathBuf,
        /// What it is for, as QEMU names it.
        is: String,
        /// What was asked for.
        wanted: String,
    },
    /// The program is for an instruction set that has no name here.
    #[error("{}: a program for an unknown instruction set; name QEMU's with --arch", path.display())]
    UnknownArch {
        /// Which file.
        path: PathBuf,
    },
    /// The program's dynamic linker is missing.
    #[error(
        "{}: needs {interpreter}, which {}: --sysroot names the root of a system that has it",
        program.display(),
        match sysroot {
            Some(sysroot) => format!("is not in {}", sysroot.display()),
            None => "this machine does not have".to_owned(),
        }
    )]
    NoInterpreter {
        /// Which program.
        program: PathBuf,
        /// What it names as its dynamic linker.
        interpreter: String,
        /// Where it was looked for.
        sysroot: Option<PathBuf>,
    },
    /// No emulator.
    #[error(
        "{name} is not in PATH: `apt-get install qemu-user` (Debian 12 or Ubuntu), or name one \
         with --qemu"
    )]
    NoEmulator {
        /// What was looked for.
        name: String,
    },
    /// The emulator does not start.
    #[error("cannot run {}: {source}", path.display())]
    EmulatorNotRun {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The emulator was built without plugins.
    #[error(
        "{}: this QEMU takes no plugins, as those linked statically cannot (qemu-user-static, and \
         qemu-user from Debian 13 on); name another with --qemu: Debian 12's qemu-user, or one \
         configured with --enable-plugins", path.display()
    )]
    NoPlugins {
        /// Which emulator.
        path: PathBuf,
    },
    /// The emulator has no such CPU.
    #[error("{cpu}: not a CPU of {}; it has {}", path.display(), known.join(", "))]
    UnknownCpu {
        /// What was asked for.
        cpu: String,
        /// Which emulator.
        path: PathBuf,
        /// What it has.
        known: Vec<String>,
    },
    /// busprobe's own plugin is missing.
    #[error(
        "libbusprobe_qemu.so is not beside this program: build it with `cargo build --release -p \
         busprobe-qemu`, or name it in BUSPROBE_QEMU_PLUGIN"
    )]
    NoPlugin,
    /// The plugin is not the one that this busprobe was built with.
    #[error(
        "the plugin in QEMU speaks version {found} of the stream's format, and this busprobe {}: \
         build both from one source",
        Start::FORMAT
    )]
    OtherFormat {
        /// What the plugin speaks.
        found: u32,
    },
    /// The emulator ended before the program began.
    #[error("{} ended with status {status} before the program began; what it said is above",
        path.display())]
    NotBegun {
        /// Which emulator.
        path: PathBuf,
        /// Its exit status.
        status: i32,
    },
    /// The file to watch is not there.
    #[error("cannot watch {}: {source}", path.display())]
    NotWatchable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Starting or following the emulator failed otherwise.
    #[error("{action} failed: {source}")]
    System {
        /// What was being done.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn system(action: &'static str, source: impl Into<io::Error>) -> Error {
        Error::System { action, source: source.into() }
    }
}
