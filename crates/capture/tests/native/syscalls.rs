//! System calls on memory in a window.

use busprobe_trace::LossKind;

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

#[test]
fn several_messages_are_sent_and_received_in_one_call() {
    let run = Bench::new().statements(
        "int pair[2];
         CHECK(!socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
         w[0] = 0x11223344; w[1] = 0x55667788;
         struct iovec from[2] = {{(void *)w, 4}, {(void *)(w + 1), 4}};
         struct iovec to[2] = {{(void *)(w + 4), 4}, {(void *)(w + 5), 4}};
         struct mmsghdr out[2] = {{.msg_hdr = {.msg_iov = from, .msg_iovlen = 1}},
                                  {.msg_hdr = {.msg_iov = from + 1, .msg_iovlen = 1}}};
         struct mmsghdr in[2] = {{.msg_hdr = {.msg_iov = to, .msg_iovlen = 1}},
                                 {.msg_hdr = {.msg_iov = to + 1, .msg_iovlen = 1}}};
         CHECK(sendmmsg(pair[0], out, 2, 0) == 2);
         CHECK(recvmmsg(pair[1], in, 2, 0, 0) == 2);
         CHECK(from[1].iov_base == (void *)(w + 1) && w[4] == 0x11223344 && w[5] == 0x55667788);",
    );
    let expected =
        [("sendmmsg", 0, 4), ("sendmmsg", 4, 4), ("recvmmsg", 16, 4), ("recvmmsg", 20, 4)];
    assert_eq!(run.syscalls(), expected.map(|(name, at, length)| (name.to_owned(), at, length)));
}

#[test]
fn a_vector_that_two_messages_share_is_given_back_as_it_was() {
    let run = Bench::new().statements(
        "int pair[2];
         CHECK(!socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
         struct iovec from = {(void *)w, 4};
         struct mmsghdr out[2] = {{.msg_hdr = {.msg_iov = &from, .msg_iovlen = 1}},
                                  {.msg_hdr = {.msg_iov = &from, .msg_iovlen = 1}}};
         CHECK(sendmmsg(pair[0], out, 2, 0) == 2);
         CHECK(from.iov_base == (void *)w);",
    );
    let expected = [("sendmmsg".to_owned(), 0, 4), ("sendmmsg".to_owned(), 0, 4)];
    assert_eq!(run.syscalls(), expected);
}

#[test]
fn io_uring_is_a_loss_of_its_own() {
    let run = Bench::new().statements(
        "char parameters[128] = {0};
         w[0] = 1;
         syscall(SYS_io_uring_setup, 1, parameters);",
    );
    let told = "the program uses io_uring: what it asks for there is not seen";
    assert_eq!(run.losses(), [(LossKind::NotWatched, told)]);
}

#[test]
fn messages_are_sent_from_and_received_into_a_window() {
    let run = Bench::new().statements(
        "int pair[2];
         CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
         w[0] = 0x11223344;
         struct iovec from = {(void *)w, 4}, to = {(void *)(w + 4), 4};
         struct msghdr out = {.msg_iov = &from, .msg_iovlen = 1};
         struct msghdr in = {.msg_iov = &to, .msg_iovlen = 1};
         CHECK(sendmsg(pair[0], &out, 0) == 4);
         CHECK(recvmsg(pair[1], &in, 0) == 4);
         CHECK(from.iov_base == (void *)w && w[4] == 0x11223344);",
    );
    let expected = [("sendmsg", 0, 4), ("recvmsg", 16, 4)];
    assert_eq!(run.syscalls(), expected.map(|(name, at, length)| (name.to_owned(), at, length)));
}
