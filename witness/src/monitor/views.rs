//! What the log and its witnesses show: checkpoints, opened by the policy.
//!
//! A witness's view is `GET <monitoring prefix>/<origin hash>/checkpoint` (C2SP tlog-witness, monitor retrieval); 404
//! there means that it has never cosigned this log.

use treering_tlog::{
    checkpoint::{Checkpoint, VerifiedCheckpoint},
    note::Note,
    policy::Cosigned,
    time::UnixMillis,
    tree::TreeHead,
    witness::origin_hash,
};

use super::{
    config::{LogConfig, UnknownKeys},
    report::Finding,
};
use crate::{
    evidence::{Evidence, Kind, Served, unknown_lines},
    read::fetch::{FetchError, Fetcher},
};

/// The longest checkpoint that is read: 16 ML-DSA-44 lines are 56 kB.
const MAX_CHECKPOINT: usize = 128 * 1024;

/// A checkpoint under the log's own signature, from somewhere.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// The URL.
    pub(super) from: String,
    /// Does the log itself show it?
    pub(super) published: bool,
    pub(super) opened: VerifiedCheckpoint,
    pub(super) cosigned: Vec<Cosigned>,
}

impl View {
    pub(super) fn head(&self) -> TreeHead {
        self.opened.head()
    }

    pub(super) fn note(&self) -> &Note {
        self.opened.note()
    }
}

/// What was seen in one look.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) views: Vec<View>,
    pub(super) findings: Vec<Finding>,
    /// What could not be had, and why.
    pub(super) unchecked: Vec<String>,
}

/// Asks the log at each of its URLs, and each witness, all at once.
pub(super) async fn look(log: &LogConfig, urls: Vec<String>, fetcher: &Fetcher, now: UnixMillis) -> Look {
    let witness = |(_, prefix): &(String, String)| {
        format!("{}/{}/checkpoint", prefix.trim_end_matches('/'), origin_hash(&log.origin))
    };
    let asked = urls.into_iter().map(|url| (url, true));
    let asked = asked.chain(log.witnesses.iter().map(witness).map(|url| (url, false)));
    let answers = asked.map(async |(url, published)| {
        let answer = fetcher.get(&url, MAX_CHECKPOINT).await;
        (url, published, answer)
    });
    let mut look = Look::default();
    for (url, published, answer) in futures_util::future::join_all(answers).await {
        match answer {
            Ok(bytes) => look.take(log, url, published, bytes, now),
            Err(FetchError::Missing(_)) if !published => {}
            Err(error) => look.unchecked.push(format!("{url}: {error}")),
        }
    }
    look
}

impl Look {
    fn take(&mut self, log: &LogConfig, from: String, published: bool, bytes: Vec<u8>, now: UnixMillis) {
        let note = Note::parse(&bytes).ok();
        let ours = |note: &Note| {
            Checkpoint::parse(note.text()).is_ok_and(|checkpoint| checkpoint.origin == log.origin)
        };
        let strict = note.clone().filter(ours).map(|note| log.policy.open(note));
        match strict {
            Some(Ok(opened)) => {
                let (opened, cosigned) = (opened.checkpoint, opened.cosigned);
                self.views.push(View { from: from.clone(), published, opened, cosigned });
            }
            _ => {
                self.refused(&from, bytes, now);
                // A forged line beside it takes nothing from what the log signed.
                let keys = log.policy.log_keys(&log.origin);
                let opened = note.clone().map(|note| VerifiedCheckpoint::open(note, &log.origin, &keys));
                if let Some(Ok(opened)) = opened {
                    let cosigned = Vec::new();
                    self.views.push(View { from: from.clone(), published, opened, cosigned });
                }
            }
        }
        if let Some(note) = note.filter(|_| log.unknown_keys == UnknownKeys::Report) {
            self.unknown(log, &from, note, now);
        }
    }

    fn refused(&mut self, from: &str, bytes: Vec<u8>, now: UnixMillis) {
        let served = vec![Served { path: "checkpoint".to_owned(), bytes }];
        let evidence = Evidence { served, ..blank(Kind::BadCheckpoint, now, from) };
        self.findings.push(Finding { evidence, about: from.to_owned() });
    }

    fn unknown(&mut self, log: &LogConfig, from: &str, note: Note, now: UnixMillis) {
        let lines: Vec<String> =
            unknown_lines(&note, &log.policy).map(|line| format!("{}+{}", line.name(), line.id())).collect();
        for about in lines {
            let source = format!("{from}: a line by {about}");
            let evidence = Evidence { notes: vec![note.clone()], ..blank(Kind::UnknownKey, now, &source) };
            self.findings.push(Finding { evidence, about });
        }
    }
}

/// Evidence of this kind, without any parts yet.
pub(super) fn blank(kind: Kind, observed_at: UnixMillis, source: &str) -> Evidence {
    let mut end = source.len().min(Evidence::MAX_SOURCE);
    while !source.is_char_boundary(end) {
        end -= 1;
    }
    Evidence {
        kind,
        observed_at,
        source: source[..end].to_owned(),
        notes: Vec::new(),
        hashes: Vec::new(),
        leaves: Vec::new(),
        served: Vec::new(),
        number: 0,
    }
}
