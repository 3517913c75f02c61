//! What the log server reads: bodies and keys of those who ask, its operator's configuration, its own record.

use std::{collections::HashSet, path::Path};

use serde::Deserialize;
use treering_fuzz_log::{
    access::{api_key::ApiKey, key_list},
    config::Config,
    http::{Format, MAX_TOKENS, Submission, hashes_in, read, refusal::Refusal},
    record,
};
use treering_tlog::kernel::RootBuilder;

use crate::meter::{bounded, bounded_by};

/// The body of a submission; the first bytes say of which format, and how it is cut.
pub fn submission_body(bytes: &[u8]) {
    let Some(([kind, cut], body)) = bytes.split_first_chunk() else { return };
    let format = [Format::Octets, Format::Json, Format::Sums][usize::from(kind % 3)];
    let whole = bounded(bytes, || read(format, [body], u64::MAX, false));
    let pieces = body.chunks(usize::from(*cut).max(1));
    assert_eq!(bounded(bytes, || read(format, pieces, u64::MAX, false)), whole);
    if format == Format::Json {
        json(body, &whole);
    }
    let Ok(all) = whole else { return };
    assert!(all.count <= hashes_in(format, body.len() as u64), "more hashes than a body can have");
    limits(format, body, &all);
    // The client that was given the same file finds the same hashes in it.
    if format != Format::Octets {
        let hashes = treering::fuzzing::sent(body).expect("what a log has taken is a list");
        assert_eq!(root(&hashes), all);
    }
}

fn limits(format: Format, body: &[u8], all: &Submission) {
    assert_eq!(read(format, [body], all.count, false).as_ref(), Ok(all));
    let limit = all.count - 1;
    assert_eq!(read(format, [body], limit, false), Err(Refusal::TooManyHashes { limit }));
    match read(format, [body], u64::MAX, true) {
        Ok(kept) => assert_eq!(root(&kept.hashes.expect("they were to be kept")), *all),
        Err(refusal) => {
            assert!(all.count > MAX_TOKENS as u64);
            assert_eq!(refusal, Refusal::TooManyForTokens { limit: MAX_TOKENS as u64 });
        }
    }
}

fn root(hashes: &[[u8; 32]]) -> Submission {
    let mut tree = RootBuilder::new();
    tree.push(hashes);
    Submission { root: tree.root(), count: hashes.len() as u64, hashes: None }
}

/// Somebody else's JSON takes exactly the same, but for what the specification leaves out: escapes in strings.
fn json(body: &[u8], ours: &Result<Submission, Refusal>) {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        hashes: Vec<String>,
    }
    let theirs = serde_json::from_slice::<Body>(body).ok().and_then(|body| {
        let hash = |text: &String| {
            let mut hash = [0; 32];
            let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
            (lower && hex::decode_to_slice(text, &mut hash).is_ok()).then_some(hash)
        };
        body.hashes.iter().map(hash).collect::<Option<Vec<_>>>()
    });
    match (ours, theirs) {
        (Ok(ours), theirs) => assert_eq!(theirs.as_deref().map(root).as_ref(), Some(ours)),
        (Err(refusal), Some(hashes)) => {
            assert!(hashes.is_empty() || body.contains(&b'\\'), "{refusal:?}");
        }
        (Err(_), None) => {}
    }
}

/// The log's configuration.
pub fn log_config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match bounded_by(256, bytes, || Config::parse(text, Path::new("/etc/log/log.toml"))) {
        Ok(config) => {
            assert!((50..=60_000).contains(&config.tick.as_millis()) && config.max_pending > 0);
            assert!(config.admin != config.listen || config.listen.port() == 0);
            assert!(config.store.starts_with("/"), "{}", config.store.display());
        }
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
}

/// The list of a log's API keys.
pub fn api_keys(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match bounded_by(256, bytes, || key_list::parse(text)) {
        Ok(keys) => {
            let again = key_list::parse(&key_list::render(&keys)).expect("what was read can be written");
            assert_eq!(again, keys);
            let names: HashSet<_> = keys.iter().map(|key| &key.name).collect();
            let ids: HashSet<_> = keys.iter().map(|key| key.id).collect();
            assert_eq!((names.len(), ids.len()), (keys.len(), keys.len()));
            assert!(keys.len() <= key_list::MAX_KEYS);
        }
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
}

/// The high-water record, and an API key.
pub fn log_record(bytes: &[u8]) {
    if let Some(key) = bounded(bytes, || ApiKey::parse(bytes)) {
        assert_eq!(key.to_text().as_bytes(), bytes);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(mark) = bounded(bytes, || record::parse(text)) {
        assert_eq!(record::print(&mark), text);
    }
}
