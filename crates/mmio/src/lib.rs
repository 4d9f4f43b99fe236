//! Exact access to device memory: N elements of a width are N loads or stores of that width, each
//! once, in order, each by one plain instruction.
//!
//! A [`Target`] says which range of what; a [`Window`] is that range mapped into the process; a
//! [`Run`] is what one call puts on the bus.
//!
//! ```
//! use busprobe_mmio::{Mode, Run, Target, Width, Window};
//!
//! let window = Window::open(&Target::parse("anon:4K")?)?;
//! window.write32(0x0, 1)?;
//! window.write_block(0x10, &[1_u32, 2, 3, 4], Mode::Incr)?;
//! window.write_block(0x40, b"to a FIFO", Mode::Fixed)?;
//! window.fill(Run::incr(0x80, Width::W64, 16), 0)?;
//! assert_eq!(window.read32(0x1c)?, 4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod asm;
mod check;
mod element;
mod error;
mod fault;
mod field;
mod iomem;
mod lock;
mod mapping;
mod memory;
mod open;
mod poll;
mod quantity;
pub mod raw;
mod refusal;
mod region;
mod run;
pub mod sim;
mod split;
mod target;
mod transfer;
mod update;
mod window;

pub use element::{ByteOrder, Direction, Element, Width};
pub use error::{AccessError, Fault, Misalignment, OpenError, Signal, TargetError};
pub use field::Field;
pub use iomem::Resource;
pub use lock::{Lock, LockError};
pub use open::OpenOptions;
pub use poll::{Poll, PollError, Polled};
pub use quantity::parse_quantity;
pub use refusal::Action;
pub use region::{Region, System};
pub use run::{Mode, Run};
pub use target::Target;
pub use window::Window;

pub(crate) use mapping::page_size;
