//! Which arguments of which system calls point to memory.
//!
//! A register beyond a call's own arguments may hold a pointer that means nothing, so a pointer
//! counts only where this table has one. Arguments count from 0; see the calls' manual pages.

/// How much memory a pointer stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// As many bytes as that argument says.
    Argument(usize),
    /// So many bytes.
    Bytes(u64),
    /// As many as the number of an ioctl(2), argument 1, says.
    Ioctl,
    /// A text, or something whose length is not in the call.
    Unknown,
    /// None: it names pages and nothing reads or writes them.
    Pages,
}

/// A system call that takes pointers.
pub(crate) struct Signature {
    /// The name, as the manual pages have it.
    pub(crate) name: &'static str,
    pub(crate) number: i64,
    /// The arguments that are pointers.
    pub(crate) pointers: &'static [(usize, Extent)],
}

/// What is known of a system call; `None` when it takes no pointers, or is not known.
pub(crate) fn signature(number: i64) -> Option<&'static Signature> {
    SIGNATURES.iter().find(|signature| signature.number == number)
}

/// Every system call that is known to take pointers.
pub(crate) fn signatures() -> &'static [Signature] {
    SIGNATURES
}

macro_rules! signatures {
    ($($(#[$meta:meta])* $name:ident: $($argument:literal $extent:expr),+;)+) => {
        &[$($(#[$meta])* Signature {
            name: call_name(stringify!($name)),
            number: libc::$name,
            pointers: &[$(($argument, $extent)),+],
        }),+]
    };
}

/// `preadv` of `SYS_preadv`.
const fn call_name(constant: &'static str) -> &'static str {
    constant.split_at("SYS_".len()).1
}

use Extent::{Argument, Bytes, Ioctl, Pages, Unknown};

/// `struct timespec`, `struct timeval` and the like.
const TIME: Extent = Bytes(16);
/// `int`, `socklen_t`, a futex.
const INT: Extent = Bytes(4);

static SIGNATURES: &[Signature] = signatures! {
    SYS_read: 1 Argument(2);
    SYS_write: 1 Argument(2);
    SYS_pread64: 1 Argument(2);
    SYS_pwrite64: 1 Argument(2);
    SYS_readv: 1 Unknown;
    SYS_writev: 1 Unknown;
    SYS_preadv: 1 Unknown;
    SYS_pwritev: 1 Unknown;
    SYS_preadv2: 1 Unknown;
    SYS_pwritev2: 1 Unknown;
    SYS_vmsplice: 1 Unknown;
    SYS_process_vm_readv: 1 Unknown;
    SYS_process_vm_writev: 1 Unknown;
    SYS_sendfile: 2 Bytes(8);
    SYS_splice: 1 Bytes(8), 3 Bytes(8);
    SYS_copy_file_range: 1 Bytes(8), 3 Bytes(8);
    SYS_getrandom: 0 Argument(1);
    SYS_getdents64: 1 Argument(2);
    SYS_ioctl: 2 Ioctl;
    SYS_fcntl: 2 Unknown;
    SYS_sendto: 1 Argument(2), 4 Argument(5);
    SYS_recvfrom: 1 Argument(2), 4 Unknown, 5 INT;
    SYS_sendmsg: 1 Bytes(56);
    SYS_recvmsg: 1 Bytes(56);
    SYS_sendmmsg: 1 Unknown;
    SYS_recvmmsg: 1 Unknown, 4 Bytes(16);
    SYS_bind: 1 Argument(2);
    SYS_connect: 1 Argument(2);
    SYS_accept: 1 Unknown, 2 INT;
    SYS_accept4: 1 Unknown, 2 INT;
    SYS_getsockname: 1 Unknown, 2 INT;
    SYS_getpeername: 1 Unknown, 2 INT;
    SYS_setsockopt: 3 Argument(4);
    SYS_getsockopt: 3 Unknown, 4 INT;
    SYS_socketpair: 3 Bytes(8);
    SYS_pipe2: 0 Bytes(8);
    SYS_openat: 1 Unknown;
    SYS_openat2: 1 Unknown, 2 Argument(3);
    SYS_newfstatat: 1 Unknown, 2 Bytes(144);
    SYS_fstat: 1 Bytes(144);
    SYS_statx: 1 Unknown, 4 Bytes(256);
    SYS_statfs: 0 Unknown, 1 Bytes(120);
    SYS_fstatfs: 1 Bytes(120);
    SYS_readlinkat: 1 Unknown, 2 Argument(3);
    SYS_mkdirat: 1 Unknown;
    SYS_unlinkat: 1 Unknown;
    SYS_renameat2: 1 Unknown, 3 Unknown;
    SYS_linkat: 1 Unknown, 3 Unknown;
    SYS_symlinkat: 0 Unknown, 2 Unknown;
    SYS_faccessat: 1 Unknown;
    SYS_faccessat2: 1 Unknown;
    SYS_fchmodat: 1 Unknown;
    SYS_fchownat: 1 Unknown;
    SYS_utimensat: 1 Unknown, 2 Bytes(32);
    SYS_chdir: 0 Unknown;
    SYS_getcwd: 0 Argument(1);
    SYS_execve: 0 Unknown;
    SYS_memfd_create: 0 Unknown;
    SYS_uname: 0 Bytes(390);
    SYS_sysinfo: 0 Bytes(112);
    SYS_clock_gettime: 1 TIME;
    SYS_clock_getres: 1 TIME;
    SYS_clock_nanosleep: 2 TIME, 3 TIME;
    SYS_nanosleep: 0 TIME, 1 TIME;
    SYS_gettimeofday: 0 TIME, 1 Bytes(8);
    SYS_times: 0 Bytes(32);
    SYS_getrusage: 1 Bytes(144);
    SYS_getrlimit: 1 TIME;
    SYS_prlimit64: 2 TIME, 3 TIME;
    SYS_wait4: 1 INT, 3 Bytes(144);
    SYS_ppoll: 0 Unknown, 2 TIME, 3 Bytes(8);
    SYS_epoll_ctl: 3 Bytes(12);
    SYS_epoll_pwait: 1 Unknown, 4 Bytes(8);
    SYS_futex: 0 INT;
    SYS_rt_sigaction: 1 Bytes(32), 2 Bytes(32);
    SYS_rt_sigprocmask: 1 Bytes(8), 2 Bytes(8);
    SYS_rt_sigpending: 0 Bytes(8);
    SYS_sched_getaffinity: 2 Argument(1);
    SYS_sched_setaffinity: 2 Argument(1);
    SYS_getcpu: 0 INT, 1 INT;
    SYS_mincore: 0 Pages, 2 Unknown;
    SYS_msync: 0 Pages;
    SYS_madvise: 0 Pages;
    SYS_mlock: 0 Pages;
    SYS_mlock2: 0 Pages;
    SYS_munlock: 0 Pages;
    #[cfg(target_arch = "x86_64")]
    SYS_open: 0 Unknown;
    #[cfg(target_arch = "x86_64")]
    SYS_stat: 0 Unknown, 1 Bytes(144);
    #[cfg(target_arch = "x86_64")]
    SYS_lstat: 0 Unknown, 1 Bytes(144);
    #[cfg(target_arch = "x86_64")]
    SYS_access: 0 Unknown;
    #[cfg(target_arch = "x86_64")]
    SYS_pipe: 0 Bytes(8);
    #[cfg(target_arch = "x86_64")]
    SYS_poll: 0 Unknown;
    #[cfg(target_arch = "x86_64")]
    SYS_select: 1 Unknown, 2 Unknown, 3 Unknown, 4 TIME;
    #[cfg(target_arch = "x86_64")]
    SYS_epoll_wait: 1 Unknown;
    #[cfg(target_arch = "x86_64")]
    SYS_readlink: 0 Unknown, 1 Argument(2);
    #[cfg(target_arch = "x86_64")]
    SYS_getdents: 1 Argument(2);
    #[cfg(target_arch = "x86_64")]
    SYS_time: 0 Bytes(8);
};

/// Where a call's array of `struct iovec` is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vector {
    /// Argument 1 points to it, argument 2 counts its entries.
    Arguments,
    /// Argument 1 points to a `struct msghdr`, which has both.
    Message,
    /// Argument 1 points to an array of `struct mmsghdr`, argument 2 counts its entries.
    Messages,
}

/// Where the call's array of `struct iovec` is, if it takes one.
pub(crate) fn vector(number: i64) -> Option<Vector> {
    match number {
        libc::SYS_readv
        | libc::SYS_writev
        | libc::SYS_preadv
        | libc::SYS_pwritev
        | libc::SYS_preadv2
        | libc::SYS_pwritev2
        | libc::SYS_vmsplice
        | libc::SYS_process_vm_readv
        | libc::SYS_process_vm_writev => Some(Vector::Arguments),
        libc::SYS_sendmsg | libc::SYS_recvmsg => Some(Vector::Message),
        libc::SYS_sendmmsg | libc::SYS_recvmmsg => Some(Vector::Messages),
        _ => None,
    }
}
