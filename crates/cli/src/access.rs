//! The commands that put accesses on a bus: exactly those that are meant, and no others.
//!
//! Each is told a [`place`] or a file ([`form`]), makes [`operation`]s of it, and hands them to a
//! [`session`], which prints them (a dry run) or checks them all, makes them and writes them down.

mod block;
mod form;
mod log;
mod manner;
mod operation;
mod place;
mod session;
mod store;

pub(crate) mod compare;
pub(crate) mod devmem;
pub(crate) mod dump;
pub(crate) mod fill;
pub(crate) mod list;
pub(crate) mod load;
pub(crate) mod poll;
pub(crate) mod read;
pub(crate) mod write;
