//! What operators watch of the pipeline (Prometheus). The HTTP layer has metrics of its own.

use crate::witness_client::WitnessError;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use std::time::Duration;
use treering_tlog::{time::UnixMillis, tree::TreeSize};

/// The pipeline's metrics.
#[derive(Debug)]
pub struct Metrics {
    /// Submissions made durable.
    accepted: Counter,
    /// Submissions that were known already.
    pub(crate) duplicates: Counter,
    /// Submissions refused because the queue was full.
    pub(crate) refused: Counter,
    pub(crate) pending: Gauge,
    sealed_size: Gauge,
    published_size: Gauge,
    published_time: Gauge,
    /// Timestamp tokens whose commitments were made durable.
    granted: Counter,
    /// Timestamp tokens refused because the queue was full.
    grants_refused: Counter,
    free: Gauge,
    scrub_bytes: Counter,
    scrub_findings: Gauge,
    scrub_round: Gauge,
    intake_write: Histogram,
    grants_write: Histogram,
    seal_write: Histogram,
    witness: Family<WitnessLabels, Counter>,
    witness_time: Family<WitnessIndex, Histogram, fn() -> Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WitnessLabels {
    /// Index in the policy, from 0.
    witness: u64,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WitnessIndex {
    witness: u64,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics {
            accepted: Counter::default(),
            duplicates: Counter::default(),
            refused: Counter::default(),
            pending: Gauge::default(),
            sealed_size: Gauge::default(),
            published_size: Gauge::default(),
            published_time: Gauge::default(),
            granted: Counter::default(),
            grants_refused: Counter::default(),
            free: Gauge::default(),
            scrub_bytes: Counter::default(),
            scrub_findings: Gauge::default(),
            scrub_round: Gauge::default(),
            intake_write: seconds(),
            grants_write: seconds(),
            seal_write: seconds(),
            witness: Family::default(),
            witness_time: Family::new_with_constructor(seconds as fn() -> Histogram),
        }
    }
}

impl Metrics {
    /// Registers every metric of the pipeline under the prefix `treering_log`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("treering_log");
        registry.register("submissions_accepted", "Submissions made durable", self.accepted.clone());
        registry.register(
            "submissions_known",
            "Submissions that were known already",
            self.duplicates.clone(),
        );
        registry.register("submissions_refused", "Submissions refused: queue full", self.refused.clone());
        registry.register(
            "submissions_pending",
            "Submissions and timestamp tokens that wait for their tick",
            self.pending.clone(),
        );
        registry.register_with_unit(
            "disk_free",
            "Free space on the store's disk",
            Unit::Bytes,
            self.free.clone(),
        );
        registry.register_with_unit(
            "scrub_read",
            "Old data that was read again and verified",
            Unit::Bytes,
            self.scrub_bytes.clone(),
        );
        registry.register(
            "scrub_findings",
            "What of the old data is damaged, by the newest round or the one before",
            self.scrub_findings.clone(),
        );
        registry.register_with_unit(
            "scrub_round_time",
            "When all of the old data had been gone through last, since the epoch",
            Unit::Seconds,
            self.scrub_round.clone(),
        );
        registry.register("sealed_size", "Entries that are durable", self.sealed_size.clone());
        registry.register("published_size", "Entries that readers see", self.published_size.clone());
        registry.register_with_unit(
            "published_time",
            "When a checkpoint was published last, since the epoch",
            Unit::Seconds,
            self.published_time.clone(),
        );
        registry.register(
            "grants",
            "Timestamp tokens whose commitments were made durable",
            self.granted.clone(),
        );
        registry.register(
            "grants_refused",
            "Timestamp tokens refused: queue full",
            self.grants_refused.clone(),
        );
        let grants = self.grants_write.clone();
        registry.register_with_unit("grants_write", "One synced write of grants", Unit::Seconds, grants);
        let (intake, seal) = (self.intake_write.clone(), self.seal_write.clone());
        registry.register_with_unit("intake_write", "One synced write of the intake", Unit::Seconds, intake);
        registry.register_with_unit("seal_write", "Building and writing one batch", Unit::Seconds, seal);
        registry.register("witness_requests", "Requests to witnesses, by result", self.witness.clone());
        let times = self.witness_time.clone();
        registry.register_with_unit("witness_request", "One request to a witness", Unit::Seconds, times);
    }

    pub(crate) fn intake_write(&self, took: Duration, accepted: usize) {
        self.intake_write.observe(took.as_secs_f64());
        self.accepted.inc_by(u64::try_from(accepted).unwrap_or(u64::MAX));
    }

    pub(crate) fn free(&self, bytes: u64) {
        self.free.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub(crate) fn scrubbed(&self, bytes: u64) {
        self.scrub_bytes.inc_by(bytes);
    }

    pub(crate) fn damage(&self, findings: u64) {
        self.scrub_findings.set(i64::try_from(findings).unwrap_or(i64::MAX));
    }

    pub(crate) fn scrub_round(&self, now: UnixMillis) {
        self.scrub_round.set(now.seconds().get().cast_signed());
    }

    pub(crate) fn grants_write(&self, took: Duration, accepted: usize) {
        self.grants_write.observe(took.as_secs_f64());
        self.granted.inc_by(u64::try_from(accepted).unwrap_or(u64::MAX));
    }

    pub(crate) fn grants_refused(&self, count: usize) {
        self.grants_refused.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }

    pub(crate) fn sealed(&self, took: Duration, size: TreeSize) {
        self.seal_write.observe(took.as_secs_f64());
        self.sealed_size.set(size.get().cast_signed());
    }

    pub(crate) fn published(&self, size: TreeSize, now: UnixMillis) {
        self.published_size.set(size.get().cast_signed());
        self.published_time.set(now.seconds().get().cast_signed());
    }

    pub(crate) fn witness_answered(&self, witness: usize, took: Duration, error: Option<&WitnessError>) {
        let witness = u64::try_from(witness).unwrap_or(u64::MAX);
        let result = match error {
            None => "cosigned",
            Some(WitnessError::Conflict { .. }) => "conflict",
            Some(WitnessError::Unknown) => "unknown_log",
            Some(WitnessError::Forbidden) => "forbidden",
            Some(WitnessError::Unprocessable) => "unprocessable",
            Some(WitnessError::BadRequest) => "bad_request",
            Some(WitnessError::Status(_)) => "status",
            Some(WitnessError::Unavailable(_)) => "unavailable",
            Some(WitnessError::Malformed) => "malformed",
        };
        self.witness.get_or_create(&WitnessLabels { witness, result }).inc();
        self.witness_time.get_or_create(&WitnessIndex { witness }).observe(took.as_secs_f64());
    }
}

/// From half a millisecond to half a minute.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 17))
}
