//! Decides whether a checkpoint is cosigned (C2SP tlog-witness, add-checkpoint), and keeps the record of what was.
//!
//! A checkpoint is checked against the log's record, cosigned, and offered to the store together with its cosignature.
//! The store takes it only if the record is still the one that it was checked against; the cosignature leaves only
//! after that write is durable. Whoever lost a race is checked again, against the record that won. A cosignature that
//! lost was never outside this process's memory.
//!
//! What is signed is this program's own encoding of what it understood, and the note that is kept holds the log
//! signatures that verified and this witness's own, nothing else that the caller sent.
//!
//! Before all that, a log must be one that may be signed for ([`Comparisons`]), and have something left of what it may
//! take ([`Allowance`]).
//!
//! What this does not do: it knows nothing of HTTP.

mod held;
mod quota;
mod refusal;
mod subtree;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};

use tokio::sync::watch;
use treering_tlog::{
    checkpoint::{Checkpoint, CheckpointError, Origin, VerifiedCheckpoint},
    note::{Note, Signature},
    time::UnixSeconds,
    tree::{TreeHead, verify_consistency},
    witness::{AddCheckpoint, origin_hash},
};

use crate::{
    clock::{Clock, ClockError, Timestamps},
    key::{OwnCosignatureError, WitnessKeys},
    logs::{KnownLog, LogSet, Row},
    store::{Outcome, Record, Store, StoreError, Update},
};

pub use held::{Comparison, Comparisons, Further, Unchecked};
pub use quota::Allowance;
pub use refusal::Refusal;

use quota::{Charge, Place, Quotas};

/// Races lost in a row before a request is told to come again. Each one lost is another's success, so this is met
/// only by a log that floods its own witness.
const MAX_RACES: usize = 32;

/// Keys, logs and records: what makes a witness.
pub struct Cosigner {
    keys: WitnessKeys,
    store: Arc<dyn Store>,
    timestamps: Timestamps,
    logs: RwLock<Arc<LogSet>>,
    /// By origin hash, what the store holds.
    /// INVARIANT: every record here is durable and was verified; it may lag behind the store, but never goes back.
    latest: RwLock<HashMap<String, Arc<Record>>>,
    /// What the logs said about their records at the start.
    comparisons: RwLock<Arc<Comparisons>>,
    allowance: Allowance,
    quotas: Quotas,
    /// The store's first failure. Nothing is signed after it.
    failure: watch::Sender<Option<StoreError>>,
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cosigner")
            .field("keys", &self.keys)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// Why the records at hand can't be gone on from.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record that none of the keys signed.
    #[error(
        "the record of {origin:?} carries no cosignature by any of this witness's keys: if a key was changed, \
         list the old one in `keys` as well until every log has been cosigned with the new one"
    )]
    Foreign {
        /// The log.
        origin: String,
    },
    /// A record that was changed.
    #[error("the record of {origin:?} was changed since it was written: {source}")]
    Forged {
        /// The log.
        origin: String,
        /// How that shows.
        source: OwnCosignatureError,
    },
    /// A record whose last timestamp was changed.
    #[error(
        "the record of {origin:?} was changed since it was written: its timestamp is not its cosignature's"
    )]
    Time {
        /// The log.
        origin: String,
    },
}

impl Cosigner {
    /// Reads every record and verifies this witness's own cosignature in it: the store's checksums only find
    /// accidents.
    ///
    /// # Errors
    /// The store can't be read, or a record is not what this witness wrote.
    pub fn open(
        keys: WitnessKeys,
        logs: LogSet,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        allowance: Allowance,
    ) -> Result<Cosigner, OpenError> {
        let mut latest = HashMap::new();
        let mut last = UnixSeconds::new(0).expect("zero is below the limit");
        for record in store.records()? {
            verify_record(&keys, &record)?;
            last = last.max(record.time());
            latest.insert(origin_hash(record.origin()), Arc::new(record));
        }
        Ok(Cosigner {
            keys,
            store,
            timestamps: Timestamps::new(clock, last),
            logs: RwLock::new(Arc::new(logs)),
            latest: RwLock::new(latest),
            comparisons: RwLock::default(),
            allowance,
            quotas: Quotas::default(),
            failure: watch::Sender::new(None),
        })
    }

