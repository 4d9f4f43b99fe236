//! Which mappings are windows, and what becomes of them.

use busprobe_capture::native::{Capture, Watch};
use busprobe_trace::LossKind;

use crate::program::{Bench, LENGTH, run};

#[test]
fn only_the_watched_range_is_recorded_and_offsets_count_from_its_start() {
    let bench = Bench::new();
    let program = bench.compile(
        "int main(int c, char **v) {
             window(v);
             w[0] = 1; w[1023] = 2; w[1024] = 3; w[1025] = 4; w[1088] = 5; w[9000] = 6;
             volatile uint32_t *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
             p[2] = 7;
             CHECK(w[1026] == 7); CHECK(w[9000] == 6);
             return 0;
         }",
        &[],
    );
    let capture = busprobe_capture::native::Capture::new([program, bench.window()])
        .watch(Watch::file(bench.window(), 4096..4096 + 256));
    let run = run(capture).succeeded();
    assert_eq!(run.lines(), ["W 0x0 4 0x3", "W 0x4 4 0x4", "W 0x8 4 0x7", "R 0x8 4 0x7"]);
}

#[test]
fn two_windows_of_one_file_are_told_apart() {
    let bench = Bench::new();
    let program = bench
        .compile("int main(int c, char **v) { window(v); w[0] = 1; w[2048] = 2; return 0; }", &[]);
    let capture = busprobe_capture::native::Capture::new([program, bench.window()])
        .watch(Watch::file(bench.window(), 0..64))
        .watch(Watch::file(bench.window(), 8192..LENGTH));
    let run = run(capture).succeeded();
    let found: Vec<_> = run.trace.accesses().map(|access| (access.window, access.offset)).collect();
    assert_eq!(found, [(0, 0), (1, 0)]);
}

#[test]
fn a_window_is_known_by_what_is_mapped_however_it_was_opened() {
    let bench = Bench::new();
    std::os::unix::fs::symlink(bench.window(), bench.path("link")).expect("a link");
    let program = bench
        .compile("int main(int c, char **v) { window(v); close(fd); w[0] = 1; return 0; }", &[]);
    let run = run(bench.capture([program, bench.path("link")])).succeeded();
    assert_eq!(run.lines(), ["W 0x0 4 0x1"]);
}

#[test]
fn what_is_left_of_a_window_after_a_partial_unmapping_is_still_watched() {
    let run = Bench::new().statements(
        "w[0] = 1;
         CHECK(!munmap((void *)(w + 1024), 4096));
         w[1] = 2; w[2048] = 3;
         char *hole = mmap((void *)(w + 1024), 4096, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
         CHECK(hole == (void *)(w + 1024));
         hole[5] = 7; CHECK(hole[5] == 7);
         w[2049] = 4;
         CHECK(!munmap((void *)w, 65536));",
    );
    let expected = ["W 0x0 4 0x1", "W 0x4 4 0x2", "W 0x2000 4 0x3", "W 0x2004 4 0x4"];
    assert_eq!(run.lines(), expected);
    assert_eq!(run.losses(), []);
}

#[test]
fn memory_mapped_over_a_window_is_no_longer_the_window() {
    let run = Bench::new().statements(
        "w[0] = 1;
         void *p = mmap((void *)w, 65536, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
         CHECK(p == (void *)w);
         w[0] = 2; CHECK(w[0] == 2);
         p = mmap((void *)w, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 4096);
         CHECK(p == (void *)w);
         w[0] = 3; w[8192] = 4;",
    );
    assert_eq!(run.lines(), ["W 0x0 4 0x1", "W 0x1000 4 0x3"]);
}

#[test]
fn a_window_whose_protection_changes_stays_watched() {
    let run = Bench::new().statements(
        "w[0] = 1;
         CHECK(!mprotect((void *)w, 4096, PROT_READ));
         uint32_t x = w[0]; CHECK(x == 1);
         CHECK(!mprotect((void *)w, 65536, PROT_READ | PROT_WRITE));
         w[1] = 2; w[2000] = 3;",
    );
    let expected = ["W 0x0 4 0x1", "R 0x0 4 0x1", "W 0x4 4 0x2", "W 0x1f40 4 0x3"];
    assert_eq!(run.lines(), expected);
}

#[test]
fn a_window_that_is_moved_and_resized_stays_watched() {
    let run = Bench::new().statements(
        "volatile uint32_t *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
         p[0] = 1;
         p = mremap((void *)p, 8192, 16384, MREMAP_MAYMOVE);
         CHECK(p != MAP_FAILED);
         p[0] = 2; p[4095] = 3;
         p = mremap((void *)p, 16384, 4096, 0);
         CHECK(p != MAP_FAILED);
         p[1] = 4;",
    );
    let expected = ["W 0x1000 4 0x1", "W 0x1000 4 0x2", "W 0x4ffc 4 0x3", "W 0x1004 4 0x4"];
    assert_eq!(run.lines(), expected);
    assert_eq!(run.losses(), []);
}

#[test]
fn a_private_writable_mapping_is_a_loss_and_no_window() {
    let run = Bench::new().statements(
        "volatile uint32_t *p = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
         p[0] = 1; CHECK(w[0] == 0);",
    );
    assert_eq!(run.lines(), ["R 0x0 4 0x0"]);
    assert!(matches!(run.losses()[..], [(LossKind::NotWatched, _)]), "{:?}", run.losses());
}

#[test]
fn a_fixed_address_outside_the_usual_place_is_watched_as_well() {
    let run = Bench::new().statements(
        "volatile uint32_t *p = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE,
                                     MAP_SHARED | MAP_FIXED, fd, 0);
         CHECK(p == (void *)0x10000000);
         p[1] = 1; *(volatile uint32_t *)0x10000008 = 2;
         int zero = open(\"/dev/zero\", O_RDONLY);
         CHECK(read(zero, (void *)(p + 4), 8) == 8);
         CHECK(!munmap((void *)p, 4096));
         p = mmap((void *)p, 4096, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
         CHECK(p == (void *)0x10000000);
         p[3] = 3; w[5] = 4;",
    );
    assert_eq!(run.lines(), ["W 0x4 4 0x1", "W 0x8 4 0x2", "W 0x14 4 0x4"]);
    assert_eq!(run.syscalls(), [("read".to_owned(), 16, 8)]);
}

#[test]
fn a_window_of_gigabytes_is_watched_to_its_end() {
    const LENGTH: u64 = 8 << 30;
    let bench = Bench::new();
    let file = std::fs::File::options().write(true).open(bench.window()).unwrap();
    file.set_len(LENGTH).unwrap();
    let program = bench.compile(
        "int main(int c, char **v) {
             uint64_t length = 8ull << 30;
             fd = open(v[1], O_RDWR);
             char *all = mmap(0, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
             CHECK(all != MAP_FAILED);
             *(volatile uint32_t *)(all + (5ull << 30)) = 7;
             *(volatile uint32_t *)(all + length - 4) = 9;
             return 0;
         }",
        &[],
    );
    let capture = Capture::new([program, bench.window()]);
    let run = run(capture.watch(Watch::file(bench.window(), 0..LENGTH))).succeeded();
    assert_eq!(run.lines(), ["W 0x140000000 4 0x7", "W 0x1fffffffc 4 0x9"]);
}
