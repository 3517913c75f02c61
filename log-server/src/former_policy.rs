//! The policy of the log's last start: kept beside the store (`<store>.last-policy`), so that a witness that left or joined
//! meanwhile, and a quorum that changed, is told when the log starts (INVARIANT 2).
//!
//! To take a witness that is wrong out of the policy is one of the ways out of a log that is held, and the only one that
//! leaves fewer to object: it must not happen by mistake, or in silence. The file is the policy in force with its log lines,
//! as [`Policy::to_canonical`] writes it, and is replaced when that has changed.
//!
//! What this does not do: it decides nothing. What counts is the policy file; without this one (a new log, a former program, a
//! store that was moved) nothing is told. That a witness has another URL isn't told either: who it is, is its key.

use crate::beside;
use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};
use treering_tlog::policy::{Policy, Witness};

/// Tells what has changed since the last start, and keeps the policy for the next one. Blocking.
///
/// # Errors
/// The file can't be read or written.
// CRASH: told before it is kept: what is cut short in between is told twice.
pub(crate) fn tell(store: &Path, policy: &Policy) -> Result<(), FormerPolicyError> {
    let path = beside::path(store, ".last-policy");
    let failed = |source| FormerPolicyError { path: path.clone(), source };
    let canonical = policy.to_canonical();
    let former = match fs::read(&path) {
        Ok(bytes) if bytes == canonical => return Ok(()),
        Ok(bytes) => Some(Policy::parse(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(source) => return Err(failed(source)),
    };
    match former {
        None => {}
        Some(Ok(former)) => {
            for change in changes(&former, policy) {
                tracing::warn!(
                    "since the last start {change}: tell everybody who verifies (docs/operating.md, \"Changing the witnesses\")"
                );
            }
        }
        Some(Err(error)) => tracing::warn!(
            path = %path.display(), %error,
            "this is not the policy of the last start any more: whether the witnesses have changed since then can't be told"
        ),
    }
    beside::replace(&path, &canonical).map_err(failed)
}

/// What is different about who vouches for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    Left(Witness),
    Joined(Witness),
    /// In words, before and now.
    Quorum(String, String),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Left(Witness { name, key, .. }) => {
                write!(f, "the witness {name} ({}+{}) has left the policy", key.name(), key.id())
            }
            Change::Joined(Witness { name, key, .. }) => {
                write!(f, "the witness {name} ({}+{}) has joined the policy", key.name(), key.id())
            }
            Change::Quorum(before, now) => write!(f, "the quorum has changed from {before} to {now}"),
        }
    }
}

/// A witness with another key is another one; so is one with another name, which the quorum knows it by.
fn changes(former: &Policy, policy: &Policy) -> Vec<Change> {
    let without = |of: &Policy, other: &Policy| -> Vec<Witness> {
        let is_in =
            |one: &Witness| other.witnesses().iter().any(|w| (&w.name, &w.key) == (&one.name, &one.key));
        of.witnesses().iter().filter(|witness| !is_in(witness)).cloned().collect()
    };
    let left = without(former, policy).into_iter().map(Change::Left);
    let joined = without(policy, former).into_iter().map(Change::Joined);
    let (before, now) = (former.describe_quorum(), policy.describe_quorum());
    let quorum = (before != now).then(|| Change::Quorum(before, now));
    left.chain(joined).chain(quorum).collect()
}

/// The policy of the last start can't be read, or this one can't be kept.
#[derive(Debug, thiserror::Error)]
#[error("the policy of the last start, {path}: {source}")]
pub struct FormerPolicyError {
    path: PathBuf,
    source: io::Error,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::witnesses::tests::policy;

    const URLS: [(&str, &str); 3] = [("w1", "http://w1"), ("w2", "http://w2"), ("w3", "http://w3")];

    fn said(former: &Policy, now: &Policy) -> Vec<String> {
        changes(former, now).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn who_left_who_joined_and_another_quorum_are_told_and_nothing_else_is() {
        let three = policy(&URLS, "group g 2 w1 w2 w3\nquorum g\n");
        let two = policy(&URLS[..2], "group g 2 w1 w2\nquorum g\n");
        assert_eq!(
            said(&three, &two),
            [
                "the witness w3 (w3.example+783c6e45) has left the policy",
                "the quorum has changed from 2 of w1, w2, w3 to 2 of w1, w2",
            ]
        );
        assert_eq!(
            said(&two, &three),
            [
                "the witness w3 (w3.example+783c6e45) has joined the policy",
                "the quorum has changed from 2 of w1, w2 to 2 of w1, w2, w3",
            ]
        );
        assert_eq!(
            said(&three, &policy(&URLS, "quorum none\n")),
            ["the quorum has changed from 2 of w1, w2, w3 to none"]
        );
        // Another name of the group, another URL, a comment.
        let moved = [("w1", "http://w1"), ("w2", "http://w2/moved"), ("w3", "http://w3")];
        assert!(said(&three, &policy(&moved, "# moved\ngroup h 2 w1 w2 w3\nquorum h\n")).is_empty());
    }

    /// The same name in the quorum, and somebody else's key.
    #[test]
    fn a_witness_with_another_key_is_another_one() {
        let (one, other) = (policy(&URLS[..1], "quorum w1\n"), policy(&[("x", ""), URLS[0]], "quorum w1\n"));
        let said = said(&one, &other);
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(
            said[0].starts_with("the witness w1 (") && said[0].ends_with("has left the policy"),
            "{said:?}"
        );
        assert!(
            said[2].starts_with("the witness w1 (") && said[2].ends_with("has joined the policy"),
            "{said:?}"
        );
    }

    #[test]
    fn what_was_kept_is_the_policy_of_the_last_start_whatever_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store/");
        let file = dir.path().join("store.last-policy");
        let (three, none) = (policy(&URLS, "group g 2 w1 w2 w3\nquorum g\n"), policy(&URLS, "quorum none\n"));
        for now in [&three, &three, &none] {
            tell(&store, now).unwrap();
            assert_eq!(Policy::parse(&fs::read(&file).unwrap()).unwrap().to_canonical(), now.to_canonical());
        }
        fs::write(&file, "no policy").unwrap();
        tell(&store, &three).unwrap();
        assert_eq!(fs::read(&file).unwrap(), three.to_canonical());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        let refused = tell(&store, &three).unwrap_err().to_string();
        assert!(
            refused.starts_with(&format!("the policy of the last start, {}: ", file.display())),
            "{refused}"
        );
    }
}
