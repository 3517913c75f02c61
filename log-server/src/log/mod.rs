//! The running log: the handle that the HTTP layer works with, and how it is stopped. `start` has how it is started.
//!
//! ```text
//! submit ─▶ intake ─▶ (each tick) sequencer ─▶ publish (sign) ─▶ cosign ─▶ publish ─▶ receipts, tiles
//!             │                      │               │                        │
//!             └ one synced write     └ one atomic,   └ record, then the       └ cosignatures that
//!               for many requests      synced write    signed checkpoint        meet the policy
//! ```

mod answers;
mod configured;
mod freeze;
mod grants;
mod reading;
mod settings;
mod start;

pub use answers::{Place, ReadError, ReceiptState, Status, Submission, SubmitError, WitnessStatus};
pub use freeze::{FreezeError, Frozen};
pub use settings::{MAX_WITNESSES, OpenError, Parts, Settings};

use crate::{
    grants::Grants,
    intake::{Intake, Taken},
    metrics,
    receipts::{self, Fresh, Wanted},
    state::{Core, Fatal, Phase},
    store::StoreError,
    witnesses::Shown,
};
use prometheus_client::registry::Registry;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use treering_tlog::{checkpoint::Origin, hash::Hash, note::VerifierKey, policy::Policy, tree::TreeSize};
use treering_token::commitment::Commitment;

/// A running log; cheap to clone.
#[derive(Clone, Debug)]
pub struct Log {
    core: Arc<Core>,
    intake: Intake,
    grants: Grants,
    fresh: Fresh,
    readers: Arc<Semaphore>,
}

/// What somebody waits for.
#[derive(Clone, Copy)]
enum Asked {
    Receipt { root: Hash, min_entry: Option<u64> },
    Grant([u8; 16]),
}

/// How many reads may be under way: they share threads with what the pipeline writes, and must not take them all.
const READERS: usize = 32;

impl Log {
    /// The log's identity.
    pub fn origin(&self) -> &Origin {
        &self.core.settings.origin
    }

    /// The log's key; while it changes, the old one.
    pub fn vkey(&self) -> VerifierKey {
        self.core.signer.verifier()
    }

    /// All keys that sign now.
    pub fn vkeys(&self) -> Vec<VerifierKey> {
        self.core.signer.verifiers()
    }

    /// Log line and witnesses: what readers verify with.
    pub fn policy(&self) -> &Policy {
        &self.core.settings.policy
    }

    /// What the pipeline was configured with.
    pub fn settings(&self) -> &Settings {
        &self.core.settings
    }

    /// Takes a submission: durable when this returns `Ok` (INVARIANT 1), and idempotent (INVARIANT 8).
    ///
    /// # Errors
    /// Nothing was stored.
    pub async fn submit(&self, submission: Submission) -> Result<Place, SubmitError> {
        if submission.small.is_none() {
            return match self.intake.submit(submission).await? {
                Taken::At(place) => Ok(place),
                // Said only to those who bring commitments.
                Taken::AskAgainWhenSealed => Ok(Place::Pending),
            };
        }
        let Submission { root, count, small, min_entry } = submission;
        let mut sealed = self.core.sealed.subscribe();
        let over = self.core.host.now() + self.core.settings.tick + Duration::from_secs(5);
        loop {
            sealed.borrow_and_update();
            let again = Submission { root, count, small: small.clone(), min_entry };
            match self.intake.submit(again).await? {
                Taken::At(place) => return Ok(place),
                Taken::AskAgainWhenSealed => tokio::select! {
                    biased;
                    () = self.core.reached(Phase::Draining) => return Err(SubmitError::Stopping),
                    _ = sealed.changed() => {}
                    // Sealing may be held for long (the clock); nobody hangs on that without an answer.
                    () = self.core.host.sleep_until(over) => {
                        return Err(SubmitError::QueueFull { retry_after: self.core.settings.tick });
                    }
                },
            }
        }
    }

