//! Modules are read as they are, from a program that the test compiles.

use std::path::{Path, PathBuf};
use std::process::Command;

use busprobe_site::{Machine, Module, SlotOf};
use proptest::prelude::*;

const SOURCE: &str = r"
#include <string.h>
static char from[64], to[64];
__attribute__((noinline)) int first(int n) { memcpy(to, from, n); return to[0] + n; }
int main(int argc, char **argv) { return first(argc); }
";

fn compile(directory: &Path, name: &str, options: &[&str]) -> PathBuf {
    compile_source(directory, name, SOURCE, options)
}

fn compile_source(directory: &Path, name: &str, text: &str, options: &[&str]) -> PathBuf {
    let source = directory.join("program.c");
    std::fs::write(&source, text).unwrap();
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
    assert!(module.slots().iter().any(|slot| slot.of == SlotOf::Import("memcpy".to_owned())));
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

/// Line 3 is put into line 4, which `main` calls in line 5.
const INLINED: &str = "\
#include <stdlib.h>
volatile int at;
static inline __attribute__((always_inline)) void poke(int to) { at = to; }
__attribute__((noinline)) int first(int n) { poke(n); return n + 1; }
int main(int argc, char **argv) { return first(argc) + rand(); }
";

/// The function and the file's last part and line of each frame of the store to `at`.
fn lines_of_the_store(module: &Module) -> Vec<String> {
    let start = module.address_of_symbol("first").expect("a function");
    let line = |frame: &busprobe_site::SourceFrame| {
        let file = Path::new(&frame.file).file_name().unwrap().to_str().unwrap();
        format!("{} {file}:{}", frame.function.as_deref().unwrap_or("?"), frame.line)
    };
    let frames = (start..start + 16).map(|address| module.source(address));
    let inlined = frames.into_iter().find(|frames| frames.len() > 1).unwrap_or_default();
    inlined.iter().map(line).collect()
}

#[test]
fn an_instruction_of_an_inlined_function_has_a_line_in_each() {
    let directory = tempfile::tempdir().unwrap();
    let path = compile_source(directory.path(), "debug", INLINED, &["-g"]);
    let lines = lines_of_the_store(&Module::open(&path).unwrap());
    assert_eq!(lines, ["poke program.c:3", "first program.c:4"]);

    let without = compile_source(directory.path(), "without", INLINED, &["-g0"]);
    assert!(lines_of_the_store(&Module::open(&without).unwrap()).is_empty());
}

#[test]
fn debug_information_kept_apart_is_found_when_it_is_of_that_build() {
    let directory = tempfile::tempdir().unwrap();
    let apart = |name: &str, of: &Path| {
        let debug = directory.path().join(".debug").join(format!("{name}.debug"));
        std::fs::create_dir_all(debug.parent().unwrap()).unwrap();
        let objcopy = ["--only-keep-debug", "--compress-debug-sections"];
        let status = Command::new("objcopy").args(objcopy).args([of, &debug]).status();
        assert!(status.unwrap().success());
    };
    let another_build = INLINED.replace("rand()", "7");
    for (name, text) in [("same", INLINED), ("other", &another_build)] {
        let whole = compile_source(directory.path(), "whole", INLINED, &["-g"]);
        apart(name, &whole);
        let path = compile_source(directory.path(), name, text, &["-g"]);
        let status = Command::new("objcopy").arg("--strip-debug").arg(&path).status();
        assert!(status.unwrap().success());
    }
    let lines = |name| lines_of_the_store(&Module::open(&directory.path().join(name)).unwrap());
    assert_eq!(lines("same"), ["poke program.c:3", "first program.c:4"]);
    assert!(lines("other").is_empty());
}
