//! What the timestamp authority asks of the log: a time that can be vouched for, a place for each token, its proof.

use super::{Asked, Log, ReadError, ReceiptState, SubmitError};
use crate::{grants, store::Grant};
use std::time::Duration;
use treering_tlog::time::UnixMillis;

impl Log {
    /// The time for a timestamp token (RFC 3161), if there is one that can be vouched for.
    ///
    /// # Errors
    /// Why not, in words: the clock has stepped by more than `tolerance` from what is believed of it, stands before
    /// the last entry, or sealing is held.
    pub fn time(&self, tolerance: Duration) -> Result<UnixMillis, String> {
        self.core.time(tolerance)
    }

    /// Since when the clock is vouched for, by its own time: the start of this process, or a step that was confirmed.
    pub(crate) fn time_since(&self) -> Option<UnixMillis> {
        self.core.pace_began()
    }

    /// Warns that there is no time for timestamps: at most once a minute, since whoever asks could fill the disk with it.
    pub(crate) fn warn_of_time(&self, reason: &str) {
        if let Some(left_out) = self.core.no_time.turn() {
            tracing::warn!(%reason, left_out, "no timestamps: the clock can't be vouched for");
        }
    }

    /// Takes a granted timestamp token: its commitment is durable when this returns `Ok` (INVARIANT 1), and the token may
    /// be given out.
    ///
    /// # Errors
    /// Nothing was stored.
    pub async fn grant(&self, grant: Grant) -> Result<(), SubmitError> {
        self.grants.accept(grant).await
    }

    /// The proof of a granted timestamp token, by its serial number.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn grant_proof(&self, serial: [u8; 16]) -> Result<ReceiptState, ReadError> {
        let fresh = self.fresh.clone();
        self.read(move |core| grants::proof(core, &fresh, &serial)).await
    }

    /// Waits until that proof is published or the time is over (then `Pending`).
    ///
    /// # Errors
    /// As [`Log::grant_proof`].
    pub async fn wait_grant_proof(
        &self,
        serial: [u8; 16],
        for_at_most: Duration,
    ) -> Result<ReceiptState, ReadError> {
        self.wait(Asked::Grant(serial), for_at_most).await
    }
}
