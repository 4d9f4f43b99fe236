//! Refusals on made-up systems: the files of each are what the kernel would show.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::{OpenError, OpenOptions, Target};

struct Made(tempfile::TempDir);

impl Made {
    fn new(files: &[(&str, &str)]) -> Self {
        let made = Made(tempfile::tempdir().unwrap());
        for (path, text) in files {
            let path = made.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        made
    }

    fn system(&self) -> System {
        System::at(self.0.path())
    }

    fn explain(&self, target: &str, action: Action, errno: i32) -> String {
        let region = Target::parse(target).unwrap().region_in(&self.system()).unwrap();
        explain(&self.system(), action, &region, &io::Error::from_raw_os_error(errno))
    }
}

const IOMEM: &str = "\
00000000-00000fff : Reserved
00100000-7fffffff : System RAM
  01000000-01ffffff : Kernel code
fe000000-fe7fffff : PCI Bus 0000:01
  fe000000-fe003fff : 0000:01:00.0
    fe000000-fe003fff : nvme
";
const CONFIG: &str = "CONFIG_DEVMEM=y\nCONFIG_STRICT_DEVMEM=y\nCONFIG_IO_STRICT_DEVMEM=y\n";

fn strict() -> Made {
    Made::new(&[
        ("proc/iomem", IOMEM),
        ("proc/sys/kernel/osrelease", "6.1.0\n"),
        ("boot/config-6.1.0", CONFIG),
        ("sys/kernel/security/lockdown", "[none] integrity confidentiality\n"),
    ])
}

#[test]
fn memory_that_is_ram_is_kept_by_strict_devmem() {
    assert_eq!(
        strict().explain("mem:0x1000000+4K", Action::Map, libc::EPERM),
        "it touches System RAM (0x100000-0x7fffffff), which CONFIG_STRICT_DEVMEM=y keeps from \
         /dev/mem: take memory that is reserved (memmap=, or a reserved-memory node with no-map)"
    );
}

#[test]
fn a_range_that_a_driver_owns_names_the_driver() {
    assert_eq!(
        strict().explain("mem:0xfe001000+4K", Action::Map, libc::EPERM),
        "the driver of nvme (0xfe000000-0xfe003fff) owns it, and CONFIG_IO_STRICT_DEVMEM=y keeps \
         others out: unbind the driver, use its own interface, or boot with iomem=relaxed"
    );
}

#[test]
fn a_range_that_no_one_claims_is_not_blamed_on_anyone() {
    let reason = strict().explain("mem:0xf0000000+4K", Action::Map, libc::EPERM);
    assert!(reason.starts_with("no one in /proc/iomem claims it"), "{reason}");
}

#[test]
fn an_iomem_that_hides_its_addresses_says_nothing() {
    let made = Made::new(&[("proc/iomem", "00000000-00000000 : System RAM\n")]);
    assert_eq!(made.system().iomem(), []);
    let reason = made.explain("mem:0x1000000+4K", Action::Map, libc::EPERM);
    assert_eq!(
        reason,
        "CONFIG_STRICT_DEVMEM or a driver keeps it from /dev/mem; /proc/iomem says which to root"
    );
}

#[test]
fn a_locked_down_kernel_says_at_which_level() {
    let made = Made::new(&[("sys/kernel/security/lockdown", "none [integrity] confidentiality\n")]);
    for action in [Action::Open, Action::Map] {
        let reason = made.explain("mem:0x1000+4K", action, libc::EPERM);
        assert!(reason.starts_with("the kernel is locked down (integrity)"), "{reason}");
    }
}

#[test]
fn what_is_not_permitted_says_what_it_takes() {
    let reason = strict().explain("mem:0x1000+4K", Action::Open, libc::EPERM);
    assert!(reason.contains("CAP_SYS_RAWIO"), "{reason}");
    let made = Made::new(&[("dev/mem", ""), ("etc/passwd", ""), ("etc/group", "")]);
    let mem = made.0.path().join("dev/mem");
    fs::set_permissions(&mem, fs::Permissions::from_mode(0o600)).unwrap();
    // The one who runs the tests, by name.
    let metadata = fs::metadata(&mem).unwrap();
    let (owner, group) = (metadata.uid(), metadata.gid());
    fs::write(made.0.path().join("etc/passwd"), format!("other:x:1:\nme:x:{owner}:0::/:\n"))
        .unwrap();
    fs::write(made.0.path().join("etc/group"), format!("us:x:{group}:\n")).unwrap();
    assert_eq!(
        made.explain("mem:0x1000+4K", Action::Open, libc::EACCES),
        "it belongs to me and the group us, with mode 0600: run as root, or let a udev rule give \
         your group the device"
    );
}

#[test]
fn a_device_that_is_not_there_is_said_so_before_anything_else() {
    let made = Made::new(&[]);
    let options = OpenOptions::new().system(made.system());
    let error = options.open(&Target::parse("mem:0x1000+4K").unwrap()).unwrap_err();
    assert!(matches!(&error, OpenError::Refused { action: Action::Open, .. }));
    let message = error.to_string();
    assert!(message.contains("No such file or directory"), "{message}");
    assert!(message.contains("this kernel has no /dev/mem (CONFIG_DEVMEM)"), "{message}");
}

#[test]
fn what_cannot_be_mapped_is_said_so() {
    let window = OpenOptions::new().open(&Target::parse("/dev/null+4K").unwrap());
    let message = window.unwrap_err().to_string();
    assert!(message.ends_with("/dev/null is nothing that can be mapped"), "{message}");
}

#[test]
fn an_error_without_a_known_rule_is_left_as_it_is() {
    assert_eq!(strict().explain("mem:0x1000+4K", Action::Map, libc::EIO), "");
}
