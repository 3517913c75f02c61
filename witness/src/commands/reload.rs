//! `reload`: has a running witness re-read its files of logs, and says what came of it.

use anyhow::{Context as _, bail};
use clap::Args;

use super::Dir;
use crate::{
    config::Config,
    control::{self, Answer},
};

/// Have the running witness re-read its files of logs
///
/// As SIGHUP does, and says what came of it: if one file is refused, what was in force stays in force.
#[derive(Debug, Args)]
pub(super) struct Reload {
    #[command(flatten)]
    dir: Dir,
}

impl Reload {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let socket = Config::load(&self.dir.dir)?.control_socket();
        match control::reload(&socket).with_context(|| socket.display().to_string())? {
            Answer::Ok(done, _) => println!("{done}"),
            Answer::Refused(why) => bail!("{why}; what was in force stays in force"),
            Answer::NotRunning => bail!("no witness runs on {}", self.dir.dir.display()),
        }
        Ok(())
    }
}
