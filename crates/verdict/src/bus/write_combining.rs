//! Memory types that combine writes before they go out.

mod buffers;
mod outcomes;

use std::borrow::Cow;

use busprobe_trace::Access;

use super::name::{BusError, Parameters};
use super::{Bus, Impossible, Lowering};
use crate::Beat;

/// Stores that meet in a buffer before they go out, each as large as a line.
///
/// A store overwrites the bytes that it touches in its line's buffer. A full line goes out as one
/// burst; a buffer that goes out earlier, which it may do at any time, sends one transaction for
/// each aligned chunk that holds bytes, in no defined order. So a byte comes at most as often as
/// it was stored, and bytes that were stored one after the other may come in any order.
///
/// The typical outcome keeps a buffer as long as it can: until the line is full, until another
/// line needs the buffer that was begun first, until a load, or until the end. It sends the chunks
/// in ascending order. Bytes of a chunk that do not lie next to each other are a beat for each run
/// of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteCombining {
    name: Cow<'static, str>,
    shape: Shape,
}

/// Sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    line: u32,
    chunk: u32,
    buffers: u32,
    /// Of a beat on the bus behind the buffers.
    width: u32,
}

impl WriteCombining {
    /// x86's memory type WC (Intel SDM vol. 3A, 12.3.1): lines of 64 bytes, chunks of 8; ten
    /// buffers, as the line fill buffers of the cores from Nehalem to Broadwell (Optimization
    /// Reference Manual).
    pub const X86: WriteCombining =
        WriteCombining::named("wc-x86", Shape { line: 64, chunk: 8, buffers: 10, width: 64 });

    /// Arm's memory type Normal, non-cacheable (Arm ARM, "Memory types and attributes": writes may
    /// be merged and reordered): chunks of 16 bytes, which is the widest data bus of the common
    /// cores, joined within 64. The number of buffers is each core's own; four is an assumption.
    pub const ARM: WriteCombining = WriteCombining::named(
        "normal-nc-arm",
        Shape { line: 64, chunk: 16, buffers: 4, width: 64 },
    );

    const fn named(name: &'static str, shape: Shape) -> Self {
        WriteCombining { name: Cow::Borrowed(name), shape }
    }

    /// The same with what the parameters say.
    pub(super) fn with(&self, parameters: &mut Parameters) -> Result<Self, BusError> {
        let mut shape = self.shape;
        let mut given = Vec::new();
        let power = |low, high| move |n: &u32| n.is_power_of_two() && (low..=high).contains(n);
        let mut take = |key, what: &str, fits: &dyn Fn(&u32) -> bool, set: &mut u32, unit| {
            if let Some(number) = parameters.number(key, what, fits)? {
                *set = number / unit;
                given.push(format!("{key}={number}"));
            }
            Ok(())
        };
        take("buffers", "from 1 to 64", &|n| (1..=64).contains(n), &mut shape.buffers, 1)?;
        let bytes = "a power of two of bytes from 16 to 64";
        take("line", bytes, &power(16, 64), &mut shape.line, 1)?;
        let bytes = format!("a power of two of bytes from 4 to {}", shape.line);
        take("chunk", &bytes, &power(4, shape.line), &mut shape.chunk, 1)?;
        let bits = "a power of two of bits from 32 to 512";
        take("width", bits, &power(32, 512), &mut shape.width, 8)?;
        shape.width = shape.width.min(shape.line);
        if given.is_empty() {
            return Ok(self.clone());
        }
        Ok(WriteCombining { name: format!("{}:{}", self.name, given.join(",")).into(), shape })
    }
}

impl Bus for WriteCombining {
    fn name(&self) -> &str {
        &self.name
    }

    fn width(&self) -> u32 {
        self.shape.width
    }

    fn begin(&self) -> Box<dyn Lowering> {
        Box::new(buffers::Buffers::new(self.shape))
    }

    /// Sound, and exact for one chunk: what it calls impossible is. Between chunks it assumes no
    /// order at all, and it does not hold the number of buffers against a log. Loads may be made
    /// early and more than once (SDM 12.3.1), so they are asked for only where nothing was stored.
    fn could(&self, accesses: &[Access], log: &[Beat]) -> Result<(), Impossible> {
        outcomes::could(self.shape, accesses, log)
    }
}
