//! `GTKWave`'s fast signal trace, with the signals of [`wave`](super::wave).

use std::io;
use std::sync::Arc;

use busprobe_verdict::Bus;
use fst_writer::{
    FstBodyWriter, FstFileType, FstHeaderWriter, FstInfo, FstScopeType, FstSignalId, FstSignalType,
    FstVarDirection, FstVarType, FstWriteError,
};

use super::File;
use super::wave::{Wave, Waves, signals};

/// Values held back before a block of them is written.
const BLOCK: usize = 16 << 20;

pub(super) struct Fst<F: File> {
    out: FstBodyWriter<F>,
    ids: Vec<FstSignalId>,
}

pub(super) fn exporter<F: File + 'static>(out: F, bus: Arc<dyn Bus>) -> Waves<Fst<F>> {
    Waves::new(bus, |width| begin(out, width).map_err(io_error))
}

fn begin<F: File>(out: F, width: u32) -> Result<Fst<F>, FstWriteError> {
    let info = FstInfo {
        start_time: 0,
        timescale_exponent: -9,
        version: concat!("busprobe ", env!("CARGO_PKG_VERSION")).to_owned(),
        date: String::new(),
        file_type: FstFileType::Verilog,
    };
    let mut header = FstHeaderWriter::new(out, &info)?;
    header.scope("busprobe", "", FstScopeType::Module)?;
    let ids = signals(width)
        .iter()
        .map(|signal| {
            let shape = FstSignalType::bit_vec(signal.bits);
            header.var(signal.name, shape, FstVarType::Wire, FstVarDirection::Implicit, None)
        })
        .collect::<Result<_, _>>()?;
    header.up_scope()?;
    Ok(Fst { out: header.finish()?, ids })
}

fn io_error(error: FstWriteError) -> io::Error {
    match error {
        FstWriteError::Io(error) => error,
        other => io::Error::other(other),
    }
}

impl<F: File> Wave for Fst<F> {
    fn time(&mut self, time: u64) -> io::Result<()> {
        if self.out.size() > BLOCK {
            self.out.flush().map_err(io_error)?;
        }
        self.out.time_change(time).map_err(io_error)
    }

    fn set(&mut self, signal: usize, value: &[u8]) -> io::Result<()> {
        self.out.signal_change(self.ids[signal], value).map_err(io_error)
    }

    fn finish(self) -> io::Result<()> {
        self.out.finish().map_err(io_error)?.flush()
    }
}
