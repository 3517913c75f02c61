//! `vkey`: prints the witness's public keys.

use clap::Args;

use super::{Dir, policy_lines::policy_lines};
use crate::{config::Config, key::WitnessKeys};

/// Print the witness's verifier keys
#[derive(Debug, Args)]
pub(super) struct Vkey {
    #[command(flatten)]
    dir: Dir,
    /// Print lines for a policy file instead
    #[arg(long)]
    policy: bool,
}

impl Vkey {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = Config::load(&self.dir.dir)?;
        let keys = WitnessKeys::load(&config.key_files())?;
        let keys: Vec<_> = keys.verifiers().cloned().collect();
        let lines = if self.policy {
            policy_lines(&keys, &config.public_url())
        } else {
            keys.iter().map(ToString::to_string).collect()
        };
        for line in lines {
            println!("{line}");
        }
        Ok(())
    }
}
