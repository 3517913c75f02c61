//! The start: what the store says, what the record says, and what the witnesses say (INVARIANT 2).
//!
//! A restored backup looks like a good store. Three looks stand between it and a fork:
//! 1. the store's own tiles lead to its head's root;
//! 2. the store holds the head that the record names (it may hold more);
//! 3. before the first new signature the last signed checkpoint is sent again to all witnesses, until a blocking set
//!    of them has shown that it knows nothing beyond the record.

use crate::{
    batch::{self, Edge},
    broken::{Promise, is_broken},
    cosign::{cosignature_by, jitter},
    fork::{self, Seen},
    former_policy::FormerPolicyError,
    record::{HighMark, HighWater, Record, RecordError},
    state::{Core, Fatal, Phase},
    store::{Loaded, RocksStore, Store, StoreError},
    witness_client::WitnessError,
    witnesses::Peer,
};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::sync::mpsc;
use treering_tlog::{
    checkpoint::Checkpoint,
    note::{Note, Signature},
    tree::{self, TreeHead, TreeSize},
    witness::AddCheckpoint,
};

/// Once the blocking set is complete, the other witnesses have so long to speak up.
const REST: Duration = Duration::from_secs(5);
/// The pause between two tries to reach a witness.
const PAUSE: Duration = Duration::from_millis(500);

/// Why a log does not start: nothing was signed and nothing is accepted.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store can't be opened or read.
    #[error("{0}. Ways out: docs/operating.md, \"When the log refuses to start\"")]
    Store(#[from] StoreError),
    /// The record can't be read.
    #[error("{0}. Ways out: docs/operating.md, \"When the log refuses to start\"")]
    Record(#[from] RecordError),
    /// Which policy was in force at the last start can't be read, or this one can't be kept.
    #[error("{0}. Ways out: docs/operating.md, \"When the log refuses to start\"")]
    FormerPolicy(#[from] FormerPolicyError),
    /// The store is behind the record: it was restored from an older copy, or has lost what it had synced.
    #[error(
        "the store ends at size {store}, but this log may have signed size {record}: it was put back from an older copy, \
         or has lost data; nothing is signed, since that would fork the log. Ways out: docs/operating.md, \"When the log \
         refuses to start\""
    )]
    Behind {
        /// The store's size.
        store: TreeSize,
        /// The record's.
        record: TreeSize,
    },
    /// The store has another history than the record.
    #[error(
        "at size {size} the store has another root than the head this log may have signed: it holds another history; \
         nothing is signed, since that would fork the log. Ways out: docs/operating.md, \"When the log refuses to start\""
    )]
    OtherRoot {
        /// The record's size.
        size: TreeSize,
    },
    /// There is a record, and no store.
    #[error(
        "there is no store at {path}, and this log may have signed size {record}: a new one is not made in its place. Ways \
         out: docs/operating.md, \"When the log refuses to start\""
    )]
    NoStore {
        /// Where it should be.
        path: String,
        /// The record's size.
        record: TreeSize,
    },
    /// The log has ended, and the store is not what it ended with.
    #[error(
        "the record says that this log has ended at size {size}, for ever, and {what}: nothing is added to it again. Ways out: \
         docs/operating.md, \"The end of a log's life\""
    )]
    Ended {
        /// Its last size.
        size: TreeSize,
        /// What is wrong with the store.
        what: &'static str,
    },
    /// Checkpoints were signed, but the record that goes with them is gone.
    #[error(
        "{path} is missing, although this log has signed checkpoints: without it nobody can tell whether the store is \
         the newest. Ways out: docs/operating.md, \"When the log refuses to start\""
    )]
    NoRecord {
        /// Where it should be.
        path: String,
    },
}

/// A store is made only where nothing was ever signed. Blocking.
pub(crate) fn may_open(path: &Path, record: &Record) -> Result<(), StartError> {
    match record.read()? {
        Some(HighMark { head, .. }) if !RocksStore::exists(path) => {
            Err(StartError::NoStore { path: path.display().to_string(), record: head.size })
        }
        _ => Ok(()),
    }
}

/// Reads the store and holds it against the record. Blocking.
pub(crate) fn load(store: &dyn Store, record: &dyn HighWater) -> Result<(Loaded, Edge), StartError> {
    let mut loaded = store.load()?;
    let edge = Edge::load(store, &loaded.head)?;
    match record.read()? {
        None if loaded.signed.is_some() => {
            return Err(StartError::NoRecord { path: record.place() });
        }
        None => {}
        Some(_) if is_broken(Promise::History) => {}
        Some(HighMark { head, ended }) => {
            holds(store, &loaded.head, &head)?;
            if ended {
                is_the_end(&loaded, head.size)?;
                // A store that was made anew, or put back from before, doesn't know it.
                loaded.frozen = Some(head.size);
            }
        }
    }
    Ok((loaded, edge))
}

