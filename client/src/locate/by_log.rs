//! Evidence by several logs of one thing: the first log's has the usual name, each other's has that log's origin in its name,
//! before the ending.
//!
//! ```text
//! a.pdf.tlog-proof      a.pdf.log2.example_2026.tlog-proof
//! photos.treering       photos.log2.example_2026.treering
//! ```
//! Which part of a name the origin is, a token says itself, and a bundle's copy of the policy: neither is believed, it only
//! leads to the file that is then held against the evidence.

use super::{BUNDLE, Sort, earlier_tokens, number, sort, token_of};
use crate::{bundle_file::Reader, paths, policy_file::read_bounded};
use std::path::{Path, PathBuf};
use treering_tlog::{checkpoint::Checkpoint, policy::Policy};
use treering_token::{bundle::Item, token::Token};

/// An origin as a part of a file's name: `_` for whatever is no ASCII letter, digit, dot, hyphen or `_`.
pub(crate) fn name(origin: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let name: String = origin.chars().map(plain).collect();
    // A number alone is how renewed evidence is counted.
    if name.bytes().all(|byte| byte.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// `<file>.<log>.tlog-proof`.
pub(crate) fn token(file: &Path, log: &str) -> PathBuf {
    token_of(&paths::with_suffix(file, &format!(".{log}")))
}

/// `<name>.<log>.treering` for `<name>.treering`; a bundle that is called otherwise gets the log at its name's end.
pub(crate) fn bundle(usual: &Path, log: &str) -> PathBuf {
    let name = usual.file_name().map(paths::name_bytes).unwrap_or_default();
    match name.strip_suffix(BUNDLE.as_bytes()) {
        Some(base) => {
            let name = [base, b".", log.as_bytes(), BUNDLE.as_bytes()].concat();
            usual.with_file_name(paths::name_from_bytes(&name))
        }
        None => paths::with_suffix(usual, &format!(".{log}")),
    }
}

/// What a token or bundle with a log's origin in its name is of, by name; whether that is there is for the caller to see.
pub(crate) fn subject(evidence: &Path) -> Option<PathBuf> {
    let name = paths::name_bytes(evidence.file_name()?);
    let (ending, origins) = match sort(evidence).ok()? {
        Sort::Token => (token_ending(), origins_of_chain(evidence)?),
        Sort::Bundle => (BUNDLE.to_owned(), origins_of_bundle(evidence)?),
        Sort::Timestamp | Sort::Other => return None,
    };
    let before = name.strip_suffix(ending.as_bytes())?;
    let of = |origin: &String| {
        let tail = format!(".{}", self::name(origin));
        let base = before.strip_suffix(tail.as_bytes()).filter(|base| !base.is_empty())?;
        Some(evidence.with_file_name(paths::name_from_bytes(base)))
    };
    origins.iter().find_map(of)
}

/// What other logs say of the same thing as the token or bundle with this usual name, in the order of the names.
pub(crate) fn beside(usual: &Path) -> Vec<PathBuf> {
    let found = || {
        let name = paths::name_bytes(usual.file_name()?);
        let ending =
            [token_ending(), BUNDLE.to_owned()].into_iter().find(|end| name.ends_with(end.as_bytes()))?;
        let base = &name[..name.len() - ending.len()];
        let dir = usual.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let is_one = |other: &[u8]| {
            let part = other.strip_prefix(base)?.strip_prefix(b".")?.strip_suffix(ending.as_bytes())?;
            (!part.is_empty() && number(part).is_none()).then_some(())
        };
        let names = dir.read_dir().ok()?.filter_map(|entry| Some(entry.ok()?.file_name()));
        let mut paths: Vec<PathBuf> = names
            .filter(|other| is_one(paths::name_bytes(other)).is_some())
            .map(|other| usual.with_file_name(other))
            .collect();
        let subject_of_usual = usual.with_file_name(paths::name_from_bytes(base));
        paths.retain(|path| subject(path).as_ref() == Some(&subject_of_usual));
        paths.sort();
        Some(paths)
    };
    found().unwrap_or_default()
}

fn token_ending() -> String {
    format!(".{}", Token::EXTENSION)
}

/// The origins of a token and of those that it may renew: another log may have renewed it, and the name stays.
fn origins_of_chain(newest: &Path) -> Option<Vec<String>> {
    let earlier = earlier_tokens(newest).ok()?;
    Some([newest.to_path_buf()].iter().chain(&earlier).filter_map(|token| origin_of(token)).collect())
}

/// The origin of the log that a token is by, as it says itself.
fn origin_of(token: &Path) -> Option<String> {
    let token = Token::parse(&read_bounded(token, Token::MAX_BYTES).ok()??).ok()?;
    let checkpoint = Checkpoint::parse(token.proof().checkpoint.text()).ok()?;
    Some(checkpoint.origin.to_string())
}

/// The origins of the logs in a bundle's copy of the policy.
fn origins_of_bundle(bundle: &Path) -> Option<Vec<String>> {
    let Item::Header(header) = Reader::open(bundle).ok()?.item().ok()?? else { return None };
    let policy = Policy::parse(&header.policy).ok()?;
    Some(policy.logs().iter().map(|log| log.key.name().as_str().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_becomes_a_part_of_a_name() {
        assert_eq!(name("log.example.com/2026"), "log.example.com_2026");
        assert_eq!(name("a:b/ü"), "a_b__");
        assert_eq!(name("2026"), "_2026", "it would count as a renewal");
        assert_eq!(name(".."), "..", "it stands behind a name and a dot");
    }

    #[test]
    fn the_log_stands_before_the_ending() {
        assert_eq!(token(Path::new("d/a.pdf"), "x.y"), Path::new("d/a.pdf.x.y.tlog-proof"));
        assert_eq!(bundle(Path::new("d/a.treering"), "x"), Path::new("d/a.x.treering"));
        assert_eq!(bundle(Path::new("d/evidence"), "x"), Path::new("d/evidence.x"));
    }

    #[test]
    fn what_is_no_evidence_leads_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let usual = dir.path().join("a.tlog-proof");
        for name in ["a.x.tlog-proof", "a.1.tlog-proof", "a..tlog-proof", "a.x.treering"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(subject(&dir.path().join("a.x.tlog-proof")), None);
        assert!(beside(&usual).is_empty());
        assert!(beside(&dir.path().join("gone/a.treering")).is_empty());
    }
}
