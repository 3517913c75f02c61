//! Stamping whole trees: files in, a bundle out, however many there are.

use super::{Error, stamp::Stamper};
use crate::{
    output::OutputError,
    paths,
    stamp::{Event, Log, StampError, Stamped, Target, Wish, plan, stream},
};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::runtime::Handle;
use treering_token::{bundle::Opener, verify::Attested};

/// What was met and isn't in the bundle.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Passed {
    /// Can't be read, or changed while it was.
    Failed {
        /// Which.
        path: PathBuf,
        /// In words.
        reason: String,
    },
    /// Isn't the user's data: neither file nor link nor directory, or evidence that lies beside what it is for.
    LeftOut {
        /// Which.
        path: PathBuf,
        /// In words.
        reason: String,
    },
}

/// A bundle that is whole.
#[derive(Debug)]
pub struct Bundled {
    /// Files and symbolic links in it.
    pub records: u64,
    /// What was hashed.
    pub bytes: u64,
    /// What log and witnesses say of each submission.
    pub attested: Vec<Attested>,
}

impl Stamper {
    /// Stamps files and whole directories into one bundle, which appears at `output` when it is whole: `<name>.treering`, as
    /// `treering stamp -o` makes it. One directory's paths are relative to it; of several paths each keeps its last part.
    ///
    /// A stream from end to end, on the runtime's blocking threads and all cores: in memory are what the cores work on, at most
    /// three submissions (32 bytes a file) and the receipts. `passed` is told of each thing that is not stamped; the others
    /// are stamped all the same.
    ///
    /// Nothing but the bundle is kept: who is killed, or drops the future, begins again (`treering stamp` goes on, by master
    /// key and journal). Meanwhile `.<name>.partial.new` grows beside it, and `.<name>.partial` is locked; what an unfinished
    /// run of `treering stamp` has left there stays, and is an error.
    ///
    /// ```
    /// # mod fake { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/support/fake_log.rs")); }
    /// # let log = fake::FakeLog::start(fake::Manner::default());
    /// # let (url, policy) = (log.url().to_owned(), log.policy());
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    /// # let place = tempfile::tempdir().unwrap();
    /// # let scans = place.path().join("scans");
    /// # std::fs::create_dir(&scans).unwrap();
    /// # std::fs::write(scans.join("page-1"), "a page").unwrap();
    /// # runtime.block_on(async {
    /// use treering::{Client, stamp::Stamper};
    /// use treering_tlog::policy::Policy;
    ///
    /// let stamper = Stamper::new(Client::new(&url)?, Policy::parse(policy.as_bytes())?);
    /// let output = scans.with_extension("treering");
    /// let done = stamper.tree([scans], &output, |passed| eprintln!("{passed}")).await?;
    /// println!("{} files, stamped by {:?}", done.records, done.attested[0].before());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::Bundle`]: something is at `output`, or it can't be written, or another process is at it; any other [`Error`]
    /// but [`Error::File`]. Then there is no bundle.
    pub async fn tree(
        &self,
        paths: impl IntoIterator<Item = PathBuf>,
        output: &Path,
        passed: impl FnMut(Passed) + Send + 'static,
    ) -> Result<Bundled, Error> {
        let paths: Vec<PathBuf> = paths.into_iter().collect();
        let (opener, most) = self.open().await?;
        // Whoever drops the future ends the work, at its next file.
        let dropped = Dropped::default();
        let log = Log::within(
            Handle::current(),
            self.client().clone(),
            Arc::clone(self.policy()),
            Arc::clone(&dropped.0),
        );
        let work =
            Work { log, wish: Wish { wait: self.patience(), ..Wish::default() }, opener, limit: most as u64 };
        let output = output.to_owned();
        tokio::task::spawn_blocking(move || work.all(&paths, &output, passed))
            .await
            .map_err(|_| Error::Panicked)?
    }
}

#[derive(Default)]
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Work {
    log: Log,
    wish: Wish,
    opener: Opener,
    limit: u64,
}

impl Work {
    fn all(
        &self,
        paths: &[PathBuf],
        output: &Path,
        mut passed: impl FnMut(Passed),
    ) -> Result<Bundled, Error> {
        let of_bundle = |error: StampError| match error {
            StampError::Output(OutputError::Exists { .. }) => Error::Bundle {
                path: output.to_owned(),
                reason: "something is there already, maybe evidence of an earlier time".to_owned(),
            },
            StampError::Output(_)
            | StampError::Write(_)
            | StampError::Partial { .. }
            | StampError::Held { .. }
            | StampError::Path { .. }
            | StampError::SameName { .. }
            | StampError::Here(_) => Error::Bundle { path: output.to_owned(), reason: error.to_string() },
            error => error.into(),
        };
        let plan = plan(paths, Vec::new(), Some(output), false, None).map_err(of_bundle)?;
        for (path, trouble) in plan.failed {
            passed(Passed::Failed { path, reason: trouble.to_string() });
        }
        for (path, why) in plan.left_out {
            passed(Passed::LeftOut { path, reason: why.to_string() });
        }
        let target = plan.targets.first().ok_or(Error::Nothing)?;
        target.check(&self.wish).map_err(of_bundle)?;
        let mut attested = Vec::new();
        let stamped = self.stream(target, output, &mut |event| match event {
            Event::Failed { source, error } => {
                passed(Passed::Failed { path: source.to_owned(), reason: error.to_string() });
            }
            Event::LeftOut { source, why } => {
                passed(Passed::LeftOut { path: source.to_owned(), reason: why.to_string() });
            }
            Event::Receipt { attested: by, .. } => attested.push(by.clone()),
            _ => {}
        });
        let stamped = stamped.map_err(of_bundle)?;
        Ok(Bundled { records: stamped.records, bytes: stamped.bytes, attested })
    }

    fn stream(
        &self,
        target: &Target,
        output: &Path,
        observe: &mut dyn FnMut(Event<'_>),
    ) -> Result<Stamped, StampError> {
        stream(&self.log, &self.wish, target, output, &self.opener, self.limit, observe)
    }
}

impl std::fmt::Display for Passed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Passed::Failed { path, reason } => write!(f, "{}: not stamped: {reason}", paths::shown(path)),
            Passed::LeftOut { path, reason } => write!(f, "{}: left out: {reason}", paths::shown(path)),
        }
    }
}
