//! A program run under QEMU, from the command to its outcome.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufReader, ErrorKind, PipeReader, PipeWriter};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use busprobe_qemu_stream::{Arguments, FileRange, Reader, Record as Told, Start};
use busprobe_trace::{Header, Level, LossKind, Record, Sink};
use nix::time::{ClockId, clock_gettime};

use super::emulator::Emulator;
use super::error::Error;
use super::image::machine;
use super::program::Program;
use super::recorder::Recorder;
use super::sites::Sites;
use super::{plugin, syscalls};
use crate::terminal::TerminalSignals;
use crate::{Outcome, Watch};

/// What QEMU emulates when asked for nothing: `max` for AArch64, whose libc then copies memory
/// with SVE, of which QEMU 7.2 tells plugins nothing and which few devices meet.
const DEFAULT_AARCH64_CPU: &str = "cortex-a57";

/// QEMU's CPUs with SVE.
const CPUS_WITH_SVE: [&str; 5] = ["max", "a64fx", "neoverse-v1", "neoverse-n2", "neoverse-v2"];

/// A program to run under QEMU, and the windows to watch meanwhile.
#[derive(Default)]
pub struct Capture {
    words: Vec<OsString>,
    watches: Vec<Watch>,
    environment: Vec<(OsString, OsString)>,
    output: Option<OwnedFd>,
    arch: Option<String>,
    cpu: Option<String>,
    sysroot: Option<PathBuf>,
    qemu: Option<PathBuf>,
    symbols: Vec<PathBuf>,
}

impl Capture {
    /// A capture of a command: a program and its arguments. A program with a slash in its name is
    /// a path, of this machine or else of the sysroot; one without is looked up in the sysroot.
    pub fn new<W: Into<OsString>>(command: impl IntoIterator<Item = W>) -> Capture {
        Capture { words: command.into_iter().map(Into::into).collect(), ..Capture::default() }
    }

    /// Watches one window more. Windows get ids from 0 in this order.
    #[must_use]
    pub fn watch(mut self, watch: Watch) -> Capture {
        self.watches.push(watch);
        self
    }

    /// Changes an environment variable for the program.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Capture {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Sends the program's standard output elsewhere.
    #[must_use]
    pub fn stdout(mut self, output: impl Into<OwnedFd>) -> Capture {
        self.output = Some(output.into());
        self
    }

    /// The instruction set, as QEMU names it (`aarch64`, `arm`, `riscv64`, ...); without this, the
    /// program's.
    #[must_use]
    pub fn arch(mut self, arch: impl Into<String>) -> Capture {
        self.arch = Some(arch.into());
        self
    }

    /// The CPU, as QEMU names it; without this, `cortex-a57` for AArch64 and QEMU's choice else.
    #[must_use]
    pub fn cpu(mut self, cpu: impl Into<String>) -> Capture {
        self.cpu = Some(cpu.into());
        self
    }

    /// The root of a system of the program's kind, with its libraries and programs.
    #[must_use]
    pub fn sysroot(mut self, sysroot: impl Into<PathBuf>) -> Capture {
        self.sysroot = Some(sysroot.into());
        self
    }

    /// The emulator; without this, `qemu-ARCH` in `PATH`.
    #[must_use]
    pub fn qemu(mut self, qemu: impl Into<PathBuf>) -> Capture {
        self.qemu = Some(qemu.into());
        self
    }

    /// A folder with debug files by build id, `.build-id/12/3456.debug`: a stripped library's
    /// functions have names only there. The sysroot's own `usr/lib/debug` is known.
    #[must_use]
    pub fn symbols(mut self, folder: impl Into<PathBuf>) -> Capture {
        self.symbols.push(folder.into());
        self
    }

