//! Which part of what a capture sees goes into the trace.
//!
//! ```text
//! accesses --> started? --> in the filter? --> stopped, or at the limit? --> the trace
//!                 |               |
//!                 +--- counted ---+-----> losses at the end
//! ```
//! What is left out still happens, and the trace says how much that was.

mod filter;
mod selected;
mod trigger;

pub use filter::Filter;
pub use selected::Selected;
pub use trigger::Trigger;

/// What of a capture is wanted in the trace; all of it by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Which accesses.
    pub filter: Filter,
    /// Nothing before this is recorded; itself it is.
    pub start: Option<Trigger>,
    /// Nothing after this is recorded; itself it is.
    pub stop: Option<Trigger>,
    /// The trace ends with so many accesses.
    pub limit: Option<u64>,
    /// All that in words, for the trace's header.
    pub words: Option<String>,
}
