//! Where the program's windows are, and that they stay watched.

pub(crate) mod maps;
pub(crate) mod memory;
pub(crate) mod space;
pub(crate) mod watch;
