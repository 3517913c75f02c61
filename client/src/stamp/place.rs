//! Where a bundle grows until it is whole, and what is needed to go on with it if this process doesn't finish it.

use super::{StampError, Target, Wish, plan::settled_output, settle::Base};
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
/// That, while it is read.
const STDIN_NEW: &str = "stdin.new";

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
                self.read_stdin(&copy, read.as_deref())?;
                read.get_or_insert_with(|| copy.clone());
            }
            list.copy = Some(copy);
        }
        Ok(target)
    }

    /// Copies standard input, or the copy of it that was made before.
    ///
    /// CRASH: part of a list looks like a whole one. So nobody may go on with an earlier call's description while this one's
    /// list is read, and the copy has its name, on disk, only when it is whole.
    fn read_stdin(&self, copy: &Path, read: Option<&Path>) -> Result<(), StampError> {
        self.job.undescribe()?;
        let dir = self.job.make()?;
        let new = copy.with_file_name(STDIN_NEW);
        let _ = fs::remove_file(&new);
        let io = |error| StampError::Partial { path: paths::shown(&new), error };
        let mut file = places::private_file().open(&new).map_err(io)?;
        match read {
            Some(from) => io::copy(&mut fs::File::open(from).map_err(io)?, &mut file),
            None => io::copy(&mut io::stdin().lock(), &mut file),
        }
        .map_err(io)?;
        file.sync_all().map_err(io)?;
        fs::rename(&new, copy).and_then(|()| places::sync_dir(dir)).map_err(io)
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
    /// Without `force`, it takes no other's place but that of `base`, as that was read.
    pub(super) fn finish(self, assembled: Option<&Path>, base: &Base, force: bool) -> Result<(), StampError> {
        if let Some(output) = &self.output {
            // What may take long comes before the last look at what is replaced.
            self.partial.sync().map_err(StampError::Write)?;
            // CRASH: from here on, a partial bundle that isn't there any more has become the output.
            self.job.will_be_placed()?;
            base.is_unchanged()?;
            let force = force || base.is_output;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::OutputError;
    use std::io::Write as _;

    /// A bundle that is whole, and about to get its name.
    fn whole(dir: &Path) -> (Place, PathBuf) {
        let output = dir.join("a.treering");
        let partial = Partial::lock(&partial::of_output(&output)).unwrap().unwrap();
        partial.file().unwrap().write_all(b"new").unwrap();
        let job = Job::at(&dir.join("job"));
        job.make().unwrap();
        (Place { partial, job, output: Some(output.clone()), earlier: None }, output)
    }

    #[test]
    fn only_what_was_read_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (place, output) = whole(dir.path());
        fs::write(&output, "old").unwrap();
        let base = Base::of(&output);
        place.finish(None, &base, false).unwrap();
        assert_eq!(fs::read(&output).unwrap(), b"new");
        assert!(!dir.path().join("job").exists());
    }

    #[test]
    fn what_appeared_meanwhile_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (place, output) = whole(dir.path());
        fs::write(&output, "old").unwrap();
        let refused = place.finish(None, &Base::default(), false);
        assert!(matches!(refused, Err(StampError::Output(OutputError::Exists { .. }))));
        assert_eq!(fs::read(&output).unwrap(), b"old");
        assert_eq!(fs::read(partial::of_output(&output)).unwrap(), b"new", "it can be gone on with");
    }

    #[cfg(unix)]
    #[test]
    fn neither_is_what_took_the_place_of_what_was_read() {
        let dir = tempfile::tempdir().unwrap();
        let (place, output) = whole(dir.path());
        fs::write(&output, "old").unwrap();
        let base = Base::of(&output);
        // As long, and with the same time.
        let (other, time) = (dir.path().join("other"), fs::metadata(&output).unwrap().modified().unwrap());
        fs::write(&other, "odd").unwrap();
        fs::File::options().write(true).open(&other).unwrap().set_modified(time).unwrap();
        fs::rename(&other, &output).unwrap();
        assert!(matches!(place.finish(None, &base, false), Err(StampError::Since { .. })));
        assert_eq!(fs::read(&output).unwrap(), b"odd");
        assert!(partial::of_output(&output).exists());
    }
}
