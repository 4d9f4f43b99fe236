//! The vector registers, `struct user_fpsimd_state` in the kernel's `asm/ptrace.h`.

use nix::errno::Errno;

use crate::native::ptrace::{self, Tid};

/// `linux/elf.h`.
const NT_PRFPREG: libc::c_int = 2;
const BYTES: usize = 16;
const COUNT: usize = 32;

/// The vector registers of a stopped thread.
pub(crate) struct Vectors([u8; BYTES * COUNT]);

impl Vectors {
    pub(crate) fn read(tid: Tid) -> Result<Vectors, Errno> {
        let mut bytes = [0; BYTES * COUNT];
        ptrace::register_bytes(tid, NT_PRFPREG, &mut bytes)?;
        Ok(Vectors(bytes))
    }

    pub(super) fn bytes(&self, number: u8) -> &[u8] {
        &self.0[BYTES * usize::from(number)..][..BYTES]
    }
}
