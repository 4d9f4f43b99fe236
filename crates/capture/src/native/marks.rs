//! Marks: those that the program puts itself, and those at functions that were asked for.

pub(crate) mod breakpoint;
pub(crate) mod functions;
pub(crate) mod mark;
pub(crate) mod mark_on;
