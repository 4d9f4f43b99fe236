//! The names that a module goes by.

/// Whether `name` is the module at `path`: by its path, by its file name, or by the part of that
/// before `.so`: `/lib/libc.so.6`, `libc.so.6`, `libc`.
pub(crate) fn is_named(path: &str, name: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.split_once(".so").map_or(file, |(stem, _)| stem);
    [path, file, stem].contains(&name)
}
