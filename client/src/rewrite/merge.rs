//! Several bundles in one: their runs, one after the other.
//!
//! What tells two records of one path apart is when their submissions were sealed, by the log's own word: that is in the
//! receipts, so a first pass reads each bundle whole. Memory: about 60 bytes a record with a path, and what a run takes.

use super::{How, RewriteError, Target, Written, outline, policy_of};
use crate::{
    bundle_file::{BundleFileError, Reader},
    locate, paths,
};
use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};
use treering_tlog::{hash::sha256, time::UnixMillis};
use treering_token::bundle::{BundleError, Item, Record, RelativePath, Salts, Step};

/// Why nothing was merged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MergeError {
    #[error(transparent)]
    Rewrite(#[from] RewriteError),
    #[error(
        "{count} {paths} in more than one of the bundles, {first} among them. If they are of different trees: --prefix puts \
         each bundle's paths below its name. If it is one tree at two times: --newest keeps the record that was stamped last, \
         --oldest the one that was stamped first",
        paths = if *count == 1 { "path is" } else { "paths are" }
    )]
    SamePath { count: usize, first: String },
    #[error(
        "two of the bundles are called {name}, so --prefix can't tell their paths apart: rename one of them"
    )]
    SameName { name: String },
    #[error("{path} below {prefix}: {error}")]
    Prefix { path: String, prefix: String, error: BundleError },
    #[error("{path} has no name that its paths could be put below")]
    NoName { path: String },
    #[error("the bundle {path} is given twice")]
    Twice { path: String },
    #[error("nothing to merge: the bundles have only bare records")]
    Nothing,
}

impl From<BundleFileError> for MergeError {
    fn from(error: BundleFileError) -> MergeError {
        MergeError::Rewrite(error.into())
    }
}

/// Which of the records of one path stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// There must not be two.
    Refuse,
    /// The one that was sealed last, or stands last.
    Newest,
    /// The one that was sealed first, or stands first.
    Oldest,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Merged {
    pub(crate) written: Written,
    /// By bundle: records that others of the same path stand for now.
    pub(crate) given_up: Vec<u64>,
    /// Bundles whose policy is another than the first one's.
    pub(crate) other_policy: Vec<PathBuf>,
}

/// Writes all of `bundles` to `to`. With `prefix`, the paths of each are put below its name.
///
/// # Errors
/// One path in two bundles, unless the rule says which stays; names that are the same; or a bundle can't be read, or the
/// merged one not written.
pub(crate) fn merge(
    bundles: &[PathBuf],
    prefix: bool,
    rule: Rule,
    to: &Path,
    how: How,
) -> Result<Merged, MergeError> {
    let sources = sources(bundles, prefix)?;
    let mut census = Census::default();
    for (number, source) in sources.iter().enumerate() {
        census.read(number, source)?;
    }
    let given_up = census.settle(rule)?;
    let policy = policy_of(sources[0].path)?;
    let mut merged = Merged { given_up: vec![0; sources.len()], ..Merged::default() };
    let mut outlines = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        if policy_of(source.path)? != policy {
            merged.other_policy.push(source.path.to_path_buf());
        }
        let mut place = 0;
        let outline = outline(source.path, |_| {
            let is_kept = !given_up.contains(&(number, place));
            merged.given_up[number] += u64::from(!is_kept);
            place += 1;
            is_kept
        })?;
        outlines.push(outline);
    }
    if outlines.iter().all(treering_token::bundle::Outline::is_empty) {
        return Err(MergeError::Nothing);
    }
    let mut target = Target::begin(to, how, policy)?;
    for ((number, source), outline) in sources.iter().enumerate().zip(outlines) {
        let mut place = 0;
        // The owner's own: the run secrets stay, so that a record takes as few bytes as before.
        target.add(source.path, outline, Salts::Kept, |path| {
            let is_kept = !given_up.contains(&(number, place));
            place += 1;
            // Every path was put below the prefix once already.
            is_kept.then(|| source.below(path).ok()).flatten()
        })?;
    }
    merged.written = target.finish()?;
    Ok(merged)
}

struct Source<'a> {
    path: &'a Path,
    /// Empty, or with a slash at its end.
    prefix: Vec<u8>,
}

impl Source<'_> {
    fn below(&self, path: &RelativePath) -> Result<RelativePath, MergeError> {
        if self.prefix.is_empty() {
            return Ok(path.clone());
        }
        RelativePath::new([&self.prefix, path.as_bytes()].concat()).map_err(|error| MergeError::Prefix {
            path: paths::shown_relative(path),
            prefix: treering_token::escape::bytes(&self.prefix),
            error,
        })
    }
}

fn sources(bundles: &[PathBuf], prefix: bool) -> Result<Vec<Source<'_>>, MergeError> {
    let (mut files, mut names) = (HashSet::new(), HashSet::new());
    let mut sources = Vec::new();
    for path in bundles {
        let shown = || paths::shown(path);
        if path.canonicalize().is_ok_and(|file| !files.insert(file)) {
            return Err(MergeError::Twice { path: shown() });
        }
        let mut name = Vec::new();
        if prefix {
            let file = path.file_name().map(paths::name_bytes).unwrap_or_default();
            name = file.strip_suffix(locate::BUNDLE.as_bytes()).unwrap_or(file).to_vec();
            if name.is_empty() {
                return Err(MergeError::NoName { path: shown() });
            }
            if !names.insert(name.clone()) {
                return Err(MergeError::SameName { name: treering_token::escape::bytes(&name) });
            }
            name.push(b'/');
        }
        sources.push(Source { path, prefix: name });
    }
    Ok(sources)
}

