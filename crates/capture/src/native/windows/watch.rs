//! How a mapping of what is watched is recognised.

use std::fs::{self, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::Watch;

/// What a file is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Identity {
    Device(u64),
    File { device: u64, inode: u64 },
}

impl Identity {
    fn of(metadata: &Metadata) -> Identity {
        if metadata.file_type().is_char_device() {
            Identity::Device(metadata.rdev())
        } else {
            Identity::File { device: metadata.dev(), inode: metadata.ino() }
        }
    }
}

/// A window's part of a watched file.
#[derive(Clone, Debug)]
struct Part {
    window: u32,
    range: Range<u64>,
}

/// Which of the watched files one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId(usize);

/// A piece of a range of a watched file that lies in one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) window: u32,
    /// Of the window's start.
    pub(crate) offset: u64,
    /// The part of the file.
    pub(crate) range: Range<u64>,
}

/// All that is watched, by file.
#[derive(Default)]
pub(crate) struct WatchList {
    files: Vec<(Identity, Vec<Part>)>,
}

impl WatchList {
    /// Looks the files up; the error comes with the path that there is no such file at.
    pub(crate) fn resolve(watches: &[Watch]) -> Result<WatchList, (PathBuf, io::Error)> {
        let mut list = WatchList::default();
        for (window, watch) in (0..).zip(watches) {
            let metadata =
                fs::metadata(&watch.path).map_err(|error| (watch.path.clone(), error))?;
            let identity = Identity::of(&metadata);
            let range = watch.offset..watch.offset.saturating_add(watch.length);
            let part = Part { window, range };
            match list.files.iter_mut().find(|(known, _)| *known == identity) {
                Some((_, parts)) => parts.push(part),
                None => list.files.push((identity, vec![part])),
            }
        }
        Ok(list)
    }

    /// Which watched file `path` leads to, if any; a link in `/proc/PID/fd` leads to the open file.
    pub(crate) fn find(&self, path: &Path) -> Option<FileId> {
        let identity = Identity::of(&fs::metadata(path).ok()?);
        self.files.iter().position(|(known, _)| *known == identity).map(FileId)
    }

    /// The smallest range of the file that has all that is watched of `range`.
    pub(crate) fn hull(&self, file: FileId, range: &Range<u64>) -> Option<Range<u64>> {
        self.pieces(file, range)
            .map(|piece| piece.range)
            .reduce(|all, next| all.start.min(next.start)..all.end.max(next.end))
    }

    /// The pieces of `range` that lie in windows.
    pub(crate) fn pieces(
        &self,
        file: FileId,
        range: &Range<u64>,
    ) -> impl Iterator<Item = Piece> + use<'_> {
        let wanted = range.clone();
        self.files[file.0].1.iter().filter_map(move |Part { window, range }| {
            let piece = wanted.start.max(range.start)..wanted.end.min(range.end);
            let offset = piece.start.wrapping_sub(range.start);
            (piece.start < piece.end).then_some(Piece { window: *window, offset, range: piece })
        })
    }
}