    /// The receipt of a root; `size` asks for a proof to that later published checkpoint.
    ///
    /// # Errors
    /// The question can't be answered; see [`ReadError`].
    pub async fn receipt(
        &self,
        root: Hash,
        min_entry: Option<u64>,
        size: Option<u64>,
    ) -> Result<ReceiptState, ReadError> {
        let fresh = self.fresh.clone();
        self.read(move |core| receipts::receipt(core, &fresh, Wanted { root, min_entry, size })).await
    }

    /// Waits until the receipt is published or the time is over (then `Pending`).
    ///
    /// # Errors
    /// As [`Log::receipt`].
    pub async fn wait_receipt(
        &self,
        root: Hash,
        min_entry: Option<u64>,
        for_at_most: Duration,
    ) -> Result<ReceiptState, ReadError> {
        self.wait(Asked::Receipt { root, min_entry }, for_at_most).await
    }

    /// Asks anew after each publication, until the answer is another than `Pending` or the time is over.
    async fn wait(&self, asked: Asked, for_at_most: Duration) -> Result<ReceiptState, ReadError> {
        let over = self.core.host.now() + for_at_most;
        let mut published = self.core.published.subscribe();
        loop {
            published.borrow_and_update();
            let state = match asked {
                Asked::Receipt { root, min_entry } => self.receipt(root, min_entry, None).await?,
                Asked::Grant(serial) => self.grant_proof(serial).await?,
            };
            if !matches!(state, ReceiptState::Pending { .. }) {
                return Ok(state);
            }
            tokio::select! {
                biased;
                () = self.core.reached(Phase::Stopped) => return Ok(state),
                // Before the time that is over: what was published at the last moment is still answered.
                _ = published.changed() => {}
                () = self.core.host.sleep_until(over) => return Ok(state),
            }
        }
    }

