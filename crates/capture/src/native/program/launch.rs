//! Starting a program under trace.

use std::ffi::{CString, OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::ptr;

use nix::errno::Errno;

use super::permission;
use crate::native::error::Error;
use crate::native::ptrace::{self, Tid};
use crate::native::syscalls::filter;

/// What to run.
pub(crate) struct Program {
    pub(crate) words: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) output: Option<OwnedFd>,
}

/// A process that is about to become the program.
pub(crate) struct Started {
    pub(crate) process: Tid,
    pub(crate) path: PathBuf,
    /// What stopped it from becoming the program comes through here.
    failure: PipeReader,
}

const OPTIONS: libc::c_int = libc::PTRACE_O_TRACESYSGOOD
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACEVFORKDONE
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACESECCOMP
    | libc::PTRACE_O_EXITKILL;

/// In which of its steps the new process failed.
#[derive(Clone, Copy)]
enum Stage {
    Filter = 0,
    Exec = 1,
}

/// Forks a process that becomes the program once it is traced; stopped also when it maps code, if
/// that is asked for.
pub(crate) fn start(program: &Program, stops_at_code: bool) -> Result<Started, Error> {
    let path = find(program)?;
    inspect(&path)?;
    let image = Image::new(&path, program, stops_at_code)?;
    // After the fork nothing may be allocated: another thread may hold the allocator's lock.
    let (arguments, environment) = (pointers(&image.arguments), pointers(&image.environment));
    let pipe = || io::pipe().map_err(|error| Error::system("making a pipe", error));
    let (go, mut let_go) = pipe()?;
    let (failure, fail) = pipe()?;

    // SAFETY: the child calls nothing but system calls until it execs or exits.
    let process = unsafe { libc::fork() };
    if process == 0 {
        let pipes = [go.as_raw_fd(), let_go.as_raw_fd(), fail.as_raw_fd()];
        image.become_program(&arguments, &environment, pipes);
    }
    let process = Errno::result(process).map_err(|errno| Error::system("fork", errno))?;
    if let Err(errno) = ptrace::seize(process, OPTIONS) {
        ptrace::kill(process);
        let _ = ptrace::wait(Some(process));
        return Err(match errno {
            Errno::EPERM => Error::NotPermitted { remedy: permission::to_launch() },
            errno => Error::system("ptrace", errno),
        });
    }
    // A child that is gone already says why through `failure`.
    let _ = let_go.write_all(&[1]);
    Ok(Started { process, path, failure })
}

impl Started {
    /// Why the process ended before it was the program.
    pub(crate) fn why_not(&mut self) -> Option<Error> {
        let mut message = [0; 5];
        self.failure.read_exact(&mut message).ok()?;
        let [stage, number @ ..] = message;
        let source = io::Error::from_raw_os_error(i32::from_ne_bytes(number));
        Some(if stage == Stage::Filter as u8 {
            Error::NoFilter { source }
        } else {
            Error::NotRun { path: self.path.clone(), source }
        })
    }
}

/// What execve(2) takes for `texts`; good for as long as they are.
fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
}

/// Everything that the child needs.
struct Image {
    path: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    output: Option<RawFd>,
    filter: Vec<libc::sock_filter>,
}

impl Image {
    fn new(path: &Path, program: &Program, stops_at_code: bool) -> Result<Image, Error> {
        let text = |bytes: &[u8]| {
            CString::new(bytes).map_err(|_| Error::Nul(String::from_utf8_lossy(bytes).into_owned()))
        };
        let mut environment: Vec<(OsString, OsString)> = std::env::vars_os()
            .filter(|(name, _)| !program.environment.iter().any(|(changed, _)| changed == name))
            .collect();
        environment.extend(program.environment.iter().cloned());
        let environment = environment
            .iter()
            .map(|(name, value)| text(&[name.as_bytes(), b"=", value.as_bytes()].concat()))
            .collect::<Result<_, _>>()?;
        let arguments =
            program.words.iter().map(|word| text(word.as_bytes())).collect::<Result<_, _>>()?;
        Ok(Image {
            path: text(path.as_os_str().as_bytes())?,
            arguments,
            environment,
            output: program.output.as_ref().map(AsRawFd::as_raw_fd),
            filter: filter::program(stops_at_code),
        })
    }

    /// What the child does.
    fn become_program(
        &self,
        arguments: &[*const libc::c_char],
        environment: &[*const libc::c_char],
        [go, let_go, fail]: [RawFd; 3],
    ) -> ! {
        // SAFETY: system calls on memory that lives until this process becomes another program or
        // exits; the pointer arrays end with a null.
        unsafe {
            libc::close(let_go);
            if libc::read(go, [0_u8].as_mut_ptr().cast(), 1) != 1 {
                libc::_exit(127);
            }
            if let Some(output) = self.output {
                libc::dup2(output, libc::STDOUT_FILENO);
            }
            // Rust ignores it; programs expect not to.
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
            let stage = if filter::install(&self.filter) {
                libc::execve(self.path.as_ptr(), arguments.as_ptr(), environment.as_ptr());
                Stage::Exec
            } else {
                Stage::Filter
            };
            let mut message = [stage as u8, 0, 0, 0, 0];
            message[1..].copy_from_slice(&Errno::last_raw().to_ne_bytes());
            libc::write(fail, message.as_ptr().cast(), message.len());
            libc::_exit(127)
        }
    }
}

/// Looks a command up as a shell does.
fn find(program: &Program) -> Result<PathBuf, Error> {
    let name = program.words.first().ok_or(Error::NoCommand)?;
    if name.as_bytes().contains(&b'/') {
        return Ok(name.into());
    }
    let changed = program.environment.iter().rev().find(|(name, _)| name == "PATH");
    let path = changed.map(|(_, value)| value.clone()).or_else(|| std::env::var_os("PATH"));
    let path = path.unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|candidate| is_executable(candidate))
        .ok_or_else(|| Error::NotFound(display(name)))
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Refuses what could not be traced rightly.
fn inspect(path: &Path) -> Result<(), Error> {
    const SETUID: u32 = 0o4000;
    const SETGID: u32 = 0o2000;
    let not_run = |source| Error::NotRun { path: path.into(), source };
    let metadata = fs::metadata(path).map_err(not_run)?;
    // SAFETY: both always succeed and touch no memory.
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    let gains = metadata.mode() & SETUID != 0 && metadata.uid() != user
        || metadata.mode() & SETGID != 0 && metadata.gid() != group;
    if user != 0 && gains {
        return Err(Error::Privileged { path: path.into() });
    }
    if is_32_bit(path) {
        return Err(Error::Not64Bit { path: path.into() });
    }
    Ok(())
}

/// Whether a program's file says so; one that may not be read, exec is the judge of.
pub(crate) fn is_32_bit(path: &Path) -> bool {
    const ELF_CLASS_32: &[u8] = b"\x7fELF\x01";
    let mut start = [0; 5];
    let read = File::open(path).and_then(|mut file| file.read(&mut start)).unwrap_or(0);
    &start[..read] == ELF_CLASS_32
}

fn display(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}
