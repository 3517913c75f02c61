//! What there is before a run begins: what an interrupted run left, which gets its receipts, and the bundle that is brought up
//! to date.

use super::{
    Event, StampError, Target,
    deliver::deliver,
    earlier::{self, Earlier},
    index::Index,
    place::Place,
    plan::settled_output,
    run::append,
    submit::{Log, judge},
};
use crate::{bundle_file::Writer, journal::Journal, paths, seen};
#[cfg(unix)]
use std::os::unix::fs::MetadataExt;
use std::{
    fs::{self, Metadata},
    io,
    path::PathBuf,
    time::Duration,
};
use treering_tlog::{hash::Hash, policy::Policy};
use treering_token::{bundle::Item, verify::Attested};

/// What an interrupted run left: it ends there, and its receipts, which are waited for as long as `wait` says, come behind it.
/// An error inside is one that may pass.
pub(super) fn left(
    log: &Log,
    wait: Duration,
    place: &mut Place,
    index: &mut Index,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<Result<Earlier, StampError>, StampError> {
    if !place.is_begun() {
        return Ok(Ok(Earlier::default()));
    }
    let run_id = place.earlier.as_ref().and_then(|description| description.run);
    let begun = earlier::partial(place.partial.path(), run_id, log.policy(), index)?;
    place.partial.cut(begun.end).map_err(StampError::Write)?;
    let mut left = begun.earlier;
    observe(Event::Resumed { records: index.len() });
    // INVARIANT: it has a submission, as it has records.
    let Some(run) = left.runs.last_mut() else { return Ok(Ok(left)) };
    let mut writer =
        Writer::new(place.partial.file().map_err(StampError::Write)?, false).map_err(StampError::Write)?;
    if let Some(records) = begun.mark {
        writer.write(&Item::Mark(records)).map_err(StampError::Write)?;
        writer.settle().map_err(StampError::Write)?;
    }
    let submissions: Vec<(Hash, u64)> =
        run.submissions.iter().map(|submission| (submission.root, submission.records.into())).collect();
    // Each submission was told before the next one began, and before it was sent: only the last can be missing, and not with a
    // receipt. CRASH: whoever was to begin another run, and was killed before it had a record, has left that one's journal,
    // which is not this one's, and neither is what was seen of its files.
    let least = submissions.len() - usize::from(run.receipts == 0);
    let mut journal = match run_id {
        Some(run_id) => Journal::go_on(&run_id, &submissions, least)?,
        None => None,
    };
    if let (Some((journal, told)), Some(last)) = (&mut journal, run.submissions.last())
        && *told < submissions.len()
    {
        begun.last.owns.iter().try_for_each(|(place, own)| journal.own(*place, own))?;
        journal.submission(&last.root, &begun.last.tags, &begun.last.commitments)?;
    }
    let missing: Vec<Hash> = run.roots[run.receipts..].to_vec();
    if !missing.is_empty() {
        observe(Event::Waiting);
        let receipts = match deliver(log, place.partial.path(), &missing, wait) {
            Ok(receipts) => receipts,
            Err(away) if away.may_pass() => return Ok(Err(away)),
            Err(error) => return Err(error),
        };
        let after = run.after.as_deref();
        let journal = journal.as_mut().map(|(journal, _)| journal);
        let more = append(log.policy(), &missing, receipts, after, &mut writer, journal, observe)?;
        run.receipts = run.roots.len();
        left.receipts.extend(more);
    }
    writer.finish().map_err(StampError::Write)?;
    if let (Some((mut journal, _)), Some(run_id)) = (journal, run_id) {
        journal.finished(submissions.iter().map(|(_, records)| records).sum())?;
        seen::settle(&run_id, &submissions[0].0).map_err(StampError::Write)?;
    }
    Ok(Ok(left))
}

/// The bundle that is brought up to date.
#[derive(Debug, Default)]
pub(super) struct Base {
    pub(super) earlier: Earlier,
    pub(super) path: Option<PathBuf>,
    /// Is it the output as well?
    pub(super) is_output: bool,
    before: Option<Metadata>,
}

impl Base {
    /// Reads it into the index, if there is to be one.
    pub(super) fn read(
        target: &Target,
        policy: &Policy,
        index: &mut Index,
        observe: &mut dyn FnMut(Event<'_>),
    ) -> Result<Base, StampError> {
        let Some(path) = &target.since else { return Ok(Base::default()) };
        let is_output = match &target.bundle {
            Some(output) => settled_output(output)? == settled_output(path)?,
            None => false,
        };
        let before = match fs::metadata(path) {
            Ok(metadata) => metadata,
            // A log may be a new one among several.
            Err(error) if error.kind() == io::ErrorKind::NotFound && (is_output || target.log.is_some()) => {
                observe(Event::First { path });
                return Ok(Base { is_output: false, ..Base::default() });
            }
            Err(_) => {
                let reason = "there is no such bundle; to begin with, stamp without --since";
                return Err(StampError::Since { path: paths::shown(path), reason });
            }
        };
        let earlier = earlier::bundle(path, policy, index)?;
        if let Some(attested) = latest(&earlier, policy) {
            observe(Event::Taken { attested: &attested });
        }
        Ok(Base { earlier, path: Some(path.clone()), is_output, before: Some(before) })
    }

    /// As if the bundle at this path had been read, to be replaced.
    #[cfg(test)]
    pub(super) fn of(path: &std::path::Path) -> Base {
        let before = fs::metadata(path).ok();
        Base { earlier: Earlier::default(), path: Some(path.to_path_buf()), is_output: true, before }
    }

    /// It is read twice, and what takes its place has only what was read of it.
    pub(super) fn is_unchanged(&self) -> Result<(), StampError> {
        let (Some(path), Some(before)) = (&self.path, &self.before) else { return Ok(()) };
        if fs::metadata(path).is_ok_and(|now| is_same(&now, before)) {
            return Ok(());
        }
        let reason = "it was changed meanwhile, by somebody else: nothing was replaced; try again";
        Err(StampError::Since { path: paths::shown(path), reason })
    }
}

/// Whoever writes a file in place changes its time, and whoever puts another one there its inode.
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    #[cfg(unix)]
    let inode = |of: &Metadata| (MetadataExt::dev(of), MetadataExt::ino(of));
    #[cfg(not(unix))]
    let inode = |_: &Metadata| ();
    one.len() == other.len() && one.modified().ok() == other.modified().ok() && inode(one) == inode(other)
}

/// The latest upper bound of what is taken over: it holds for all of it.
fn latest(earlier: &Earlier, policy: &Policy) -> Option<Attested> {
    let attested =
        earlier.receipts.iter().filter_map(|(root, receipt)| judge(policy, &root.0, receipt, None).ok());
    attested.max_by_key(|attested| attested.before())
}