/// There is no way back from the end of a log: the store has to be what it ended with.
fn is_the_end(loaded: &Loaded, size: TreeSize) -> Result<(), StartError> {
    let waits = !loaded.waiting.is_empty() || !loaded.grants.is_empty();
    let what = if loaded.head.size != size {
        "the store goes on behind that"
    } else if waits {
        "the store has something that waits to be sealed"
    } else if loaded.published != Some(size) {
        "the store doesn't have that head as it was published (a mirror has it: `restore --from-mirror`)"
    } else {
        return Ok(());
    };
    Err(StartError::Ended { size, what })
}

/// Of a log that has ended both know it, record and store. Blocking.
///
/// CRASH: whichever has it tells the other at the next start.
pub(crate) fn keep_end(store: &dyn Store, record: &dyn HighWater, loaded: &Loaded) -> Result<(), StartError> {
    let Some(size) = loaded.frozen else { return Ok(()) };
    let ended = record.read()?.is_some_and(|mark| mark.ended);
    if !ended && size == loaded.head.size {
        record.write(&HighMark { head: loaded.head, ended: true })?;
    }
    if store.load()?.frozen.is_none() {
        tracing::warn!(%size, "the record says that this log has ended: the store takes that over");
        store.freeze(size)?;
    }
    Ok(())
}

/// INVARIANT 2: the store's root at the record's size must be the record's.
pub(crate) fn holds(store: &dyn Store, sealed: &TreeHead, record: &TreeHead) -> Result<(), StartError> {
    if sealed.size < record.size {
        return Err(StartError::Behind { store: sealed.size, record: record.size });
    }
    let root = tree::root_from(&mut batch::reader(store, record.size), record.size)?;
    if root == record.root { Ok(()) } else { Err(StartError::OtherRoot { size: record.size }) }
}

/// What one witness said about the last signed checkpoint.
enum Said {
    /// It knows this size, not above the record's.
    Knows(TreeSize),
    /// It contradicts us.
    Objects(String),
    /// Nothing that counts.
    Nothing(String),
}

/// Waits until signing is allowed: the sizes that the witnesses know, in the order of [`Core::peers`]. `None` if the
/// log stopped first, or if a witness objected (then signing is over until a restart, and with it sealing and intake).
pub(crate) async fn gate(
    core: &Arc<Core>,
    checkpoint: &Checkpoint,
    signed: &Note,
) -> Result<Option<Vec<TreeSize>>, Fatal> {
    let policy = &core.settings.policy;
    let mut known = vec![TreeSize::ZERO; core.peers.len()];
    if policy.needs_no_witness() {
        tracing::warn!(
            "the policy asks for no witness: nobody but this machine can tell a restored backup from the log"
        );
        return Ok(Some(known));
    }
    let record = core.record.read()?.map_or(TreeSize::ZERO, |mark| mark.head.size);
    let record = record.max(checkpoint.head.size);
    let (answers, mut heard) = mpsc::channel(64);
    for peer in 0..core.peers.len() {
        let message =
            AddCheckpoint { old: checkpoint.head.size, proof: Vec::new(), checkpoint: signed.clone() };
        core.start(ask(Arc::clone(core), peer, message, checkpoint.clone(), record, answers.clone()));
    }
    drop(answers);
    let mut answered: Vec<usize> = Vec::new();
    let mut deadline = None;
    loop {
        let wait = deadline.unwrap_or_else(|| core.host.now() + Duration::from_secs(3600));
        tokio::select! {
            biased;
            () = core.reached(Phase::Stopped) => return Ok(None),
            // By what another witness has shown meanwhile.
            () = core.signing_ended() => return Ok(None),
            said = heard.recv() => match said {
                None => return Ok(deadline.is_some().then_some(known)),
                Some((peer, Said::Knows(size))) => {
                    known[peer] = size;
                    answered.extend(&core.peers[peer].lines);
                }
                Some((peer, Said::Objects(_))) if is_broken(Promise::History) => {
                    answered.extend(&core.peers[peer].lines);
                }
                Some((peer, Said::Objects(reason))) => {
                    keep_proof(core, peer).await?;
                    if !core.signing_is_over() {
                        core.end_signing(reason.clone());
                    }
                    failed(core, peer, &reason);
                    return Ok(None);
                }
                Some((peer, Said::Nothing(reason))) => failed(core, peer, &reason),
            },
            // Last: an objection that has come in by now counts.
            () = core.host.sleep_until(wait), if deadline.is_some() => return Ok(Some(known)),
        }
        if deadline.is_none() {
            if policy.is_blocking(&answered) {
                core.hold_signing(None);
                deadline = Some(core.host.now() + REST);
            } else {
                core.hold_signing(Some(waiting_for(core)));
            }
        }
        if answered.len() == policy.witnesses().len() {
            return Ok(Some(known));
        }
    }
}

