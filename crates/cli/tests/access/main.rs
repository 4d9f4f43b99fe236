//! The commands that make accesses, over files and memory of their own.

mod exact;
mod output;
mod refused;
mod table;
