//! Which functions are copy routines.

use busprobe_trace::Site;

/// What is known of how a function walks over memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Routine {
    /// It goes over its block once: libc's memcpy, memmove, memset and their kin.
    Copy,
    /// It goes over its elements once, perhaps with room between them: numpy's loops.
    Loop,
    /// No name is known: the module is stripped.
    Nameless,
    /// Whatever its own code says.
    Other,
}

/// What a copy routine's name begins with, once leading underscores are off: glibc's variants are
/// `__memmove_avx_unaligned_erms` and the like, bionic's `__memcpy_base`, Arm's run-time ABI has
/// `__aeabi_memcpy4`, the kernel `memcpy_toio`; musl and compiler-builtins have the plain names.
const FAMILIES: [&str; 12] = [
    "memcpy",
    "memmove",
    "mempcpy",
    "memset",
    "wmemcpy",
    "wmemmove",
    "wmempcpy",
    "wmemset",
    "bcopy",
    "bzero",
    "aeabi_mem",
    "memzero",
];

impl Routine {
    pub(super) fn of(site: &Site) -> Self {
        let Some(symbol) = site.symbol.as_deref() else { return Routine::Nameless };
        let plain = symbol.trim_start_matches('_');
        if FAMILIES.iter().any(|family| plain.starts_with(family)) {
            return Routine::Copy;
        }
        match site.module_name() {
            Some(module) if module.contains("_multiarray_umath") => Routine::Loop,
            _ => Routine::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routine(module: &str, symbol: &str) -> Routine {
        Routine::of(&Site {
            module: Some(module.into()),
            symbol: Some(symbol.into()),
            ..Site::default()
        })
    }

    #[test]
    fn the_copy_routines_of_every_libc_are_known() {
        for symbol in [
            "memcpy",
            "memset",
            "__memcpy_generic",
            "__memcpy_thunderx",
            "__memmove_avx512_unaligned_erms",
            "__memset_avx2_unaligned_erms",
            "__memcpy_base",
            "__aeabi_memcpy4",
            "__mempcpy_chk",
            "wmemset",
            "bzero",
        ] {
            assert_eq!(routine("/lib/libc.so.6", symbol), Routine::Copy, "{symbol}");
        }
    }

    #[test]
    fn other_functions_are_not() {
        for symbol in ["main", "memchr", "memoryview_setitem", "PyLong_AsLong", "remember"] {
            assert_eq!(routine("/usr/bin/python3", symbol), Routine::Other, "{symbol}");
        }
        let numpy = "/numpy/_core/_multiarray_umath.cpython-312-x86_64-linux-gnu.so";
        assert_eq!(routine(numpy, "_aligned_strided_to_contig_size4"), Routine::Loop);
        assert_eq!(Routine::of(&Site::default()), Routine::Nameless);
    }
}
