//! System calls of emulated programs, which each instruction set numbers in its own way.

use std::str::FromStr;

use syscalls as tables;

/// A system call that reads or writes a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BufferCall {
    pub(crate) name: &'static str,
    /// Which argument points to the buffer; the next one is its length.
    pub(crate) buffer: u8,
}

/// The calls that programs give a window to, if any.
const BUFFER_CALLS: [BufferCall; 13] = [
    BufferCall { name: "read", buffer: 1 },
    BufferCall { name: "write", buffer: 1 },
    BufferCall { name: "pread64", buffer: 1 },
    BufferCall { name: "pwrite64", buffer: 1 },
    BufferCall { name: "recvfrom", buffer: 1 },
    BufferCall { name: "sendto", buffer: 1 },
    BufferCall { name: "getrandom", buffer: 0 },
    BufferCall { name: VECTOR_CALLS[0], buffer: 1 },
    BufferCall { name: VECTOR_CALLS[1], buffer: 1 },
    BufferCall { name: VECTOR_CALLS[2], buffer: 1 },
    BufferCall { name: VECTOR_CALLS[3], buffer: 1 },
    BufferCall { name: VECTOR_CALLS[4], buffer: 1 },
    BufferCall { name: VECTOR_CALLS[5], buffer: 1 },
];

/// The calls that are given a list of buffers, of which the plugin tells one by one.
const VECTOR_CALLS: [&str; 6] = ["readv", "writev", "preadv", "pwritev", "preadv2", "pwritev2"];

/// The call of that number, if it is one with a buffer.
pub(crate) fn buffer_call(arch: &str, called: i64) -> Option<BufferCall> {
    BUFFER_CALLS.into_iter().find(|call| number(arch, call.name) == Some(called))
}

/// The numbers of the calls by which a process becomes another program.
pub(crate) fn exec_numbers(arch: &str) -> Vec<i64> {
    ["execve", "execveat"].into_iter().filter_map(|name| number(arch, name)).collect()
}

/// The numbers of the calls that are given a list of buffers.
pub(crate) fn vector_numbers(arch: &str) -> Vec<i64> {
    VECTOR_CALLS.into_iter().filter_map(|name| number(arch, name)).collect()
}

/// The number of a call in what QEMU calls `arch`; `None` when its table is not known.
fn number(arch: &str, name: &str) -> Option<i64> {
    macro_rules! look_up {
        ($($names:pat => $table:ident,)*) => {
            match arch {
                $($names => tables::$table::Sysno::from_str(name).ok().map(|call| call as i64),)*
                _ => None,
            }
        };
    }
    look_up! {
        "aarch64" | "aarch64_be" => aarch64,
        "arm" | "armeb" => arm,
        "riscv64" => riscv64,
        "riscv32" => riscv32,
        "x86_64" => x86_64,
        "i386" => x86,
        "loongarch64" => loongarch64,
        "ppc" => powerpc,
        "ppc64" | "ppc64le" => powerpc64,
        "mips" | "mipsel" => mips,
        "mips64" | "mips64el" => mips64,
        "s390x" => s390x,
        "sparc" => sparc,
        "sparc64" => sparc64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_instruction_set_has_its_own_numbers() {
        assert_eq!(exec_numbers("aarch64"), [221, 281]);
        assert_eq!(exec_numbers("arm"), [11, 387]);
        assert_eq!(exec_numbers("x86_64"), [59, 322]);
        assert_eq!(vector_numbers("aarch64")[..2], [65, 66]);
        assert!(exec_numbers("vax").is_empty());
        assert_eq!(buffer_call("riscv64", 63).unwrap().name, "read");
        assert_eq!(buffer_call("x86_64", 17).unwrap().name, "pread64");
        // exit_group, which has no buffer.
        assert_eq!(buffer_call("aarch64", 94), None);
    }
}
