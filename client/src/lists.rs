//! Lists of what to stamp, from a file or standard input: names of files, or digests of them that somebody took already.
//!
//! A name is relative to the current directory, or lies below it; a bundle has it without `.` parts, else as it is. What is
//! wrong with one line is told with its number, and the rest is read on; only a list that seems to be no list at all is given
//! up.

mod entries;
mod name;
mod sums;

pub(crate) use entries::{Entries, EntryError};
pub(crate) use name::{NameError, relative};
pub(crate) use sums::{Given, SumError, Sums, unescaped, untagged};

use std::path::{Path, PathBuf};

/// A list, as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct List {
    /// `-` is standard input.
    pub(crate) file: PathBuf,
    pub(crate) holds: Holds,
    /// Do entries end in NUL instead of a newline?
    pub(crate) nul: bool,
    /// What standard input was, kept for whoever goes on after this process.
    pub(crate) copy: Option<PathBuf>,
}

/// What a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Names,
    Digests,
}

impl List {
    pub(crate) fn is_stdin(&self) -> bool {
        self.file == Path::new("-")
    }

    /// For messages.
    pub(crate) fn shown(&self) -> String {
        if self.is_stdin() { "standard input".to_owned() } else { crate::paths::shown(&self.file) }
    }
}