    /// Answers the body of an `add-checkpoint` request with the cosignatures, whose record is durable.
    ///
    /// Must run to its end: a caller that may be dropped (because its client went away) spawns it.
    ///
    /// # Errors
    /// Why it is not cosigned.
    pub async fn add_checkpoint(&self, body: &[u8]) -> Result<Vec<Signature>, Refusal> {
        let request = AddCheckpoint::parse(body)?;
        let Opened { verified, log, place: _place } = self.open_checkpoint(&request)?;
        let new = verified.head();
        if request.old > new.size {
            // SPEC: tlog-witness, add-checkpoint: the old size must be equal to or lower than the checkpoint size.
            return Err(Refusal::OldAboveNew { old: request.old, new: new.size });
        }
        self.refuse_held(verified.origin())?;
        let hash = origin_hash(verified.origin());
        let mut is_charged = false;
        for _ in 0..MAX_RACES {
            let before = self.latest(&hash).map(|record| record.head());
            check(&request, &new, before.as_ref())?;
            if !is_charged {
                let charge = if new.size > request.old { Charge::Growth } else { Charge::Refresh };
                self.charge(verified.origin(), &log, charge)?;
                is_charged = true;
            }
            let (record, cosignatures) = self.cosign(&verified).await?;
            let update = Update { before, record: record.clone() };
            match self.store.update(update).await.map_err(|error| self.fail(error))? {
                Outcome::Written => {
                    self.remember(hash, record);
                    return Ok(cosignatures);
                }
                Outcome::Conflict(Some(current)) => self.remember(hash.clone(), *current),
                Outcome::Conflict(None) => {}
            }
        }
        Err(Refusal::Contended)
    }

    /// The last record of the log with this origin hash (lowercase hex).
    pub fn latest(&self, origin_hash: &str) -> Option<Arc<Record>> {
        self.latest.read().unwrap_or_else(PoisonError::into_inner).get(origin_hash).cloned()
    }

