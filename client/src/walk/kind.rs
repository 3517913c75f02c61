//! What a directory's entry is, and why something isn't stamped.

use std::{fs, io};

/// Why something isn't stamped on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LeftOut {
    #[error("evidence, not data")]
    Evidence,
    #[error("a named pipe")]
    Pipe,
    #[error("a socket")]
    Socket,
    #[error("a device")]
    Device,
    #[error("neither file, directory nor link")]
    Other,
    #[error("a symbolic link, which a token of its own can't show; a bundle can")]
    Link,
    #[error("a symbolic link to a directory that it lies in")]
    Loop,
    #[error("by rule")]
    Rule,
    #[error("on another file system")]
    OtherFileSystem,
    #[error("named twice")]
    Twice,
    #[error("a directory in a list: its files are stamped if the list names them")]
    ListedDir,
}

/// Why something could not be looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WalkError {
    #[error("the directory can't be read: {0}")]
    Dir(io::Error),
    #[error("its path is longer than a bundle can hold (32,768 bytes)")]
    Path,
    #[error("the link can't be followed: {0}")]
    Link(io::Error),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Dir,
    Link,
    Pipe,
    Socket,
    Device,
    Other,
}

impl Kind {
    #[cfg(unix)]
    pub(crate) fn of(kind: fs::FileType) -> Kind {
        use std::os::unix::fs::FileTypeExt;
        match kind {
            kind if kind.is_file() => Kind::File,
            kind if kind.is_dir() => Kind::Dir,
            kind if kind.is_symlink() => Kind::Link,
            kind if kind.is_fifo() => Kind::Pipe,
            kind if kind.is_socket() => Kind::Socket,
            kind if kind.is_block_device() || kind.is_char_device() => Kind::Device,
            _ => Kind::Other,
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn of(kind: fs::FileType) -> Kind {
        match kind {
            kind if kind.is_file() => Kind::File,
            kind if kind.is_dir() => Kind::Dir,
            kind if kind.is_symlink() => Kind::Link,
            _ => Kind::Other,
        }
    }

    pub(crate) fn left_out(self, links: bool) -> Option<LeftOut> {
        match self {
            Kind::File | Kind::Dir => None,
            Kind::Link if links => None,
            Kind::Link => Some(LeftOut::Link),
            Kind::Pipe => Some(LeftOut::Pipe),
            Kind::Socket => Some(LeftOut::Socket),
            Kind::Device => Some(LeftOut::Device),
            Kind::Other => Some(LeftOut::Other),
        }
    }
}

/// What `metadata` (not following links) says of a path given by the user, if it is no file and no directory.
pub(crate) fn special(kind: fs::FileType) -> Option<LeftOut> {
    Kind::of(kind).left_out(false)
}
