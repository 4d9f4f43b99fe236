//! `busprobe list` on systems made up of files.

use std::fs;
use std::os::unix::fs::symlink;

struct MadeUp {
    root: tempfile::TempDir,
}

impl MadeUp {
    fn new() -> Self {
        MadeUp { root: tempfile::tempdir().unwrap() }
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn uio(&self, number: u32, name: &str) {
        let directory = format!("sys/class/uio/uio{number}");
        self.file(&format!("{directory}/name"), &format!("{name}\n"));
        self.file(&format!("{directory}/maps/map0/addr"), "0x43c00000\n");
        self.file(&format!("{directory}/maps/map0/size"), "0x10000\n");
        self.file(&format!("{directory}/maps/map0/offset"), "0x0\n");
    }

    fn function(&self, address: &str, enable: &str) {
        let directory = format!("sys/bus/pci/devices/{address}");
        let resources = "0xfe000000 0xfe003fff 0x40200\n0xc000 0xc01f 0x40101\n0x0 0x0 0x0\n";
        self.file(&format!("{directory}/resource"), resources);
        self.file(&format!("{directory}/resource0"), "");
        self.file(&format!("{directory}/vendor"), "0x1234\n");
        self.file(&format!("{directory}/device"), "0x11e8\n");
        self.file(&format!("{directory}/enable"), &format!("{enable}\n"));
    }

    fn list(&self, options: &[&str]) -> (Option<i32>, String, String) {
        let done = assert_cmd::Command::cargo_bin("busprobe")
            .unwrap()
            .arg("list")
            .arg("--root")
            .arg(self.root.path())
            .args(options)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (done.status.code(), text(done.stdout), text(done.stderr))
    }

    /// Target, and what is in its way.
    fn entries(&self) -> Vec<(String, Option<String>)> {
        let (status, out, error) = self.list(&["--json"]);
        assert_eq!((status, error.as_str()), (Some(0), ""));
        let entries: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
        let text = |value: &serde_json::Value| value.as_str().map(ToOwned::to_owned);
        let entry = |e: &serde_json::Value| (text(&e["target"]).unwrap(), text(&e["obstacle"]));
        entries.iter().map(entry).collect()
    }
}

#[test]
fn the_maps_of_uio_devices_are_listed() {
    let system = MadeUp::new();
    system.uio(0, "axi-dma");
    system.uio(1, "axi-gpio");
    system.file("dev/uio0", "");
    let gone = system.root.path().join("dev/uio1");
    let expected = [
        ("uio:uio0/map0".to_owned(), None),
        ("uio:uio1/map0".to_owned(), Some(format!("there is no {}", gone.display()))),
    ];
    assert_eq!(system.entries(), expected);
    let (_, out, _) = system.list(&[]);
    let row = out.lines().find(|row| row.contains("uio0")).unwrap();
    assert_eq!(
        row.split_whitespace().collect::<Vec<_>>(),
        ["uio:uio0/map0", "0x10000", "0x43c00000", "axi-dma", "yes"]
    );
}

#[test]
fn the_memory_bars_of_pci_functions_are_listed_with_their_driver() {
    let system = MadeUp::new();
    system.function("0000:01:00.0", "1");
    system.function("0000:02:00.0", "0");
    let device = system.root.path().join("sys/bus/pci/devices/0000:01:00.0");
    symlink("../../drivers/vfio-pci", device.join("driver")).unwrap();
    let entries = system.entries();
    assert_eq!(entries[0], ("pci:0000:01:00.0/bar0".to_owned(), None));
    assert_eq!(entries[1].0, "pci:0000:02:00.0/bar0");
    assert!(entries[1].1.as_ref().unwrap().starts_with("it is not enabled; echo 1 > "));
    assert_eq!(entries.len(), 2);
    let (_, out, _) = system.list(&["pci:0000:01"]);
    assert!(out.contains("0x4000") && out.contains("0xfe000000"), "{out}");
    assert!(out.contains("1234:11e8 vfio-pci") && !out.contains("0000:02"), "{out}");
}

const IOMEM: &str = "\
00000000-00000fff : Reserved
00001000-0009ffff : System RAM
43c00000-43c0ffff : 43c00000.dma dma@43c00000
44a00000-44a0ffff : Reserved
e0000000-efffffff : PCI Bus 0000:00
  e0000000-e0003fff : 0000:01:00.0
    e0000000-e00000ff : xhci-hcd
  e0004000-e0007fff : 0000:02:00.0
";

#[test]
fn regions_of_memory_are_listed_with_who_has_them() {
    let system = MadeUp::new();
    system.file("proc/iomem", IOMEM);
    system.file("dev/mem", "");
    let entries = system.entries();
    let targets: Vec<&str> = entries.iter().map(|entry| entry.0.as_str()).collect();
    assert_eq!(
        targets,
        [
            "mem:0x0+0x1000",
            "mem:0x1000+0x9f000",
            "mem:0x43c00000+0x10000",
            "mem:0x44a00000+0x10000",
            "mem:0xe0000000+0x4000",
            "mem:0xe0004000+0x4000",
        ]
    );
    let why = |index: usize| entries[index].1.clone().unwrap_or_default();
    assert!(why(1).contains("CONFIG_STRICT_DEVMEM"));
    assert!(why(2).starts_with("43c00000.dma dma@43c00000 has claimed it"));
    assert!(why(4).starts_with("xhci-hcd has claimed it"));
    assert_eq!((why(0), why(3), why(5)), (String::new(), String::new(), String::new()));
}

#[test]
fn a_locked_down_kernel_and_hidden_addresses_are_said() {
    let system = MadeUp::new();
    system.file("proc/iomem", IOMEM);
    system.file("dev/mem", "");
    system.file("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
    assert!(system.entries().iter().all(|entry| entry.1.as_ref().unwrap().contains("locked down")));
    system.file("proc/iomem", "00000000-00000000 : Reserved\n00000000-00000000 : System RAM\n");
    let hidden = "/proc/iomem hides the addresses; run as root".to_owned();
    assert_eq!(system.entries(), [("mem:".to_owned(), Some(hidden))]);
}

#[test]
fn a_system_without_devices_says_so() {
    let (status, out, _) = MadeUp::new().list(&[]);
    assert_eq!((status, out.as_str()), (Some(0), "no UIO device, PCI BAR or region of memory\n"));
    let missing = assert_cmd::Command::cargo_bin("busprobe")
        .unwrap()
        .args(["list", "--root", "/no/such/root"])
        .output()
        .unwrap();
    let error = String::from_utf8(missing.stderr).unwrap();
    assert_eq!(error, "busprobe: /no/such/root: No such file or directory (os error 2)\n");
}
