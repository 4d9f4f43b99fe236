//! What accesses become on a given bus, and whether that is what was meant.
//!
//! A [`Bus`] lowers each access to [`Beat`]s; an [`Intent`] says what should have been there, given
//! by the user or [inferred](Intent::infer); a [`Verdict`] compares the two and says it in words.
//!
//! ```
//! use busprobe_trace::{Access, Direction, Event};
//! use busprobe_verdict::{AxiLite, Class, Intent, Verdict};
//!
//! // libc's copy of four words: the head and the tail of the block are the same 16 bytes.
//! let store = Event::Access(Access::new(Direction::Write, 0, 16));
//! let intent: Intent = "W 0x0 4x32".parse()?;
//! let verdict = Verdict::of(&[store.clone(), store], &AxiLite::BITS_32, &intent);
//! assert_eq!(verdict.classes(), [Class::Doubled]);
//! assert_eq!(verdict.to_string(), "8 writes for 4 words: every word written twice");
//! # Ok::<(), busprobe_verdict::IntentError>(())
//! ```

mod beat;
mod bus;
mod counts;
mod coverage;
mod diff;
pub mod explain;
mod intent;
mod judge;
mod operation;
pub mod remedy;
mod tally;
mod verdict;

pub use beat::Beat;
pub use bus::{
    AxiLite, Bus, BusError, Device, Impossible, Lowering, WriteCombining, bus_by_name, lower,
};
pub use diff::{Change, OperationDiff, diff};
pub use intent::{Intent, IntentError, Mode, Run};
pub use judge::Judge;
pub use operation::{By, ByError, Cutter, Head, Operation, What, operations};
pub use verdict::{Class, Verdict};
