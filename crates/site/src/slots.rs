//! Where addresses of functions are filled in when a module is loaded.

use object::elf::{R_AARCH64_IRELATIVE, R_X86_64_IRELATIVE};
use object::{
    Architecture, Object, ObjectSection, ObjectSymbol, ObjectSymbolTable, Relocation,
    RelocationFlags, RelocationTarget,
};

/// A place in a module's data that holds the address of a function, filled in by the dynamic
/// linker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Which function.
    pub of: SlotOf,
    /// Where the slot lies, as the module counts addresses.
    pub address: u64,
}

/// How a [`Slot`] says which function it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotOf {
    /// A function of another module by this name, without a version.
    Import(String),
    /// The function that the module's own one at this address chooses.
    Resolver(u64),
}

pub(crate) fn slots_of(file: &object::File<'_>) -> Vec<Slot> {
    let table = file.dynamic_symbol_table();
    let import = |relocation: &Relocation| {
        let RelocationTarget::Symbol(index) = relocation.target() else { return None };
        let symbol = table.as_ref()?.symbol_by_index(index).ok()?;
        let name = symbol.name().ok().filter(|name| !name.is_empty())?;
        let name = name.split('@').next().unwrap_or(name).to_owned();
        symbol.is_undefined().then_some(SlotOf::Import(name))
    };
    let resolver = |relocation: &Relocation| {
        let RelocationFlags::Elf { r_type } = relocation.flags() else { return None };
        let is_chosen = match file.architecture() {
            Architecture::X86_64 => r_type == R_X86_64_IRELATIVE,
            Architecture::Aarch64 => r_type == R_AARCH64_IRELATIVE,
            _ => false,
        };
        is_chosen.then_some(SlotOf::Resolver(relocation.addend() as u64))
    };
    let dynamic =
        file.dynamic_relocations().into_iter().flatten().filter_map(|(address, found)| {
            let of = import(&found).or_else(|| resolver(&found))?;
            Some(Slot { of, address })
        });
    // A static program's table belongs to the section that it fills in.
    let of_sections = file.sections().flat_map(|section| section.relocations());
    let of_sections =
        of_sections.filter_map(|(address, found)| Some(Slot { of: resolver(&found)?, address }));
    dynamic.chain(of_sections).collect()
}
