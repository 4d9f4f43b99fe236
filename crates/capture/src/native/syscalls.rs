//! System calls: which ones stop the program, what they do with windows, and calls in its name.

pub(crate) mod buffers;
pub(crate) mod calls;
pub(crate) mod filter;
pub(crate) mod inject;
