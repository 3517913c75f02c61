//! The witnesses of the log's policy: how they are asked, and what is known of each.

use crate::{
    log::WitnessStatus,
    witness_client::{WitnessClient, WitnessError},
};
use futures_util::future::BoxFuture;
use std::sync::{Mutex, PoisonError};
use treering_tlog::{
    note::Signature, policy::Policy, time::UnixSeconds, tree::TreeSize, witness::AddCheckpoint,
};

/// The network as the log sees it: one call of C2SP tlog-witness. A trait, so that tests can be the network.
pub trait Witnesses: Send + Sync + std::fmt::Debug + 'static {
    /// Sends a checkpoint to the witness at this submission prefix; the signature lines that came back, unverified.
    fn add_checkpoint<'a>(
        &'a self,
        url: &'a str,
        message: &'a AddCheckpoint,
    ) -> BoxFuture<'a, Result<Vec<Signature>, WitnessError>>;
}

impl Witnesses for WitnessClient {
    fn add_checkpoint<'a>(
        &'a self,
        url: &'a str,
        message: &'a AddCheckpoint,
    ) -> BoxFuture<'a, Result<Vec<Signature>, WitnessError>> {
        Box::pin(WitnessClient::add_checkpoint(self, url, message))
    }
}

/// What is known of each witness, in the policy's order.
#[derive(Debug)]
pub(crate) struct Board {
    rows: Mutex<Vec<WitnessStatus>>,
}

impl Board {
    pub(crate) fn new(policy: &Policy) -> Board {
        let rows = policy.witnesses().iter().map(|witness| WitnessStatus {
            name: witness.name.to_string(),
            url: witness.url.clone(),
            last_size: None,
            last_time: None,
            last_error: Some(
                if witness.url.is_some() { "not asked yet" } else { "has no URL in the policy" }.into(),
            ),
        });
        Board { rows: Mutex::new(rows.collect()) }
    }

    pub(crate) fn rows(&self) -> Vec<WitnessStatus> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn cosigned(&self, witness: usize, size: TreeSize, time: UnixSeconds) {
        self.change(witness, |row| {
            if row.last_error.take().is_some() {
                tracing::info!(witness = row.name, %size, "the witness cosigns");
            }
            row.last_size = Some(size.get());
            row.last_time = Some(time.get());
        });
    }

    pub(crate) fn failed(&self, witness: usize, error: &str) {
        self.change(witness, |row| {
            if row.last_error.as_deref() != Some(error) {
                tracing::warn!(witness = row.name, error, "the witness did not cosign");
            }
            row.last_error = Some(error.to_owned());
        });
    }

    /// Witnesses that answered well when they were last asked.
    pub(crate) fn well(&self) -> Vec<usize> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        (0..rows.len()).filter(|&i| rows[i].last_error.is_none()).collect()
    }

    fn change(&self, witness: usize, change: impl FnOnce(&mut WitnessStatus)) {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = rows.get_mut(witness) {
            change(row);
        }
    }
}
