//! `backup`: a copy of a log's store and of what it is run with, while it runs or not.

use super::{Outcome, Place};
use crate::{
    backup::{self, MANIFEST, Manifest, STORE},
    config::{Config, FILE_NAME},
    control::{self, Answer},
    key,
    store::{RocksStore, Store as _},
};
use anyhow::{Context, bail};
use clap::Args;
use std::{
    fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// Copy a log's store and configuration.
#[derive(Debug, Args)]
pub(super) struct Backup {
    #[command(flatten)]
    place: Place,
    /// The directory to make; on the store's file system its tables are linked and not copied
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// The signing key too: whoever gets hold of such a backup can sign in the log's name
    #[arg(long)]
    with_key: bool,
}

impl Backup {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        let (config, file) = self.place.load_with_path()?;
        backup::make_dir(&self.to)?;
        let to = fs::canonicalize(&self.to)?;
        match self.fill(&config, &file, &to) {
            Ok(manifest) => {
                print!("{}", told(&manifest, &to));
                Ok(Outcome::Well)
            }
            Err(error) => {
                // Half a backup must not be taken for a whole one, nor stand in the next one's way.
                let _ = fs::remove_dir_all(&to);
                Err(error)
            }
        }
    }

    fn fill(&self, config: &Config, file: &Path, to: &Path) -> anyhow::Result<Manifest> {
        let store = to.join(STORE);
        let socket = control::beside(&config.store);
        let told = control::tell(&socket, &control::Command::Backup(store.clone()))
            .with_context(|| format!("{}: the running log", socket.display()))?;
        match told {
            Answer::Ok(_) => {}
            Answer::Refused(why) => bail!("the running log did not make it: {why}"),
            Answer::NotRunning if !RocksStore::exists(&config.store) => {
                bail!("there is no store at {}", config.store.display());
            }
            Answer::NotRunning => {
                let opened = RocksStore::open(&config.store, &config.origin, config.cache_bytes)?;
                if let Some(cut) = opened.cut() {
                    eprintln!("warning: {cut}");
                }
                opened.backup(&store)?;
            }
        }
        backup::write_new(&to.join(FILE_NAME), &read(file)?)?;
        let policy = config.policy.file_name().context("the policy file has no name")?;
        backup::write_new(&to.join(policy), &read(&config.policy)?)?;
        if self.with_key {
            key::create(&to.join("key"), &key::load(&config.key)?)?;
            if let Some(second) = &config.second_key {
                let name = second.file_name().context("the second key's file has no name")?;
                key::create(&to.join(name), &key::load(second)?)?;
            }
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
        let made_at = u64::try_from(now.as_millis())?;
        let manifest = Manifest::of(&store, &config.origin, made_at, self.with_key)?;
        manifest.write(to)?;
        Ok(manifest)
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| path.display().to_string())
}

fn told(manifest: &Manifest, to: &Path) -> String {
    let size = manifest.head().map_or(0, |head| head.size.get());
    let key = if manifest.key {
        "the signing key is in it: keep it as you keep the key\n"
    } else {
        "the signing key is not in it\n"
    };
    format!(
        "made {}: {size} entries, {} submissions waiting ({MANIFEST} has the root)\n{key}\
         it is for reading and for `treering-log restore`; a log never starts from it without asking its record and its \
         witnesses\n",
        to.display(),
        manifest.waiting
    )
}
