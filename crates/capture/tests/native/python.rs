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
