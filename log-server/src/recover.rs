//! The start: what the store says, what the record says, and what the witnesses say (INVARIANT 2).
//!
//! A restored backup looks like a good store. Three looks stand between it and a fork:
//! 1. the store's own tiles lead to its head's root;
//! 2. the store holds the head that the record names (it may hold more);
//! 3. before the first new signature the last signed checkpoint is sent again to all witnesses, until a blocking set
//!    of them has shown that it knows nothing beyond the record.

use crate::{
    batch::{self, Edge},
    cosign::{cosignature_by, jitter},
    record::{Record, RecordError},
    state::{Core, Fatal, Phase},
    store::{Loaded, RocksStore, Store, StoreError},
    witness_client::WitnessError,
};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::Instant};
use treering_tlog::{
    checkpoint::Checkpoint,
    note::Note,
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
    /// The store can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The record can't be read.
    #[error(transparent)]
    Record(#[from] RecordError),
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
        Some(head) if !RocksStore::exists(path) => {
            Err(StartError::NoStore { path: path.display().to_string(), record: head.size })
        }
        _ => Ok(()),
    }
}

/// Reads the store and holds it against the record. Blocking.
pub(crate) fn load(store: &dyn Store, record: &Record) -> Result<(Loaded, Edge), StartError> {
    let loaded = store.load()?;
    let edge = Edge::load(store, &loaded.head)?;
    match record.read()? {
        None if loaded.signed.is_some() => {
            return Err(StartError::NoRecord { path: record.path().display().to_string() });
        }
        None => {}
        Some(head) => holds(store, &loaded.head, &head)?,
    }
    Ok((loaded, edge))
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

/// Waits until signing is allowed: the witnesses with the sizes that they know. `None` if the log stopped first, or
/// if a witness objected (then signing is held until a restart, while intake goes on).
pub(crate) async fn gate(
    core: &Arc<Core>,
    checkpoint: &Checkpoint,
    signed: &Note,
) -> Result<Option<Vec<(usize, TreeSize)>>, Fatal> {
    let policy = &core.settings.policy;
    let mut known: Vec<(usize, TreeSize)> =
        (0..policy.witnesses().len()).map(|witness| (witness, TreeSize::ZERO)).collect();
    if policy.needs_no_witness() {
        tracing::warn!(
            "the policy asks for no witness: nobody but this machine can tell a restored backup from the log"
        );
        return Ok(Some(known));
    }
    let record = Record::beside(&core.settings.store).read()?.map_or(TreeSize::ZERO, |head| head.size);
    let record = record.max(checkpoint.head.size);
    let (answers, mut heard) = mpsc::channel(64);
    let tasks: Vec<_> = (0..policy.witnesses().len())
        .map(|witness| {
            let message =
                AddCheckpoint { old: checkpoint.head.size, proof: Vec::new(), checkpoint: signed.clone() };
            tokio::spawn(ask(Arc::clone(core), witness, message, checkpoint.clone(), record, answers.clone()))
        })
        .collect();
    drop(answers);
    let mut answered: Vec<usize> = Vec::new();
    let mut deadline = None;
    let outcome = loop {
        let wait = deadline.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
        tokio::select! {
            biased;
            () = core.reached(Phase::Stopped) => break None,
            said = heard.recv() => match said {
                None => break if deadline.is_some() { Some(known) } else { None },
                Some((witness, Said::Knows(size))) => {
                    known[witness].1 = size;
                    answered.push(witness);
                }
                Some((witness, Said::Objects(reason))) => {
                    core.board.failed(witness, &reason);
                    core.hold_signing(Some(reason));
                    break None;
                }
                Some((witness, Said::Nothing(reason))) => core.board.failed(witness, &reason),
            },
            // Last: an objection that has come in by now counts.
            () = tokio::time::sleep_until(wait), if deadline.is_some() => break Some(known),
        }
        if deadline.is_none() {
            if policy.is_blocking(&answered) {
                core.hold_signing(None);
                deadline = Some(Instant::now() + REST);
            } else {
                core.hold_signing(Some(waiting_for(core)));
            }
        }
        if answered.len() == policy.witnesses().len() {
            break Some(known);
        }
    };
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(outcome)
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

async fn ask(
    core: Arc<Core>,
    witness: usize,
    message: AddCheckpoint,
    checkpoint: Checkpoint,
    record: TreeSize,
    answers: mpsc::Sender<(usize, Said)>,
) {
    let Some(url) = core.settings.policy.witnesses()[witness].url.clone() else { return };
    loop {
        let said = said(&core, witness, &message, &checkpoint, record, &url).await;
        let last = !matches!(said, Said::Nothing(_));
        if answers.send((witness, said)).await.is_err() || last {
            return;
        }
        tokio::time::sleep(PAUSE.mul_f64(jitter())).await;
    }
}

async fn said(
    core: &Core,
    witness: usize,
    message: &AddCheckpoint,
    checkpoint: &Checkpoint,
    record: TreeSize,
    url: &str,
) -> Said {
    let policy_witness = &core.settings.policy.witnesses()[witness];
    match core.witnesses.add_checkpoint(url, message).await {
        Ok(lines) => match cosignature_by(&policy_witness.key, checkpoint, &lines) {
            Ok((_, time)) => {
                core.board.cosigned(witness, checkpoint.head.size, time);
                Said::Knows(checkpoint.head.size)
            }
            Err(error) => Said::Nothing(error.to_string()),
        },
        Err(WitnessError::Conflict { size }) if size <= record => Said::Knows(size),
        Err(WitnessError::Conflict { size }) => Said::Objects(format!(
            "the witness {} knows this log at size {size}, beyond everything this store may have signed (size {record})",
            policy_witness.name
        )),
        Err(WitnessError::Unprocessable) => Said::Objects(format!(
            "the witness {} knows another root at size {}",
            policy_witness.name, checkpoint.head.size
        )),
        // A new log: somebody has used this origin before, with another key.
        Err(WitnessError::Forbidden) if checkpoint.head.size.is_zero() => Said::Objects(format!(
            "the witness {} knows this origin with another key: it existed before",
            policy_witness.name
        )),
        // 404 and 403 count for nothing: anybody can answer so.
        Err(error) => Said::Nothing(error.to_string()),
    }
}
