//! From a bare bus log, without program or PC, back to what put it there.
//!
//! A copy routine leaves its hand in the order and the number of its beats: which bytes it stores
//! twice, which it stores first. [`diagnose`] compares each operation of a log with the
//! [routines](Routine) that are known, asks which other causes fit and which are impossible, and
//! says what to write instead. [`fit_counts`] does it for a table of counts alone.
//!
//! ```
//! use busprobe_diagnose::{CauseKind, diagnose};
//! use busprobe_trace::{Access, Capture, Direction, Event, Header, Level, Trace};
//!
//! // Four words, each twice.
//! let mut log = Trace::new(Header::new(Level::Bus, Capture::Import, "unknown"));
//! let offsets = [0, 4, 8, 12, 0, 4, 8, 12];
//! log.events.extend(offsets.map(|at| Event::Access(Access::new(Direction::Write, at, 4))));
//!
//! let found = &diagnose(&log).blocks[0];
//! assert!(found.copies.iter().any(|fit| fit.routine.name == "glibc-generic"));
//! assert_eq!(found.fits(CauseKind::WriteCombining), Some(false));
//! assert_eq!(found.remedy.as_deref(), Some("busprobe.view(mm, \"I\")[0:4] = data"));
//! ```

mod block;
mod builds;
mod cause;
mod counts;
mod diagnosis;
mod fit;
mod routine;
mod segment;

pub use builds::{Build, builds};
pub use cause::{Cause, CauseKind};
pub use counts::{CountsError, CountsFit, Row, fit_counts, read_counts};
pub use diagnosis::{Diagnosis, Finding, Judged, diagnose};
pub use fit::{Fit, Splitting};
pub use routine::{Call, Routine, Store};
