//! Disassembles what was built: every instruction that touches a window is one plain load or store
//! of the element's width, through a base register and nothing else.
//!
//! It looks into this test's own program, which has all of the crate in it, and into the libraries
//! and programs that `BUSPROBE_BUILT` names, separated by colons; those may be AArch64's.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use busprobe_mmio::{Run, Target, Width, Window};
use iced_x86::{Decoder, DecoderOptions, Mnemonic, OpKind, Register};
use object::{Architecture, Object, ObjectSection};

/// One entry of the section `busprobe_access`, with its addresses resolved.
#[derive(Debug)]
struct Access {
    instruction: u64,
    landing: u64,
    index: u8,
    bytes: u8,
    store: bool,
}

fn accesses(file: &object::File<'_>) -> Vec<Access> {
    let section = file.section_by_name("busprobe_access").expect("the table of accesses");
    let data = section.data().unwrap();
    assert_eq!(data.len() % 12, 0);
    let entries = data.chunks(12).enumerate().map(|(i, entry)| {
        let relative = |at: usize| {
            let offset = i32::from_le_bytes(entry[at..at + 4].try_into().unwrap());
            (section.address() + (12 * i + at) as u64).wrapping_add_signed(offset.into())
        };
        let (instruction, landing) = (relative(0), relative(4));
        let (index, bytes, store) = (entry[8], entry[9], entry[10] == 1);
        Access { instruction, landing, index, bytes, store }
    });
    entries.collect()
}

fn code<'a>(file: &object::File<'a>, address: u64, length: usize) -> &'a [u8] {
    let holds = |section: &object::Section<'a, '_>| {
        (section.address()..section.address() + section.size()).contains(&address)
    };
    let section = file.sections().find(holds).expect("the code of an access");
    let start = (address - section.address()) as usize;
    &section.data().unwrap()[start..start + length]
}

/// The instruction's length, if it is what it has to be.
fn x86_access(code: &[u8], access: &Access) -> Result<u64, String> {
    let instruction = Decoder::with_ip(64, code, access.instruction, DecoderOptions::NONE).decode();
    let plain_base = instruction.memory_base() != Register::None
        && instruction.memory_base() != Register::RIP
        && instruction.memory_index() == Register::None
        && instruction.segment_prefix() == Register::None;
    let no_prefix = !instruction.has_lock_prefix() && !instruction.has_rep_prefix();
    let memory = instruction.memory_size().size() == usize::from(access.bytes);
    let right_way = if access.store {
        instruction.mnemonic() == Mnemonic::Mov
            && instruction.op0_kind() == OpKind::Memory
            && instruction.op1_kind() == OpKind::Register
            && instruction.op1_register().is_gpr()
    } else {
        matches!(instruction.mnemonic(), Mnemonic::Mov | Mnemonic::Movzx)
            && instruction.op1_kind() == OpKind::Memory
            && instruction.op0_register().is_gpr()
    };
    let right = plain_base && no_prefix && memory && right_way;
    right.then_some(instruction.len() as u64).ok_or_else(|| format!("{instruction}"))
}

/// Arm ARM DDI 0487, C4.1: LDR and STR (immediate, unsigned offset), LDAR and STLR.
fn aarch64_access(code: &[u8], access: &Access) -> Result<u64, String> {
    let word = u32::from_le_bytes(code[..4].try_into().unwrap());
    let (size, load) = (access.bytes.trailing_zeros(), u32::from(!access.store));
    let unsigned_offset = size << 30 | 0b11_1001 << 24 | load << 22;
    let ordered = size << 30 | 0b00_1000 << 24 | 1 << 23 | load << 22 | 0x1f << 16 | 0x3f << 10;
    // All but the two registers; the offset is zero.
    let fixed = word & !0x3ff;
    let right = fixed == unsigned_offset || fixed == ordered;
    right.then_some(4).ok_or_else(|| format!("{word:#010x}"))
}

fn check(path: &PathBuf) {
    let bytes = fs::read(path).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let accesses = accesses(&file);
    let check_one = match file.architecture() {
        Architecture::X86_64 => x86_access,
        Architecture::Aarch64 => aarch64_access,
        other => panic!("{}: {other:?} is not known here", path.display()),
    };
    let starts: BTreeSet<u64> = accesses.iter().map(|access| access.instruction).collect();
    assert_eq!(starts.len(), accesses.len(), "each instruction is listed once");
    for access in &accesses {
        assert!([1, 2, 4, 8].contains(&access.bytes) && access.index < 4, "{access:?}");
        let length = check_one(code(&file, access.instruction, 16), access)
            .unwrap_or_else(|found| panic!("{}: {access:x?} is {found}", path.display()));
        // A block is its accesses and nothing else: each is followed by the next, or the end.
        let next = access.instruction + length;
        assert!(next == access.landing || starts.contains(&next), "{access:x?}");
    }
    for (bytes, store) in [1, 2, 4, 8].into_iter().flat_map(|n| [(n, false), (n, true)]) {
        let found =
            |index| accesses.iter().any(|a| (a.bytes, a.store, a.index) == (bytes, store, index));
        assert!((0..4).all(found), "{bytes} bytes, store {store}: scalar and block");
    }
}

#[test]
fn every_access_is_one_plain_load_or_store_of_its_width() {
    // What a program does not use is not in it.
    let window = Window::open(&Target::parse("anon:4K").unwrap()).unwrap();
    for width in [8, 16, 32, 64].map(|bits| Width::from_bits(bits).unwrap()) {
        let mut elements = [0; 64];
        let run = Run::incr(0, width, 8);
        window.fill(run, 1).unwrap();
        // SAFETY: there is room for eight elements of any width.
        unsafe { window.read_run(run, elements.as_mut_ptr()) }.unwrap();
    }
    check(&std::env::current_exe().unwrap());
}

#[test]
fn so_is_every_access_of_what_else_was_built() {
    let Some(built) = std::env::var_os("BUSPROBE_BUILT") else {
        skip::because("BUSPROBE_BUILT names no library");
        return;
    };
    std::env::split_paths(&built).for_each(|path| check(&path));
}
