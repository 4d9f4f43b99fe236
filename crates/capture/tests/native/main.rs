//! Native capture on real programs: C compiled here, and this machine's Python.

mod attach;
mod instructions;
mod mappings;
mod marked_functions;
mod marks;
mod processes;
mod program;
mod python;
mod python_lines;
mod random;
mod signals;
mod sites;
mod stops;
mod stress;
mod strings;
mod syscalls;
mod trouble;
