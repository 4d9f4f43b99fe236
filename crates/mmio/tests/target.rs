//! The syntax of targets, and what they resolve to on made-up systems.

use std::fs;
use std::path::Path;

use busprobe_mmio::{Region, System, Target};
use proptest::prelude::*;

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn physical_memory_has_an_address_and_a_length() {
    let target = Target::parse("mem:0x0a000000+16K").unwrap();
    assert_eq!(target, Target::Memory { address: 0x0a00_0000, length: Some(0x4000) });
    let region = target.region().unwrap();
    let expected = Region {
        path: "/dev/mem".into(),
        offset: 0x0a00_0000,
        length: 0x4000,
        base: Some(0x0a00_0000),
    };
    assert_eq!(region, expected);
}

#[test]
fn physical_memory_without_a_length_is_asked_for_it() {
    let error = Target::parse("mem:0x1000").unwrap().region().unwrap_err();
    assert_eq!(error.to_string(), "mem:0x1000: how long is it? write mem:0x1000+4K for one page");
}

#[test]
fn a_uio_device_is_found_by_name_and_by_number() {
    let root = tempfile::tempdir().unwrap();
    let maps = "sys/class/uio/uio3/maps/map1";
    write(root.path(), "sys/class/uio/uio3/name", "axi-dma\n");
    write(root.path(), &format!("{maps}/addr"), "0x43c00000\n");
    write(root.path(), &format!("{maps}/size"), "0x1000\n");
    write(root.path(), &format!("{maps}/offset"), "0x40\n");
    let system = System::at(root.path());
    for text in ["uio:axi-dma/1", "uio:axi-dma/map1", "uio:3/map1", "uio:uio3/1"] {
        let region = Target::parse(text).unwrap().region_in(&system).unwrap();
        assert_eq!(region.path, root.path().join("dev/uio3"));
        assert_eq!((region.offset, region.length), (0x1040, 0x1000), "{text}");
        assert_eq!(region.base, Some(0x43c0_0040));
    }
    let error = Target::parse("uio:axi-dmc").unwrap().region_in(&system).unwrap_err();
    assert_eq!(error.to_string(), "uio:axi-dmc/map0: no such UIO device; there is axi-dma (uio3)");
}

#[test]
fn a_pci_bar_has_the_length_that_its_function_says() {
    let root = tempfile::tempdir().unwrap();
    let function = "sys/bus/pci/devices/0000:01:00.0";
    let lines = "0x00000000fe000000 0x00000000fe003fff 0x0000000000040200\n\
                 0x0000000000000000 0x0000000000000000 0x0000000000000000\n";
    write(root.path(), &format!("{function}/resource"), lines);
    write(root.path(), &format!("{function}/resource0"), "");
    let system = System::at(root.path());
    let region = Target::parse("pci:01:00.0/bar0").unwrap().region_in(&system).unwrap();
    assert_eq!(region.path, root.path().join(format!("{function}/resource0")));
    assert_eq!((region.offset, region.length, region.base), (0, 0x4000, Some(0xfe00_0000)));
    let error = |text| Target::parse(text).unwrap().region_in(&system).unwrap_err().to_string();
    assert!(error("pci:01:00.0/bar1").ends_with("the function has no BAR 1"));
    assert!(error("pci:01:00.0/bar0_wc").ends_with("only prefetchable BARs have one"));
    assert!(error("pci:02:00.0/bar0").contains("no such PCI function"));
}

#[test]
fn a_path_may_hold_the_marks_that_begin_an_offset() {
    let file = |text: &str| match Target::parse(text).unwrap() {
        Target::File { path, offset, length } => {
            (path.to_str().unwrap().to_owned(), offset, length)
        }
        other => panic!("{text} is {other:?}"),
    };
    assert_eq!(file("a+b@c.bin"), ("a+b@c.bin".to_owned(), 0, None));
    assert_eq!(file("file:win.bin@0x100+4K"), ("win.bin".to_owned(), 0x100, Some(4096)));
    assert_eq!(file("win.bin+4K"), ("win.bin".to_owned(), 0, Some(4096)));
    assert_eq!(file("file:win+4K@0"), ("win+4K".to_owned(), 0, None));
}

#[test]
fn what_is_no_target_is_told_what_to_write() {
    for (text, message) in [
        (
            "mem:zz+4K",
            "mem:zz+4K: \"zz\" is no address; write mem:ADDRESS+LENGTH, like mem:0x0a000000+16K",
        ),
        (
            "mem:0+0",
            "mem:0+0: a window has at least one byte; write mem:ADDRESS+LENGTH, like mem:0x0a000000+16K",
        ),
        (
            "mem:0xffffffffffffffff+2",
            "mem:0xffffffffffffffff+2: the range goes beyond 64 bits; write mem:ADDRESS+LENGTH, like mem:0x0a000000+16K",
        ),
        ("uio:dma/x", "uio:dma/x: \"x\" is no map; write uio:NAME or uio:NAME/MAP, like uio:0"),
        (
            "pci:1/bar0",
            "pci:1/bar0: \"1\" is no PCI function; write pci:DOMAIN:BUS:DEVICE.FUNCTION/barN, like pci:0000:01:00.0/bar0",
        ),
        (
            "pci:01:00.0/bar6",
            "pci:01:00.0/bar6: \"bar6\" is no BAR: they are bar0 to bar5; write pci:DOMAIN:BUS:DEVICE.FUNCTION/barN, like pci:0000:01:00.0/bar0",
        ),
        (
            "",
            ": the path is missing; write file:PATH[@OFFSET][+LENGTH], like file:window.bin@0x1000+4K",
        ),
        ("anon:", "anon:: \"\" is no length; write anon:LENGTH, like anon:16K"),
    ] {
        assert_eq!(Target::parse(text).unwrap_err().to_string(), message);
    }
}

proptest! {
    #[test]
    fn parsing_never_panics(text in "(mem:|uio:|pci:|file:|anon:)?[0-9a-fx:+@/.KMG-]{0,24}") {
        let _ = Target::parse(&text);
    }

    #[test]
    fn a_target_reads_back_as_it_was_written(text in "(mem:|anon:|w@|file:w@)0x[0-9a-f]{1,9}[KM]?(\\+[1-9][0-9]{0,3}[KM]?)?") {
        if let Ok(target) = Target::parse(&text) {
            prop_assert_eq!(Target::parse(&target.to_string()).unwrap(), target);
        }
    }
}
