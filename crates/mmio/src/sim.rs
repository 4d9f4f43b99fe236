//! A simulated device: registers, FIFOs and memory that answer a window's accesses as scripted,
//! so that driver code is tested without hardware.
//!
//! ```
//! use busprobe_mmio::sim::{Device, Register};
//! use busprobe_mmio::{Poll, Width, Window};
//!
//! const STATUS: u64 = 0x0;
//! const START: u64 = 0x4;
//! let device = Device::new(0x1000)
//!     .register(STATUS, Register::read_only(Width::W32))
//!     .register(START, Register::read_write(Width::W32))
//!     .on_write(START, |device, _| Ok(device.poke(STATUS, 1)));
//! let window = Window::simulated("sim:starter", &device);
//! window.write32(START, 1)?;
//! let status = window.poll(STATUS, Width::W32, &Poll::new(1, 1))?;
//! assert_eq!((status.value, status.reads), (1, 1));
//! assert_eq!(device.log().len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Direction, Width};

mod register;
mod script;

pub use register::Register;
pub use script::ScriptError;

/// The device refuses an access: on a bus it would answer with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// One access that came to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Read or write.
    pub direction: Direction,
    /// From the device's start.
    pub offset: u64,
    /// The access's width.
    pub width: Width,
    /// What was written, or read; `None` when the access was refused.
    pub value: Option<u64>,
    /// Since the device was made.
    pub time: Duration,
}

/// A simulated device. Its clones are the same device: keep one to look into it while a window
/// uses another.
///
/// A register answers only accesses of its own width at its own offset, memory answers all; every
/// other access is refused, and so becomes a fault.
#[derive(Clone)]
pub struct Device {
    length: u64,
    state: Arc<Mutex<State>>,
}

type Hook = Arc<dyn Fn(&Device, u64) -> Result<(), Refused> + Send + Sync>;

struct State {
    made: Instant,
    registers: BTreeMap<u64, Register>,
    /// Start of each range of plain memory, and its bytes.
    memory: BTreeMap<u64, Vec<u8>>,
    hooks: Vec<(Direction, u64, Hook)>,
    faults: Vec<Injected>,
    delays: BTreeMap<u64, Duration>,
    log: Vec<Logged>,
}

struct Injected {
    direction: Direction,
    offset: u64,
    /// Accesses that still succeed.
    after: u64,
    /// Accesses that fail then.
    times: u64,
}

impl Device {
    /// A device of `length` bytes that refuses every access, until something is put there.
    #[must_use]
    pub fn new(length: u64) -> Self {
        let state = State {
            made: Instant::now(),
            registers: BTreeMap::new(),
            memory: BTreeMap::new(),
            hooks: Vec::new(),
            faults: Vec::new(),
            delays: BTreeMap::new(),
            log: Vec::new(),
        };
        Device { length, state: Arc::new(Mutex::new(state)) }
    }

    /// What someone is told who asks for more memory than that.
    pub(crate) const NO_ROOM: &str = "a simulated device has at most 1G of memory";

