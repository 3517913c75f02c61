//! The client, with a key, a journal and a policy of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

use crate::servers::{Net, program};

/// How the client is called.
#[derive(Debug)]
pub(super) struct Client {
    dir: PathBuf,
    url: String,
}

impl Client {
    /// Keeps all that is its own below `dir`.
    pub(super) fn new(net: &Net, dir: &Path) -> anyhow::Result<Client> {
        let client = Client { dir: dir.to_owned(), url: format!("http://{}", net.server) };
        fs::write(client.policy(), net.policy.as_bytes())?;
        Ok(client)
    }

    pub(super) fn stamp(&self, tree: &Path) -> anyhow::Result<Command> {
        let mut command = self.command("stamp")?;
        command.args(["--quiet", "--force", "--output"]).arg(super::bundle(&self.dir)).arg(tree);
        Ok(command)
    }

    pub(super) fn verify(&self, tree: &Path) -> anyhow::Result<Command> {
        let mut command = self.command("verify")?;
        command.args(["--quiet", "--strict"]).arg(tree).arg(super::bundle(&self.dir));
        Ok(command)
    }

    /// How many files agree with the bundle and are covered by a receipt that verified.
    pub(super) fn count_verified(&self, tree: &Path) -> anyhow::Result<usize> {
        let output = self
            .command("verify")?
            .args(["--json", "--strict"])
            .arg(tree)
            .arg(super::bundle(&self.dir))
            .output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout)?;
        // The last object has the sums.
        let sum = said.lines().last().and_then(|line| line.split_once(r#""verified":"#));
        let digits = sum.and_then(|(_, rest)| rest.split([',', '}']).next());
        digits
            .and_then(|digits| digits.parse().ok())
            .context("`treering verify --json` ends without its sums")
    }

    fn command(&self, what: &str) -> anyhow::Result<Command> {
        let mut command = Command::new(program("treering")?);
        command
            .arg(what)
            .env("TREERING_CONFIG_DIR", self.dir.join("config"))
            .env("XDG_STATE_HOME", self.dir.join("state"))
            .env("TREERING_LOG", &self.url)
            .env("TREERING_POLICY", self.policy());
        Ok(command)
    }

    fn policy(&self) -> PathBuf {
        self.dir.join("policy")
    }
}
