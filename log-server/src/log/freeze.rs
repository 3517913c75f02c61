//! The end of a log's life: a last head with as many cosignatures as can be had, then read-only for ever.

use super::{Log, Status};
use crate::{
    record::HighMark,
    state::{Core, Fatal, Phase},
    witnesses::cosigned_by_all,
};
use std::{sync::Arc, time::Duration};
use treering_tlog::{note::Note, tree::TreeSize};

/// How a log ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// Its last size.
    pub size: TreeSize,
    /// The names of the policy's witnesses that cosigned its last head.
    pub cosigned: Vec<String>,
    /// And of those that didn't.
    pub missing: Vec<String>,
}

/// Why a log was not frozen.
#[derive(Debug, thiserror::Error)]
pub enum FreezeError {
    /// Accepted, sealed or signed, but not published in the time that was given.
    #[error(
        "not frozen: what the log has accepted isn't all published yet ({}); it takes up its work with the next `serve`, \
         and can be frozen when its quorum is met",
        reasons(.0)
    )]
    NotPublished(Vec<String>),
    /// A witness contradicts the log, or too few have been heard: nobody can tell whether this store is the newest.
    #[error(
        "not frozen: that this is the end of the log isn't confirmed by its witnesses ({}). What is frozen stays so for ever, \
         and an older copy, or one that is contradicted, must not be",
        reasons(.0)
    )]
    Unconfirmed(Vec<String>),
    /// The pipeline failed, or the write that ends the log.
    #[error("the log failed, and whether it is frozen shows at its next start: {0}")]
    Failed(String),
}

fn reasons(degraded: &[String]) -> String {
    if degraded.is_empty() { "the time was too short".to_owned() } else { degraded.join("; ") }
}

impl Log {
    /// Takes nothing more, publishes what is accepted, asks every witness for its cosignature of the last head until all
    /// have given it or `wait` is over, and marks the log as ended; before that a blocking set of them has shown that it knows
    /// nothing beyond this store. The log is stopped afterwards, whatever came of it.
    ///
    /// # Errors
    /// It is not frozen; see [`FreezeError`].
    pub async fn freeze(&self, wait: Duration) -> Result<Frozen, FreezeError> {
        if let Some(size) = self.core.frozen {
            let ended = self.ended(size).await;
            self.stop(Duration::ZERO).await;
            return ended;
        }
        let over = self.core.host.now() + wait;
        self.drain();
        let mut confirmed = self.core.confirmed();
        let published = async {
            self.all_published().await;
            let _ = confirmed.wait_for(|confirmed| *confirmed).await;
        };
        tokio::select! {
            biased;
            () = published => {}
            () = self.core.reached(Phase::Stopped) => {}
            () = self.core.signing_ended() => {}
            () = self.core.host.sleep_until(over) => {}
        }
        // In the order in which each is final.
        let quiet = *self.core.intakes().borrow() == 0 && self.core.pending() == 0;
        let size = self.core.sealed.borrow().head.size;
        let shown = self.core.published.borrow().as_ref().map(|published| published.size);
        let done = quiet && shown == Some(size) && self.core.phase() != Phase::Stopped;
        // INVARIANT 2: what is beyond the end of a log is lost to it, so nobody may know anything that is.
        if self.core.signing_is_over() {
            return Err(self.not_frozen(FreezeError::Unconfirmed).await);
        }
        if !done {
            return Err(self.not_frozen(FreezeError::NotPublished).await);
        }
        if !*self.core.confirmed().borrow() {
            return Err(self.not_frozen(FreezeError::Unconfirmed).await);
        }
        self.core.last_call.send_replace(true);
        tokio::select! {
            biased;
            () = self.all_cosigned(size) => {}
            () = self.core.host.sleep_until(over) => {}
        }
        // Nothing is signed or published after this, so what is counted now stays.
        self.core.phase.send_replace(Phase::Stopped);
        if self.core.signing_is_over() {
            return Err(self.not_frozen(FreezeError::Unconfirmed).await);
        }
        // CRASH: before the first of these writes the log goes on with the next start, after it never again: the record keeps the
        // end if the store is lost, and tells the store of it.
        let freeze = move |core: &Core| {
            let head = core.sealed.borrow().head;
            core.record.write(&HighMark { head, ended: true })?;
            Ok(core.store.freeze(size)?)
        };
        self.core.blocking(freeze).await.map_err(failed)?;
        let ended = self.ended(size).await;
        self.stop(Duration::ZERO).await;
        ended
    }

    /// Why, in the words of its status; and the log is stopped.
    async fn not_frozen(&self, error: fn(Vec<String>) -> FreezeError) -> FreezeError {
        let degraded = self.status().degraded;
        self.stop(Duration::ZERO).await;
        error(degraded)
    }

    /// Waits until every witness that can be asked has cosigned this head with each of its keys.
    async fn all_cosigned(&self, size: TreeSize) {
        let mut published = self.core.published.subscribe();
        loop {
            published.borrow_and_update();
            if let Ok(Some(note)) = self.last_note(size).await
                && self.split(&note).1.is_empty()
            {
                return;
            }
            tokio::select! {
                biased;
                () = self.core.reached(Phase::Stopped) => return,
                _ = published.changed() => {}
            }
        }
    }

    async fn ended(&self, size: TreeSize) -> Result<Frozen, FreezeError> {
        let note = self.last_note(size).await.map_err(failed)?;
        let (cosigned, missing) = note.map_or_else(Default::default, |note| self.split(&note));
        Ok(Frozen { size, cosigned, missing })
    }

    async fn last_note(&self, size: TreeSize) -> Result<Option<Note>, Fatal> {
        self.core.blocking(move |core| Ok(core.store.checkpoint(size)?)).await
    }

    /// The names of the witnesses whose line the note has, and of the others.
    fn split(&self, note: &Note) -> (Vec<String>, Vec<String>) {
        cosigned_by_all(&self.core.settings.policy, note)
    }

    /// A log that has ended is well: nobody waits for anything.
    pub(super) fn frozen_status(&self) -> Option<Status> {
        let size = self.core.frozen?.get();
        let core = Arc::clone(&self.core);
        let fault = core.fault().borrow().clone();
        Some(Status {
            accepting: false,
            publishing: fault.is_none(),
            frozen: Some(size),
            degraded: fault.into_iter().collect(),
            sealed_size: size,
            published_size: Some(size),
            pending: 0,
        })
    }
}

fn failed(fatal: Fatal) -> FreezeError {
    FreezeError::Failed(fatal.to_string())
}
