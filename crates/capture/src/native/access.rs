//! One access: how the program's own instruction gets to run, and what it carried.
//!
//! A fault at a window ([`fault`]) has the instruction performed once ([`perform`]): as a step on the
//! alias ([`step`]), as a copy ([`detour`]), with help where no register keeps what it carried
//! ([`probe`]), as a whole where it repeats itself ([`string`]), or with the other threads stopped
//! ([`world`]). What it did goes to the trace ([`observe`]).

#[cfg(target_arch = "x86_64")]
pub(crate) mod detour;
#[cfg(target_arch = "aarch64")]
pub(crate) mod exclusive;
pub(crate) mod fault;
pub(crate) mod observe;
pub(crate) mod perform;
#[cfg(target_arch = "x86_64")]
pub(crate) mod probe;
pub(crate) mod step;
pub(crate) mod string;
pub(crate) mod touch;
pub(crate) mod world;
