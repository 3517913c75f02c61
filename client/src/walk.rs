//! The files of some roots, depth first, each directory's entries sorted by the bytes of their names.
//!
//! Symbolic links are met, not followed (a root itself may be reached through one: see [`Root`]), unless [`Rules::follow`]
//! says so: then a link to a file is that file, a link to a directory that directory, and one that leads nowhere a link. What
//! is neither file, link nor directory, what the rules leave out, and evidence that lies beside what it is for, is left out
//! and said. A directory that can't be read is reported and passed over. Memory: the names of the directories that lead to
//! the current one.

mod ignored;
mod kind;
mod listing;

pub(crate) use ignored::{Ignored, RuleError};
pub(crate) use kind::{Kind, LeftOut, WalkError, special};
pub(crate) use listing::evidence_of;

use listing::Listing;

use crate::{
    locate::{self, Sort},
    partial, paths,
};
use std::{
    collections::HashSet,
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use treering_token::bundle::RelativePath;

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
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// Paths (settled) that are not the user's: the bundle being written, its temporary file, the evidence being read.
    pub(crate) skip: Vec<PathBuf>,
    /// Are symbolic links wanted, or left out?
    pub(crate) links: bool,
    /// Is a link taken for what it leads to?
    pub(crate) follow: bool,
    /// Are directories on another file system than their root's left out?
    pub(crate) one_file_system: bool,
    /// What is left out by name.
    pub(crate) ignored: Option<Arc<Ignored>>,
}

/// What a walk meets.
#[derive(Debug)]
pub(crate) enum Found {
    File { path: RelativePath, source: PathBuf },
    Link { path: RelativePath, source: PathBuf },
    LeftOut { source: PathBuf, why: LeftOut },
    Failed { source: PathBuf, error: WalkError },
}

/// An iterator over what is found.
#[derive(Debug)]
pub(crate) struct Walk {
    roots: std::vec::IntoIter<Root>,
    stack: Vec<Frame>,
    rules: Rules,
    /// The paths to skip below the current root, as a bundle would name them.
    skip_here: HashSet<Vec<u8>>,
    /// How many bytes of a bundle's path lead to the current root, and its file system.
    prefix: usize,
    device: Option<u64>,
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
            rules,
            skip_here: HashSet::new(),
            prefix: 0,
            device: None,
        }
    }

    fn begin(&mut self, mut root: Root) -> Option<Found> {
        if !root.is_dir {
            return Some(match RelativePath::new(root.prefix) {
                Ok(path) => Found::File { path, source: root.source },
                Err(_) => Found::Failed { source: root.source, error: WalkError::Path },
            });
        }
        self.skip_here = skipped_below(&root, &self.rules.skip);
        self.prefix = root.prefix.len();
        self.device = self.rules.one_file_system.then(|| device(&root.source)).flatten();
        if self.rules.follow {
            // INVARIANT: when links are followed, the sources of all frames are canonical, so that a loop is seen.
            match root.source.canonicalize() {
                Ok(source) => root.source = source,
                Err(error) => {
                    return Some(Found::Failed { source: root.source, error: WalkError::Dir(error) });
                }
            }
        }
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
        let link = (kind == Kind::Link && self.rules.follow).then(|| source.clone());
        let (kind, source) = match kind {
            Kind::Link if self.rules.follow => match followed(source) {
                Ok(followed) => followed,
                Err((source, error)) => {
                    return Some(Found::Failed { source, error: WalkError::Link(error) });
                }
            },
            kind => (kind, source),
        };
        if self.ignores(&path, kind) {
            return Some(Found::LeftOut { source: link.unwrap_or(source), why: LeftOut::Rule });
        }
        // By its content too: somebody's own file of such a name is data like any other.
        let evidence = evidence
            && kind == Kind::File
            && matches!(locate::sort(&source), Ok(Sort::Token | Sort::Bundle | Sort::Timestamp));
        if evidence || self.skip_here.contains(&path) {
            return Some(Found::LeftOut { source, why: LeftOut::Evidence });
        }
        if kind == Kind::Dir {
            return match self.refused(&source) {
                Some(why) => Some(Found::LeftOut { source: link.unwrap_or(source), why }),
                None => self.enter(source, path),
            };
        }
        if let Some(why) = kind.left_out(self.rules.links) {
            return Some(Found::LeftOut { source, why });
        }
        Some(match (RelativePath::new(path), kind) {
            (Err(_), _) => Found::Failed { source, error: WalkError::Path },
            (Ok(path), Kind::Link) => Found::Link { path, source },
            (Ok(path), _) => Found::File { path, source },
        })
    }
}

impl Walk {
    /// Is it left out by name?
    fn ignores(&self, path: &[u8], kind: Kind) -> bool {
        self.rules.ignored.as_ref().is_some_and(|ignored| {
            let below = path[self.prefix..].strip_prefix(b"/").unwrap_or(&path[self.prefix..]);
            ignored.has(below, kind == Kind::Dir)
        })
    }

    /// Why a directory isn't entered.
    fn refused(&self, dir: &Path) -> Option<LeftOut> {
        if self.rules.follow && self.stack.iter().any(|frame| frame.source == dir) {
            return Some(LeftOut::Loop);
        }
        let elsewhere = self.rules.one_file_system && device(dir) != self.device;
        elsewhere.then_some(LeftOut::OtherFileSystem)
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
                Some(frame) if frame.next == frame.listing.len() => {
                    self.stack.pop();
                    None
                }
                Some(frame) => {
                    let name = frame.listing.name(frame.next);
                    let kind = frame.listing.kind(frame.next);
                    let source = frame.source.join(paths::name_from_bytes(name));
                    let path = joined(&frame.path, name);
                    let evidence = frame.listing.is_evidence(name) || partial::is_name(name);
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

fn joined(path: &[u8], name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len() + 1 + name.len());
    if !path.is_empty() {
        out.extend_from_slice(path);
        out.push(b'/');
    }
    out.extend_from_slice(name);
    out
}

/// What a link leads to. One that leads nowhere, or only to itself, stays a link.
pub(crate) fn followed(link: PathBuf) -> Result<(Kind, PathBuf), (PathBuf, io::Error)> {
    let target = link.canonicalize().and_then(|target| {
        let kind = Kind::of(target.symlink_metadata()?.file_type());
        Ok((kind, target))
    });
    match target {
        Ok(followed) => Ok(followed),
        Err(error) if leads_nowhere(&error) => Ok((Kind::Link, link)),
        Err(error) => Err((link, error)),
    }
}

fn leads_nowhere(error: &io::Error) -> bool {
    let is_loop = cfg!(unix) && error.raw_os_error() == Some(libc::ELOOP);
    is_loop || matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The file system that a directory is on.
#[cfg(unix)]
fn device(dir: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    dir.symlink_metadata().ok().map(|metadata| metadata.dev())
}

/// The file system that a directory is on: where that can't be told, all count as one.
#[cfg(not(unix))]
fn device(_dir: &Path) -> Option<u64> {
    None
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
