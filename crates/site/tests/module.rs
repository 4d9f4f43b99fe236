//! Modules are read as they are, from a program that the test compiles.

use std::path::{Path, PathBuf};
use std::process::Command;

use busprobe_site::{Machine, Module};
use proptest::prelude::*;

const SOURCE: &str = r"
#include <string.h>
static char from[64], to[64];
__attribute__((noinline)) int first(int n) { memcpy(to, from, n); return to[0] + n; }
int main(int argc, char **argv) { return first(argc); }
";

fn compile(directory: &Path, name: &str, options: &[&str]) -> PathBuf {
    let source = directory.join("program.c");
    std::fs::write(&source, SOURCE).unwrap();
    let program = directory.join(name);
    let status = Command::new("cc")
        .args(["-O1", "-fno-builtin", "-Wl,--build-id"])
        .args(options)
        .arg("-o")
        .args([&program, &source])
        .status()
        .expect("a C compiler named `cc`: apt-get install gcc");
    assert!(status.success());
    program
}

#[test]
fn a_symbol_covers_its_function_and_nothing_beyond() {
    let directory = tempfile::tempdir().unwrap();
    let module = Module::open(&compile(directory.path(), "whole", &[])).unwrap();
    assert_eq!(Some(module.machine()), Machine::host());
    assert_eq!(module.build_id().unwrap().len(), 40);

    let start = module.address_of_symbol("first").unwrap();
    let range = module.function_range(start + 1).unwrap();
    assert_eq!(range.start, start);
    let last = module.symbol(range.end - 1).unwrap();
    assert_eq!((last.name.as_str(), last.offset), ("first", range.end - 1 - start));
    assert_ne!(module.symbol(range.end).map(|symbol| symbol.name), Some("first".to_owned()));
}

#[test]
fn a_stripped_module_still_knows_where_its_functions_begin() {
    let directory = tempfile::tempdir().unwrap();
    let whole = Module::open(&compile(directory.path(), "whole", &[])).unwrap();
    let stripped = Module::open(&compile(directory.path(), "stripped", &["-s"])).unwrap();
    let start = whole.address_of_symbol("first").unwrap();
    assert_eq!(stripped.symbol(start), None);
    assert_eq!(stripped.function_range(start), whole.function_range(start));
}

#[test]
fn the_slot_of_an_imported_function_is_known_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let module = Module::open(&compile(directory.path(), "stripped", &["-s"])).unwrap();
    assert!(module.slots().iter().any(|slot| slot.name == "memcpy"));
}

#[test]
fn a_file_offset_becomes_an_address_of_the_module() {
    let directory = tempfile::tempdir().unwrap();
    let path = compile(directory.path(), "fixed", &["-no-pie"]);
    let module = Module::open(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(&bytes[1..4], b"ELF");
    assert_eq!(module.address_of(1), Some(0x40_0001));
    assert_eq!(module.address_of(u64::MAX), None);
}

#[test]
fn what_is_no_elf_file_is_named_as_such() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes");
    std::fs::write(&path, "hello").unwrap();
    let error = Module::open(&path).err().unwrap().to_string();
    assert!(error.contains("notes: not an ELF file"), "{error}");
    let missing = Module::open(&directory.path().join("none")).err().unwrap().to_string();
    assert!(missing.contains("none: No such file"), "{missing}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_damaged_module_is_an_error_or_a_module_but_never_a_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = std::fs::read("/bin/true").unwrap();
        for (place, value) in damage {
            let place = place.index(bytes.len().min(4096));
            bytes[place] = value;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        if let Ok(module) = Module::parse(Path::new("damaged"), &bytes) {
            for address in [0, 0x1000, u64::MAX] {
                let _ = (module.symbol(address), module.function_range(address));
            }
        }
    }
}
