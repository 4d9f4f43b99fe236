//! The commands that make accesses, over files and memory of their own.

#[cfg(target_arch = "x86_64")]
mod captured;
mod device;
mod devmem;
mod exact;
mod list;
mod output;
mod poll;
mod refused;
mod table;