    /// The token of one commitment of a submission sent with `tokens=true`.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn small_token(&self, root: Hash, commitment: Commitment) -> Result<ReceiptState, ReadError> {
        let fresh = self.fresh.clone();
        self.read(move |core| receipts::small_token(core, &fresh, root, commitment)).await
    }

    /// The size at which the log ended, if it did.
    pub fn frozen(&self) -> Option<TreeSize> {
        self.core.frozen
    }

    /// How the log is doing.
    pub fn status(&self) -> Status {
        let core = &self.core;
        if let Some(status) = self.frozen_status() {
            return status;
        }
        let held = core.held();
        let sealed_size = core.sealed.borrow().head.size.get();
        let published_size = core.published.borrow().as_ref().map(|published| published.size.get());
        let well: Vec<usize> = core.board.well();
        let quorum = core.settings.policy.needs_no_witness() || core.settings.policy.is_met(&well);
        let fault = core.fault().borrow().clone();
        let reasons = [fault, held.intake.clone(), held.sealing.clone(), held.signing.clone()];
        let mut degraded: Vec<String> = reasons.into_iter().flatten().collect();
        let rows = core.board.rows();
        degraded.extend(core.damage.named());
        degraded.extend(
            rows.iter()
                .filter_map(|row| row.last_error.as_ref().map(|e| format!("witness {}: {e}", row.name))),
        );
        if !quorum {
            degraded.push(format!(
                "{} of {} witnesses cosign: the quorum is not met",
                well.len(),
                rows.len()
            ));
        }
        let (pending, grants) = (core.queue().len(), core.grants().len());
        if pending >= core.settings.max_pending {
            degraded.push(format!("the queue is full: {pending} submissions wait for their tick"));
        }
        if grants >= core.settings.max_pending {
            degraded.push(format!("the queue is full: {grants} timestamp tokens wait for their tick"));
        }
        let publishing =
            quorum && held.sealing.is_none() && held.signing.is_none() && published_size.is_some();
        Status {
            accepting: core.phase() == Phase::Running
                && held.intake.is_none()
                && !core.signing_is_over()
                && pending < core.settings.max_pending,
            publishing,
            frozen: None,
            degraded,
            sealed_size,
            published_size,
            pending: u64::try_from(pending + grants).unwrap_or(u64::MAX),
        }
    }

    /// What is known of each witness of the policy.
    pub fn witnesses(&self) -> Vec<WitnessStatus> {
        self.core.board.rows()
    }

    /// Copies the store as it is now to a directory that does not exist yet.
    ///
    /// # Errors
    /// The store's; the log goes on.
    pub async fn backup(&self, to: PathBuf) -> Result<(), StoreError> {
        let store = Arc::clone(&self.core.store);
        let made = tokio::task::spawn_blocking(move || store.backup(&to)).await;
        made.unwrap_or_else(|error| {
            let source = std::io::Error::other(error);
            Err(StoreError::File { step: "making a backup", source })
        })
    }

    /// Registers the pipeline's metrics, and those of the witnesses.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.core.metrics.register(registry);
        let shown = Shown(Arc::clone(&self.core));
        registry.sub_registry_with_prefix(metrics::PREFIX).register_collector(Box::new(shown));
    }

    /// Stops taking submissions, seals what is accepted, publishes it as far as witnesses allow within `grace`, and
    /// closes the store.
    pub async fn stop(&self, grace: Duration) {
        self.drain();
        tokio::select! {
            biased;
            () = self.all_published() => {}
            () = self.core.host.sleep(grace) => {}
        }
        self.core.phase.send_replace(Phase::Stopped);
        let core = Arc::clone(&self.core);
        let _ = self.core.host.blocking(move || core.store.close()).await;
    }

    /// From now on nothing more is taken.
    fn drain(&self) {
        self.core.phase.send_if_modified(|phase| {
            let running = *phase == Phase::Running;
            if running {
                *phase = Phase::Draining;
            }
            running
        });
    }

    async fn all_published(&self) {
        let (mut sealed, mut published) = (self.core.sealed.subscribe(), self.core.published.subscribe());
        let mut intakes = self.core.intakes();
        loop {
            sealed.mark_unchanged();
            published.mark_unchanged();
            // In this order: intake, queue, sealed, published: each is final once the one before it is.
            let quiet = *intakes.borrow_and_update() == 0 && self.core.pending() == 0;
            let size = self.core.sealed.borrow().head.size;
            let shown = self.core.published.borrow().as_ref().map(|published| published.size);
            if quiet && shown == Some(size) {
                return;
            }
            tokio::select! {
                biased;
                () = self.core.reached(Phase::Stopped) => return,
                // Then nothing is sealed or published any more.
                () = self.core.signing_ended() => return,
                _ = intakes.changed() => {}
                _ = sealed.changed() => {}
                _ = published.changed() => {}
            }
        }
    }

    /// Completes when a failure has ended the pipeline: the process must end too, with an error.
    pub async fn failed(&self) -> String {
        let mut fault = self.core.fault();
        match fault.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            Err(_) => "the log is gone".into(),
        }
    }

    fn published_size(&self) -> TreeSize {
        self.core.published.borrow().as_ref().map_or(TreeSize::ZERO, |published| published.size)
    }

    async fn read<T, F>(&self, question: F) -> Result<T, ReadError>
    where
        T: Send + 'static,
        F: FnOnce(&Core) -> Result<T, ReadError> + Send + 'static,
    {
        let core = Arc::clone(&self.core);
        let turn = Arc::clone(&self.readers).acquire_owned().await.map_err(|_| ReadError::Store)?;
        let read = move || {
            // INVARIANT 7: the read's own, and not its reader's, who may go away while it goes on.
            let _turn = turn;
            question(&core)
        };
        let answer = self.core.host.blocking(read).await;
        answer.unwrap_or_else(|error| Err(receipts::unreadable(&self.core, &Fatal::from(error))))
    }
}
