//! `vkey`: prints the witness's public keys.

use clap::Args;

use super::{Dir, policy_line};
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
        for key in keys.verifiers() {
            if self.policy {
                println!("{}", policy_line(key, &config.public_url()));
            } else {
                println!("{key}");
            }
        }
        Ok(())
    }
}
