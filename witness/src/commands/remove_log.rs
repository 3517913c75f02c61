//! `remove-log`: a log that is no longer cosigned.

use clap::Args;

use super::{Dir, add_log::reload};
use crate::{config::Config, logs};

/// Remove a log, so that this witness no longer cosigns it
///
/// A running witness takes it over at once. What was cosigned stays on record: a log that is added again goes on from
/// there.
#[derive(Debug, Args)]
pub(super) struct RemoveLog {
    #[command(flatten)]
    dir: Dir,
    /// The log's origin, or one of its verifier keys
    #[arg(value_name = "ORIGIN|VKEY")]
    log: String,
}

impl RemoveLog {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = Config::load(&self.dir.dir)?;
        for path in logs::remove(&config.logs_dir(), &self.log)? {
            println!("removed {}", path.display());
        }
        eprintln!("{}", reload(&self.dir)?);
        Ok(())
    }
}
