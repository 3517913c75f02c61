//! A directory against its bundle, in one pass: files are hashed in parallel in the bundle's order, the walker recomputes the
//! submission roots, receipts are verified where they stand. Memory doesn't grow with the number of files.

use super::{Fault, Predicates, VerifyFailure, beside, safe::Parents, uncovered};
use crate::{
    bundle_file::{BundleFileError, Reader},
    hash,
    judges::{By, Judges},
    locate::Bundle,
    ordered, paths,
};
use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};
use treering_tlog::{hash::Hash, time::UnixSeconds};
use treering_token::{
    bundle::{Item, Kind, Record, RelativePath, Step},
    commitment::Commitment,
    digest::{Digests, HashId},
    token::Token,
    verify::{After, Attested, Named, Verified, VerifyError},
};

/// What is found, in the bundle's order; then what the bundle doesn't cover, in the walk's.
#[derive(Debug)]
pub(crate) enum Finding<'a> {
    /// A record's file, held against its digests. Evidence comes with the receipt.
    File { path: &'a RelativePath, size: u64, unknown: &'a [HashId], outcome: &'a Result<(), Fault> },
    /// The token of the bundle's own bytes, and those that it renews: the bundle is judged as of then.
    Renewed { token: &'a Path, outcome: &'a Result<(u64, Vec<By<Verified>>), Fault> },
    /// A receipt: whether what its submissions' records say was stamped at a time. `matching` files that agree with
    /// their records are among them.
    Receipt { root: &'a Hash, matching: u64, outcome: &'a Result<Judged, VerifyError> },
    /// A file that the bundle has no record of.
    Uncovered { source: &'a Path },
    /// A directory that could not be searched for such files.
    Unsearched { source: &'a Path, error: String },
}

/// What a receipt and the run's header show.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) attested: Attested,
    pub(crate) after: Option<After>,
    /// The place of the policy that it was judged by.
    pub(crate) judge: usize,
}

/// What else is worth saying at the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    /// Names and titles that the claims of some of the files have.
    pub(crate) claimed: Vec<(&'static str, String)>,
    /// Records that only keep their place in the tree.
    pub(crate) bare: u64,
    /// Digests of algorithms that aren't known here, and how many files have one.
    pub(crate) unknown: BTreeMap<HashId, u64>,
}

/// Holds what is below `bundle.below` against the bundle. With `follow`, a link stands for what it leads to, as it did when
/// the bundle was made so: wherever that is.
///
/// # Errors
/// The bundle can't be read on. What came before has been observed.
pub(crate) fn tree(
    bundle: &Bundle,
    judges: &Judges,
    predicates: &Predicates,
    follow: bool,
    mut observe: impl FnMut(Finding<'_>),
) -> Result<Tree, VerifyFailure> {
    let reader = Reader::open(&bundle.bundle)?;
    let (mut seen, mut order) = (Tree::default(), Order::default());
    let as_of = renewed(bundle, judges, &mut observe);
    // By submission of the current run: files that agree with their records.
    let mut matching = HashMap::<u64, u64>::new();
    ordered::map(
        ordered::workers(),
        Source { reader, below: bundle.below.clone(), judges, as_of, after: None, ended: false },
        || Worker { parents: Parents::default(), follow, buffer: hash::buffer() },
        |worker, job| worker.look(&bundle.base, predicates, job),
        |done| {
            match done {
                Done::File { submission, path, size, unknown, outcome, claimed } => {
                    for (what, name) in claimed.into_iter().filter(|_| outcome.is_ok()) {
                        if let Some(name) = name
                            && seen.claimed.len() < MAX_CLAIMED
                            && !seen.claimed.iter().any(|(is, said)| *is == what && *said == name)
                        {
                            seen.claimed.push((what, name));
                        }
                    }
                    for id in &unknown {
                        *seen.unknown.entry(*id).or_default() += 1;
                    }
                    order.note(&path);
                    *matching.entry(submission).or_default() += u64::from(outcome.is_ok());
                    observe(Finding::File { path: &path, size, unknown: &unknown, outcome: &outcome });
                }
                Done::Receipt { root, submissions, outcome } => {
                    let matching =
                        submissions.iter().filter_map(|submission| matching.remove(submission)).sum();
                    observe(Finding::Receipt { root: &root, matching, outcome: &outcome });
                }
                Done::Run => matching.clear(),
                Done::Bare => seen.bare += 1,
                Done::Failed(error) => return Err(VerifyFailure::from(error)),
            }
            Ok(())
        },
    )?;
    uncovered::find(bundle, order.is_walk, follow, |found| match found {
        Ok(source) => observe(Finding::Uncovered { source: &source }),
        Err((source, error)) => observe(Finding::Unsearched { source: &source, error: error.to_string() }),
    })?;
    Ok(seen)
}

/// The moment before which the bundle is shown to have existed by the token of its bytes.
fn renewed(bundle: &Bundle, judges: &Judges, observe: &mut impl FnMut(Finding<'_>)) -> Option<UnixSeconds> {
    let token = beside::of_bundle(&bundle.bundle)?;
    let outcome = beside::judge(&bundle.bundle, &token, judges, &mut hash::buffer());
    observe(Finding::Renewed { token: &token, outcome: &outcome });
    outcome.ok()?.1.last()?.shown.attested.before()
}

/// Whether the records came in the order of a walk.
#[derive(Debug)]
struct Order {
    last: Vec<u8>,
    is_walk: bool,
}

impl Default for Order {
    fn default() -> Order {
        Order { last: Vec::new(), is_walk: true }
    }
}

impl Order {
    fn note(&mut self, path: &RelativePath) {
        if self.is_walk {
            self.is_walk = self.last.is_empty() || paths::walk_order(&self.last, path.as_bytes()).is_lt();
            self.last.clear();
            self.last.extend_from_slice(path.as_bytes());
        }
    }
}

/// Names and title of one record's own claim.
type Claimed = [(&'static str, Option<String>); 3];

/// So many different ones are told.
const MAX_CLAIMED: usize = 32;

enum Job {
    File {
        submission: u64,
        kind: Kind,
        path: RelativePath,
        digests: Digests,
        claimed: Claimed,
        key: Option<Hash>,
    },
    Pass(Done),
}

enum Done {
    File {
        submission: u64,
        path: RelativePath,
        size: u64,
        unknown: Vec<HashId>,
        outcome: Result<(), Fault>,
        claimed: Claimed,
    },
    Receipt {
        root: Hash,
        submissions: Vec<u64>,
        outcome: Result<Judged, VerifyError>,
    },
    Run,
    Bare,
    Failed(BundleFileError),
}

/// The bundle's items as jobs; the walker's checks happen on the way. Receipts are judged here, where one is held at a time:
/// each may take a megabyte, and thousands of items are under way.
struct Source<'a> {
    reader: Reader,
    below: Vec<u8>,
    judges: &'a Judges,
    as_of: Option<UnixSeconds>,
    after: Option<Vec<u8>>,
    ended: bool,
}

impl Iterator for Source<'_> {
    type Item = Job;

    fn next(&mut self) -> Option<Job> {
        while !self.ended {
            match self.reader.step() {
                Ok(Some((item, step))) => {
                    if let Some(job) = self.job(item, step) {
                        return Some(job);
                    }
                }
                Ok(None) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    return Some(Job::Pass(Done::Failed(error)));
                }
            }
        }
        None
    }
}

impl Source<'_> {
    fn job(&mut self, item: Item, step: Step) -> Option<Job> {
        match (item, step) {
            (Item::Run(run), _) => {
                self.after = run.after;
                Some(Job::Pass(Done::Run))
            }
            (
                Item::Record(Record::Path { kind, path, digests, .. }),
                Step::Record { submission, opened, .. },
            ) => {
                if !paths::is_below(path.as_bytes(), &self.below) {
                    return None;
                }
                // What the claim says, not the run's header: a record may have other names, or none.
                let claim = opened.claim;
                let signed = claim.as_ref().and_then(|claim| claim.signed.as_ref());
                let key = signed.map(|(key, _)| key.thumbprint());
                let title = claim.and_then(|claim| claim.title);
                let (holder, agent) = opened.opening.map_or((None, None), |o| (o.holder, o.agent));
                let (holder, agent) = (holder.map(|holder| holder.name), agent.map(|agent| agent.name));
                let claimed = [("holder", holder), ("agent", agent), ("title", title)];
                Some(Job::File { submission, kind, path, digests, claimed, key })
            }
            (Item::Record(Record::Bare(_)), _) => Some(Job::Pass(Done::Bare)),
            (Item::Receipt(receipt), Step::Receipt { root, submissions }) => {
                let outcome = judge_as_of(self.judges, self.as_of, &root, &receipt, self.after.as_deref());
                Some(Job::Pass(Done::Receipt { root: root.0, submissions, outcome }))
            }
            _ => None,
        }
    }
}

struct Worker {
    parents: Parents,
    follow: bool,
    buffer: Vec<u8>,
}

impl Worker {
    fn look(&mut self, base: &Path, predicates: &Predicates, job: Job) -> Done {
        match job {
            Job::Pass(done) => done,
            Job::File { submission, kind, path, digests, claimed, key } => {
                let outcome = match self.source(base, kind, &path) {
                    Ok(source) => self.compare(kind, &source, &digests),
                    Err(link) => Err(Fault::Escapes(paths::shown(&link))),
                };
                let outcome = outcome.and_then(|size| {
                    let [(_, holder), ..] = &claimed;
                    let named = holder.clone().map_or(Named::Absent, Named::Disclosed);
                    let broken = predicates.holder(&named, key);
                    broken.map_or(Ok(size), |broken| Err(Fault::Broken(broken)))
                });
                let size = outcome.as_ref().copied().unwrap_or(0);
                let unknown = digests.iter().map(|(id, _)| id).filter(|id| id.name().is_none()).collect();
                Done::File { submission, path, size, unknown, outcome: outcome.map(|_| ()), claimed }
            }
        }
    }

    /// Where the record's file lies, or the directory on the way that is a link.
    fn source(&mut self, base: &Path, kind: Kind, path: &RelativePath) -> Result<PathBuf, PathBuf> {
        if !self.follow {
            return self.parents.resolve(base, path);
        }
        let source = paths::below(base, path);
        // What leads nowhere was recorded as a link; of a file, opening it will say what is wrong.
        Ok(if kind == Kind::File { source.canonicalize().unwrap_or(source) } else { source })
    }

    /// The file's size if every known digest agrees; the first that doesn't is the fault.
    fn compare(&mut self, kind: Kind, source: &Path, recorded: &Digests) -> Result<u64, Fault> {
        let ids: Vec<_> = recorded.iter().map(|(id, _)| id).filter(|id| id.name().is_some()).collect();
        let (size, digests) = match kind {
            Kind::File => hash::file(source, &ids, &mut self.buffer)?,
            Kind::Link => hash::link(source, &ids)?,
        };
        match (ids.iter().find(|id| recorded.get(**id) != digests.get(**id)), kind) {
            (None, _) => Ok(size),
            (Some(_), Kind::Link) => Err(Fault::LinkTarget),
            (Some(id), Kind::File) => Err(Fault::Changed(*id)),
        }
    }
}

/// A receipt and the run's note, by the first policy that accepts both.
pub(super) fn judge(
    judges: &Judges,
    root: &Commitment,
    receipt: &Token,
    after: Option<&[u8]>,
) -> Result<Judged, VerifyError> {
    judge_as_of(judges, None, root, receipt, after)
}

/// The same, as of the time by which a renewal shows that both existed.
fn judge_as_of(
    judges: &Judges,
    as_of: Option<UnixSeconds>,
    root: &Commitment,
    receipt: &Token,
    after: Option<&[u8]>,
) -> Result<Judged, VerifyError> {
    let by = judges.judge_as_of(as_of, |verifier| {
        let attested = verifier.receipt_as_of(receipt, root, as_of)?;
        let after = match after {
            // Under a policy without a quorum, a checkpoint says nothing about time.
            Some(note) if !verifier.policy.needs_no_witness() => {
                Some(verifier.after_as_of(note, &attested, as_of)?)
            }
            _ => None,
        };
        Ok((attested, after))
    })?;
    let (attested, after) = by.shown;
    Ok(Judged { attested, after, judge: by.judge })
}
