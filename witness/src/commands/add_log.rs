//! `add-log`: adds logs to a witness, running or not.

use anyhow::{Context as _, bail};
use clap::Args;
use treering_tlog::checkpoint::Origin;

use super::Dir;
use crate::{
    config::{self, Config},
    control::{self, Answer},
    logs::{self, Added, LogSet},
};

/// Add a log, so that this witness cosigns it
///
/// A running witness takes it over at once.
#[derive(Debug, Args)]
pub(super) struct AddLog {
    #[command(flatten)]
    dir: Dir,
    /// The log's verifier key, or a policy file, of which the `log` lines are taken
    #[arg(value_name = "VKEY|POLICY-FILE")]
    log: String,
    /// The log's origin, where it is not the key's name; with a file: only the log of this origin
    #[arg(long, value_name = "ORIGIN")]
    origin: Option<String>,
}

impl AddLog {
    pub(super) fn run(self) -> anyhow::Result<()> {
        // Read first: in a directory that is no witness's, nothing is made.
        let config = Config::load(&self.dir.dir)?;
        let origin = self.origin.as_deref().map(Origin::new).transpose().context("--origin")?;
        let candidates = logs::candidates(&self.log, origin.as_ref())?;
        let directory = config.logs_dir();
        let known = LogSet::load(&directory)?;
        let mut written = Vec::new();
        for candidate in &candidates {
            if known.knows(candidate) {
                println!("known {} {}", candidate.origin, candidate.key);
            } else if let Added::Written(path) = logs::write(&directory, candidate)? {
                println!("added {} {}", candidate.origin, candidate.key);
                written.push(path);
            }
        }
        // Checked as the witness will read it; what does not pass is taken back.
        let checked = LogSet::load(&directory).map_err(anyhow::Error::from).and_then(|_| self.reload());
        checked.inspect_err(|_| {
            for path in &written {
                if let Err(error) = std::fs::remove_file(path) {
                    eprintln!("{}: {error}", path.display());
                }
            }
        })
    }

    fn reload(&self) -> anyhow::Result<()> {
        let socket = config::control_socket(&self.dir.dir);
        match control::reload(&socket).with_context(|| socket.display().to_string())? {
            Answer::Ok(done) => eprintln!("The running witness has taken it over: {done}."),
            Answer::NotRunning => eprintln!("No witness is running; it is cosigned from the next start."),
            Answer::Refused(why) => bail!("the running witness refused: {why}"),
        }
        Ok(())
    }
}
