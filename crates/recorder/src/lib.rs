//! Drives the AXI4-Lite recorder core: a tap beside a link in an FPGA that records every read and
//! write the link carries (`hdl/axil_recorder.sv`, `docs/recorder.md`).
//!
//! ```no_run
//! use busprobe_mmio::{Target, Window};
//! use busprobe_recorder::{Directions, Recorder};
//! use busprobe_trace::{Capture, Header, Level, Trace};
//!
//! let window = Window::open(&Target::parse("mem:0x43c10000+4K")?)?;
//! let mut recorder = Recorder::new(&window)?;
//! recorder.clear()?;
//! recorder.arm(0x43c0_0000..=0x43c0_0fff, Directions::default())?;
//! // ... use the device ...
//! recorder.disarm()?;
//! let mut trace = Trace::new(Header::new(Level::Bus, Capture::Recorder, "aarch64"));
//! recorder.drain(&mut recorder.begin("recorder", &mut trace)?)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod record;
mod recorder;
mod register;

pub use error::RecorderError;
pub use recorder::{Directions, Recorder, Status};
pub use register::Register;
