//! How a process steps itself.

mod fork;
mod futex;
mod guard;
mod handler;
mod known;
mod log;
mod mapping;
mod plan;
mod planner;
mod python;
mod records;
mod retry;
mod shared;
mod signals;
mod span;
mod step;
mod string;
mod stub;
mod watching;

pub use watching::{Watching, mark};