/// A record with a path: the bundle's number, and which of those in it.
type Place = (usize, u64);

/// Where each path is recorded.
#[derive(Default)]
struct Census {
    /// SHA-256 of the path cut short: a name that someone chose can't be taken for another.
    first: HashMap<[u8; 16], Place>,
    /// Further records of those.
    others: HashMap<[u8; 16], Vec<Place>>,
    /// The first path that more than one bundle has.
    shared: Option<String>,
    /// By bundle: the first record of each submission that has one with a path, and when it was sealed.
    sealed: Vec<Vec<(u64, UnixMillis)>>,
}

impl Census {
    fn read(&mut self, number: usize, source: &Source<'_>) -> Result<(), MergeError> {
        let mut reader = Reader::open(source.path)?;
        let (mut place, mut begin) = (0, 0);
        let mut sealed = Vec::new();
        // By submission of the current run: where it stands in `sealed`.
        let mut run = 0;
        while let Some((item, step)) = reader.step()? {
            match (item, step) {
                (Item::Run(_), _) => {
                    leave_out_pathless(&mut sealed, run, place);
                    run = sealed.len();
                }
                (Item::Record(Record::Path { path, .. }), _) => {
                    self.note(&source.below(&path)?, (number, place));
                    place += 1;
                }
                (Item::Mark(_), _) => {
                    sealed.push((begin, UnixMillis::MAX));
                    begin = place;
                }
                (Item::Receipt(receipt), Step::Receipt { submissions, .. }) => {
                    for submission in submissions {
                        let submission = usize::try_from(submission).expect("it was counted in memory");
                        sealed[run + submission].1 = receipt.entry().sealed_at();
                    }
                }
                _ => {}
            }
        }
        leave_out_pathless(&mut sealed, run, place);
        self.sealed.push(sealed);
        Ok(())
    }

    fn note(&mut self, path: &RelativePath, place: Place) {
        let hash = sha256(path.as_bytes());
        let key = *hash.as_bytes().first_chunk().expect("a hash has 32 bytes");
        match self.first.entry(key) {
            std::collections::hash_map::Entry::Vacant(vacant) => drop(vacant.insert(place)),
            std::collections::hash_map::Entry::Occupied(first) => {
                if first.get().0 != place.0 && self.shared.is_none() {
                    self.shared = Some(paths::shown_relative(path));
                }
                self.others.entry(key).or_default().push(place);
            }
        }
    }

    fn sealed_at(&self, place: Place) -> UnixMillis {
        let sealed = &self.sealed[place.0];
        let after = sealed.partition_point(|(begin, _)| *begin <= place.1);
        after.checked_sub(1).map_or(UnixMillis::MAX, |at| sealed[at].1)
    }

    /// The records that are not kept.
    fn settle(&self, rule: Rule) -> Result<HashSet<Place>, MergeError> {
        let mut given_up = HashSet::new();
        let mut count = 0;
        for (key, others) in &self.others {
            let first = self.first[key];
            // Twice in one bundle is that bundle's own affair.
            if others.iter().all(|other| other.0 == first.0) {
                continue;
            }
            count += 1;
            let all = std::iter::once(&first).chain(others);
            let by_time = |place: &&Place| (self.sealed_at(**place), **place);
            let best = match rule {
                Rule::Refuse => continue,
                Rule::Newest => all.clone().max_by_key(by_time),
                Rule::Oldest => all.clone().min_by_key(by_time),
            };
            given_up.extend(all.filter(|place| Some(*place) != best).copied());
        }
        match (rule, &self.shared) {
            (Rule::Refuse, Some(first)) => Err(MergeError::SamePath { count, first: first.clone() }),
            _ => Ok(given_up),
        }
    }
}

/// Of the run that begins at `run`, whose receipts have come: a submission without a record with a path begins where the next one
/// does, or at `end`. A bundle may have any number of them, which take next to nothing in a compressed one.
fn leave_out_pathless(sealed: &mut Vec<(u64, UnixMillis)>, run: usize, end: u64) {
    let mut kept = run;
    for at in run..sealed.len() {
        let next = sealed.get(at + 1).map_or(end, |(begin, _)| *begin);
        if sealed[at].0 < next {
            sealed[kept] = sealed[at];
            kept += 1;
        }
    }
    sealed.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submissions_without_a_path_are_not_kept() {
        let at = |millis| UnixMillis::new(millis).unwrap();
        // An earlier run; then two records, none, one, none, none.
        let mut sealed = vec![(0, at(1)), (3, at(2)), (5, at(3)), (5, at(4)), (6, at(5)), (6, at(6))];
        leave_out_pathless(&mut sealed, 1, 6);
        assert_eq!(sealed, [(0, at(1)), (3, at(2)), (5, at(4))]);
        leave_out_pathless(&mut sealed, 3, 6);
        assert_eq!(sealed.len(), 3);
    }
}
