//! Which builds of which libraries copy as which routine: the signature table.
//!
//! `builds.tsv` is written by the example `signatures`, which runs each library's own code in the
//! lab, and from native captures; it says so itself.

use serde::Serialize;

use crate::Routine;

const TABLE: &str = include_str!("builds.tsv");

/// A build of a library, one of whose functions copies as a known routine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Build {
    /// The C library: `glibc`, `musl`.
    pub libc: &'static str,
    /// The package's version.
    pub version: &'static str,
    /// The instruction set, as Rust names it.
    pub machine: &'static str,
    /// The GNU build id, in hexadecimal.
    pub build_id: &'static str,
    /// The function that programs call.
    pub function: &'static str,
    /// The library's own name for its code, `-` when it has none.
    pub symbol: &'static str,
    /// The routine's name.
    #[serde(skip)]
    routine: &'static str,
    /// The lengths in bytes over which sequences were compared: at every place of the two buffers,
    /// and aligned.
    pub compared: &'static str,
    /// The CPUs on which the library picks it; `any` when it has no other.
    pub cpus: &'static str,
}

/// The builds that copy as `routine`.
pub fn builds(routine: &Routine) -> impl Iterator<Item = Build> {
    all().filter(move |build| build.routine == routine.name)
}

/// All of the table.
fn all() -> impl Iterator<Item = Build> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [libc, version, machine, build_id, function, symbol, routine, compared, cpus] =
            fields[..]
        else {
            return None;
        };
        Some(Build { libc, version, machine, build_id, function, symbol, routine, compared, cpus })
    })
}

#[cfg(test)]
mod tests {
    use super::{TABLE, all};
    use crate::Routine;

    #[test]
    fn every_line_of_the_table_is_a_build_of_a_known_routine() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(all().count(), lines);
        assert!(lines > 10);
        for build in all() {
            assert!(Routine::named(build.routine).is_some(), "{build:?}");
            assert!(build.build_id.len() == 40, "{build:?}");
        }
    }
}
