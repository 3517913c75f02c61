//! `restore`: a log's store from a backup, from a mirror, or from both.

use super::{Outcome, Place};
use crate::{
    keys::LogKeys,
    record::{HighMark, Record, print},
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
            let taken = restoring.take_backup(backup)?;
            eprintln!("{}: {} entries", backup.display(), taken.head.size);
            if let Some(cut) = &taken.cut {
                eprintln!("NOTE: {cut}");
            }
            if taken.waiting != taken.manifest.waiting {
                eprintln!(
                    "NOTE: of {} submissions that waited when the backup was made {} are in it",
                    taken.manifest.waiting, taken.waiting
                );
            }
            waiting = taken.waiting;
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
        text +=
            &format!("the mirror lacks {} batches: they were dropped after the retention\n", rebuilt.dropped);
    }
    if rebuilt.given_up > 0 {
        text += &format!(
            "NOTE: {} batches that stand before those are not kept, since a log's batches have no gaps: there are batches from \
             entry {} on. Of what was submitted before, no receipt can be made here again; those that were given out stay good. \
             Keep the mirror: it has what this log has not\n",
            rebuilt.given_up, rebuilt.retained_from
        );
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
        Recorded::Ended(size) => format!(
            "the record says that this log has ended at size {size}, and the store holds that head: it stays read-only\n"
        ),
        Recorded::Written(size) => format!(
            "there was no record; now it says size {size}, the newest signed head found. If the log may have signed more, \
             find that first\n"
        ),
        Recorded::Missing => format!(
            "there is no record, and no witness to ask: nobody can tell whether this is the newest. The log does not start until \
             you have made sure, and have written the record, which is {} (docs/operating.md, \"When the log refuses to \
             start\"). What was restored has this one:\n\n{}\n",
            Record::beside(store).path().display(),
            print(&HighMark { head: *head, ended: false })
        ),
        Recorded::None => "nothing of it was ever signed\n".to_owned(),
    };
    if !matches!(record, Recorded::Ended(_)) {
        text += "at its next start the log asks its witnesses before it signs anything\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Report;
    use treering_tlog::tree::TreeHead;

    fn told_of(rebuilt: Rebuilt, record: Recorded) -> String {
        let restored = Restored { head: TreeHead::EMPTY, rebuilt, report: Report::default(), record };
        told(&restored, Path::new("store"), 0)
    }

    #[test]
    fn what_is_given_up_behind_a_mirrors_holes_is_told() {
        let hole = Rebuilt { entries: 9, dropped: 1, given_up: 5, retained_from: 6, ..Rebuilt::default() };
        let text = told_of(hole, Recorded::None);
        assert!(
            text.contains("the mirror lacks 1 batches: they were dropped after the retention\n"),
            "{text}"
        );
        assert!(text.contains("\nNOTE: 5 batches that stand before those are not kept"), "{text}");
        assert!(text.contains("there are batches from entry 6 on"), "{text}");
        let beginning = Rebuilt { entries: 9, dropped: 6, retained_from: 6, ..Rebuilt::default() };
        assert!(!told_of(beginning, Recorded::None).contains("NOTE"));
    }

    #[test]
    fn a_log_that_has_ended_is_not_said_to_sign_again() {
        let size = TreeHead::EMPTY.size;
        let asks = "asks its witnesses before it signs anything";
        assert!(told_of(Rebuilt::default(), Recorded::Kept(size)).contains(asks));
        let ended = told_of(Rebuilt::default(), Recorded::Ended(size));
        assert!(ended.contains("has ended at size 0") && !ended.contains(asks), "{ended}");
    }
}
