//! Kinds of loads and stores, and what is known of their data.
#![cfg(target_arch = "x86_64")]

use crate::program::{Bench, words};

#[test]
fn a_store_and_a_load_are_recorded_with_their_data() {
    let bench = Bench::new();
    let run = bench.statements("w[0] = 1; w[4] = 0x12345678; CHECK(w[4] == 0x12345678);");
    assert_eq!(run.lines(), ["W 0x0 4 0x1", "W 0x10 4 0x12345678", "R 0x10 4 0x12345678"]);
    assert_eq!(words(&bench.window())[4], 0x1234_5678);
}

#[test]
fn every_width_of_a_plain_store_is_told() {
    let run = Bench::new().statements(
        "*(volatile uint8_t *)w = 0x11; *(volatile uint16_t *)w = 0x2222;
         *(volatile uint64_t *)w = 0x4444444444444444;
         uint8_t b = *(volatile uint8_t *)w; uint64_t q = *(volatile uint64_t *)w;
         CHECK(b == 0x44 && q == 0x4444444444444444);",
    );
    let wide = "0x4444444444444444";
    let [store, load] = [format!("W 0x0 8 {wide}"), format!("R 0x0 8 {wide}")];
    assert_eq!(run.lines(), ["W 0x0 1 0x11", "W 0x0 2 0x2222", &store, "R 0x0 1 0x44", &load]);
}

#[test]
fn a_site_names_module_and_instruction() {
    let run = Bench::new().statements("w[0] = 1;");
    let access = run.trace.accesses().next().expect("one access");
    let site = run.trace.site(access.site.expect("a site")).expect("the site is in the trace");
    assert!(site.module.as_deref().is_some_and(|module| module.ends_with("/program")), "{site:?}");
    assert_eq!(site.symbol.as_deref(), Some("main"));
    assert!(site.text.as_deref().is_some_and(|text| text.starts_with("mov")), "{site:?}");
}
