//! Findings become evidence files, once each; then a command may be run.
//!
//! A file is named `<origin hash, 8 digits>-<kind>-<16 digits>.evidence`, the last part being a hash over what the
//! finding is about (an entry's index, a tile's path…). Found again, it has the same name, and nothing is written or
//! run: whoever has moved the file away hears of it again. Of one kind, a log has [`MAX_FILES`] files at most, so that
//! a log that lies all day doesn't fill the disk.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use treering_tlog::{checkpoint::Origin, hash::sha256, witness::origin_hash};

use super::state::replace;
use crate::evidence::{Evidence, Kind};

/// Files of one kind and log.
pub(super) const MAX_FILES: usize = 64;
/// What `--exec` runs is killed after this time.
const MAX_RUN: Duration = Duration::from_secs(60);

/// Something that is wrong with a log.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What a third party can check.
    pub evidence: Evidence,
    /// What it is about: the same for the same thing found again.
    pub about: String,
}

/// What has become of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// What was found.
    pub kind: Kind,
    /// What it is about.
    pub about: String,
    /// The evidence file; `None` if the log has 64 of that kind already.
    pub file: Option<PathBuf>,
    /// Was it written now?
    pub new: bool,
}

/// Writes evidence files.
#[derive(Clone, Debug)]
pub(super) struct Reporter {
    pub(super) directory: PathBuf,
    pub(super) exec: Option<PathBuf>,
}

impl Reporter {
    /// Writes the finding down and syncs it, unless that was done before; then runs the command.
    pub(super) async fn report(&self, origin: &Origin, finding: &Finding) -> io::Result<Reported> {
        let (kind, about) = (finding.evidence.kind, finding.about.clone());
        let hash = sha256(format!("{origin}\n{kind}\n{about}").as_bytes()).to_string();
        let log = format!("{:.8}-{kind}-", origin_hash(origin));
        let path = self.directory.join(format!("{log}{hash:.16}.evidence"));
        if path.try_exists()? {
            return Ok(Reported { kind, about, file: Some(path), new: false });
        }
        if count(&self.directory, &log)? >= MAX_FILES {
            return Ok(Reported { kind, about, file: None, new: false });
        }
        replace(&path, &finding.evidence.encode())?;
        self.run(&path).await;
        Ok(Reported { kind, about, file: Some(path), new: true })
    }

    /// Runs the command with the file's path as its one argument: no shell reads it.
    async fn run(&self, file: &Path) {
        let Some(command) = &self.exec else { return };
        let mut process = tokio::process::Command::new(command);
        process.arg(file).stdin(std::process::Stdio::null()).kill_on_drop(true);
        let ended = async { process.spawn()?.wait().await };
        match tokio::time::timeout(MAX_RUN, ended).await {
            Ok(Ok(status)) if status.success() => {}
            Ok(Ok(status)) => tracing::warn!(command = %command.display(), %status, "--exec failed"),
            Ok(Err(error)) => tracing::warn!(command = %command.display(), %error, "--exec can't be run"),
            Err(_) => tracing::warn!(command = %command.display(), "--exec took too long, and was killed"),
        }
    }
}

fn count(directory: &Path, prefix: &str) -> io::Result<usize> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut count = 0;
    for entry in entries {
        count += usize::from(entry?.file_name().to_string_lossy().starts_with(prefix));
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use treering_tlog::{checkpoint::Origin, time::UnixMillis};

    use super::{Finding, MAX_FILES, Reporter};
    use crate::{evidence::Kind, monitor::views::blank};

    fn finding(kind: Kind, about: &str) -> Finding {
        Finding { evidence: blank(kind, UnixMillis::new(1).unwrap(), "here"), about: about.to_owned() }
    }

    #[tokio::test]
    async fn each_finding_is_written_once_and_of_each_kind_so_many() {
        let dir = tempfile::tempdir().unwrap();
        let reporter = Reporter { directory: dir.path().join("deep/evidence"), exec: None };
        let origin = Origin::new("log.example").unwrap();
        for n in 0..MAX_FILES {
            let finding = finding(Kind::Unavailable, &format!("tile {n}"));
            assert!(reporter.report(&origin, &finding).await.unwrap().new);
            let again = reporter.report(&origin, &finding).await.unwrap();
            assert!(!again.new && again.file.unwrap().exists());
        }
        let more = reporter.report(&origin, &finding(Kind::Unavailable, "one more")).await.unwrap();
        assert_eq!((more.new, more.file), (false, None));
        // Other kinds and other logs have their own room.
        assert!(reporter.report(&origin, &finding(Kind::Stopped, "tile 0")).await.unwrap().new);
        let other = Origin::new("other.example").unwrap();
        assert!(reporter.report(&other, &finding(Kind::Unavailable, "tile 0")).await.unwrap().new);
        assert_eq!(std::fs::read_dir(&reporter.directory).unwrap().count(), MAX_FILES + 2);
    }
}