    /// Every record, in no order.
    pub fn records(&self) -> Vec<Arc<Record>> {
        self.latest.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// What there is to say about each log, sorted by origin.
    pub fn rows(&self) -> Vec<Row> {
        let (logs, comparisons) = (self.logs(), self.comparisons());
        let row = |(origin, log)| {
            let record = self.latest(&origin_hash(origin));
            Row::new(origin, log, record.as_deref(), &comparisons)
        };
        let mut rows: Vec<Row> = logs.iter().map(row).collect();
        rows.sort_by(|a, b| a.origin.cmp(&b.origin));
        rows
    }

    /// The logs that are cosigned now.
    pub fn logs(&self) -> Arc<LogSet> {
        Arc::clone(&self.logs.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over another set of logs. Records of logs that are no longer in it stay.
    pub fn set_logs(&self, logs: LogSet) {
        *self.logs.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(logs);
    }

    /// What the logs said about their records.
    pub fn comparisons(&self) -> Arc<Comparisons> {
        Arc::clone(&self.comparisons.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over what the logs said about their records.
    pub fn set_comparisons(&self, comparisons: Comparisons) {
        *self.comparisons.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(comparisons);
    }

    /// The witness's keys.
    pub fn keys(&self) -> &WitnessKeys {
        &self.keys
    }

    /// Is the clock fit to sign with?
    ///
    /// # Errors
    /// It is behind the last timestamp, or not set.
    pub fn check_clock(&self) -> Result<UnixSeconds, ClockError> {
        self.timestamps.check()
    }

    /// The store's first failure, as soon as there is one.
    pub fn failure(&self) -> watch::Receiver<Option<StoreError>> {
        self.failure.subscribe()
    }

    fn open_checkpoint(&self, request: &AddCheckpoint) -> Result<Opened, Refusal> {
        let note = &request.checkpoint;
        let origin = Checkpoint::parse(note.text()).map_err(Refusal::Checkpoint)?.origin;
        // SPEC: tlog-witness, add-checkpoint: 404 if the checkpoint origin is unknown.
        let log = self.known(&origin)?;
        // Before the signature is verified, which costs the most of what a refused request costs.
        let place = self.enter(&origin)?;
        let verified =
            VerifiedCheckpoint::open(note.clone(), &origin, log.keys()).map_err(|error| match error {
                // SPEC: tlog-witness, add-checkpoint: 403 if no trusted key of the origin signed, or if the line of one
                // does not verify; lines by other keys are ignored.
                CheckpointError::Unsigned | CheckpointError::Forged { .. } => Refusal::NotSigned(error),
                // SPEC: tlog-witness, add-checkpoint: 422 if a checkpoint of size zero has another root than the empty
                // tree's.
                CheckpointError::EmptyRoot => Refusal::EmptyRoot,
                other => Refusal::Checkpoint(other),
            })?;
        Ok(Opened { verified, log, place })
    }

    fn known(&self, origin: &Origin) -> Result<Arc<KnownLog>, Refusal> {
        self.logs().get(origin).cloned().ok_or_else(|| Refusal::UnknownLog { origin: origin.clone() })
    }

    fn enter(&self, origin: &Origin) -> Result<Place, Refusal> {
        self.quotas.enter(origin, self.allowance.at_once).ok_or(Refusal::Crowded)
    }

    fn charge(&self, origin: &Origin, log: &KnownLog, charge: Charge) -> Result<(), Refusal> {
        let per_day = log.requests_per_day().unwrap_or(self.allowance.per_day);
        self.quotas
            .charge(origin, charge, per_day, Instant::now())
            .map_err(|wait| Refusal::Quota { seconds: wait.as_secs() + 1 })
    }

    fn refuse_held(&self, origin: &Origin) -> Result<(), Refusal> {
        let comparisons = self.comparisons();
        if comparisons.may_sign(origin) {
            Ok(())
        } else {
            Err(Refusal::Held(Box::new(comparisons.get(origin))))
        }
    }

    /// INVARIANT: nothing is signed when it is not known what the disk holds.
    fn refuse_failed(&self) -> Result<(), Refusal> {
        self.failure.borrow().clone().map_or(Ok(()), |failure| Err(Refusal::Store(failure)))
    }

    async fn cosign(&self, verified: &VerifiedCheckpoint) -> Result<(Record, Vec<Signature>), Refusal> {
        self.refuse_failed()?;
        let time = self.timestamps.next().await?;
        let checkpoint = verified.checkpoint();
        let cosignatures = self.keys.cosign(checkpoint, time).map_err(Refusal::Cosign)?;
        let mut signatures: Vec<Signature> = Vec::new();
        for signature in verified.log_signatures().iter().chain(&cosignatures) {
            let same = |kept: &Signature| kept.name() == signature.name() && kept.id() == signature.id();
            if !signatures.iter().any(same) {
                signatures.push(signature.clone());
            }
        }
        let note =
            Note::new(&checkpoint.to_text(), signatures).map_err(|error| Refusal::Record(error.into()))?;
        let record = Record::new(note, time).map_err(Refusal::Record)?;
        Ok((record, cosignatures))
    }

    fn remember(&self, hash: String, record: Record) {
        let mut latest = self.latest.write().unwrap_or_else(PoisonError::into_inner);
        let order = |record: &Record| (record.head().size, record.time());
        // INVARIANT: two who were written one after the other may come here in the other order.
        if latest.get(&hash).is_none_or(|kept| order(kept) <= order(&record)) {
            latest.insert(hash, Arc::new(record));
        }
    }

    fn fail(&self, error: StoreError) -> Refusal {
        self.failure.send_if_modified(|failure| {
            let is_first = failure.is_none();
            failure.get_or_insert_with(|| error.clone());
            is_first
        });
        Refusal::Store(error)
    }
}

/// A checkpoint that its log signed, and what the log may take.
struct Opened {
    verified: VerifiedCheckpoint,
    log: Arc<KnownLog>,
    place: Place,
}

/// The checks against the log's record, in the order of the standard's text.
pub(crate) fn check(
    request: &AddCheckpoint,
    new: &TreeHead,
    before: Option<&TreeHead>,
) -> Result<(), Refusal> {
    let before = before.unwrap_or(&TreeHead::EMPTY);
    if request.old != before.size {
        // SPEC: tlog-witness, add-checkpoint: 409 if the old size is not that of the latest cosigned checkpoint, or
        // zero if there is none.
        return Err(Refusal::Conflict { size: before.size });
    }
    if request.old.is_zero() && !request.proof.is_empty() {
        // SPEC: tlog-witness, add-checkpoint: 422 if the proof is not empty when the old size is zero.
        return Err(Refusal::ProofFromEmpty);
    }
    if request.old == new.size && new.root != before.root {
        // SPEC: tlog-witness, add-checkpoint: 422 if the sizes are the same and the root hashes are not.
        return Err(Refusal::OtherRoot { size: new.size });
    }
    // SPEC: tlog-witness, add-checkpoint: 422 if the consistency proof does not verify.
    verify_consistency(before, new, &request.proof).map_err(Refusal::Inconsistent)
}

pub(crate) fn verify_record(keys: &WitnessKeys, record: &Record) -> Result<(), OpenError> {
    let origin = || record.origin().as_str().to_owned();
    match keys.verify_own(record.checkpoint(), record.note().signatures()) {
        Ok(Some(time)) if time == record.time() => Ok(()),
        Ok(Some(_)) => Err(OpenError::Time { origin: origin() }),
        Ok(None) => Err(OpenError::Foreign { origin: origin() }),
        Err(source) => Err(OpenError::Forged { origin: origin(), source }),
    }
}
