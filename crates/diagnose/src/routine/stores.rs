//! What a copy routine stores, in order.

/// One store instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store {
    /// Its first byte, from the first byte of the destination.
    pub offset: u64,
    /// Bytes.
    pub size: u32,
}

/// The stores of one copy as they are listed.
pub(super) struct Stores {
    length: u64,
    list: Vec<Store>,
}

impl Stores {
    pub(super) fn of(length: u64) -> Self {
        Stores { length, list: Vec::new() }
    }

    /// Stores `size` bytes at each of `offsets`.
    pub(super) fn head<const N: usize>(&mut self, size: u32, offsets: [u64; N]) -> &mut Self {
        self.list.extend(offsets.map(|offset| Store { offset, size }));
        self
    }

    /// Stores `size` bytes at each of these distances before the end.
    pub(super) fn tail<const N: usize>(&mut self, size: u32, distances: [u64; N]) -> &mut Self {
        let length = self.length;
        self.head(size, distances.map(|distance| length - distance))
    }

    /// A head and a tail of `size` bytes, which overlap where the length asks for it.
    pub(super) fn ends(&mut self, size: u32) -> &mut Self {
        self.head(size, [0]).tail(size, [size.into()])
    }

    /// The stores, with two of 16 bytes for each of 32.
    pub(super) fn in_16s(self) -> Vec<Store> {
        let halves = |store: Store| {
            let Store { offset, size } = store;
            let step = if size == 32 { 16 } else { size };
            (0..size / step)
                .map(move |half| Store { offset: offset + u64::from(half * step), size: step })
        };
        self.list.into_iter().flat_map(halves).collect()
    }

    pub(super) fn list(self) -> Vec<Store> {
        self.list
    }
}
