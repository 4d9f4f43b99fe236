//! Simulated devices, scripted from Python.

use std::sync::{Arc, Mutex, PoisonError};

use busprobe_mmio::sim::{self, Refused, Register};
use busprobe_mmio::{Direction, OpenOptions};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyList, PyType};

use crate::shared::{Open, Raised};
use crate::{arguments, errors};

/// A simulated device, of `length` bytes: `busprobe.open(device)` gives a window over it.
///
/// A register answers only accesses of its own width at its own offset, memory answers all; every
/// other access is refused, and raises a `BusError`.
#[pyclass(frozen, module = "busprobe.sim")]
pub(crate) struct Device {
    device: sim::Device,
    raised: Raised,
}

impl Device {
    /// What a window over the device needs.
    pub(crate) fn open(&self, options: &OpenOptions) -> Open {
        let name = format!("sim:{:#x}", self.device.len());
        Open::with_callbacks(options.simulate(&name, &self.device), self.raised.clone())
    }

    /// The callback as a hook: what it raises is kept, and the access is refused.
    fn hook(
        &self,
        callback: Py<PyAny>,
    ) -> impl Fn(&sim::Device, u64) -> Result<(), Refused> + Send + Sync + use<> {
        let raised = self.raised.clone();
        move |_, value| {
            Python::attach(|py| callback.call1(py, (value,))).map(drop).map_err(|error| {
                *raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                Refused
            })
        }
    }

    fn within(&self, offset: &Bound<'_, PyAny>, bytes: u64) -> PyResult<u64> {
        let at = arguments::offset(offset)?;
        match at.checked_add(bytes) {
            Some(end) if end <= self.device.len() => Ok(at),
            _ => Err(errors::out_of_range(format!(
                "offset {offset} is beyond the device's {:#x} bytes",
                self.device.len()
            ))),
        }
    }
}

#[pymethods]
impl Device {
    #[new]
    fn new(length: &Bound<'_, PyAny>) -> PyResult<Self> {
        let device = sim::Device::new(arguments::count(length)?);
        Ok(Device { device, raised: Arc::new(Mutex::new(None)) })
    }

    /// Puts a register at `offset`: "rw" reads as it was written, "ro" ignores writes, "wo" reads
    /// as 0, "w1c" clears the bits that are written as 1, "rc" is 0 after it was read.
    #[pyo3(signature = (offset, access = "rw", *, reset = None, width = 32))]
    fn register(
        &self,
        offset: &Bound<'_, PyAny>,
        access: &str,
        reset: Option<&Bound<'_, PyAny>>,
        width: u32,
    ) -> PyResult<()> {
        let width = arguments::width(width)?;
        let register = match access {
            "rw" => Register::read_write(width),
            "ro" => Register::read_only(width),
            "wo" => Register::write_only(width),
            "w1c" => Register::write_1_to_clear(width),
            "rc" => Register::read_to_clear(width),
            _ => {
                return Err(errors::invalid(format!(
                    "access {access:?}: there is \"rw\", \"ro\", \"wo\", \"w1c\" and \"rc\""
                )));
            }
        };
        let reset = reset.map_or(Ok(0), |value| arguments::value(value, width))?;
        let offset = self.within(offset, width.bytes())?;
        let _same_device = self.device.clone().register(offset, register.reset(reset));
        Ok(())
    }

    /// Puts a FIFO at `offset`: reads give back what was written. A write when it is full is lost;
    /// a read when it is empty gives 0.
    #[pyo3(signature = (offset, depth = 16, *, width = 32))]
    fn fifo(&self, offset: &Bound<'_, PyAny>, depth: usize, width: u32) -> PyResult<()> {
        let width = arguments::width(width)?;
        let offset = self.within(offset, width.bytes())?;
        let _same_device = self.device.clone().register(offset, Register::fifo(width, depth));
        Ok(())
    }

    /// Puts zeroed memory at `offset`, which answers accesses of every width.
    fn memory(&self, offset: &Bound<'_, PyAny>, length: &Bound<'_, PyAny>) -> PyResult<()> {
        let length = arguments::count(length)?;
        let offset = self.within(offset, length)?;
        let _same_device = self.device.clone().memory(offset, length as usize);
        Ok(())
    }

    /// Calls `callback(value)` after each write to the register at `offset`.
    fn on_write(&self, offset: &Bound<'_, PyAny>, callback: Py<PyAny>) -> PyResult<()> {
        let offset = self.within(offset, 1)?;
        let _same_device = self.device.clone().on_write(offset, self.hook(callback));
        Ok(())
    }

    /// Calls `callback(value)` before each read of the register at `offset`, with what it holds;
    /// the callback may `poke` what is to be read.
    fn on_read(&self, offset: &Bound<'_, PyAny>, callback: Py<PyAny>) -> PyResult<()> {
        let offset = self.within(offset, 1)?;
        let _same_device = self.device.clone().on_read(offset, self.hook(callback));
        Ok(())
    }

    /// Refuses accesses to `offset` of that direction, "read" or "write": `times` of them, or all,
    /// after `after` that succeed.
    #[pyo3(signature = (offset, direction, *, after = 0, times = None))]
    fn fault(
        &self,
        offset: &Bound<'_, PyAny>,
        direction: &str,
        after: u64,
        times: Option<u64>,
    ) -> PyResult<()> {
        let direction = match direction {
            "read" => Direction::Read,
            "write" => Direction::Write,
            _ => {
                return Err(errors::invalid(format!(
                    "direction {direction:?}: it is \"read\" or \"write\""
                )));
            }
        };
        let (offset, times) = (self.within(offset, 1)?, times.unwrap_or(u64::MAX));
        let _same_device = self.device.clone().fault(offset, direction, after, times);
        Ok(())
    }

    /// Lets each access to `offset` take that many seconds.
    fn delay(&self, offset: &Bound<'_, PyAny>, seconds: f64) -> PyResult<()> {
        let (offset, time) = (self.within(offset, 1)?, arguments::seconds("delay", seconds)?);
        let _same_device = self.device.clone().delay(offset, time);
        Ok(())
    }

    /// What the register at `offset` holds, or the byte of memory there, without an access; None
    /// where there is neither.
    fn peek(&self, offset: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
        Ok(self.device.peek(arguments::offset(offset)?))
    }

    /// Sets what the register at `offset` holds, or the byte of memory there, without an access. A
    /// FIFO gets one more element.
    fn poke(&self, offset: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = arguments::value(value, busprobe_mmio::Width::W64)?;
        self.device.poke(arguments::offset(offset)?, value);
        Ok(())
    }

    /// How many elements the FIFO at `offset` holds.
    fn level(&self, offset: &Bound<'_, PyAny>) -> PyResult<usize> {
        Ok(self.device.level(arguments::offset(offset)?))
    }

    /// Every access so far, in order.
    #[getter]
    fn log<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        static LOGGED: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let class = LOGGED.import(py, "busprobe.sim", "Logged")?;
        let entries = self.device.log().into_iter().map(|access| {
            let (direction, time) = (access.direction.to_string(), access.time.as_nanos() as u64);
            class.call1((direction, access.offset, access.width.bits(), access.value, time))
        });
        PyList::new(py, entries.collect::<PyResult<Vec<_>>>()?)
    }

    /// Forgets the accesses so far.
    fn clear_log(&self) {
        self.device.clear_log();
    }

    /// Bytes.
    fn __len__(&self) -> usize {
        self.device.len() as usize
    }

    fn __repr__(&self) -> String {
        format!("<busprobe.sim.Device of {:#x} bytes>", self.device.len())
    }
}
