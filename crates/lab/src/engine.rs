//! What the lab asks of a CPU emulator.

mod rsemu;

pub(crate) use rsemu::Rsemu;

use busprobe_trace::Direction;

/// An AArch64 core in user-mode shape and the memory it sees: one instruction at a time, with
/// every access to the watched memory told.
///
/// The lab holds its engine behind this trait: an emulator is a means, and another may take its
/// place or check it.
pub(crate) trait Engine {
    /// Puts `length` bytes of zeroed memory at `base`. Accesses of the program to watched memory
    /// are reported by [`Engine::step`].
    fn map(&mut self, base: u64, length: u64, watched: bool);

    /// Writes memory from outside the program; not reported.
    ///
    /// # Panics
    /// When nothing, or not enough, is mapped there: the lab maps what it loads.
    fn load(&mut self, address: u64, bytes: &[u8]);

    /// Sets `X0` to `X30`.
    fn set_x(&mut self, index: u32, value: u64);

    /// Reads `X0` to `X30`.
    fn x(&self, index: u32) -> u64;

    /// Sets the stack pointer.
    fn set_sp(&mut self, value: u64);

    /// Sets the program counter.
    fn set_pc(&mut self, value: u64);

    /// The address of the instruction that the next [`Engine::step`] runs.
    fn pc(&self) -> u64;

    /// Runs one instruction and appends its accesses to watched memory, in the order they were
    /// made. An access may come in parts, down to bytes when it was not aligned.
    ///
    /// # Errors
    /// When the instruction did not complete; its accesses so far are still appended.
    fn step(&mut self, touches: &mut Vec<Touch>) -> Result<(), Trap>;
}

/// A load from or a store to watched memory, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Touch {
    pub(crate) direction: Direction,
    pub(crate) address: u64,
    /// The low `size` bytes count, in address order.
    pub(crate) bytes: [u8; 8],
    pub(crate) size: u32,
}

impl Touch {
    pub(crate) fn data(&self) -> &[u8] {
        &self.bytes[..self.size as usize]
    }
}

/// Why an instruction did not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trap {
    /// The engine does not know the instruction, or the CPU does not have it.
    Undefined,
    /// It loaded from, stored to or was fetched from an address where nothing is mapped.
    Unmapped { address: u64 },
    /// It left the program: a system call, a breakpoint.
    Left,
}
