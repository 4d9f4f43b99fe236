//! Value change dumps (IEEE 1364-2005 clause 18), with the signals of [`wave`](super::wave).

use std::io::{self, Write};
use std::sync::Arc;

use busprobe_verdict::Bus;
use vcd::{IdCode, TimescaleUnit, Value, VarType, Writer};

use super::wave::{Wave, Waves, signals};

pub(super) struct Vcd<W: Write> {
    out: Writer<W>,
    ids: Vec<IdCode>,
}

pub(super) fn exporter<W: Write + 'static>(out: W, bus: Arc<dyn Bus>) -> Waves<Vcd<W>> {
    Waves::new(bus, |width| {
        let mut out = Writer::new(out);
        out.version(concat!("busprobe ", env!("CARGO_PKG_VERSION")))?;
        out.timescale(1, TimescaleUnit::NS)?;
        out.add_module("busprobe")?;
        let ids = signals(width)
            .iter()
            .map(|signal| out.add_var(VarType::Wire, signal.bits, signal.name, None))
            .collect::<io::Result<_>>()?;
        out.upscope()?;
        out.enddefinitions()?;
        Ok(Vcd { out, ids })
    })
}

impl<W: Write> Wave for Vcd<W> {
    fn time(&mut self, time: u64) -> io::Result<()> {
        self.out.timestamp(time)
    }

    fn set(&mut self, signal: usize, value: &[u8]) -> io::Result<()> {
        let bit = |&bit: &u8| match bit {
            b'0' => Value::V0,
            b'1' => Value::V1,
            _ => Value::X,
        };
        match value {
            [one] => self.out.change_scalar(self.ids[signal], bit(one)),
            many => self.out.change_vector(self.ids[signal], many.iter().map(bit)),
        }
    }

    fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}
