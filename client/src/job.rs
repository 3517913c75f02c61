//! Runs that are not finished: a directory a run under `~/.local/state/treering/jobs`, with all that is needed to go on.
//!
//! `job.json` has the command line, with what the environment had set, and where it was typed; other parts of the client may
//! keep in the same directory what can't be read twice. The partial bundle lies beside the output ([`crate::partial`]), or
//! here where only tokens are wanted. The directory goes when the run is finished.

use crate::{partial, paths, places};
use serde::{Deserialize, Serialize};
use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};
use treering_tlog::hash::sha256;

/// Its description.
const FILE: &str = "job.json";
/// The partial bundle of a job that has no output of its own.
const PARTIAL: &str = ".tokens.partial";
/// Written when all is whole, before the output gets its name.
const PLACED: &str = "placed";
/// The format's name.
const FORMAT: &str = "treering.job/1";

/// Why a job's directory could not be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    #[error(transparent)]
    NoPlace(#[from] places::NoPlace),
    #[error("{path}, which says how to go on with an unfinished run: {error}")]
    Io { path: String, error: io::Error },
    #[error(
        "{path} doesn't say how to go on with an unfinished run ({reason}): stamp again with --restart, or remove it"
    )]
    Form { path: String, reason: String },
}

/// A command line as it was typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    /// Without the program's name.
    pub(crate) args: Vec<OsString>,
    pub(crate) dir: PathBuf,
}

/// An unfinished run's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    dir: PathBuf,
}

/// What is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    pub(crate) call: Call,
    /// The bundle that is to appear; `None` where only tokens are wanted.
    pub(crate) output: Option<PathBuf>,
    /// Whoever worked on it last.
    pub(crate) process: u32,
    /// RFC 3339.
    pub(crate) began: String,
    /// The run that was under way last.
    pub(crate) run: Option<[u8; 16]>,
}

impl Job {
    /// A job in this directory.
    #[cfg(test)]
    pub(crate) fn at(dir: &Path) -> Job {
        Job { dir: dir.to_path_buf() }
    }

    /// The job of this output.
    pub(crate) fn of_output(settled: &Path) -> Result<Job, JobError> {
        Job::keyed(&[b"output", paths::name_bytes(settled.as_os_str())])
    }

    /// The job of tokens beside these files, given in this directory; with this log in their names, if they have one.
    pub(crate) fn of_tokens(dir: &Path, given: &[PathBuf], log: Option<&str>) -> Result<Job, JobError> {
        let mut parts = vec![&b"tokens"[..]];
        if let Some(log) = log {
            parts = vec![b"tokens by", log.as_bytes()];
        }
        parts.push(paths::name_bytes(dir.as_os_str()));
        parts.extend(given.iter().map(|path| paths::name_bytes(path.as_os_str())));
        Job::keyed(&parts)
    }

    fn keyed(parts: &[&[u8]]) -> Result<Job, JobError> {
        // No path holds a NUL.
        let key = sha256(&parts.join(&0)).to_string();
        Ok(Job { dir: all()?.join(&key[..32]) })
    }

    /// All that are there.
    pub(crate) fn list() -> Result<Vec<Job>, JobError> {
        let dir = all()?;
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(&dir, error)),
        };
        let mut jobs = Vec::new();
        for entry in entries {
            let dir = entry.map_err(|error| failed(&dir, error))?.path();
            if dir.join(FILE).exists() {
                jobs.push(Job { dir });
            }
        }
        jobs.sort_by(|left, right| left.dir.cmp(&right.dir));
        Ok(jobs)
    }

    /// Where the partial bundle lies.
    pub(crate) fn partial(&self, output: Option<&Path>) -> PathBuf {
        output.map_or_else(|| self.dir.join(PARTIAL), partial::of_output)
    }

    /// Makes the directory, so that something can be kept in it.
    pub(crate) fn make(&self) -> Result<&Path, JobError> {
        places::make_private_dir(&self.dir).map_err(|error| failed(&self.dir, error))?;
        Ok(&self.dir)
    }

    /// Keeps what is needed to go on. CRASH: whole or not at all.
    pub(crate) fn describe(&self, description: &Description) -> Result<(), JobError> {
        self.make()?;
        let _ = fs::remove_file(self.dir.join(PLACED));
        let io = |error| failed(&self.dir.join(FILE), error);
        places::write_private(&self.dir.join(FILE), &description.to_json(), true).map_err(io)
    }

    /// Nobody goes on with what was kept any more. CRASH: it is gone from the disk when this returns.
    pub(crate) fn undescribe(&self) -> Result<(), JobError> {
        let path = self.dir.join(FILE);
        match fs::remove_file(&path).and_then(|()| places::sync_dir(&self.dir)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&path, error)),
            _ => Ok(()),
        }
    }

    /// What is known of it; `None` if there is no such job.
    pub(crate) fn description(&self) -> Result<Option<Description>, JobError> {
        let path = self.dir.join(FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&path, error)),
        };
        let form = |reason| JobError::Form { path: paths::shown(&path), reason };
        Description::parse(&text).map(Some).map_err(form)
    }

    /// The output is whole and gets its name now. CRASH: on disk before that name is, or a power cut would leave the output
    /// beside a job that seems not to have begun.
    pub(crate) fn will_be_placed(&self) -> Result<(), JobError> {
        places::write_private(&self.dir.join(PLACED), b"", true).map_err(|error| failed(&self.dir, error))
    }

    /// Was the output whole, and about to get its name?
    pub(crate) fn was_placed(&self) -> bool {
        self.dir.join(PLACED).exists()
    }

    /// It is finished, or not wanted any more.
    pub(crate) fn remove(&self) -> Result<(), JobError> {
        // CRASH: before what says that its output has its name.
        self.undescribe()?;
        match fs::remove_dir_all(&self.dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&self.dir, error)),
            _ => Ok(()),
        }
    }
}

