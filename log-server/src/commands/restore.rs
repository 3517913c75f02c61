//! `restore`: a log's store from a backup, from a mirror, or from both.

use super::{Outcome, Place};
use crate::{
    keys::LogKeys,
    restore::{Mirror, Rebuilt, Recorded, Restore as Restoring, Restored},
};
use anyhow::bail;
use clap::Args;
use std::{
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Between two lines that say how far it is.
const TELL: Duration = Duration::from_secs(5);

/// Make a log's store anew.
#[derive(Debug, Args)]
pub(super) struct Restore {
    #[command(flatten)]
    place: Place,
    /// A directory that `backup` made
    #[arg(long, value_name = "DIR")]
    from_backup: Option<PathBuf>,
    /// The base URL of a mirror, or of any reader's copy, for what the backup does not have, or for all of it
    #[arg(long, value_name = "URL")]
    from_mirror: Option<String>,
}

impl Restore {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        if self.from_backup.is_none() && self.from_mirror.is_none() {
            bail!("from where? --from-mirror URL, --from-backup DIR, or both");
        }
        let config = self.place.load()?;
        let settings = config.settings(&LogKeys::load(&config)?)?;
        let restoring = Restoring {
            store: &settings.store,
            origin: &settings.origin,
            policy: &settings.policy,
            cache_bytes: settings.cache_bytes,
        };
        let mut waiting = 0;
        if let Some(backup) = &self.from_backup {
            let manifest = restoring.take_backup(backup)?;
            let size = manifest.head().map_or(0, |head| head.size.get());
            eprintln!("{}: {size} entries", backup.display());
            waiting = manifest.waiting;
        }
        let mut rebuilt = Rebuilt::default();
        if let Some(url) = &self.from_mirror {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            rebuilt = runtime.block_on(restoring.take_mirror(&Mirror::new(url)?, progress()))?;
        }
        eprintln!("verifying all of it");
        let restored = restoring.finish(rebuilt)?;
        print!("{}", told(&restored, &settings.store, waiting));
        Ok(Outcome::Well)
    }
}

/// Now and then a line; on a terminal one that changes.
fn progress() -> impl FnMut(u64, u64) {
    let terminal = std::io::stderr().is_terminal();
    let mut told = Instant::now();
    move |done, all| {
        if done == all || told.elapsed() >= if terminal { TELL / 20 } else { TELL } {
            told = Instant::now();
            let mut stderr = std::io::stderr().lock();
            // Nobody reads it if it can't be written.
            let _ = match (terminal, done == all) {
                (true, false) => write!(stderr, "\r{done} of {all} entries"),
                (true, true) => writeln!(stderr, "\r{done} of {all} entries"),
                (false, _) => writeln!(stderr, "{done} of {all} entries"),
            };
        }
    }
}

fn told(restored: &Restored, store: &Path, waiting: u64) -> String {
    let Restored { head, rebuilt, report, record } = restored;
    let mut text = format!(
        "restored {}: {} entries, {} submissions in {} batches, {} checkpoints; each hash is verified\n",
        store.display(),
        head.size,
        report.submissions,
        report.batches,
        report.checkpoints
    );
    if rebuilt.dropped > 0 {
        text += &format!("the mirror has dropped {} batches after the retention\n", rebuilt.dropped);
    }
    if rebuilt.unmet > 0 {
        text += &format!(
            "{} of the mirror's checkpoints don't meet the present policy: they are kept, and readers get later ones\n",
            rebuilt.unmet
        );
    }
    if rebuilt.entries > 0 {
        text += "no mirror has, and so the entries from there lack: submissions that were accepted and not sealed (clients \
                 send them again), hashes sent with tokens=true (the same), and the places of RFC 3161 timestamps by their \
                 serial number (the timestamps stay good, their proofs can't be made again here)\n";
    }
    if waiting > 0 {
        text += &format!(
            "{waiting} submissions waited in the backup; they are sealed at the next start, again if they were sealed since\n"
        );
    }
    text += &match record {
        Recorded::Kept(size) => format!("the record says size {size}, and the store holds that head\n"),
        Recorded::Written(size) => format!(
            "there was no record; now it says size {size}, the newest signed head found. If the log may have signed more, \
             find that first\n"
        ),
        Recorded::Missing => "there is no record, and no witness to ask: nobody can tell whether this is the newest. The log \
             does not start until you have made sure, and have written the record (docs/operating.md, \"When the log refuses \
             to start\")\n"
            .to_owned(),
        Recorded::None => "nothing of it was ever signed\n".to_owned(),
    };
    text + "at its next start the log asks its witnesses before it signs anything\n"
}
