//! The witnesses of the log's policy: how they are asked, and what is known of each.
//!
//! A policy has a line for each key; a witness may have several keys, and then as many lines with one submission
//! prefix (`group W1 all W1-ed25519 W1-mldsa44`). It is asked once, and answers with a cosignature by each key.

mod board;
mod margin;
mod metrics;

pub(crate) use board::Board;
pub(crate) use metrics::{Shown, WitnessMetrics};

use crate::witness_client::{WitnessClient, WitnessError};
use futures_util::future::BoxFuture;
use std::{collections::BTreeMap, time::Duration};
use treering_tlog::{
    checkpoint::Origin,
    note::{Note, Signature},
    policy::{Policy, Witness},
    witness::AddCheckpoint,
};

/// The network as the log sees it: one call of C2SP tlog-witness. A trait, so that tests can be the network.
pub trait Witnesses: Send + Sync + std::fmt::Debug + 'static {
    /// Sends a checkpoint to the witness at this submission prefix; the signature lines that came back, unverified.
    fn add_checkpoint<'a>(
        &'a self,
        url: &'a str,
        message: &'a AddCheckpoint,
    ) -> BoxFuture<'a, Result<Vec<Signature>, WitnessError>>;

    /// The checkpoint of this log that the witness cosigned last, as it shows it to anybody; unverified. A network that
    /// has no such thing answers 404.
    fn latest<'a>(&'a self, _url: &'a str, _origin: &'a Origin) -> BoxFuture<'a, Result<Note, WitnessError>> {
        Box::pin(async { Err(WitnessError::Unknown) })
    }
}

impl Witnesses for WitnessClient {
    fn add_checkpoint<'a>(
        &'a self,
        url: &'a str,
        message: &'a AddCheckpoint,
    ) -> BoxFuture<'a, Result<Vec<Signature>, WitnessError>> {
        Box::pin(WitnessClient::add_checkpoint(self, url, message))
    }

    fn latest<'a>(&'a self, url: &'a str, origin: &'a Origin) -> BoxFuture<'a, Result<Note, WitnessError>> {
        Box::pin(WitnessClient::latest(self, url, origin))
    }
}

/// One witness that can be asked: a submission prefix, and the policy's lines that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// As the policy has it first.
    pub(crate) url: String,
    /// Indexes into [`Policy::witnesses`]; at least one.
    pub(crate) lines: Vec<usize>,
    /// It rests so long between an answer and the next request.
    pub(crate) interval: Duration,
}

/// The policy's witnesses that have a URL, in the policy's order; `intervals` by the name of any line of a witness.
pub(crate) fn peers(policy: &Policy, intervals: &BTreeMap<String, Duration>) -> Vec<Peer> {
    let mut peers: Vec<Peer> = Vec::new();
    for (line, witness) in policy.witnesses().iter().enumerate() {
        let Some(url) = &witness.url else { continue };
        let interval = intervals.get(&witness.name.to_string()).copied().unwrap_or_default();
        match peers.iter_mut().find(|peer| prefix(&peer.url) == prefix(url)) {
            Some(peer) => {
                peer.lines.push(line);
                peer.interval = peer.interval.max(interval);
            }
            None => peers.push(Peer { url: url.clone(), lines: vec![line], interval }),
        }
    }
    peers
}

/// The names of the policy's witnesses that have a line on the note (which nobody verifies here: only verified ones are
/// kept), and of those that have none.
pub(crate) fn cosigned_by_all(policy: &Policy, note: &Note) -> (Vec<String>, Vec<String>) {
    let (has, lacks): (Vec<_>, Vec<_>) = policy
        .witnesses()
        .iter()
        .partition(|witness| note.signatures().iter().any(|line| witness.key.matches(line)));
    let names = |witnesses: Vec<&Witness>| witnesses.iter().map(|witness| witness.name.to_string()).collect();
    (names(has), names(lacks))
}

/// A submission prefix means the same with and without a slash at its end.
pub(crate) fn prefix(url: &str) -> &str {
    url.trim_end_matches('/')
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::fmt::Write;
    use treering_tlog::{cosignature::CosignerKey, note::KeyName};

    /// A policy of witnesses with these names and URLs, and what follows them.
    pub(crate) fn policy(witnesses: &[(&str, &str)], rest: &str) -> Policy {
        let mut text = String::new();
        for (seed, (name, url)) in (1..).zip(witnesses) {
            let key = CosignerKey::ed25519(KeyName::new(&format!("{name}.example")).unwrap(), &[seed; 32]);
            writeln!(text, "witness {name} {} {url}", key.verifier()).unwrap();
        }
        Policy::parse(format!("{text}{rest}").as_bytes()).unwrap()
    }

    #[test]
    fn lines_with_one_prefix_are_one_witness_that_rests_as_long_as_any_of_them_says() {
        let policy = policy(
            &[("a1", "http://a/w"), ("b", "http://b"), ("a2", "http://a/w/"), ("silent", "")],
            "quorum none\n",
        );
        let intervals = BTreeMap::from([("a2".to_owned(), Duration::from_secs(7))]);
        let peer = |url: &str, lines: &[usize], seconds| Peer {
            url: url.to_owned(),
            lines: lines.to_vec(),
            interval: Duration::from_secs(seconds),
        };
        assert_eq!(peers(&policy, &intervals), [peer("http://a/w", &[0, 2], 7), peer("http://b", &[1], 0)]);
    }
}
