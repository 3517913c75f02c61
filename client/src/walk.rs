//! The files of some roots, depth first, each directory's entries sorted by the bytes of their names.
//!
//! Symbolic links are met, not followed (a root itself may be reached through one: see [`Root`]). What is neither file, link
//! nor directory, and evidence that lies beside what it is for, is left out and said. A directory that can't be read is
//! reported and passed over. Memory: the names of the directories that lead to the current one.

use crate::{
    locate::{self, Sort},
    paths,
};
use std::{
    collections::HashSet,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};
use treering_token::bundle::RelativePath;

/// Endings of evidence: `<file>.tlog-proof`, `<name>.treering`, `<file>.tsr`.
const EVIDENCE: [&[u8]; 3] = [b".tlog-proof", b".treering", b".tsr"];

/// Where a walk begins.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    /// What is opened; links that lead to it are resolved already.
    pub(crate) source: PathBuf,
    /// What its paths in the bundle begin with: empty for the one directory of a bundle, else the root's last part.
    pub(crate) prefix: Vec<u8>,
    pub(crate) is_dir: bool,
}

/// What a walk does besides files.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Paths (settled) that are not the user's: the bundle being written, its temporary file, the evidence being read.
    pub(crate) skip: Vec<PathBuf>,
    /// Are symbolic links wanted, or left out?
    pub(crate) links: bool,
}

/// What a walk meets.
#[derive(Debug)]
pub(crate) enum Found {
    File { path: RelativePath, source: PathBuf },
    Link { path: RelativePath, source: PathBuf },
    LeftOut { source: PathBuf, why: LeftOut },
    Failed { source: PathBuf, error: WalkError },
}

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
}

/// Why something could not be looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WalkError {
    #[error("the directory can't be read: {0}")]
    Dir(io::Error),
    #[error("its path is longer than a bundle can hold (32,768 bytes)")]
    Path,
}

/// An iterator over what is found.
#[derive(Debug)]
pub(crate) struct Walk {
    roots: std::vec::IntoIter<Root>,
    stack: Vec<Frame>,
    skip: Vec<PathBuf>,
    links: bool,
    /// The paths to skip below the current root, as a bundle would name them.
    skip_here: HashSet<Vec<u8>>,
}

#[derive(Debug)]
struct Frame {
    source: PathBuf,
    path: Vec<u8>,
    listing: Listing,
    next: usize,
}

impl Walk {
    pub(crate) fn new(roots: Vec<Root>, rules: Rules) -> Walk {
        Walk {
            roots: roots.into_iter(),
            stack: Vec::new(),
            skip: rules.skip,
            links: rules.links,
            skip_here: HashSet::new(),
        }
    }

    fn begin(&mut self, root: Root) -> Option<Found> {
        if !root.is_dir {
            return Some(match RelativePath::new(root.prefix) {
                Ok(path) => Found::File { path, source: root.source },
                Err(_) => Found::Failed { source: root.source, error: WalkError::Path },
            });
        }
        self.skip_here = skipped_below(&root, &self.skip);
        self.enter(root.source, root.prefix)
    }

    fn enter(&mut self, source: PathBuf, path: Vec<u8>) -> Option<Found> {
        match Listing::read(&source) {
            Ok(listing) => {
                self.stack.push(Frame { source, path, listing, next: 0 });
                None
            }
            Err(error) => Some(Found::Failed { source, error: WalkError::Dir(error) }),
        }
    }

    fn meet(&mut self, kind: Kind, source: PathBuf, path: Vec<u8>, evidence: bool) -> Option<Found> {
        // By its content too: somebody's own file of such a name is data like any other.
        let evidence = evidence
            && kind == Kind::File
            && matches!(locate::sort(&source), Ok(Sort::Token | Sort::Bundle | Sort::Timestamp));
        if evidence || self.skip_here.contains(&path) {
            return Some(Found::LeftOut { source, why: LeftOut::Evidence });
        }
        if kind == Kind::Dir {
            return self.enter(source, path);
        }
        if let Some(why) = kind.left_out(self.links) {
            return Some(Found::LeftOut { source, why });
        }
        Some(match (RelativePath::new(path), kind) {
            (Err(_), _) => Found::Failed { source, error: WalkError::Path },
            (Ok(path), Kind::Link) => Found::Link { path, source },
            (Ok(path), _) => Found::File { path, source },
        })
    }
}

