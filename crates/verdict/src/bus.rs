//! Buses, and how accesses are put on them.

mod device;
mod impossible;
mod name;
mod words;
mod write_combining;

use busprobe_trace::Access;

use crate::Beat;

pub use device::Device;
pub use impossible::Impossible;
pub use name::{BusError, bus_by_name};
pub use words::AxiLite;
pub use write_combining::WriteCombining;

/// A model of a bus: what transactions accesses become.
pub trait Bus: Send + Sync {
    /// As `--bus` names it.
    fn name(&self) -> &str;

    /// Bytes that one transaction carries at the most.
    fn width(&self) -> u32;

    /// Begins with an idle bus.
    fn begin(&self) -> Box<dyn Lowering>;

    /// Whether `log` can be what `accesses`, in one window, became on this bus.
    ///
    /// Data counts where both know it. A bus that allows more than one outcome asks whether `log`
    /// is one of them; all others have one.
    ///
    /// # Errors
    /// What makes it impossible.
    fn could(&self, accesses: &[Access], log: &[Beat]) -> Result<(), Impossible> {
        impossible::same(&lower(self, accesses), log)
    }
}

/// Accesses of one window on their way to the bus, in program order.
///
/// What a bus holds back, to combine it with what follows, comes out later; a bus that allows
/// more than one outcome gives its typical one.
pub trait Lowering: Send {
    /// Puts what `access` brings out on the bus into `beats`, in bus order.
    fn push(&mut self, access: &Access, beats: &mut Vec<Beat>);

    /// Puts what was held back into `beats`.
    fn finish(&mut self, _beats: &mut Vec<Beat>) {}
}

/// What `accesses`, in one window, become on `bus`.
pub fn lower<'a, B: Bus + ?Sized>(
    bus: &B,
    accesses: impl IntoIterator<Item = &'a Access>,
) -> Vec<Beat> {
    let mut beats = Vec::new();
    let mut lowering = bus.begin();
    accesses.into_iter().for_each(|access| lowering.push(access, &mut beats));
    lowering.finish(&mut beats);
    beats
}
