//! Programs of another machine, run under QEMU.

use std::ffi::OsString;
use std::path::PathBuf;

use busprobe_capture::qemu::Capture;

/// How to run a program of another machine.
#[derive(clap::Args)]
#[command(next_help_heading = "For a program of another machine, run under QEMU")]
pub(crate) struct QemuArgs {
    /// The CPU to emulate, as QEMU names it; for AArch64 cortex-a57 when none is named
    #[arg(long, value_name = "NAME")]
    cpu: Option<String>,

    /// The root of a system of the program's kind; the program is looked up there
    #[arg(long, value_name = "FOLDER")]
    sysroot: Option<PathBuf>,

    /// The instruction set, as QEMU names it, when the program does not tell
    #[arg(long, value_name = "NAME")]
    arch: Option<String>,

    /// The emulator, when it is not qemu-ARCH in PATH
    #[arg(long, value_name = "PATH")]
    qemu: Option<PathBuf>,

    /// A folder like /usr/lib/debug with the names of stripped libraries' functions
    #[arg(long, value_name = "FOLDER")]
    symbols: Option<PathBuf>,
}

impl QemuArgs {
    /// Whether QEMU was meant.
    pub(crate) fn is_given(&self) -> bool {
        let QemuArgs { cpu, sysroot, arch, qemu, symbols } = self;
        [cpu.is_some(), sysroot.is_some(), arch.is_some(), qemu.is_some(), symbols.is_some()]
            .contains(&true)
    }

    /// A capture of that command.
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
