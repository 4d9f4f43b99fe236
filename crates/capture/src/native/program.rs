//! The program's life under the tracer: launched or attached to, followed, let go.

pub(crate) mod arrive;
pub(crate) mod attach;
pub(crate) mod follow;
pub(crate) mod launch;
pub(crate) mod leave;
pub(crate) mod memory_map;
pub(crate) mod permission;
pub(crate) mod signals;
