//! Which other machine to emulate.

use std::ffi::OsString;
use std::path::PathBuf;

use busprobe_capture::qemu::Capture;

/// Another machine than this one.
#[derive(clap::Args)]
#[command(next_help_heading = "Emulation of another machine")]
pub(crate) struct Emulation {
    /// The CPU, as QEMU names it; for AArch64 cortex-a57 when none is named
    #[arg(long, value_name = "NAME")]
    pub(crate) cpu: Option<String>,

    /// A folder like /usr/lib/debug with the names of stripped libraries' functions; what is
    /// installed there is found by itself
    #[arg(long, value_name = "PATH")]
    pub(crate) symbols: Option<PathBuf>,

    /// The root of a system of the program's kind; the program is looked up there
    #[arg(long, value_name = "FOLDER")]
    sysroot: Option<PathBuf>,

    /// The instruction set, as QEMU names it, when the program does not tell
    #[arg(long, value_name = "NAME")]
    arch: Option<String>,

    /// The emulator, when it is not qemu-ARCH in PATH
    #[arg(long, value_name = "PATH")]
    qemu: Option<PathBuf>,
}

impl Emulation {
    /// Whether another machine was meant.
    pub(crate) fn is_given(&self) -> bool {
        self.cpu.is_some() || self.symbols.is_some() || self.needs_qemu()
    }

    /// Whether a whole program was meant.
    pub(crate) fn needs_qemu(&self) -> bool {
        self.sysroot.is_some() || self.arch.is_some() || self.qemu.is_some()
    }

    /// A capture of that command under QEMU.
    pub(crate) fn capture<W: Into<OsString>>(
        &self,
        command: impl IntoIterator<Item = W>,
    ) -> Capture {
        let mut capture = Capture::new(command);
        if let Some(cpu) = &self.cpu {
            capture = capture.cpu(cpu);
        }
        if let Some(sysroot) = &self.sysroot {
            capture = capture.sysroot(sysroot);
        }
        if let Some(arch) = &self.arch {
            capture = capture.arch(arch);
        }
        if let Some(qemu) = &self.qemu {
            capture = capture.qemu(qemu);
        }
        if let Some(symbols) = &self.symbols {
            capture = capture.symbols(symbols);
        }
        capture
    }
}