/// Keeps what a witness shows, if it is proof of two histories. A larger head proves nothing here: it may well be this
/// log's own, which an older store has forgotten.
async fn keep_proof(core: &Arc<Core>, peer: usize) -> Result<(), Fatal> {
    match fork::look(core, &core.peers[peer]).await? {
        Seen::Unmade(unmade) if unmade.evidence.is_proof() => {
            let name = core.settings.policy.witnesses()[core.peers[peer].lines[0]].name.to_string();
            fork::end_signing(core, &name, unmade).await
        }
        _ => Ok(()),
    }
}

fn failed(core: &Core, peer: usize, reason: &str) {
    core.peers[peer].lines.iter().for_each(|&line| core.board.failed(line, reason));
}

fn waiting_for(core: &Core) -> String {
    let silent: Vec<String> = core
        .board
        .rows()
        .into_iter()
        .filter_map(|row| row.last_error.map(|error| format!("{}: {error}", row.name)))
        .collect();
    format!("waiting for witnesses to confirm the last signed checkpoint ({})", silent.join("; "))
}

/// Asks one witness until it has said something that counts, or nobody listens any longer.
async fn ask(
    core: Arc<Core>,
    peer: usize,
    message: AddCheckpoint,
    checkpoint: Checkpoint,
    record: TreeSize,
    answers: mpsc::Sender<(usize, Said)>,
) {
    let Peer { url, lines, interval } = &core.peers[peer];
    let asking = async {
        loop {
            let answer = core.witnesses.add_checkpoint(url, &message).await;
            let wish = answer.as_ref().err().and_then(WitnessError::retry_after).unwrap_or_default();
            let said = match answer {
                Err(WitnessError::Conflict { size }) if size > checkpoint.head.size && size <= record => {
                    match whose(&core, peer, size).await {
                        Ok(said) => said,
                        Err(fatal) => return core.fail(&fatal),
                    }
                }
                answer => said(&core, lines, answer, &checkpoint, record),
            };
            let last = !matches!(said, Said::Nothing(_));
            if answers.send((peer, said)).await.is_err() || last {
                return;
            }
            let pause = PAUSE.mul_f64(jitter(&core.host)).max(wish).max(*interval);
            core.host.sleep(pause).await;
        }
    };
    tokio::select! {
        biased;
        () = answers.closed() => {}
        () = asking => {}
    }
}

/// What it means that a witness knows a size above the last signed checkpoint's and not above the record's: the store is an older
/// copy that has sealed what was signed since, or the record was written for a head that was never signed, and whoever went on
/// elsewhere has signed another one. Which, only what the witness shows can tell.
async fn whose(core: &Arc<Core>, peer: usize, size: TreeSize) -> Result<Said, Fatal> {
    let name = core.settings.policy.witnesses()[core.peers[peer].lines[0]].name.to_string();
    Ok(match fork::look(core, &core.peers[peer]).await? {
        Seen::Own(shown) if shown >= size => Said::Knows(size),
        Seen::Unmade(unmade) => Said::Objects(unmade.shown_by(&name)),
        Seen::Own(_) | Seen::Nothing => Said::Nothing(format!(
            "it knows size {size}, which this log may have signed and has no checkpoint of, and doesn't show which head that is"
        )),
    })
}

/// What an answer of the witness with these lines of the policy means.
fn said(
    core: &Core,
    lines: &[usize],
    answer: Result<Vec<Signature>, WitnessError>,
    checkpoint: &Checkpoint,
    record: TreeSize,
) -> Said {
    let witnesses = core.settings.policy.witnesses();
    let name = &witnesses[lines[0]].name;
    let size = checkpoint.head.size;
    match answer {
        Ok(signatures) => {
            let mut nothing = Said::Nothing("the answer has no cosignature by the witness's key".into());
            let mut knows = false;
            for &line in lines {
                match cosignature_by(&witnesses[line].key, checkpoint, &signatures) {
                    Ok((_, time)) => {
                        core.board.cosigned(line, size, time, core.clock.monotonic());
                        knows = true;
                    }
                    Err(error) => nothing = Said::Nothing(error.to_string()),
                }
            }
            if knows { Said::Knows(size) } else { nothing }
        }
        // SPEC: tlog-witness: to a request from its own size this is said only of another root.
        Err(WitnessError::Conflict { size: known }) if known == size && !size.is_zero() => {
            Said::Objects(format!("the witness {name} knows another root at size {size}"))
        }
        Err(WitnessError::Conflict { size: known }) if known <= size => Said::Knows(known),
        Err(WitnessError::Conflict { size: known }) => Said::Objects(format!(
            "the witness {name} knows this log at size {known}, beyond everything this store may have signed (size {record})"
        )),
        Err(WitnessError::Unprocessable) => {
            Said::Objects(format!("the witness {name} knows another root at size {size}"))
        }
        // A new log: somebody has used this origin before, with another key.
        Err(WitnessError::Forbidden) if size.is_zero() => {
            Said::Objects(format!("the witness {name} knows this origin with another key: it existed before"))
        }
        // 404 and 403 count for nothing: anybody can answer so.
        Err(error) => Said::Nothing(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
