//! Programs for other machines, run under QEMU's user-mode emulation with busprobe's plugin.

mod parts;
mod python;
mod run;
mod small_programs;
mod trouble;
