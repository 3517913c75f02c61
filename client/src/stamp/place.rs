//! Where a bundle grows until it is whole, and what is needed to go on with it if this process doesn't finish it.

use super::{StampError, Target, Wish, plan::settled_output};
use crate::{
    clock,
    job::{Description, Job},
    partial::{self, Partial},
    paths, places,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use treering_token::describe;

/// In the job's directory: what standard input was.
const STDIN: &str = "stdin";

/// A target's partial bundle, locked, and its job.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) partial: Partial,
    job: Job,
    output: Option<PathBuf>,
    /// What an earlier process has left word of.
    pub(super) earlier: Option<Description>,
}

/// Refuses, before any work, a target with an unfinished run, or one that another process works on.
pub(super) fn check(target: &Target, wish: &Wish) -> Result<(), StampError> {
    let (job, output) = names(target, wish)?;
    let path = job.partial(output.as_deref());
    if Partial::is_locked(&path) {
        return Err(held(target, &job));
    }
    if wish.goes_on
        || wish.restart
        || path.metadata().is_ok_and(|partial| partial.len() == 0)
        || !path.exists()
    {
        return Ok(());
    }
    Err(match job.description()? {
        Some(description) => StampError::Unfinished { output: target.shown(), began: description.began },
        None => StampError::NotOurs { path: paths::shown(&path) },
    })
}

impl Place {
    /// Takes the lock. What an earlier run left is there afterwards only if the wish is to go on with it.
    pub(super) fn begin(target: &Target, wish: &Wish) -> Result<Place, StampError> {
        check(target, wish)?;
        let (job, output) = names(target, wish)?;
        if output.is_none() {
            job.make()?;
        }
        let path = job.partial(output.as_deref());
        let io = |error| StampError::Partial { path: paths::shown(&path), error };
        let mut partial = Partial::lock(&path).map_err(io)?.ok_or_else(|| held(target, &job))?;
        if !wish.goes_on {
            partial.cut(0).map_err(io)?;
        }
        let earlier = if wish.goes_on { job.description()? } else { None };
        if let Some(earlier) = &earlier {
            // Whoever finds it locked is told by whom.
            job.describe(&Description { process: std::process::id(), ..earlier.clone() })?;
        }
        Ok(Place { partial, job, output, earlier })
    }

    /// The target, with what standard input is to be read from: a copy, since whoever goes on has another standard input.
    /// `read` is the copy that another log's place has made in this call.
    pub(super) fn target(
        &self,
        target: &Target,
        wish: &Wish,
        read: &mut Option<PathBuf>,
    ) -> Result<Target, StampError> {
        let mut target = target.clone();
        for list in target.lists.iter_mut().filter(|list| list.is_stdin()) {
            let copy = self.job.make()?.join(STDIN);
            if !wish.goes_on {
                let _ = fs::remove_file(&copy);
                let io = |error| StampError::Partial { path: paths::shown(&copy), error };
                let mut file = places::private_file().open(&copy).map_err(io)?;
                match read {
                    Some(from) => io::copy(&mut fs::File::open(from).map_err(io)?, &mut file),
                    None => io::copy(&mut io::stdin().lock(), &mut file),
                }
                .map_err(io)?;
                read.get_or_insert_with(|| copy.clone());
                // CRASH: whoever goes on has nothing else to read it from; the job's description, which comes later, syncs
                // the directory.
                file.sync_all().map_err(io)?;
            }
            list.copy = Some(copy);
        }
        Ok(target)
    }

    /// Keeps what is needed to begin again, if there is nothing yet to go on with.
    pub(super) fn note(&self, wish: &Wish) -> Result<(), StampError> {
        if self.earlier.is_some() {
            return Ok(());
        }
        Ok(self.job.describe(&self.description(wish, describe::seconds(clock::now()), None))?)
    }

    /// Keeps what is needed to go on from here.
    pub(super) fn describe(&mut self, wish: &Wish, run_id: &[u8; 16]) -> Result<(), StampError> {
        let began = self.earlier.take().map(|description| description.began);
        let began = began.unwrap_or_else(|| describe::seconds(clock::now()));
        Ok(self.job.describe(&self.description(wish, began, Some(*run_id)))?)
    }

    fn description(&self, wish: &Wish, began: String, run: Option<[u8; 16]>) -> Description {
        let (call, output, process) = (wish.call.clone(), self.output.clone(), std::process::id());
        Description { call, output, process, began, run }
    }

    /// Is something there that is worth going on with?
    pub(super) fn is_begun(&self) -> bool {
        self.partial.is_begun()
    }

    /// Where a bundle made of several grows.
    pub(super) fn assembled(&self) -> PathBuf {
        paths::with_suffix(self.partial.path(), partial::NEW)
    }

    /// What the walk must not take for the user's data.
    pub(super) fn own_files(&self) -> Vec<PathBuf> {
        let mut own = vec![self.partial.path().to_path_buf(), self.assembled()];
        own.extend(self.output.clone());
        own
    }

    /// The evidence is whole: it gets its name, if it has one. `assembled` is where it is, if not in the partial bundle.
    pub(super) fn finish(self, assembled: Option<&Path>, force: bool) -> Result<(), StampError> {
        if let Some(output) = &self.output {
            // CRASH: from here on, a partial bundle that isn't there any more has become the output.
            self.job.will_be_placed()?;
            match assembled {
                None => self.partial.appear(output, force)?,
                Some(assembled) => {
                    partial::appear(assembled, output, force)?;
                    self.partial.remove().map_err(StampError::Write)?;
                }
            }
        }
        Ok(self.job.remove()?)
    }

    /// Nothing of it is wanted.
    pub(super) fn forget(self) -> Result<(), StampError> {
        let _ = fs::remove_file(self.assembled());
        self.partial.remove().map_err(StampError::Write)?;
        Ok(self.job.remove()?)
    }
}

/// The job of a target.
pub(super) fn job(target: &Target, wish: &Wish) -> Result<Job, StampError> {
    Ok(names(target, wish)?.0)
}

fn names(target: &Target, wish: &Wish) -> Result<(Job, Option<PathBuf>), StampError> {
    let output = target.bundle.as_deref().map(settled_output).transpose()?;
    let job = match &output {
        Some(output) => Job::of_output(output)?,
        None => Job::of_tokens(&wish.call.dir, &target.given, target.log.as_deref())?,
    };
    Ok((job, output))
}

fn held(target: &Target, job: &Job) -> StampError {
    let who = match job.description() {
        Ok(Some(description)) => format!("process {}", description.process),
        _ => "another process".to_owned(),
    };
    StampError::Held { output: target.shown(), who }
}