impl Description {
    /// Reads what [`Description::to_json`] writes; else says why it can't be.
    pub(crate) fn parse(json: &[u8]) -> Result<Description, String> {
        let form: Form = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        form.description().map_err(str::to_owned)
    }

    /// The text of `job.json`.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(&Form::of(self)).expect("strings and numbers")
    }
}

/// `job.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    format: String,
    args: Vec<Text>,
    dir: Text,
    output: Option<Text>,
    process: u32,
    began: String,
    run: Option<String>,
}

/// Text where it is Unicode, else its bytes in hex.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Text {
    Plain(String),
    Bytes { hex: String },
}

impl Text {
    fn of(text: &std::ffi::OsStr) -> Text {
        match text.to_str() {
            Some(text) => Text::Plain(text.to_owned()),
            None => Text::Bytes { hex: hex::encode(paths::name_bytes(text)) },
        }
    }

    fn text(self) -> Result<OsString, &'static str> {
        match self {
            Text::Plain(text) => Ok(text.into()),
            Text::Bytes { hex } => {
                let bytes = hex::decode(hex).map_err(|_| "bytes that are no hex")?;
                Ok(paths::name_from_bytes(&bytes).into_owned())
            }
        }
    }
}

impl Form {
    fn of(description: &Description) -> Form {
        Form {
            format: FORMAT.to_owned(),
            args: description.call.args.iter().map(|arg| Text::of(arg)).collect(),
            dir: Text::of(description.call.dir.as_os_str()),
            output: description.output.as_ref().map(|output| Text::of(output.as_os_str())),
            process: description.process,
            began: description.began.clone(),
            run: description.run.map(hex::encode),
        }
    }

    fn description(self) -> Result<Description, &'static str> {
        if self.format != FORMAT {
            return Err("another version of treering wrote it");
        }
        let run = self.run.map(|text| {
            let mut run = [0; 16];
            hex::decode_to_slice(text, &mut run).map(|()| run).map_err(|_| "no run")
        });
        Ok(Description {
            call: Call {
                args: self.args.into_iter().map(Text::text).collect::<Result<_, _>>()?,
                dir: self.dir.text()?.into(),
            },
            output: self.output.map(Text::text).transpose()?.map(PathBuf::from),
            process: self.process,
            began: self.began,
            run: run.transpose()?,
        })
    }
}

fn all() -> Result<PathBuf, JobError> {
    Ok(places::state_dir()?.join("jobs"))
}

fn failed(path: &Path, error: io::Error) -> JobError {
    JobError::Io { path: paths::shown(path), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(dir: &Path) -> Job {
        Job::at(&dir.join("jobs/x"))
    }

    fn description() -> Description {
        #[cfg(unix)]
        let odd = std::os::unix::ffi::OsStringExt::from_vec(b"\xff-\xfe".to_vec());
        #[cfg(not(unix))]
        let odd = OsString::from("odd");
        Description {
            call: Call { args: vec!["stamp".into(), odd], dir: "/somewhere".into() },
            output: Some("/somewhere/a.treering".into()),
            process: 7,
            began: "2026-11-26T01:00:00Z".to_owned(),
            run: Some([9; 16]),
        }
    }

    #[test]
    fn what_is_kept_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let job = job(dir.path());
        assert!(job.description().unwrap().is_none());
        job.describe(&description()).unwrap();
        let read = job.description().unwrap().unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", description()));
        assert!(!job.was_placed());
        job.will_be_placed().unwrap();
        assert!(job.was_placed());
        // All that is written so is on disk at once, and for its owner alone.
        #[cfg(unix)]
        for entry in fs::read_dir(&job.dir).unwrap() {
            let mode = std::os::unix::fs::MetadataExt::mode(&entry.unwrap().metadata().unwrap());
            assert_eq!(mode & 0o777, 0o600);
        }
        job.undescribe().unwrap();
        assert!(job.description().unwrap().is_none());
        job.remove().unwrap();
        job.remove().unwrap();
        assert!(job.description().unwrap().is_none());
    }

    #[test]
    fn what_another_version_wrote_is_not_guessed_at() {
        let dir = tempfile::tempdir().unwrap();
        let job = job(dir.path());
        job.describe(&description()).unwrap();
        let text = fs::read_to_string(job.dir.join(FILE)).unwrap();
        for wrong in [text.replace("job/1", "job/2"), text.replace("\"args\"", "\"arms\""), "{".to_owned()] {
            fs::write(job.dir.join(FILE), wrong).unwrap();
            assert!(matches!(job.description(), Err(JobError::Form { .. })));
        }
    }
}
