//! At the start: is the store the one that this witness last wrote, or one from a backup?
//!
//! A log that was cosigned publishes the cosignature: `GET <url>/checkpoint`, where a policy file's `log` line names the
//! URL (C2SP tlog-tiles). It is this witness's own signature, so the log can't invent it. A cosignature that is beyond
//! the log's record (a larger size, another root, a later time) proves that the record went back.
//!
//! What this does not do: it can't find out about cosignatures that no log shows, so a log that withholds them, one
//! without a URL and one that is away are listed as unchecked. Nothing here changes a record.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use treering_tlog::{
    checkpoint::{Origin, VerifiedCheckpoint},
    note::{Note, VerifierKey},
};

use crate::{
    cosigner::{Comparison, Comparisons, Cosigner, Further, Unchecked},
    key::WitnessKeys,
    logs::KnownLog,
    store::Record,
};

/// For one log's answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// For all of them: a start is not held up longer than this.
const TOTAL: Duration = Duration::from_secs(30);
/// Logs that are asked at once.
const AT_ONCE: usize = 32;
/// The same that a request may have: a checkpoint with more signature lines could not have been cosigned.
const MAX_BYTES: usize = treering_tlog::witness::AddCheckpoint::MAX_BYTES;

/// Asks every log with a URL for its checkpoint, and compares it with its record.
pub async fn compare(cosigner: &Cosigner) -> Comparisons {
    let logs = cosigner.logs();
    let mut outcomes: HashMap<Origin, Comparison> = logs
        .iter()
        .map(|(origin, log)| {
            let unchecked = match log.url() {
                Some(_) => Unchecked::NotInTime,
                None => Unchecked::NoUrl,
            };
            (origin.clone(), Comparison::Unchecked(unchecked))
        })
        .collect();
    let client = match client() {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "no HTTP client: no log's record can be compared");
            return Comparisons::new(outcomes);
        }
    };
    let asking = logs.iter().filter_map(|(origin, log)| Some((origin, log, log.url()?)));
    let mut answers = stream::iter(asking)
        .map(|(origin, log, url)| {
            let client = &client;
            async move { (origin, ask(client, url, origin, log, cosigner).await) }
        })
        .buffer_unordered(AT_ONCE);
    let all = async {
        while let Some((origin, outcome)) = answers.next().await {
            outcomes.insert(origin.clone(), outcome);
        }
    };
    let _ = tokio::time::timeout(TOTAL, all).await;
    drop(answers);
    Comparisons::new(outcomes)
}

/// Says in the witness's own log what was found.
pub fn tell(comparisons: &Comparisons) {
    let mut outcomes: Vec<_> = comparisons.iter().collect();
    outcomes.sort_by_key(|(origin, _)| *origin);
    for (origin, outcome) in outcomes {
        match outcome {
            Comparison::Agrees => tracing::info!(%origin, "the record agrees with what the log publishes"),
            Comparison::Unchecked(why) => tracing::warn!(%origin, %why, "the record is unchecked"),
            Comparison::Further(further) => tracing::error!(%origin, %further, "this log is not signed for"),
        }
    }
    if comparisons.rolled_back() {
        tracing::error!(
            "this store is older than what this witness has signed: only logs whose published checkpoint agrees \
             are signed for. Bring back the newest store, or retire these keys (docs/witnessing.md)"
        );
    }
}

fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .timeout(TIMEOUT)
        // The operator's file names the place; nobody else gets to name another.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("treering-witness/", env!("CARGO_PKG_VERSION")))
        .build()
}

async fn ask(
    client: &reqwest::Client,
    url: &str,
    origin: &Origin,
    log: &KnownLog,
    cosigner: &Cosigner,
) -> Comparison {
    match fetch(client, url).await {
        Ok(bytes) => {
            let record = cosigner.latest(&treering_tlog::witness::origin_hash(origin));
            judge(&bytes, origin, log.keys(), cosigner.keys(), record.as_deref())
        }
        Err(why) => Comparison::Unchecked(why),
    }
}

async fn fetch(client: &reqwest::Client, url: &str) -> Result<Vec<u8>, Unchecked> {
    let failed = |error| Unchecked::Unreachable(Arc::new(error));
    let url = format!("{}/checkpoint", url.trim_end_matches('/'));
    let mut response = client.get(url).send().await.map_err(failed)?;
    if response.status() != http::StatusCode::OK {
        return Err(Unchecked::Status(response.status()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if bytes.len() + chunk.len() > MAX_BYTES {
            return Err(Unchecked::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// What a published checkpoint says about a record.
fn judge(
    bytes: &[u8],
    origin: &Origin,
    log_keys: &[VerifierKey],
    own: &WitnessKeys,
    record: Option<&Record>,
) -> Comparison {
    let note = match Note::parse(bytes) {
        Ok(note) => note,
        Err(error) => return Comparison::Unchecked(Unchecked::NotANote(error)),
    };
    let verified = match VerifiedCheckpoint::open(note.clone(), origin, log_keys) {
        Ok(verified) => verified,
        Err(error) => return Comparison::Unchecked(Unchecked::NotACheckpoint(error)),
    };
    let Some(time) = own.latest_own(verified.checkpoint(), note.signatures()) else {
        return Comparison::Unchecked(Unchecked::NotCosigned);
    };
    let shown = verified.head();
    // A record is durable before its cosignature leaves, so what is out there is never beyond the true record.
    let accounted = record.is_some_and(|record| {
        let head = record.head();
        time <= record.time() && (shown.size < head.size || shown == head)
    });
    if accounted {
        Comparison::Agrees
    } else {
        Comparison::Further(Further { shown, time, recorded: record.map(Record::head) })
    }
}

#[cfg(test)]
mod tests;
