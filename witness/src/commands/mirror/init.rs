//! `mirror init`: makes a mirror's directory.

use std::{fs, net::SocketAddr, path::PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use treering_tlog::policy::Policy;

use crate::{
    commands::init::{ML_DSA_FILE, make_directory, make_keys, name_at, sync_directory, write_new},
    mirror::config::{EXAMPLE, FILE_NAME, MirrorConfig},
    store::RedbStore,
};

/// Make a new mirror: its directory, its key and its configuration
///
/// Prints its verifier keys, and where each log will be read.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The mirror's name, by which its key is known for ever: a URL without scheme, like mirror.example/m1. Not the
    /// name of a witness: this key's signature says that a log's contents are on this mirror's disk
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The mirror's directory
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Address and port to serve on; port 0 takes a free one at each start
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7462")]
    listen: SocketAddr,
    /// Where readers reach the mirror from outside, if not at http://ADDRESS
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A policy whose logs are mirrored (repeatable). It is copied; the witnesses in it are those whose cosignatures
    /// are kept
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// The logs' entries aren't Treering's: no batches
    #[arg(long)]
    tlog: bool,
    /// Make an ML-DSA-44 key beside the Ed25519 key: every checkpoint is then signed by both
    #[arg(long)]
    ml_dsa: bool,
}

impl Init {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let name = name_at(&self.name, self.url.as_deref())?;
        let policies = self.policies()?;
        let dir = &self.dir;
        make_directory(dir)?;
        let keys = make_keys(dir, name, self.ml_dsa)?;
        let mut tables = String::new();
        for (n, (bytes, origins)) in policies.iter().enumerate() {
            let file = format!("log-{}.policy", n + 1);
            write_new(&dir.join(&file), bytes).with_context(|| file.clone())?;
            for origin in origins {
                tables.push_str(&table(&file, origin, self.tlog));
            }
        }
        let path = dir.join(FILE_NAME);
        let text = settings(self.listen, self.url.as_deref(), self.ml_dsa) + &tables;
        write_new(&path, text.as_bytes()).with_context(|| path.display().to_string())?;
        let config = MirrorConfig::load(dir)?;
        // Made once, here: a mirror doesn't start without it.
        RedbStore::create(&config.signed, &keys)?;
        sync_directory(dir)?;
        for key in &keys {
            println!("{key}");
        }
        for log in &config.logs {
            println!("{} at {}/{}", log.origin, config.public_url(), log.hash());
        }
        let dir = dir.display();
        eprintln!("Made {dir}. Back up the key files offline.");
        if config.logs.is_empty() {
            eprintln!("Next: a [[log]] table in {}", path.display());
        }
        eprintln!("Next: treering-witness mirror --dir {dir}");
        Ok(())
    }

    /// Each policy's bytes and the origins of its logs.
    fn policies(&self) -> anyhow::Result<Vec<(Vec<u8>, Vec<String>)>> {
        let read = |path: &PathBuf| {
            let shown = || path.display().to_string();
            let bytes = fs::read(path).with_context(shown)?;
            let policy = Policy::parse(&bytes).with_context(shown)?;
            let mut origins: Vec<String> =
                policy.logs().iter().map(|log| log.key.name().to_string()).collect();
            origins.dedup();
            if origins.is_empty() {
                bail!("{}: there is no log in it", shown());
            }
            Ok((bytes, origins))
        };
        self.policy.iter().map(read).collect()
    }
}

fn table(file: &str, origin: &str, tlog: bool) -> String {
    let origin = toml::Value::from(origin);
    let kind = if tlog { "kind = \"tlog\"\n" } else { "" };
    format!("\n[[log]]\npolicy = \"{file}\"\norigin = {origin}\n{kind}")
}

fn settings(listen: SocketAddr, url: Option<&str>, ml_dsa: bool) -> String {
    let mut text = EXAMPLE.replace("\nlisten = \"127.0.0.1:7462\"\n", &format!("\nlisten = \"{listen}\"\n"));
    if ml_dsa {
        let both = format!("\nkeys = [\"key\", \"{ML_DSA_FILE}\"]\n");
        text = text.replace("\n# keys = [\"key\"]\n", &both);
    }
    if let Some(url) = url {
        let quoted = toml::Value::from(url);
        text = text.replace("\n# url = \"https://mirror.example\"\n", &format!("\nurl = {quoted}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_says_what_was_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let text = settings("127.0.0.1:0".parse().unwrap(), Some("https://m.example/a\"b"), true);
        fs::write(dir.path().join(FILE_NAME), text).unwrap();
        let config = MirrorConfig::load(dir.path()).unwrap();
        assert_eq!(config.listen.port(), 0);
        assert_eq!(config.public_url(), "https://m.example/a\"b");
        assert_eq!(config.keys, [dir.path().join("key"), dir.path().join(ML_DSA_FILE)]);
    }
}
