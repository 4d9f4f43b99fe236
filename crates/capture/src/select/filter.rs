//! Which accesses are wanted, one by one.

use std::ops::Range;

use busprobe_trace::{Access, Direction, Site, Syscall};

use crate::module_name::is_named;

/// Which accesses are wanted; what is empty or `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those that touch one of these parts of their window.
    pub ranges: Vec<Range<u64>>,
    /// Loads alone or stores alone.
    pub direction: Option<Direction>,
    /// Those of so many bytes.
    pub sizes: Vec<u32>,
    /// Those by instructions of these modules, see [`Filter::takes_site`].
    pub modules: Vec<String>,
    /// Those of these threads.
    pub threads: Vec<u32>,
}

impl Filter {
    /// Whether accesses from this site are wanted. A module is named by its path, by its file name
    /// or by the part of that before `.so`: `/lib/libc.so.6`, `libc.so.6`, `libc`.
    #[must_use]
    pub fn takes_site(&self, site: &Site) -> bool {
        let is_wanted = |path: &String| self.modules.iter().any(|name| is_named(path, name));
        self.modules.is_empty() || site.module.as_ref().is_some_and(is_wanted)
    }

    /// Whether an access is wanted, if its site is.
    #[must_use]
    pub fn takes(&self, access: &Access) -> bool {
        self.direction.is_none_or(|direction| direction == access.direction)
            && (self.sizes.is_empty() || self.sizes.contains(&access.size))
            && self.takes_place(access.offset..access.end(), access.thread)
    }

    /// Whether a system call into a window is wanted: it has no direction, size or site.
    #[must_use]
    pub fn takes_syscall(&self, syscall: &Syscall) -> bool {
        let end = syscall.offset.saturating_add(syscall.length.max(1));
        self.takes_place(syscall.offset..end, syscall.thread)
    }

    fn takes_place(&self, place: Range<u64>, thread: u32) -> bool {
        let touches = |range: &Range<u64>| place.start < range.end && range.start < place.end;
        (self.ranges.is_empty() || self.ranges.iter().any(touches))
            && (self.threads.is_empty() || self.threads.contains(&thread))
    }
}
