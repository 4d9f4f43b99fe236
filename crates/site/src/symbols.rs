//! Function names by address.

use object::{Architecture, Object, ObjectSymbol, SymbolFlags, SymbolKind, elf};

/// A function that covers an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// As the symbol table spells it, without a version.
    pub name: String,
    /// Bytes from the function's start to the address.
    pub offset: u64,
}

/// A function that a symbol table names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// Where it begins, as the module counts addresses.
    pub address: u64,
    /// Whether what begins there only returns the address of the function that has the name in
    /// this process (`STT_GNU_IFUNC`).
    pub is_resolver: bool,
}

struct Entry {
    start: u64,
    end: u64,
    name: String,
    is_resolver: bool,
}

/// The functions of one module, by start address.
#[derive(Default)]
pub(crate) struct Symbols {
    entries: Vec<Entry>,
}

impl Symbols {
    /// All functions of both symbol tables.
    pub(crate) fn of(file: &object::File<'_>) -> Self {
        // A Thumb function's value has bit 0 set, which is no part of its address (ELF for the Arm
        // Architecture, "Symbol Values").
        let address_bits = if file.architecture() == Architecture::Arm { !1 } else { !0 };
        let mut entries: Vec<Entry> = file
            .symbols()
            .chain(file.dynamic_symbols())
            .filter(|symbol| !symbol.is_undefined())
            .filter(|symbol| symbol.is_definition() || is_resolver(symbol))
            // What is written in assembly may have a type without a size.
            .filter(|symbol| match symbol.kind() {
                SymbolKind::Text => true,
                SymbolKind::Unknown => symbol.size() > 0,
                _ => false,
            })
            .filter_map(|symbol| {
                let name = symbol.name().ok().filter(|name| !name.is_empty())?;
                let name = name.split('@').next().unwrap_or(name).to_owned();
                let start = symbol.address() & address_bits;
                let end = start.checked_add(symbol.size())?;
                Some(Entry { start, end, name, is_resolver: is_resolver(&symbol) })
            })
            .collect();
        entries
            .sort_by(|a, b| (a.start, a.plainness(), a.end).cmp(&(b.start, b.plainness(), b.end)));
        entries.dedup_by(|later, first| (later.start, &later.name) == (first.start, &first.name));
        Symbols { entries }
    }

    /// The function that covers `address`: the one that starts last, and of several names for it
    /// the plainest.
    pub(crate) fn at(&self, address: u64) -> Option<Symbol> {
        let after = self.entries.partition_point(|entry| entry.start <= address);
        let start = self.entries[..after].iter().rev().find(|entry| address < entry.end)?.start;
        let first = self.entries.partition_point(|entry| entry.start < start);
        let entry = self.entries[first..after].iter().find(|entry| address < entry.end)?;
        Some(Symbol { name: entry.name.clone(), offset: address - entry.start })
    }

    /// The address of the function of that name.
    pub(crate) fn address(&self, name: &str) -> Option<u64> {
        let mut found = self.named(name).filter(|function| !function.is_resolver);
        found.next().map(|function| function.address)
    }

    /// Every function of that name: static ones of several source files may share it.
    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = Function> {
        let named = self.entries.iter().filter(move |entry| entry.name == name);
        named.map(|entry| Function { address: entry.start, is_resolver: entry.is_resolver })
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }
}

fn is_resolver<'data>(symbol: &impl ObjectSymbol<'data>) -> bool {
    let SymbolFlags::Elf { st_info, .. } = symbol.flags() else { return false };
    st_info.st_type() == elf::STT_GNU_IFUNC
}

impl Entry {
    /// Orders the names of one function: `__memcpy_generic` before its alias `__GI_…`.
    fn plainness(&self) -> (bool, usize, &str) {
        (self.name.starts_with("__GI_"), self.name.len(), &self.name)
    }
}
