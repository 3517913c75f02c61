//! `key add`: a further key for a witness that has one already.

mod bastion;

use std::{
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::{Dir, policy_lines::policy_lines};
use crate::{
    config::{self, Config},
    key::{KeyKind, WitnessKeys, create_key_file_of},
    store::{RedbStore, StoreError},
};

/// Manage the witness's keys
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Make a further key, which signs beside the others from the next start on
    Add(Add),
    Bastion(bastion::Bastion),
}

/// `key add`.
#[derive(Debug, Args)]
pub(super) struct Add {
    #[command(flatten)]
    dir: Dir,
    /// An ML-DSA-44 key instead of an Ed25519 key
    #[arg(long)]
    ml_dsa: bool,
}

impl Key {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self {
            Key::Add(add) => add.run(),
            Key::Bastion(bastion) => bastion.run(),
        }
    }
}

impl Add {
    fn run(self) -> anyhow::Result<()> {
        let dir = self.dir.dir;
        let config = Config::load(&dir)?;
        let keys = WitnessKeys::load(&config.key_files())?;
        let name = keys.verifiers().next().expect("a witness has at least one key").name().clone();
        let kind = if self.ml_dsa { KeyKind::MlDsa44 } else { KeyKind::Ed25519 };
        let file = free_file(&dir)?;
        let settings = dir.join(config::FILE_NAME);
        let text = fs::read_to_string(&settings).with_context(|| settings.display().to_string())?;
        let mut listed = config.settings.keys.clone();
        listed.push(file.clone());
        let changed = with_keys(&text, &listed).with_context(|| {
            format!("{}: `keys` is not on a line of its own; nothing was changed", settings.display())
        })?;
        let key = create_key_file_of(kind, &dir.join(&file), name)?;
        replace(&settings, &changed).with_context(|| settings.display().to_string())?;
        // Read back as `serve` will.
        let config = Config::load(&dir)?;
        let keys = WitnessKeys::load(&config.key_files())?;
        println!("{key}");
        let verifiers: Vec<_> = keys.verifiers().cloned().collect();
        for line in policy_lines(&verifiers, &config.public_url()) {
            println!("{line}");
        }
        match RedbStore::open(&config.store_file(), &verifiers, |_| {}) {
            // The store knows from now on that it is the new key's, too. A running witness tells it at its next start.
            Ok(_) | Err(StoreError::InUse { .. }) => {}
            Err(error) => eprintln!("{error}"),
        }
        eprintln!("Made {}. Back it up offline, as the others.", dir.join(&file).display());
        eprintln!("A running witness signs with it after a restart.");
        Ok(())
    }
}

/// `key-2`, `key-3`, …
fn free_file(dir: &Path) -> anyhow::Result<PathBuf> {
    for number in 2..1000 {
        let name = format!("key-{number}");
        if !dir.join(&name).try_exists().with_context(|| dir.display().to_string())? {
            return Ok(PathBuf::from(name));
        }
    }
    bail!("{} holds key files up to key-999", dir.display())
}

/// The settings with another list of key files; `None` if `keys` can't be found on one line.
pub(super) fn with_keys(text: &str, keys: &[PathBuf]) -> Option<String> {
    let names: Option<Vec<_>> = keys.iter().map(|key| key.to_str().map(str::to_owned)).collect();
    let line = format!("keys = {}\n", toml::Value::from(names?));
    let is_keys = |line: &&str| {
        let line = line.strip_prefix("# ").unwrap_or(line);
        line.strip_prefix("keys = [").is_some_and(|rest| rest.trim_end().ends_with(']'))
    };
    // A line in force comes before one that is commented out.
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let in_force = lines.iter().position(|line| is_keys(line) && !line.starts_with('#'));
    let place = in_force.or_else(|| lines.iter().position(is_keys))?;
    let mut changed = String::with_capacity(text.len() + line.len());
    for (number, old) in lines.iter().enumerate() {
        changed.push_str(if number == place { &line } else { old });
    }
    Some(changed)
}

/// The file is the old one or the new one, whatever happens.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let new = path.with_extension("toml.new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Vec<PathBuf> {
        vec!["key".into(), "key-2".into()]
    }

    #[test]
    fn the_shipped_file_takes_a_second_key() {
        let changed = with_keys(config::EXAMPLE, &keys()).unwrap();
        assert!(changed.contains("\nkeys = [\"key\", \"key-2\"]\n"));
        let again = with_keys(&changed, &["key-2".into()]).unwrap();
        assert!(again.contains("\nkeys = [\"key-2\"]\n") && !again.contains("\"key\""));
    }

    #[test]
    fn a_line_in_force_is_changed_and_not_a_comment() {
        let text = "# keys = [\"key\"]\nkeys = [\"old\"]\n";
        assert_eq!(with_keys(text, &keys()).unwrap(), "# keys = [\"key\"]\nkeys = [\"key\", \"key-2\"]\n");
    }

    #[test]
    fn a_list_over_several_lines_is_left_alone() {
        assert_eq!(with_keys("keys = [\n  \"key\",\n]\n", &keys()), None);
        assert_eq!(with_keys("listen = \"127.0.0.1:1\"\n", &keys()), None);
    }
}
