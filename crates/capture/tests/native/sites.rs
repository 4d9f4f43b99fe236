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