    /// Runs the program, and all processes that it forks, to their end and puts the trace into
    /// `sink` as it happens.
    ///
    /// # Errors
    /// When the program, QEMU or a watch cannot be started, see [`Error`]. A sink that fails is no
    /// error here but in the [`Outcome`].
    pub fn run(self, sink: &mut dyn Sink) -> Result<Outcome, Error> {
        let command = self.words.first().ok_or(Error::NoCommand)?;
        let program = Program::find(command, self.sysroot.as_deref(), self.arch.as_deref())?;
        let emulator = Emulator::find(self.qemu.as_deref(), &program.arch)?;
        let cpu = self.cpu.clone().or_else(|| default_cpu(&program.arch));
        if let Some(cpu) = &cpu {
            emulator.check_cpu(cpu)?;
        }
        let plugin = plugin::find()?;
        let watches = self.watches.iter().map(range).collect::<Result<Vec<_>, _>>()?;
        let (stream, end) =
            std::io::pipe().map_err(|error| Error::system("making a pipe", error))?;
        let arguments = Arguments {
            stream: format!("/proc/{}/fd/{}", std::process::id(), end.as_raw_fd()),
            watches,
            exec: syscalls::exec_numbers(&program.arch),
            vector: if program.little_endian {
                syscalls::vector_numbers(&program.arch)
            } else {
                Vec::new()
            },
            word: program.word,
        };

        let mut header =
            Header::new(Level::Instruction, busprobe_trace::Capture::Qemu, machine(&program.arch));
        header.cpu.clone_from(&cpu);
        header.command =
            self.words.iter().map(|word| word.to_string_lossy().into_owned()).collect();

        let mut qemu = Command::new(&emulator.path);
        qemu.arg("-plugin").arg(plugin_option(&plugin, &arguments));
        if let Some(cpu) = &cpu {
            qemu.args(["-cpu", cpu]);
        }
        if let Some(sysroot) = &self.sysroot {
            qemu.arg("-L").arg(sysroot);
        }
        qemu.arg(&program.path).args(&self.words[1..]).envs(self.environment);
        if let Some(output) = self.output {
            qemu.stdout(Stdio::from(output));
        }
        let start_ns = now();
        let child = qemu
            .spawn()
            .map_err(|source| Error::EmulatorNotRun { path: emulator.path.clone(), source })?;
        // Only now: a program inherits what is ignored.
        let _ignored = TerminalSignals::leave_to_program();
        let in_sysroot = self.sysroot.iter().map(|sysroot| sysroot.join("usr/lib/debug"));
        let sites = Sites::new(self.symbols.into_iter().chain(in_sysroot).collect());
        let mut recorder = Recorder::new(sink, &self.watches, &program.arch, sites, start_ns);
        let mut begun = false;
        let followed = follow(child, stream, end, |told| {
            if let Told::Start(Start { format, .. }) = told
                && format != Start::FORMAT
            {
                return Err(Error::OtherFormat { found: format });
            }
            if let Told::Start(start) = &told {
                recorder.put(&Record::Trace(header.clone()));
                for (id, watch) in (0..).zip(&self.watches) {
                    recorder.put(&Record::Window(watch.window(id)));
                }
                begun = true;
                if let Some(cpu) = cpu.as_deref().filter(|cpu| hides_accesses(cpu, start)) {
                    let detail = format!(
                        "CPU {cpu} has SVE, of whose loads and stores this QEMU does not tell: \
                         choose one without, as {DEFAULT_AARCH64_CPU}"
                    );
                    recorder.loss(LossKind::Missed, detail, None);
                }
            }
            recorder.take(told);
            Ok(())
        })?;
        if !begun {
            return Err(Error::NotBegun { path: emulator.path, status: followed.status });
        }
        if let Some(detail) = followed.damage {
            recorder.loss(LossKind::Missed, detail, None);
        }
        Ok(recorder.finish(followed.status))
    }
}

fn default_cpu(arch: &str) -> Option<String> {
    (arch == "aarch64").then(|| DEFAULT_AARCH64_CPU.to_owned())
}

/// Whether QEMU keeps accesses of that CPU from the plugin.
fn hides_accesses(cpu: &str, start: &Start) -> bool {
    let model = cpu.split(',').next().unwrap_or(cpu);
    start.target == "aarch64" && !start.values && CPUS_WITH_SVE.contains(&model)
}

/// How a run ended.
struct Followed {
    status: i32,
    /// What was wrong with the stream, if anything was.
    damage: Option<String>,
}

/// Reads the stream to its end: until QEMU and every process that it forked is gone.
///
/// `end` is this process's own hold on the pipe, by which QEMU finds it; it is let go once QEMU is
/// gone, so that the pipe ends with its last user.
fn follow(
    mut child: Child,
    stream: PipeReader,
    end: PipeWriter,
    mut take: impl FnMut(Told) -> Result<(), Error>,
) -> Result<Followed, Error> {
    let gone = thread::spawn(move || {
        let status = child.wait();
        drop(end);
        status
    });
    let mut damage = None;
    let mut reader = Reader::new(BufReader::with_capacity(1 << 16, stream));
    let taken = loop {
        match reader.next_record() {
            Ok(Some(told)) => {
                if let Err(error) = take(told) {
                    break Err(error);
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => {
                let what = match error.kind() {
                    ErrorKind::UnexpectedEof => "it ends within a record".to_owned(),
                    _ => error.to_string(),
                };
                damage =
                    Some(format!("the plugin's stream was damaged ({what}); the rest is lost"));
                break Ok(());
            }
        }
    };
    // Nobody reads on: a QEMU that still writes is ended by SIGPIPE.
    drop(reader);
    let status = gone.join().expect("waiting does not panic");
    taken?;
    let status = status.map_err(|error| Error::system("waiting for QEMU", error))?;
    Ok(Followed { status: as_shells_have_it(status), damage })
}

/// The exit status, or 128 and the signal.
fn as_shells_have_it(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

/// `FILE,ARGUMENTS`, where a comma in the file's name is doubled.
fn plugin_option(plugin: &Path, arguments: &Arguments) -> OsString {
    let path = plugin.as_os_str().to_string_lossy().replace(',', ",,");
    let mut option = OsString::from(path);
    option.push(OsStr::new(","));
    option.push(arguments.to_string());
    option
}

fn range(watch: &Watch) -> Result<FileRange, Error> {
    let metadata = fs::metadata(&watch.path)
        .map_err(|source| Error::NotWatchable { path: watch.path.clone(), source })?;
    let (device, inode) = (metadata.dev(), metadata.ino());
    Ok(FileRange { device, inode, offset: watch.offset, length: watch.length })
}

/// Nanoseconds of the clock that the plugin reads.
fn now() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map_or(0, |time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}
