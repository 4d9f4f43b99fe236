//! Where accesses came from.

use std::process::Command;

use crate::program::{Bench, Run, run};
use busprobe_trace::Site;

fn only_site(run: &Run) -> &Site {
    let [site] = run.trace.sites.as_slice() else { panic!("one site: {:?}", run.trace.sites) };
    site
}

#[test]
fn a_site_names_module_and_instruction() {
    let run = Bench::new().statements("w[0] = 1;");
    let site = only_site(&run);
    assert!(site.module.as_deref().is_some_and(|module| module.ends_with("/program")), "{site:?}");
    assert_eq!(site.symbol.as_deref(), Some("main"));
    assert!(site.text.as_deref().is_some_and(|text| text.starts_with("mov")), "{site:?}");
}

/// Builds a library without symbols in which `put` is chosen among variants when it is linked, as
/// libc chooses its memcpy, and a program that stores through it.
fn variants(bench: &Bench, bind: &str) -> Run {
    let (source, library) = (bench.path("put.c"), bench.path("libput.so"));
    let code = "
        static void hidden(volatile unsigned *p, unsigned x) { *p = x; }
        static void (*choose(void))(volatile unsigned *, unsigned) { return hidden; }
        void put(volatile unsigned *, unsigned) __attribute__((ifunc(\"choose\")));";
    std::fs::write(&source, code).expect("the source is written");
    let built = Command::new("cc")
        .args(["-O1", "-shared", "-fPIC", "-s", "-Wl,--build-id", "-o"])
        .args([&library, &source])
        .status();
    assert!(built.is_ok_and(|status| status.success()), "apt-get install gcc libc6-dev");
    let folder = bench.path("");
    let flags = ["-L", folder.to_str().expect("text"), "-lput", bind];
    let program = bench.compile(
        "void put(volatile unsigned *, unsigned);
         int main(int c, char **v) { window(v); put(w, 1); put(w + 1, 2); return 0; }",
        &flags,
    );
    run(bench.capture([program, bench.window()]).env("LD_LIBRARY_PATH", folder)).succeeded()
}

#[test]
fn a_function_without_a_symbol_has_the_name_that_others_import_it_by() {
    for bind in ["-Wl,-z,lazy", "-Wl,-z,now"] {
        let run = variants(&Bench::new(), bind);
        let site = only_site(&run);
        assert_eq!(site.module_name(), Some("libput.so"), "{bind}");
        assert_eq!(site.symbol.as_deref(), Some("put"), "{bind}");
        assert!(site.symbol_offset.is_some_and(|offset| offset < 16) && site.build_id.is_some());
    }
}

/// A store in `poke`, which is put into `first`, which `second` calls, which `main` calls twice.
const CALLERS: &str = "
static inline __attribute__((always_inline)) void poke(int at) { w[at] = at; }
__attribute__((noinline)) int first(int at) { poke(at); return at + 1; }
__attribute__((noinline)) int second(int at) { return first(at) * 2; }
int main(int c, char **v) { window(v);
    second(c);
    return second(c) == 6 ? 0 : 1; }";

fn with_callers(bench: &Bench, flags: &[&str]) -> Run {
    let program = bench.compile(CALLERS, flags);
    run(bench.capture([program, bench.window()]).stacks()).succeeded()
}

#[test]
fn the_source_line_is_that_of_the_innermost_function() {
    let bench = Bench::new();
    let site = |flags: &[&str]| {
        let run = run(bench.capture([bench.compile(CALLERS, flags), bench.window()])).succeeded();
        only_site(&run).clone()
    };
    let source = site(&["-g"]).source.expect("a line");
    assert!(source.file.ends_with("program.c") && source.line == 2, "{source:?}");
    assert_eq!(site(&["-g0"]).source, None);
}

#[test]
fn the_callers_are_recorded_and_make_sites_of_their_own() {
    for (flags, has_lines) in [(&["-g"][..], true), (&["-g0", "-fomit-frame-pointer"], false)] {
        let run = with_callers(&Bench::new(), flags);
        let [first, second] = run.trace.sites.as_slice() else { panic!("{:?}", run.trace.sites) };
        assert_eq!(first.pc, second.pc);
        let callers = |site: &Site| {
            let caller = |frame: &busprobe_trace::Frame| {
                let line =
                    frame.source.as_ref().map_or(String::new(), |at| format!(":{}", at.line));
                Some(format!("{}{line}", frame.symbol.as_deref()?))
            };
            site.stack.iter().map_while(caller).collect::<Vec<_>>()
        };
        let (first, second) = (callers(first), callers(second));
        if has_lines {
            assert_eq!(first[..3], ["first:3", "second:4", "main:6"]);
            assert_eq!(second[..3], ["first:3", "second:4", "main:7"]);
        } else {
            assert_eq!(first[..2], ["second", "main"]);
            assert_eq!(second[..2], ["second", "main"]);
        }
    }
}

#[test]
fn among_the_callers_python_is_at_the_line_that_it_runs() {
    let bench = Bench::new();
    let program = "import mmap, os, sys
def main():
    memoryview(mmap.mmap(os.open(sys.argv[1], os.O_RDWR), 4096)).cast('I')[0:1] = data
data = memoryview(bytes(4)).cast('I')
main()";
    let words = ["python3", "-c", program].map(Into::into);
    let window = bench.window().into_os_string();
    let run = run(bench.capture(words.into_iter().chain([window])).stacks()).succeeded();
    for site in &run.trace.sites {
        let python = site.python.as_ref().expect("a line of Python");
        assert_eq!((python.line, python.function.as_str()), (3, "main"));
        let named = |frame: &busprobe_trace::Frame| {
            frame.symbol.as_deref() == Some("_PyEval_EvalFrameDefault")
        };
        // An interpreter without a symbol table does not name the function.
        if let Some(frame) = site.stack.iter().find(|frame| named(frame)) {
            assert_eq!(frame.python.as_ref(), Some(python));
        }
        assert!(site.stack.len() > 5, "{:?}", site.stack);
    }
}