impl Iterator for Walk {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            let found = match self.stack.last_mut() {
                None => {
                    let root = self.roots.next()?;
                    self.begin(root)
                }
                Some(frame) if frame.next == frame.listing.names.len() => {
                    self.stack.pop();
                    None
                }
                Some(frame) => {
                    let name = frame.listing.name(frame.next);
                    let kind = frame.listing.names[frame.next].kind;
                    let source = frame.source.join(paths::name_from_bytes(name));
                    let path = joined(&frame.path, name);
                    let evidence = frame.listing.is_evidence(name);
                    frame.next += 1;
                    self.meet(kind, source, path, evidence)
                }
            };
            if found.is_some() {
                return found;
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
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
    fn of(kind: fs::FileType) -> Kind {
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
    fn of(kind: fs::FileType) -> Kind {
        match kind {
            kind if kind.is_file() => Kind::File,
            kind if kind.is_dir() => Kind::Dir,
            kind if kind.is_symlink() => Kind::Link,
            _ => Kind::Other,
        }
    }

    fn left_out(self, links: bool) -> Option<LeftOut> {
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

/// One directory's entries, sorted: all names in one buffer, since a directory may hold millions.
#[derive(Debug)]
struct Listing {
    bytes: Vec<u8>,
    names: Vec<Name>,
}

#[derive(Clone, Copy, Debug)]
struct Name {
    start: usize,
    len: u32,
    kind: Kind,
}

impl Listing {
    fn read(dir: &Path) -> io::Result<Listing> {
        let (mut bytes, mut names) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = paths::name_bytes(&name);
            let len = u32::try_from(name.len()).map_err(|_| io::ErrorKind::InvalidFilename)?;
            names.push(Name { start: bytes.len(), len, kind: Kind::of(entry.file_type()?) });
            bytes.extend_from_slice(name);
        }
        names.sort_unstable_by(|left, right| bytes_of(&bytes, left).cmp(bytes_of(&bytes, right)));
        Ok(Listing { bytes, names })
    }

    fn name(&self, index: usize) -> &[u8] {
        bytes_of(&self.bytes, &self.names[index])
    }

    fn has(&self, name: &[u8]) -> bool {
        !name.is_empty()
            && self.names.binary_search_by(|probe| bytes_of(&self.bytes, probe).cmp(name)).is_ok()
    }

    /// Evidence for something in the same directory: `a.pdf.tlog-proof` or `a.pdf.1.tlog-proof` beside `a.pdf`.
    fn is_evidence(&self, name: &[u8]) -> bool {
        EVIDENCE
            .iter()
            .filter_map(|ending| name.strip_suffix(*ending))
            .any(|base| self.has(base) || without_number(base).is_some_and(|base| self.has(base)))
    }
}

fn bytes_of<'a>(bytes: &'a [u8], name: &Name) -> &'a [u8] {
    &bytes[name.start..name.start + name.len as usize]
}

/// `a.pdf` of `a.pdf.12`.
fn without_number(name: &[u8]) -> Option<&[u8]> {
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    let digits = &name[dot + 1..];
    (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit)).then_some(&name[..dot])
}

fn joined(path: &[u8], name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len() + 1 + name.len());
    if !path.is_empty() {
        out.extend_from_slice(path);
        out.push(b'/');
    }
    out.extend_from_slice(name);
    out
}

fn skipped_below(root: &Root, skip: &[PathBuf]) -> HashSet<Vec<u8>> {
    let Ok(settled) = root.source.canonicalize() else { return HashSet::new() };
    skip.iter()
        .filter_map(|path| path.strip_prefix(&settled).ok())
        .map(|rest| below_root(&root.prefix, rest))
        .collect()
}

fn below_root(prefix: &[u8], rest: &Path) -> Vec<u8> {
    rest.iter().map(OsStr::as_encoded_bytes).fold(prefix.to_vec(), |path, name| joined(&path, name))
}

#[cfg(test)]
mod tests;