    /// The length of memory, when it is one that can be had without a second thought.
    pub(crate) fn room(length: u64) -> Option<usize> {
        usize::try_from(length).ok().filter(|length| *length <= 1 << 30)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a register at `offset`.
    #[must_use]
    pub fn register(self, offset: u64, register: Register) -> Self {
        self.state().registers.insert(offset, register);
        self
    }

    /// Puts zeroed memory at `offset`, which answers accesses of every width.
    #[must_use]
    pub fn memory(self, offset: u64, length: usize) -> Self {
        self.state().memory.insert(offset, vec![0; length]);
        self
    }

    /// Calls `hook` with the value after each write to the register at `offset`.
    #[must_use]
    pub fn on_write(
        self,
        offset: u64,
        hook: impl Fn(&Device, u64) -> Result<(), Refused> + Send + Sync + 'static,
    ) -> Self {
        self.state().hooks.push((Direction::Write, offset, Arc::new(hook)));
        self
    }

    /// Calls `hook` before each read of the register at `offset`, with what it holds: the hook may
    /// [`poke`](Device::poke) what is to be read.
    #[must_use]
    pub fn on_read(
        self,
        offset: u64,
        hook: impl Fn(&Device, u64) -> Result<(), Refused> + Send + Sync + 'static,
    ) -> Self {
        self.state().hooks.push((Direction::Read, offset, Arc::new(hook)));
        self
    }

    /// Refuses accesses to `offset` of that direction: `times` of them, after `after` that
    /// succeed.
    #[must_use]
    pub fn fault(self, offset: u64, direction: Direction, after: u64, times: u64) -> Self {
        self.state().faults.push(Injected { direction, offset, after, times });
        self
    }

    /// Lets each access to `offset` take that long.
    #[must_use]
    pub fn delay(self, offset: u64, time: Duration) -> Self {
        self.state().delays.insert(offset, time);
        self
    }

    /// Bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a device without a byte is of no use")]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// What the register at `offset` holds, or the byte of memory there, without an access. A FIFO
    /// tells its next element. `None` where there is neither.
    #[must_use]
    pub fn peek(&self, offset: u64) -> Option<u64> {
        let state = self.state();
        match state.registers.get(&offset) {
            Some(register) => Some(register.peek()),
            None => state.memory_at(offset, 1).map(|(start, at)| state.memory[&start][at].into()),
        }
    }

    /// Sets what the register at `offset` holds, or the byte of memory there, without an access. A
    /// FIFO gets one more element.
    pub fn poke(&self, offset: u64, value: u64) {
        let mut state = self.state();
        if let Some(register) = state.registers.get_mut(&offset) {
            register.poke(value);
        } else if let Some((start, at)) = state.memory_at(offset, 1)
            && let Some(bytes) = state.memory.get_mut(&start)
        {
            bytes[at] = value as u8;
        }
    }

    /// How many elements the FIFO at `offset` holds; 0 where there is none.
    #[must_use]
    pub fn level(&self, offset: u64) -> usize {
        self.state().registers.get(&offset).map_or(0, Register::level)
    }

    /// Every access so far, in order.
    #[must_use]
    pub fn log(&self) -> Vec<Logged> {
        self.state().log.clone()
    }

    /// Forgets the accesses so far.
    pub fn clear_log(&self) {
        self.state().log.clear();
    }

    /// One load, as the bus brings it.
    ///
    /// # Errors
    /// When nothing there answers it, or it is made to fail.
    pub fn read(&self, offset: u64, width: Width) -> Result<u64, Refused> {
        let answer = self.begin(Direction::Read, offset, width).and_then(|()| {
            self.run_hooks(Direction::Read, offset, self.peek(offset).unwrap_or(0))?;
            self.state().read(offset, width)
        });
        self.record(Direction::Read, offset, width, answer);
        answer
    }

    /// One store, as the bus brings it.
    ///
    /// # Errors
    /// When nothing there answers it, or it is made to fail.
    pub fn write(&self, offset: u64, width: Width, value: u64) -> Result<(), Refused> {
        let begun = self.begin(Direction::Write, offset, width);
        let answer = begun.and_then(|()| self.state().write(offset, width, value));
        self.record(Direction::Write, offset, width, answer.map(|()| value));
        answer?;
        self.run_hooks(Direction::Write, offset, value)
    }

    fn begin(&self, direction: Direction, offset: u64, width: Width) -> Result<(), Refused> {
        let delay = self.state().delays.get(&offset).copied();
        if let Some(delay) = delay {
            thread::sleep(delay);
        }
        let mut state = self.state();
        if !state.answers(offset, width) {
            return Err(Refused);
        }
        let matching =
            |fault: &&mut Injected| (fault.direction, fault.offset) == (direction, offset);
        for fault in state.faults.iter_mut().filter(matching) {
            if fault.after > 0 {
                fault.after -= 1;
            } else if fault.times > 0 {
                fault.times -= 1;
                return Err(Refused);
            }
        }
        Ok(())
    }

    /// The state is not locked meanwhile: hooks look into the device, and change it.
    fn run_hooks(&self, direction: Direction, offset: u64, value: u64) -> Result<(), Refused> {
        let matching = |hook: &&(Direction, u64, Hook)| (hook.0, hook.1) == (direction, offset);
        let hooks: Vec<Hook> =
            self.state().hooks.iter().filter(matching).map(|(_, _, hook)| hook.clone()).collect();
        hooks.iter().try_for_each(|hook| hook(self, value))
    }

    fn record(&self, direction: Direction, offset: u64, width: Width, value: Result<u64, Refused>) {
        let mut state = self.state();
        let time = state.made.elapsed();
        state.log.push(Logged { direction, offset, width, value: value.ok(), time });
    }
}

impl State {
    /// Start of the memory that holds these bytes, and where in it they are.
    fn memory_at(&self, offset: u64, bytes: u64) -> Option<(u64, usize)> {
        let (start, memory) = self.memory.range(..=offset).next_back()?;
        let at = offset - start;
        (at + bytes <= memory.len() as u64).then_some((*start, at as usize))
    }

    fn answers(&self, offset: u64, width: Width) -> bool {
        let last = offset + width.bytes() - 1;
        // No register is wider than 8 bytes.
        let near = self.registers.range(offset.saturating_sub(7)..=last);
        let mut touched = near.filter(|(at, register)| *at + register.width().bytes() > offset);
        match touched.next() {
            Some((at, register)) => (*at, register.width()) == (offset, width),
            None => self.memory_at(offset, width.bytes()).is_some(),
        }
    }

    fn read(&mut self, offset: u64, width: Width) -> Result<u64, Refused> {
        if let Some(register) = self.registers.get_mut(&offset) {
            return Ok(register.read());
        }
        let (start, at) = self.memory_at(offset, width.bytes()).ok_or(Refused)?;
        let mut value = [0; 8];
        let bytes = width.bytes() as usize;
        value[..bytes].copy_from_slice(&self.memory[&start][at..at + bytes]);
        Ok(u64::from_le_bytes(value))
    }

    fn write(&mut self, offset: u64, width: Width, value: u64) -> Result<(), Refused> {
        if let Some(register) = self.registers.get_mut(&offset) {
            register.write(value);
            return Ok(());
        }
        let (start, at) = self.memory_at(offset, width.bytes()).ok_or(Refused)?;
        let memory = self.memory.get_mut(&start).ok_or(Refused)?;
        let bytes = width.bytes() as usize;
        memory[at..at + bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
        Ok(())
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Device")
            .field("length", &self.length)
            .field("registers", &state.registers)
            .field("accesses", &state.log.len())
            .finish_non_exhaustive()
    }
}
