//! What operators watch of the pipeline (Prometheus). The HTTP layer has metrics of its own.

use crate::{allocator::Heap, store::Memory, witnesses::WitnessMetrics};
use prometheus_client::{
    metrics::{
        counter::Counter,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use std::time::Duration;
use treering_tlog::{time::UnixMillis, tree::TreeSize};

/// What the names of the log's metrics begin with.
pub(crate) const PREFIX: &str = "treering_log";

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
    write_buffers: Gauge,
    cache: Gauge,
    tables: Gauge,
    recent_trees: Gauge,
    heap_allocated: Gauge,
    heap_resident: Gauge,
    scrub_bytes: Counter,
    scrub_findings: Gauge,
    scrub_round: Gauge,
    intake_write: Histogram,
    grants_write: Histogram,
    seal_write: Histogram,
    pub(crate) witnesses: WitnessMetrics,
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
            write_buffers: Gauge::default(),
            cache: Gauge::default(),
            tables: Gauge::default(),
            recent_trees: Gauge::default(),
            heap_allocated: Gauge::default(),
            heap_resident: Gauge::default(),
            scrub_bytes: Counter::default(),
            scrub_findings: Gauge::default(),
            scrub_round: Gauge::default(),
            intake_write: seconds(),
            grants_write: seconds(),
            seal_write: seconds(),
            witnesses: WitnessMetrics::new(seconds),
        }
    }
}

impl Metrics {
    /// Registers every metric of the pipeline under the prefix `treering_log`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix(PREFIX);
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
            "Free space where store and record are: the less of both",
            Unit::Bytes,
            self.free.clone(),
        );
        let help = "What was written to the store and stands in no file of its tables yet";
        registry.register_with_unit("write_buffers", help, Unit::Bytes, self.write_buffers.clone());
        registry.register_with_unit("cache", "The store's block cache", Unit::Bytes, self.cache.clone());
        let help = "What the store's open tables hold beside the cache";
        registry.register_with_unit("open_tables", help, Unit::Bytes, self.tables.clone());
        let help = "Trees of recent batches, for receipts that are asked for soon";
        registry.register_with_unit("recent_trees", help, Unit::Bytes, self.recent_trees.clone());
        let help = "What the program and its store have asked the allocator for";
        registry.register_with_unit("heap_allocated", help, Unit::Bytes, self.heap_allocated.clone());
        let help = "What the allocator has of the kernel for that";
        registry.register_with_unit("heap_resident", help, Unit::Bytes, self.heap_resident.clone());
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
            "When a checkpoint was published last, since the epoch; before the first one, when this process began",
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
        self.witnesses.register(registry);
    }

    pub(crate) fn intake_write(&self, took: Duration, accepted: usize) {
        self.intake_write.observe(took.as_secs_f64());
        self.accepted.inc_by(u64::try_from(accepted).unwrap_or(u64::MAX));
    }

    pub(crate) fn free(&self, bytes: u64) {
        set(&self.free, bytes);
    }

    pub(crate) fn store_memory(&self, memory: Memory) {
        set(&self.write_buffers, memory.write_buffers);
        set(&self.cache, memory.cache);
        set(&self.tables, memory.tables);
    }

    pub(crate) fn recent_trees(&self, bytes: u64) {
        set(&self.recent_trees, bytes);
    }

    pub(crate) fn heap(&self, heap: Heap) {
        set(&self.heap_allocated, heap.allocated);
        set(&self.heap_resident, heap.resident);
    }

    pub(crate) fn scrubbed(&self, bytes: u64) {
        self.scrub_bytes.inc_by(bytes);
    }

    pub(crate) fn damage(&self, findings: u64) {
        set(&self.scrub_findings, findings);
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

    /// Where the log stands when it is taken up: what never changes until something happens must not read as 0.
    pub(crate) fn begin(&self, sealed: TreeSize, published: Option<TreeSize>, now: UnixMillis) {
        self.sealed_size.set(sealed.get().cast_signed());
        self.published(published.unwrap_or(TreeSize::ZERO), now);
    }

    pub(crate) fn published(&self, size: TreeSize, now: UnixMillis) {
        self.published_size.set(size.get().cast_signed());
        self.published_time.set(now.seconds().get().cast_signed());
    }
}

/// What is beyond a gauge's numbers shows as the largest of them.
fn set(gauge: &Gauge, value: impl TryInto<i64>) {
    gauge.set(value.try_into().unwrap_or(i64::MAX));
}

/// From half a millisecond to half a minute.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 17))
}
