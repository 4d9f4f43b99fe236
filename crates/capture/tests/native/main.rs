//! Native capture on real programs: C compiled here, and this machine's Python.

mod instructions;
mod processes;
mod program;
mod python;
mod syscalls;
mod trouble;
