//! System calls on memory in a window.

use crate::program::Bench;

#[test]
fn read_and_write_on_a_window_work_and_are_recorded() {
    let run = Bench::new().statements(
        "int zero = open(\"/dev/zero\", O_RDONLY), null = open(\"/dev/null\", O_WRONLY);
         CHECK(write(null, (void *)(w + 4), 32) == 32);
         CHECK(read(zero, (void *)w, 64) == 64);
         CHECK(pread(fd, (void *)(w + 1), 8, 4096) == 8);",
    );
    let expected = [("write", 16, 32), ("read", 0, 64), ("pread64", 4, 8)];
    assert_eq!(run.syscalls(), expected.map(|(name, at, length)| (name.to_owned(), at, length)));
    assert_eq!(run.losses(), []);
    assert_eq!(run.outcome.accesses, 0);
}

#[test]
fn a_vector_that_points_into_a_window_works_and_is_left_as_it_was() {
    let run = Bench::new().statements(
        "char other[8];
         int zero = open(\"/dev/zero\", O_RDONLY);
         struct iovec io[2] = {{other, 8}, {(void *)(w + 2), 24}}, before[2];
         memcpy(before, io, sizeof io);
         CHECK(preadv(fd, io, 2, 0) == 32);
         CHECK(readv(zero, io, 2) == 32);
         CHECK(pwritev(fd, io, 2, 8192) == 32);
         CHECK(!memcmp(before, io, sizeof io));",
    );
    let expected = ["preadv", "readv", "pwritev"].map(|name| (name.to_owned(), 8, 24));
    assert_eq!(run.syscalls(), expected);
}
