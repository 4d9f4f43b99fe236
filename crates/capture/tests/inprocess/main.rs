//! In-process capture, of this very process. The tests run at the same time, each with windows of
//! its own, so they also hold traces of several threads apart.
#![cfg(target_arch = "x86_64")]

mod faults;
mod instructions;
mod memory;
mod python_lines;
mod stress;
mod threads;
mod windows;
