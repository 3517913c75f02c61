//! `key rotate` and `key retire`: the log's key changes, with an overlap in which both keys sign. docs/keys.md has the
//! steps; these are the two that are the log's own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use treering_tlog::policy::Policy;

use super::super::{
    Outcome, Place,
    probe::{self, Answer},
};
use crate::{
    config::{Config, edit},
    key,
    keys::LogKeys,
    signer::Signer,
    witness_client::WitnessClient,
};

pub(super) fn rotate(place: &Place) -> anyhow::Result<Outcome> {
    let (config, path) = place.load_with_path()?;
    if let Some(second) = &config.second_key {
        bail!(
            "the key is changing already: {} signs beside {}; end that with `treering-log key retire`",
            second.display(),
            config.key.display()
        );
    }
    let name = LogKeys::load(&config)?.verifier().name().clone();
    let folder = path.parent().unwrap_or(Path::new("."));
    let file = free_file(folder)?;
    let text = read(&path)?;
    let line = toml::Value::from(file.as_str());
    let changed = edit::with_line(&text, "second_key", Some(&line), "key").with_context(|| {
        format!("{}: `key` is not on a line of its own; nothing was changed", path.display())
    })?;
    // CRASH: the key first: a configuration that names a key that is lost would not start.
    key::create(&folder.join(&file), &key::generate(name)?)?;
    replace(&path, &changed)?;
    // Read back as `serve` will.
    let config = Config::load(&path)?;
    let keys = LogKeys::load(&config)?;
    config.settings(&keys)?;
    println!("{}", keys.newest().verifier());
    eprintln!("Made {}. Keep a copy offline.", folder.join(&file).display());
    eprintln!(
        "From the next start of the log on both keys sign. Send this line to every witness and to everybody who"
    );
    eprintln!(
        "verifies, to be put beside the old one; then `treering-log key retire`. docs/keys.md has the steps."
    );
    Ok(Outcome::Well)
}

pub(super) fn retire(place: &Place) -> anyhow::Result<Outcome> {
    let (config, path) = place.load_with_path()?;
    let Some(second) = &config.second_key else {
        bail!("the log has one key: make the one that follows with `treering-log key rotate` first");
    };
    let keys = LogKeys::load(&config)?;
    let settings = config.settings(&keys)?;
    let client = WitnessClient::new(settings.witness_timeout)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Signed by the new key alone, as everything is going to be.
    let answers =
        runtime.block_on(probe::ask_all(&client, &config.origin, keys.newest(), &settings.policy))?;
    if let Some(refusal) = refusal(&settings.policy, &answers) {
        eprint!("{refusal}");
        return Ok(Outcome::NotWell);
    }
    let old = keys.verifier();
    let mut retired: Vec<toml::Value> =
        config.retired_keys.iter().map(|key| toml::Value::from(key.to_string())).collect();
    retired.push(toml::Value::from(old.to_string()));
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = second.strip_prefix(folder).unwrap_or(second);
    let name = name.to_str().with_context(|| format!("{}: not UTF-8", second.display()))?;
    let text = read(&path)?;
    let changed = edit::with_line(&text, "key", Some(&toml::Value::from(name)), "key")
        .and_then(|text| edit::with_line(&text, "second_key", None, "key"))
        .and_then(|text| edit::with_line(&text, "retired_keys", Some(&toml::Value::from(retired)), "key"))
        .with_context(|| {
            format!("{}: a key is not on a line of its own; nothing was changed", path.display())
        })?;
    replace(&path, &changed)?;
    let config = Config::load(&path)?;
    config.settings(&LogKeys::load(&config)?)?;
    println!("{old}");
    eprintln!(
        "From the next start of the log on this key signs no more. It stays in the log's policy, for old tokens."
    );
    eprintln!(
        "Tell the witnesses that they may take it out. Once the log runs without it, destroy the private key."
    );
    Ok(Outcome::Well)
}

/// Who doesn't know the second key yet, if the quorum isn't met without them.
fn refusal(policy: &Policy, answers: &[Answer]) -> Option<String> {
    let ready: Vec<usize> = (0..answers.len()).filter(|&at| answers[at].is_ready()).collect();
    if policy.is_met(&ready) {
        return None;
    }
    let mut text =
        "not retired: the quorum is not met by the witnesses that know the second key, and nothing would be published\n"
            .to_owned();
    for (witness, answer) in policy.witnesses().iter().zip(answers).filter(|(_, answer)| !answer.is_ready()) {
        text += &format!("{}: {answer}\n", witness.name);
    }
    Some(text)
}

/// `key-2`, `key-3`, …
fn free_file(folder: &Path) -> anyhow::Result<String> {
    for number in 2..1000 {
        let name = format!("key-{number}");
        let path: PathBuf = folder.join(&name);
        if !path.try_exists().with_context(|| path.display().to_string())? {
            return Ok(name);
        }
    }
    bail!("{} holds key files up to key-999", folder.display())
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    edit::replace(path, text).with_context(|| path.display().to_string())
}
