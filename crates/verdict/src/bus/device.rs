//! The bus as the instruction sees it.

use busprobe_trace::{Access, Data};

use super::{Bus, Lowering};
use crate::Beat;

/// As the instruction issued it: one transaction an access, of the access's own width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device;

impl Bus for Device {
    fn name(&self) -> &'static str {
        "device"
    }

    fn width(&self) -> u32 {
        Data::MAX as u32
    }

    fn begin(&self) -> Box<dyn Lowering> {
        Box::new(*self)
    }
}

impl Lowering for Device {
    fn push(&mut self, access: &Access, beats: &mut Vec<Beat>) {
        let &Access { direction, offset, size, data, .. } = access;
        beats.push(Beat { direction, offset, size, data });
    }
}
