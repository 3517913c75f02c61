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
    /// With a key: where the log publishes its checkpoints, so that a restored store can be told at the start
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

impl AddLog {
    pub(super) fn run(self) -> anyhow::Result<()> {
        // Read first: in a directory that is no witness's, nothing is made.
        let config = Config::load(&self.dir.dir)?;
        let origin = self.origin.as_deref().map(Origin::new).transpose().context("--origin")?;
        let mut candidates = logs::candidates(&self.log, origin.as_ref())?;
        if let Some(url) = self.url {
            let count = candidates.len();
            let [candidate] = candidates.as_mut_slice() else {
                bail!("--url goes with one log, and {} names {count}", self.log);
            };
            if !config::is_url(&url) {
                bail!("--url {url:?}: it must begin with http:// or https:// and hold no white space");
            }
            if candidate.origin.as_str() != candidate.key.name().as_str() {
                // SPEC: tlog-policy, Defining a log: the format that has URLs has no origin apart from the key's name.
                bail!("--url: a URL can be kept only for a log whose origin is its key's name");
            }
            candidate.url = Some(url);
        }
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
        let checked = LogSet::load(&directory).map_err(anyhow::Error::from).and_then(|_| reload(&self.dir));
        let checked = checked.map(|done| eprintln!("{done}"));
        checked.inspect_err(|_| {
            for path in &written {
                if let Err(error) = std::fs::remove_file(path) {
                    eprintln!("{}: {error}", path.display());
                }
            }
        })
    }
}

/// Has a running witness take the files over; says what came of it.
pub(super) fn reload(dir: &Dir) -> anyhow::Result<String> {
    let socket = config::control_socket(&dir.dir);
    match control::reload(&socket).with_context(|| socket.display().to_string())? {
        Answer::Ok(done, _) => Ok(format!("The running witness has taken it over: {done}.")),
        Answer::NotRunning => Ok("No witness is running; it is in force from the next start.".to_owned()),
        Answer::Refused(why) => bail!("the running witness refused: {why}"),
    }
}
