//! The engine on the `rsemu` crate.

use std::sync::{Arc, Mutex, PoisonError};

use busprobe_trace::Direction;
use rsemu::core::exec::{Access, ExitMask, ExitReason, ExitingCore};
use rsemu::core::space::{AddressSpace, MemAttrs, MemOps, MemResult, RamStore, Region};
use rsemu::cpu::arm::a64::{Config, Cpu};

use super::{Engine, Touch, Trap};

/// `CPACR_EL1.FPEN`: no floating-point or vector instruction traps (Arm ARM D19.2.33).
const FPEN: u64 = 0b11 << 20;

/// One emulated core with flat memory.
pub(crate) struct Rsemu {
    cpu: Cpu,
    space: Arc<AddressSpace>,
    memory: Vec<(u64, Arc<RamStore>)>,
    log: Arc<Log>,
}

type Log = Mutex<Vec<Touch>>;

impl Rsemu {
    /// A core whose `MIDR_EL1` reads as `midr`.
    pub(crate) fn new(midr: u64) -> Self {
        // The part with the most features that this emulator knows: what a routine may use is
        // the business of the resolver that picked it.
        let cpu = Cpu::new(Config { midr, ..Config::neoverse_n1() });
        cpu.set_exit_mask(ExitMask::USER);
        let mut registers = cpu.sysregs();
        registers.cpacr |= FPEN;
        cpu.set_sysregs(registers);
        let space = Arc::new(AddressSpace::new("memory", 64));
        cpu.attach_space(Arc::clone(&space));
        Rsemu { cpu, space, memory: Vec::new(), log: Arc::default() }
    }
}

impl Engine for Rsemu {
    fn map(&mut self, base: u64, length: u64, watched: bool) {
        let ram = Arc::new(RamStore::new(length));
        let region = if watched {
            let watched = Watched { base, ram: Arc::clone(&ram), log: Arc::clone(&self.log) };
            Region::io("watched", length, Arc::new(watched))
        } else {
            Region::ram("memory", Arc::clone(&ram))
        };
        self.space.topology().map(region, base).expect("the lab maps disjoint ranges");
        self.memory.push((base, ram));
    }

    fn load(&mut self, address: u64, bytes: &[u8]) {
        let holds = |base: u64, ram: &RamStore| (base..base + ram.len()).contains(&address);
        let (base, ram) = self
            .memory
            .iter()
            .find(|(base, ram)| holds(*base, ram))
            .expect("the lab loads only where it mapped");
        ram.write_at(address - base, bytes).expect("the lab loads no more than it mapped");
    }

    fn set_x(&mut self, index: u32, value: u64) {
        self.cpu.set_x(index, value);
    }

    fn x(&self, index: u32) -> u64 {
        self.cpu.x(index)
    }

    fn set_sp(&mut self, value: u64) {
        self.cpu.set_sp(value);
    }

    fn set_pc(&mut self, value: u64) {
        self.cpu.set_pc(value);
    }

    fn pc(&self) -> u64 {
        self.cpu.pc()
    }

    fn step(&mut self, touches: &mut Vec<Touch>) -> Result<(), Trap> {
        let (_, exit) = self.cpu.step_to_exit();
        touches.append(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(exit) = exit else { return Ok(()) };
        match (exit.reason, exit.access) {
            (ExitReason::FAULT, Access::None) => Err(Trap::Undefined),
            (ExitReason::FAULT, _) => Err(Trap::Unmapped { address: exit.address }),
            _ => Err(Trap::Left),
        }
    }
}

/// Memory that tells what is done to it.
#[derive(Debug)]
struct Watched {
    base: u64,
    ram: Arc<RamStore>,
    log: Arc<Log>,
}

impl Watched {
    fn tell(&self, direction: Direction, offset: u64, data: &[u8]) {
        let mut bytes = [0; 8];
        bytes[..data.len()].copy_from_slice(data);
        let address = self.base + offset;
        let touch = Touch { direction, address, bytes, size: data.len() as u32 };
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(touch);
    }
}

impl MemOps for Watched {
    fn read(&self, offset: u64, into: &mut [u8], attrs: MemAttrs) -> MemResult {
        self.ram.read_at(offset, into)?;
        if !attrs.debug {
            self.tell(Direction::Read, offset, into);
        }
        Ok(())
    }

    /// The memory keeps its contents: a device's registers are its own business, and the routines
    /// run here never read back what they wrote.
    fn write(&self, offset: u64, data: &[u8], _: MemAttrs) -> MemResult {
        self.tell(Direction::Write, offset, data);
        Ok(())
    }
}
