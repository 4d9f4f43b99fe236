//! What a program or library exports, read from where it is mapped.
//!
//! The dynamic linker's own tables are used (System V ABI, "Dynamic Linking"; the GNU hash table
//! as ld.so looks it up): they are mapped in every process, whether or not its files can be read
//! from here, and stripping leaves them.

use crate::memory::{Memory, bytes, number, u16_at, u32_at, u64_at};

/// More program headers or dynamic entries than this are none.
const MOST_ENTRIES: u64 = 512;
/// Longer chains than this are none.
const MOST_LINKS: u32 = 10_000;

/// An ELF file as it is mapped.
pub(crate) struct Image {
    /// What to add to the file's own addresses.
    bias: u64,
    symbols: u64,
    names: u64,
    hashes: Hashes,
}

/// The GNU hash table: a filter, then chains of hashes by bucket.
struct Hashes {
    bloom: u64,
    bloom_words: u32,
    bloom_shift: u32,
    buckets: u64,
    bucket_count: u32,
    chains: u64,
    first_symbol: u32,
}

impl Image {
    /// The image whose first byte is mapped at `base`, when it is one and exports by GNU hash.
    pub(crate) fn at(memory: &dyn Memory, base: u64) -> Option<Image> {
        const HEADER: usize = 64;
        const CLASS_64_LITTLE_ENDIAN: &[u8] = b"\x7fELF\x02\x01";
        const LOAD: u32 = 1;
        const DYNAMIC: u32 = 2;
        let header = bytes(memory, base, HEADER)?;
        if !header.starts_with(CLASS_64_LITTLE_ENDIAN) {
            return None;
        }
        let table = base.wrapping_add(u64_at(&header, 32)?);
        let size = u64::from(u16_at(&header, 54)?);
        let count = u64::from(u16_at(&header, 56)?).min(MOST_ENTRIES);
        let (mut bias, mut dynamic) = (None, None);
        let headers = bytes(memory, table, (size * count) as usize)?;
        for header in headers.chunks_exact(size.max(1) as usize) {
            let (file_offset, address) = (u64_at(header, 8)?, u64_at(header, 16)?);
            match u32_at(header, 0)? {
                LOAD if file_offset == 0 => bias = Some(base.wrapping_sub(address)),
                DYNAMIC => dynamic = Some((address, u64_at(header, 40)?)),
                _ => {}
            }
        }
        let (bias, (dynamic, length)) = (bias?, dynamic?);
        Image::of_dynamic(memory, bias, bias.wrapping_add(dynamic), length)
    }

    fn of_dynamic(memory: &dyn Memory, bias: u64, dynamic: u64, length: u64) -> Option<Image> {
        const NULL: u64 = 0;
        const STRING_TABLE: u64 = 5;
        const SYMBOL_TABLE: u64 = 6;
        const GNU_HASH: u64 = 0x6fff_fef5;
        let entries = bytes(memory, dynamic, length.min(16 * MOST_ENTRIES) as usize)?;
        let (mut names, mut symbols, mut hash) = (None, None, None);
        for entry in entries.chunks_exact(16) {
            let (tag, value) = (u64_at(entry, 0)?, u64_at(entry, 8)?);
            // glibc's linker adds the bias in place, musl's does not.
            let place = Some(if value < bias { bias.wrapping_add(value) } else { value });
            match tag {
                NULL => break,
                STRING_TABLE => names = place,
                SYMBOL_TABLE => symbols = place,
                GNU_HASH => hash = place,
                _ => {}
            }
        }
        let hash = hash?;
        let header = bytes(memory, hash, 16)?;
        let (bucket_count, bloom_words) = (u32_at(&header, 0)?, u32_at(&header, 8)?);
        let bloom = hash.wrapping_add(16);
        let buckets = bloom.wrapping_add(8 * u64::from(bloom_words));
        let hashes = Hashes {
            bloom,
            bloom_words,
            bloom_shift: u32_at(&header, 12)?,
            buckets,
            bucket_count,
            chains: buckets.wrapping_add(4 * u64::from(bucket_count)),
            first_symbol: u32_at(&header, 4)?,
        };
        (bucket_count > 0 && bloom_words > 0).then_some(Image {
            bias,
            symbols: symbols?,
            names: names?,
            hashes,
        })
    }

    /// Where the exported function or variable of that name lies.
    pub(crate) fn symbol(&self, memory: &dyn Memory, name: &str) -> Option<u64> {
        let Hashes { bloom, bloom_words, bloom_shift, .. } = self.hashes;
        let hash = name
            .bytes()
            .fold(5381_u32, |hash, byte| hash.wrapping_mul(33).wrapping_add(byte.into()));
        let word = u64::from(hash / u64::BITS % bloom_words);
        let filter = number(memory, bloom.wrapping_add(8 * word))?;
        let second = hash.checked_shr(bloom_shift).unwrap_or(0);
        if [hash, second].iter().any(|bit| filter >> (bit % u64::BITS) & 1 == 0) {
            return None;
        }
        let word = |address: u64| u32_at(&bytes(memory, address, 4)?, 0);
        let bucket = u64::from(hash % self.hashes.bucket_count);
        let first = word(self.hashes.buckets.wrapping_add(4 * bucket))?;
        for index in (first..).take(MOST_LINKS as usize) {
            let link = u64::from(index.checked_sub(self.hashes.first_symbol)?);
            let found = word(self.hashes.chains.wrapping_add(4 * link))?;
            // The lowest bit marks the chain's end.
            if found | 1 == hash | 1
                && let Some(address) = self.defined(memory, index, name)
            {
                return Some(address);
            }
            if found & 1 == 1 {
                return None;
            }
        }
        None
    }

    /// The address of the symbol of that number, when it has that name and a definition.
    fn defined(&self, memory: &dyn Memory, index: u32, name: &str) -> Option<u64> {
        let symbol = bytes(memory, self.symbols.wrapping_add(24 * u64::from(index)), 24)?;
        let place = self.names.wrapping_add(u32_at(&symbol, 0)?.into());
        let found = bytes(memory, place, name.len() + 1)?;
        let is_it = found.split_last() == Some((&0, name.as_bytes()));
        let is_defined = u16_at(&symbol, 6)? != 0;
        (is_it && is_defined).then_some(self.bias.wrapping_add(u64_at(&symbol, 8)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::tests::OwnProcess;

    /// Where the C library of this very process begins.
    fn libc() -> u64 {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let line = maps.lines().find(|line| line.contains("/libc.so") || line.contains("/ld-musl"));
        let (start, _) = line.expect("a C library").split_once('-').unwrap();
        u64::from_str_radix(start, 16).unwrap()
    }

    unsafe extern "C" {
        safe fn getpid() -> i32;
    }

    #[test]
    fn a_function_of_the_c_library_is_found_where_it_is() {
        let image = Image::at(&OwnProcess, libc()).unwrap();
        let address = getpid as extern "C" fn() -> i32 as usize as u64;
        assert_eq!(image.symbol(&OwnProcess, "getpid"), Some(address));
        assert_eq!(image.symbol(&OwnProcess, "no_such_function"), None);
    }

    #[test]
    fn what_is_no_image_has_no_symbols() {
        let page = [0_u8; 4096];
        assert!(Image::at(&OwnProcess, page.as_ptr() as u64).is_none());
        assert!(Image::at(&OwnProcess, 0).is_none());
    }
}
