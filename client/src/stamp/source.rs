//! What a target is made of, in order: its roots, walked; then its lists, as they go.
//!
//! A file that two inputs name is met once: the second time it is left out, and said. Where that can happen (a list, or roots
//! within roots), 16 bytes of a hash are kept for each path, so that five million take about 160 MB.

use super::{Target, Trouble};
use crate::{
    lists::{Entries, Given, Holds, List, Sums, relative},
    locate::{self, Sort},
    paths,
    verify::Parents,
    walk::{Found, Kind, LeftOut, Rules, Walk, WalkError, evidence_of, followed},
};
use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};
use treering_tlog::hash::sha256;
use treering_token::bundle::RelativePath;

/// What is met.
#[derive(Debug)]
pub(super) enum Met {
    /// As a walk finds it.
    Found(Found),
    /// Its digests are known, and it isn't read.
    Given(Given),
    /// It can't be stamped.
    Refused { source: PathBuf, trouble: Trouble },
}

/// An iterator over what is met.
pub(super) struct Sources<'a> {
    target: &'a Target,
    rules: Rules,
    walk: Walk,
    lists: std::slice::Iter<'a, List>,
    open: Option<Open>,
    /// The current directory: with its links, as names in a list may begin with it, and without.
    here: PathBuf,
    settled: PathBuf,
    parents: Parents,
    seen: Option<HashSet<[u8; 16]>>,
}

/// The list that is being read.
enum Open {
    Names(String, Entries),
    Digests(String, Sums),
}

impl<'a> Sources<'a> {
    /// # Errors
    /// There is no current directory.
    pub(super) fn new(target: &'a Target, rules: Rules) -> io::Result<Sources<'a>> {
        let here = std::env::current_dir()?;
        Ok(Sources {
            target,
            walk: Walk::new(target.roots.clone(), rules.clone()),
            rules,
            lists: target.lists.iter(),
            open: None,
            settled: here.canonicalize()?,
            here,
            parents: Parents::default(),
            seen: may_overlap(target).then(HashSet::new),
        })
    }

    fn open(&mut self, list: &List) -> Option<Met> {
        let entries = match Entries::open(list) {
            Ok(entries) => entries,
            Err(error) => {
                return Some(refused(list.shown(), Trouble::ListNotRead(error)));
            }
        };
        self.open = Some(match list.holds {
            Holds::Names => Open::Names(list.shown(), entries),
            Holds::Digests => Open::Digests(list.shown(), Sums::new(entries, self.here.clone(), list.nul)),
        });
        None
    }

    /// The next of the open list; `None` at its end.
    fn listed(&mut self) -> Option<Met> {
        match self.open.as_mut()? {
            Open::Names(list, entries) => match entries.next()? {
                Ok((number, name)) => Some(self.named(number, &name)),
                Err(error) => Some(refused(list.clone(), Trouble::List(error))),
            },
            Open::Digests(list, sums) => match sums.next()? {
                Ok(given) => Some(self.given(given)),
                Err(error) => Some(refused(list.clone(), Trouble::Sum(error))),
            },
        }
    }

    fn given(&self, given: Given) -> Met {
        if self.means_another(&given.path) { ambiguous(&given.path) } else { Met::Given(given) }
    }

    /// What a list names.
    fn named(&mut self, number: u64, name: &[u8]) -> Met {
        let path = match relative(&self.here, name) {
            Ok(path) => path,
            Err(error) => {
                let source = PathBuf::from(paths::name_from_bytes(name).into_owned());
                return Met::Refused { source, trouble: Trouble::Listed { number, error } };
            }
        };
        if self.means_another(&path) {
            return ambiguous(&path);
        }
        match self.look(&path) {
            Ok(found) => Met::Found(found),
            Err(trouble) => Met::Refused { source: paths::below(Path::new(""), &path), trouble },
        }
    }

    fn look(&mut self, path: &RelativePath) -> Result<Found, Trouble> {
        let shown = paths::below(Path::new(""), path);
        let source = if self.rules.follow {
            shown.clone()
        } else {
            let resolved = self.parents.resolve(Path::new(""), path);
            resolved.map_err(|link| Trouble::BehindLink(paths::shown(&link)))?
        };
        let metadata = source.symlink_metadata().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Trouble::NotThere,
            _ => Trouble::Look(error),
        })?;
        let (kind, source) = match Kind::of(metadata.file_type()) {
            Kind::Link if self.rules.follow => {
                followed(source).map_err(|(_, error)| Trouble::Walk(WalkError::Link(error)))?
            }
            kind => (kind, source),
        };
        if let Some(why) = self.left_out(path, kind) {
            return Ok(Found::LeftOut { source: shown, why });
        }
        let path = path.clone();
        Ok(match kind {
            Kind::Link => Found::Link { path, source },
            _ => Found::File { path, source },
        })
    }

    fn left_out(&self, path: &RelativePath, kind: Kind) -> Option<LeftOut> {
        let is_ignored =
            |ignored: &crate::walk::Ignored| ignored.has_or_above(path.as_bytes(), kind == Kind::Dir);
        if self.rules.ignored.as_deref().is_some_and(is_ignored) {
            return Some(LeftOut::Rule);
        }
        let place = paths::below(&self.settled, path);
        if self.rules.skip.contains(&place) || kind == Kind::File && is_evidence(&place) {
            return Some(LeftOut::Evidence);
        }
        match kind {
            Kind::Dir => Some(LeftOut::ListedDir),
            kind => kind.left_out(self.rules.links),
        }
    }

    /// Would a file that a list gives this path lie elsewhere by the bundle, below a root of the same name?
    fn means_another(&self, path: &RelativePath) -> bool {
        self.own_path(path) != paths::below(&self.here, path)
    }

    /// A record's file, absolute, by the way that it was given.
    fn own_path(&self, path: &RelativePath) -> PathBuf {
        paths::without_dots(&self.here.join(self.target.source(path)))
    }

    /// Leaves out what was met before.
    fn once(&mut self, met: Met) -> Met {
        if self.seen.is_none() {
            return met;
        }
        let path = match &met {
            Met::Found(Found::File { path, .. } | Found::Link { path, .. })
            | Met::Given(Given { path, .. }) => path,
            _ => return met,
        };
        let hash = sha256(paths::name_bytes(self.own_path(path).as_os_str()));
        let (short, _) = hash.as_bytes().split_first_chunk().expect("32 bytes begin with 16");
        let is_new = self.seen.as_mut().is_none_or(|seen| seen.insert(*short));
        if is_new {
            return met;
        }
        Met::Found(Found::LeftOut { source: self.target.source(path), why: LeftOut::Twice })
    }
}

