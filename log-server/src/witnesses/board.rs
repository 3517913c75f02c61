//! What is known of each witness of the policy, in its order.

use crate::log::WitnessStatus;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};
use treering_tlog::{
    policy::Policy,
    time::{UnixMillis, UnixSeconds},
    tree::TreeSize,
};

/// What is known of each witness, in the policy's order.
#[derive(Debug)]
pub(crate) struct Board {
    rows: Mutex<Vec<Row>>,
    /// Somebody has cosigned, and thereby told the time.
    told: watch::Sender<()>,
}

#[derive(Debug)]
struct Row {
    status: WitnessStatus,
    /// It is not asked before.
    rests_until: Option<Instant>,
    /// The time of its last cosignature since this log started, and when that came, by the monotonic clock.
    time: Option<(UnixSeconds, Duration)>,
}

impl Board {
    pub(crate) fn new(policy: &Policy) -> Board {
        let rows = policy.witnesses().iter().map(|witness| Row {
            status: WitnessStatus {
                name: witness.name.to_string(),
                url: witness.url.clone(),
                last_size: None,
                last_time: None,
                last_error: Some(
                    if witness.url.is_some() { "not asked yet" } else { "has no URL in the policy" }.into(),
                ),
            },
            rests_until: None,
            time: None,
        });
        Board { rows: Mutex::new(rows.collect()), told: watch::Sender::new(()) }
    }

    pub(crate) fn rows(&self) -> Vec<WitnessStatus> {
        self.lock().iter().map(|row| row.status.clone()).collect()
    }

    /// `at`: when its answer came, by the monotonic clock.
    pub(crate) fn cosigned(&self, witness: usize, size: TreeSize, time: UnixSeconds, at: Duration) {
        self.change(witness, |row| {
            let status = &mut row.status;
            if status.last_error.take().is_some() {
                tracing::info!(witness = status.name, %size, "the witness cosigns");
            }
            status.last_size = Some(size.get());
            status.last_time = Some(time.get());
            row.time = Some((time, at));
        });
        self.told.send_replace(());
    }

    /// Changes whenever a witness has told its time.
    pub(crate) fn told(&self) -> watch::Receiver<()> {
        self.told.subscribe()
    }

    /// Witnesses whose clocks show this time, within so much: the time of the last cosignature, and what has gone by since.
    pub(crate) fn show(&self, now: UnixMillis, monotonic: Duration, within: Duration) -> Vec<usize> {
        self.those(|row| {
            row.time.is_some_and(|(time, at)| {
                let since = monotonic.saturating_sub(at).as_millis();
                let theirs = u128::from(time.get()) * 1000 + since;
                theirs.abs_diff(now.get().into()) <= within.as_millis()
            })
        })
    }

    pub(crate) fn failed(&self, witness: usize, error: &str) {
        self.change(witness, |row| {
            let status = &mut row.status;
            if status.last_error.as_deref() != Some(error) {
                tracing::warn!(witness = status.name, error, "the witness did not cosign");
            }
            status.last_error = Some(error.to_owned());
        });
    }

    /// These are not asked before then.
    pub(crate) fn rest(&self, witnesses: &[usize], until: Instant) {
        for &witness in witnesses {
            self.change(witness, |row| row.rests_until = Some(until));
        }
    }

    /// Witnesses that answered well when they were last asked.
    pub(crate) fn well(&self) -> Vec<usize> {
        self.those(|row| row.status.last_error.is_none())
    }

    /// Those of them whose answer may come soon: they don't rest.
    pub(crate) fn expected(&self, now: Instant) -> Vec<usize> {
        self.those(|row| row.status.last_error.is_none() && row.rests_until.is_none_or(|until| until <= now))
    }

    fn those(&self, are: impl Fn(&Row) -> bool) -> Vec<usize> {
        let rows = self.lock();
        (0..rows.len()).filter(|&witness| are(&rows[witness])).collect()
    }

    fn change(&self, witness: usize, change: impl FnOnce(&mut Row)) {
        if let Some(row) = self.lock().get_mut(witness) {
            change(row);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
