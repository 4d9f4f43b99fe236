//! Reading the memory of the process that Python runs in.

/// The memory of a process, as far as it may be read.
pub trait Memory {
    /// Fills `bytes` from `address` on; whether all of them could be read.
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool;

    /// Fills several parts; whether all of all could be read. For where one call reads many.
    fn read_parts(&self, parts: &mut [Part<'_>]) -> bool {
        parts.iter_mut().all(|part| self.read(part.address, part.bytes))
    }
}

/// A range of memory, and where to put it.
pub struct Part<'a> {
    /// The first byte.
    pub address: u64,
    /// As many bytes as are wanted.
    pub bytes: &'a mut [u8],
}

/// So many bytes at `address`.
pub(crate) fn bytes(memory: &dyn Memory, address: u64, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    memory.read(address, &mut bytes).then_some(bytes)
}

/// The number at `address`.
pub(crate) fn number(memory: &dyn Memory, address: u64) -> Option<u64> {
    let mut bytes = [0; 8];
    memory.read(address, &mut bytes).then(|| u64::from_le_bytes(bytes))
}

/// The 8-byte number at `offset` of a structure that has been read.
pub(crate) fn u64_at(bytes: &[u8], offset: u64) -> Option<u64> {
    array_at(bytes, offset).map(u64::from_le_bytes)
}

/// The 4-byte number at `offset` of a structure that has been read.
pub(crate) fn u32_at(bytes: &[u8], offset: u64) -> Option<u32> {
    array_at(bytes, offset).map(u32::from_le_bytes)
}

/// The 2-byte number at `offset` of a structure that has been read.
pub(crate) fn u16_at(bytes: &[u8], offset: u64) -> Option<u16> {
    array_at(bytes, offset).map(u16::from_le_bytes)
}

fn array_at<const N: usize>(bytes: &[u8], offset: u64) -> Option<[u8; N]> {
    let start = usize::try_from(offset).ok()?;
    bytes.get(start..start.checked_add(N)?)?.try_into().ok()
}
