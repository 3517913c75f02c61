//! `key bastion`: the key by which an https-bastion knows this witness.

use clap::Args;

use crate::{
    bastion::{BastionKey, create_key_file},
    commands::Dir,
    config::{self, BastionSettings, Config},
};

/// Make the key for a connection through an https-bastion, and print the hash that the bastion knows it by
///
/// Logs then reach the witness under https://BASTION/HASH. A key that is there already is only shown.
#[derive(Debug, Args)]
pub(in crate::commands) struct Bastion {
    #[command(flatten)]
    dir: Dir,
}

impl Bastion {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = Config::load(&self.dir.dir)?;
        let mut files = config::bastion_key_files(&config.settings.bastion, &config.dir);
        if files.is_empty() {
            files.push(config.dir.join(BastionSettings::default_key()));
        }
        for path in files {
            let key = if path.try_exists()? {
                BastionKey::load(&path)?
            } else {
                let key = create_key_file(&path)?;
                eprintln!("Made {}.", path.display());
                key
            };
            println!("{}", key.hash());
        }
        Ok(())
    }
}
