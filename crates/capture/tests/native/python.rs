//! What this machine's Python puts on the bus.
//!
//! Wide stores differ from CPU to CPU, so glibc is held to its SSE2 variants here.

use crate::program::{Bench, Run, run};

/// Leaves only the 16-byte variant of glibc's `memmove-vec-unaligned-erms.S`, whatever the CPU has.
const SSE2: &str = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX_Fast_Unaligned_Load,-SSSE3";

const PRELUDE: &str = "
import array, ctypes, mmap, os, struct, sys
fd = os.open(sys.argv[1], os.O_RDWR)
mm = mmap.mmap(fd, 65536)
mv = memoryview(mm).cast('I')
def words(n): return memoryview(bytearray(i & 255 for i in range(4 * n))).cast('I')
";

/// Runs these lines after the prelude.
fn python(lines: &str) -> Run {
    let bench = Bench::new();
    let script = format!("{PRELUDE}{lines}");
    let command = ["python3", "-c", &script].map(Into::into);
    let window = bench.window().into_os_string();
    let capture = bench.capture(command.into_iter().chain([window]));
    run(capture.env("GLIBC_TUNABLES", SSE2)).succeeded()
}

/// The 4-byte words that all accesses cover together.
fn words(run: &Run) -> u64 {
    run.trace.accesses().map(|access| u64::from(access.size.div_ceil(4))).sum()
}

#[test]
fn a_block_through_memoryview_takes_these_beats() {
    let expected = [
        (1, 2),
        (2, 4),
        (4, 8),
        (8, 8),
        (16, 16),
        (32, 32),
        (64, 68),
        (128, 132),
        (230, 244),
        (256, 260),
    ];
    for (n, beats) in expected {
        let run = python(&format!("mv[0:{n}] = words({n})"));
        assert_eq!(words(&run), beats, "{n} words: {:?}", run.beats());
        assert!(run.trace.accesses().all(|access| access.data.is_some()));
    }
}

#[test]
fn one_element_through_memoryview_is_one_access() {
    let run = python("mv[3] = 7\nx = mv[3]\nassert x == 7");
    assert_eq!(run.lines(), ["W 0xc 4 0x7", "R 0xc 4 0x7"]);
}

/// Direction, offset and size of what these lines put on the bus.
fn beats(lines: &str) -> Vec<String> {
    python(lines).beats()
}

#[test]
fn a_value_set_through_ctypes_is_read_first() {
    assert_eq!(beats("ctypes.c_uint32.from_buffer(mm).value = 5"), ["R0/4", "W0/4"]);
    assert_eq!(beats("(ctypes.c_uint32 * 4).from_buffer(mm)[1] = 7"), ["R4/4", "W4/4"]);
}

#[test]
fn struct_zeroes_a_field_before_it_writes_it() {
    let run = python("struct.pack_into('<I', mm, 0, 0x11223344)");
    let lines = run.lines();
    let (last, zeroes) = lines.split_last().expect("some stores");
    assert_eq!(last, "W 0x0 4 0x11223344");
    assert!(!zeroes.is_empty() && zeroes.iter().all(|line| line == "W 0x0 4 0x0"), "{lines:?}");
    assert_eq!(beats("struct.unpack_from('<I', mm, 0)"), ["R0/4"]);
}

#[test]
fn whatever_copies_four_bytes_by_memcpy_does_so_twice() {
    for write in [
        "mm[0:4] = b'abcd'",
        "mm.write(b'wxyz')",
        "mv[0:1] = words(1)",
        "ctypes.memmove(ctypes.addressof(ctypes.c_char.from_buffer(mm)), b'abcd', 4)",
    ] {
        assert_eq!(beats(write), ["W0/4", "W0/4"], "{write}");
    }
    for read in ["mm.read(4)", "mm[0:4]", "bytes(mv[0:1])"] {
        assert_eq!(beats(read), ["R0/4", "R0/4"], "{read}");
    }
    let strided = ["W0/4", "W0/4", "W8/4", "W8/4"];
    assert_eq!(beats("mv[0:4:2] = words(2)"), strided);
}

#[test]
fn a_list_of_a_view_is_one_load_an_item() {
    assert_eq!(beats("mv[0:4].tolist()"), ["R0/4", "R4/4", "R8/4", "Rc/4"]);
}

#[test]
fn one_byte_of_an_mmap_is_one_store() {
    assert_eq!(beats("mm[3] = 1"), ["W3/1"]);
}

#[test]
fn files_are_read_into_and_written_from_a_window() {
    let run = python(
        "zero = os.open('/dev/zero', os.O_RDONLY); null = os.open('/dev/null', os.O_WRONLY)
view = memoryview(mm)
assert os.preadv(fd, [view[0:64]], 4096) == 64
assert open('/dev/zero', 'rb', 0).readinto(view[8:24]) == 16
assert os.write(null, view[4:36]) == 32",
    );
    let [(preadv, ..), ..] = &run.syscalls()[..] else { panic!("no system call was recorded") };
    assert!(preadv.starts_with("preadv"));
    let places: Vec<_> = run.syscalls().iter().map(|(_, at, length)| (*at, *length)).collect();
    assert_eq!(places, [(0, 64), (8, 16), (4, 32)]);
}

#[test]
fn the_copying_function_is_named() {
    let run = python("mv[0:4] = words(4)");
    for access in run.trace.accesses() {
        let site = access.site.and_then(|id| run.trace.site(id)).expect("a site");
        assert!(site.module_name().is_some_and(|name| name.starts_with("libc")), "{site:?}");
        let symbol = site.symbol.as_deref().expect("a function");
        assert!(symbol.contains("memmove") || symbol.contains("memcpy"), "{site:?}");
        assert!(site.build_id.is_some() && site.symbol_offset.is_some(), "{site:?}");
    }
}

#[test]
fn numpy_stores_a_scalar_once_and_copies_an_array_by_memcpy() {
    let numpy = std::process::Command::new("python3").args(["-c", "import numpy"]).output();
    if !numpy.is_ok_and(|output| output.status.success()) {
        skip::because("python3 has no numpy");
        return;
    }
    let with = |lines: &str| {
        beats(&format!("import numpy\na = numpy.frombuffer(mm, numpy.uint32)\n{lines}"))
    };
    assert_eq!(with("a[0] = 1"), ["W0/4"]);
    assert_eq!(with("a[0:2] = numpy.arange(2, dtype=numpy.uint32)"), ["W0/8", "W0/8"]);
}
