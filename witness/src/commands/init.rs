//! `init`: makes a witness's directory.

use std::{
    fs,
    io::{self, Write as _},
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;
use treering_tlog::note::{KeyName, VerifierKey};

use super::{Dir, key::with_keys, policy_lines::policy_lines};
use crate::{
    config::{self, Config},
    key::{KeyKind, create_key_file_of},
    store::RedbStore,
};

/// Make a new witness: its directory, its keys and its configuration
///
/// Prints its verifier keys, and the lines that let a policy count it.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The witness's name, by which its key is known for ever: a URL without scheme, like witness.example/w1
    #[arg(long, value_name = "NAME")]
    name: String,
    #[command(flatten)]
    dir: Dir,
    /// Address and port to serve on; port 0 takes a free one at each start
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7461")]
    listen: SocketAddr,
    /// Where logs reach the witness from outside, if not at http://ADDRESS
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Address and port of metrics and health; without it there are none
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Option<SocketAddr>,
    /// Make an ML-DSA-44 key beside the Ed25519 key: every checkpoint is then signed by both
    #[arg(long)]
    ml_dsa: bool,
}

/// The file of the key that `--ml-dsa` makes.
pub(super) const ML_DSA_FILE: &str = "key-ml-dsa";

impl Init {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let name = name_at(&self.name, self.url.as_deref())?;
        let dir = self.dir.dir;
        make_directory(&dir)?;
        let keys = make_keys(&dir, name, self.ml_dsa)?;
        let path = dir.join(config::FILE_NAME);
        let settings = settings(self.listen, self.admin_listen, self.url.as_deref(), self.ml_dsa);
        write_new(&path, settings.as_bytes()).with_context(|| path.display().to_string())?;
        let config = Config::load(&dir)?;
        fs::DirBuilder::new().mode(0o700).create(config.logs_dir()).context("making logs/")?;
        // Made once, here: `serve` refuses to start without it.
        RedbStore::create(&config.store_file(), &keys)?;
        sync_directory(&dir)?;
        for key in &keys {
            println!("{key}");
        }
        for line in policy_lines(&keys, &config.public_url()) {
            println!("{line}");
        }
        let dir = dir.display();
        let files =
            if self.ml_dsa { format!("{dir}/key and {dir}/{ML_DSA_FILE}") } else { format!("{dir}/key") };
        eprintln!("Made {dir}. Back up {files} offline, and never anything else of it.");
        eprintln!("Next: treering-witness add-log --dir {dir} VKEY-OR-POLICY-FILE");
        eprintln!("      treering-witness serve --dir {dir}");
        Ok(())
    }
}

/// `--name`, once `--url` is looked at too: nothing is made before both are good.
pub(super) fn name_at(name: &str, url: Option<&str>) -> anyhow::Result<KeyName> {
    let name = KeyName::new(name).with_context(|| format!("--name {name:?}"))?;
    if let Some(url) = url.filter(|url| !config::is_url(url)) {
        bail!("--url {url:?}: it must begin with http:// or https:// and hold no white space");
    }
    Ok(name)
}

/// The key files of a new directory.
pub(super) fn make_keys(dir: &Path, name: KeyName, ml_dsa: bool) -> anyhow::Result<Vec<VerifierKey>> {
    let mut keys = vec![create_key_file_of(KeyKind::Ed25519, &dir.join("key"), name.clone())?];
    if ml_dsa {
        keys.push(create_key_file_of(KeyKind::MlDsa44, &dir.join(ML_DSA_FILE), name)?);
    }
    Ok(keys)
}

pub(super) fn make_directory(dir: &Path) -> anyhow::Result<()> {
    let exists = dir.try_exists().with_context(|| dir.display().to_string())?;
    if exists {
        let mut entries = fs::read_dir(dir).with_context(|| dir.display().to_string())?;
        if entries.next().is_some() {
            bail!("{} is not empty: a new witness needs a new directory; nothing was changed", dir.display());
        }
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).with_context(|| dir.display().to_string())
    } else {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.with_context(|| format!("making {}", dir.display()))
    }
}

fn settings(listen: SocketAddr, admin: Option<SocketAddr>, url: Option<&str>, ml_dsa: bool) -> String {
    let mut text =
        config::EXAMPLE.replace("\nlisten = \"127.0.0.1:7461\"\n", &format!("\nlisten = \"{listen}\"\n"));
    if let Some(admin) = admin {
        let line = "\n# admin_listen = \"127.0.0.1:7471\"\n";
        text = text.replace(line, &format!("\nadmin_listen = \"{admin}\"\n"));
    }
    if ml_dsa {
        let keys = [PathBuf::from("key"), PathBuf::from(ML_DSA_FILE)];
        text = with_keys(&text, &keys).expect("the example has `keys` on one line, which a test holds");
    }
    match url {
        Some(url) => {
            let quoted = toml::Value::from(url).to_string();
            text.replace("\n# url = \"https://witness.example\"\n", &format!("\nurl = {quoted}\n"))
        }
        None => text,
    }
}

pub(super) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The new names, and the directory's own in its parent: a key that is gone after a power cut was printed already.
pub(super) fn sync_directory(dir: &Path) -> anyhow::Result<()> {
    let absolute = fs::canonicalize(dir).with_context(|| dir.display().to_string())?;
    let parent = absolute.parent().map(PathBuf::from);
    for directory in [Some(absolute), parent].into_iter().flatten() {
        fs::File::open(&directory)
            .and_then(|file| file.sync_all())
            .with_context(|| format!("syncing {}", directory.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_says_what_was_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let admin = "127.0.0.1:7499".parse().unwrap();
        let text =
            settings("127.0.0.1:0".parse().unwrap(), Some(admin), Some("https://w.example/a\"b"), true);
        write_new(&dir.path().join(config::FILE_NAME), text.as_bytes()).unwrap();
        let config = Config::load(dir.path()).unwrap();
        assert_eq!(config.settings.listen.port(), 0);
        assert_eq!(config.settings.admin_listen, Some(admin));
        assert_eq!(config.public_url(), "https://w.example/a\"b");
        assert_eq!(config.settings.keys, [PathBuf::from("key"), PathBuf::from(ML_DSA_FILE)]);
    }
}