impl Iterator for Sources<'_> {
    type Item = Met;

    fn next(&mut self) -> Option<Met> {
        loop {
            let met = match self.walk.next() {
                Some(found) => Some(Met::Found(found)),
                None if self.open.is_some() => {
                    let met = self.listed();
                    if met.is_none() {
                        self.open = None;
                    }
                    met
                }
                None => {
                    let list = self.lists.next()?;
                    self.open(list)
                }
            };
            if let Some(met) = met {
                return Some(self.once(met));
            }
        }
    }
}

/// Can one file be met twice?
fn may_overlap(target: &Target) -> bool {
    let absolute: Vec<_> = target
        .given
        .iter()
        .take(target.roots.len())
        .filter_map(|path| std::path::absolute(path).ok())
        .collect();
    let within = |(i, one): (usize, &PathBuf)| {
        absolute.iter().enumerate().any(|(j, other)| i != j && one.starts_with(other))
    };
    !target.lists.is_empty() || absolute.iter().enumerate().any(within)
}

/// Evidence for something that lies beside it, by its name and by its content.
fn is_evidence(file: &Path) -> bool {
    let name = file.file_name().map(paths::name_bytes).unwrap_or_default();
    let lies_there =
        |base: &[u8]| fs::symlink_metadata(file.with_file_name(paths::name_from_bytes(base))).is_ok();
    evidence_of(name).filter(|base| !base.is_empty()).any(lies_there)
        && matches!(locate::sort(file), Ok(Sort::Token | Sort::Bundle | Sort::Timestamp))
}

fn refused(list: String, trouble: Trouble) -> Met {
    Met::Refused { source: PathBuf::from(list), trouble }
}

fn ambiguous(path: &RelativePath) -> Met {
    Met::Refused { source: paths::below(Path::new(""), path), trouble: Trouble::Ambiguous }
}
