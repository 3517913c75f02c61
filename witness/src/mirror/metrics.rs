//! What operators of a mirror watch, in the OpenMetrics text format.
//!
//! Label values come from fixed sets (results) or from the operator's own file (origins).

use std::sync::atomic::AtomicI64;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::pull::Round;
use crate::metrics::series::{self, Gauges, OriginLabel, RoundLabel, Rounds, signed};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabel {
    call: &'static str,
    result: &'static str,
}

/// The mirror's metrics.
#[derive(Debug)]
pub struct MirrorMetrics {
    registry: Registry,
    rounds: Rounds,
    requests: Family<RequestLabel, Counter>,
    sizes: Gauges,
    entries: Gauges,
    batches: Gauges,
    connections: Gauge<i64, AtomicI64>,
}

impl Default for MirrorMetrics {
    fn default() -> MirrorMetrics {
        MirrorMetrics::new()
    }
}

impl MirrorMetrics {
    /// All at zero.
    pub fn new() -> MirrorMetrics {
        let mut metrics = MirrorMetrics {
            registry: Registry::with_prefix("treering_mirror"),
            rounds: Family::default(),
            requests: Family::default(),
            sizes: Family::default(),
            entries: Family::default(),
            batches: Family::default(),
            connections: Gauge::default(),
        };
        let r = &mut metrics.registry;
        r.register(
            "rounds",
            "Looks at a log by result: ok, wrong, unchecked, failed",
            metrics.rounds.clone(),
        );
        r.register("requests", "Requests by call and result", metrics.requests.clone());
        r.register("log_size", "Size of the mirror checkpoint", metrics.sizes.clone());
        r.register("log_entries", "Entries that are durable here", metrics.entries.clone());
        r.register("log_batches", "Entries whose batches are durable here", metrics.batches.clone());
        r.register("connections", "Open public connections", metrics.connections.clone());
        metrics
    }

    pub(super) fn round(&self, origin: &str, round: &Round) {
        self.result(origin, round.result());
        let label = OriginLabel { origin: origin.to_owned() };
        self.sizes.get_or_create(&label).set(signed(round.size));
        self.entries.get_or_create(&label).set(signed(round.entries));
        self.batches.get_or_create(&label).set(signed(round.batches));
    }

    pub(super) fn failed(&self, origin: &str) {
        self.result(origin, "failed");
    }

    pub(super) fn answered(requests: &Requests, call: &'static str, result: &'static str) {
        requests.0.get_or_create(&RequestLabel { call, result }).inc();
    }

    /// The counter of requests, for those who answer them.
    pub(super) fn requests(&self) -> Requests {
        Requests(self.requests.clone())
    }

    pub(super) fn connections(&self) -> Gauge<i64, AtomicI64> {
        self.connections.clone()
    }

    /// The OpenMetrics text.
    pub fn encode(&self) -> String {
        series::text(&self.registry)
    }

    fn result(&self, origin: &str, result: &'static str) {
        self.rounds.get_or_create(&RoundLabel { origin: origin.to_owned(), result }).inc();
    }
}

/// Counts requests.
#[derive(Clone, Debug)]
pub(super) struct Requests(Family<RequestLabel, Counter>);
