//! A plugin for QEMU's user-mode emulation that reports what an emulated program does to its
//! windows: each load and store with instruction, offset, size and data.
//!
//! QEMU loads it (`qemu-aarch64 -plugin libbusprobe_qemu.so,stream=…,watch=…`); busprobe's capture
//! starts QEMU so and reads the stream. Arguments and stream are those of
//! [`busprobe_qemu_stream`].
//!
//! ```text
//! install --> translate      every instruction that QEMU translates gets a callback
//!                 |
//!             memory         is the address in a window?  <-- layout <-- system calls that map
//!                 |
//!             output         one record, one write(2)
//! ```
//!
//! It finds a window by what is mapped: a system call that maps a watched file is recognised by
//! the file's device and inode, and the kernel's own list of mappings says what is mapped where.
//! That needs no table of system call numbers, so it works for every instruction set that QEMU
//! emulates.
//!
//! **Data.** From plugin interface 4 on (QEMU 9.2) QEMU hands over the data of each access. Before,
//! the plugin reads the emulated memory right after the access. That is no bus read: under
//! user-mode emulation the window is a file's pages in QEMU's own memory. When the watched file is
//! not a regular one, a device perhaps, it reads nothing and the data stays unknown. Another
//! thread that writes the same place at the same time can make what is read differ from what was
//! accessed.
//!
//! **Python.** When the emulated program is `CPython` 3.11 or later, each access names the line of
//! Python that its thread runs, read from the emulated memory (`busprobe-python-frames`). Earlier
//! ones tell their threads apart by a register that the plugin is not shown.
//!
//! The plugin is loaded into QEMU and is under QEMU's licence, GPL-2.0-or-later.

mod a64;
mod api;
mod file;
mod guest;
mod instruction;
mod layout;
mod maps;
mod mark;
mod memory;
mod output;
mod plugin;
mod python;
mod syscall;
mod translate;
mod vector;
