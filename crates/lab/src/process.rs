//! A libc mapped into an emulated machine, and calls of its functions.

use crate::Cpu;
use crate::engine::{Engine, Rsemu, Touch, Trap};
use crate::image::{BASE, Image, LINKER_DATA};
use crate::instruction;

/// Where the modelled window lies: where QEMU's `virt` board has its first virtio device, which
/// is where the guest of the system tests has its window too.
pub(crate) const WINDOW: u64 = 0x0a00_0000;

/// Bytes in the window.
pub(crate) const WINDOW_LENGTH: u64 = 1 << 20;

/// Where the memory lies that copies are made from; a multiple of any alignment that matters.
pub(crate) const SOURCE: u64 = 0x2000_0000;

/// How far into it a copy may begin.
pub(crate) const SOURCE_SLACK: u64 = 4096;

const STACK: u64 = 0x7000_0000;
const STACK_LENGTH: u64 = 1 << 16;

/// What a resolver gets as its second argument.
pub(crate) const RESOLVER_ARGUMENT: u64 = STACK + STACK_LENGTH - 64;

/// Calls return to here; nothing is mapped there.
const RETURN: u64 = 0x7800_0000;

/// Bytes of `_rtld_global_ro` that there are; glibc's has about 600.
const LINKER_DATA_LENGTH: u64 = 1 << 12;

/// A libc in an emulated machine.
pub(crate) struct Process {
    engine: Box<dyn Engine>,
    zva_block: u32,
    touches: Vec<Touch>,
}

/// How a call ended.
pub(crate) enum Outcome {
    /// It returned this.
    Returned(u64),
    /// The instruction at this address (as the file counts) did not complete.
    Trapped { address: u64, trap: Trap },
    /// The watcher stopped it.
    Stopped,
    /// It ran this many instructions and did not return.
    Endless(u64),
}

/// One instruction that touched watched memory.
pub(crate) struct Step<'a> {
    /// The instruction's address as the file counts.
    pub(crate) address: u64,
    /// The instruction.
    pub(crate) word: u32,
    /// What it did, in parts.
    pub(crate) touches: &'a [Touch],
}

impl Process {
    pub(crate) fn new(image: &Image, cpu: &Cpu) -> Self {
        let mut engine = Box::new(Rsemu::new(cpu.midr()));
        engine.map(BASE, image.memory.len() as u64, false);
        engine.load(BASE, &image.memory);
        engine.map(SOURCE, WINDOW_LENGTH + SOURCE_SLACK, false);
        engine.map(STACK, STACK_LENGTH, false);
        engine.map(WINDOW, WINDOW_LENGTH, true);
        engine.map(LINKER_DATA, LINKER_DATA_LENGTH, true);
        Process { engine, zva_block: cpu.zva_block(), touches: Vec::new() }
    }

    /// Writes memory from outside.
    pub(crate) fn load(&mut self, address: u64, bytes: &[u8]) {
        self.engine.load(address, bytes);
    }

    /// Calls the function at `address` (as the file counts). `watch` sees each instruction that
    /// touches the window or the dynamic linker's data, and says whether to go on.
    pub(crate) fn call(
        &mut self,
        image: &Image,
        address: u64,
        arguments: [u64; 3],
        limit: u64,
        mut watch: impl FnMut(&Step<'_>) -> bool,
    ) -> Outcome {
        for index in 0..30 {
            self.engine.set_x(index, arguments.get(index as usize).copied().unwrap_or(0));
        }
        self.engine.set_x(30, RETURN);
        self.engine.set_sp(RESOLVER_ARGUMENT);
        self.engine.set_pc(BASE + address);
        for _ in 0..limit {
            let pc = self.engine.pc();
            if pc == RETURN {
                return Outcome::Returned(self.engine.x(0));
            }
            let address = pc.wrapping_sub(BASE);
            let word = image.word(address).unwrap_or(0);
            if let Some(register) = instruction::reads_dczid(word) {
                self.read_dczid(register, pc);
                continue;
            }
            self.touches.clear();
            let result = self.engine.step(&mut self.touches);
            if let Err(trap) = result {
                return Outcome::Trapped { address, trap };
            }
            if !self.touches.is_empty() && !watch(&Step { address, word, touches: &self.touches }) {
                return Outcome::Stopped;
            }
        }
        Outcome::Endless(limit)
    }

    /// `DCZID_EL0` says how much `DC ZVA` clears, as a power of two of words. Engines without
    /// `DC ZVA` say that it is prohibited; the CPU in question would not.
    fn read_dczid(&mut self, register: u32, pc: u64) {
        self.engine.set_x(register, (self.zva_block / 4).ilog2().into());
        self.engine.set_pc(pc + 4);
    }
}
