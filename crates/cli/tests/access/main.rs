//! The commands that make accesses, over files and memory of their own.

mod devmem;
mod exact;
mod list;
mod output;
mod refused;
mod table;
