//! What operators watch, in the OpenMetrics text format.
//!
//! Label values come from fixed sets (results) or from the operator's own files (origins), never from requests.

pub(crate) mod series;

use std::{
    sync::atomic::{AtomicI64, AtomicU64},
    time::Duration,
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use treering_tlog::checkpoint::Origin;

use crate::{
    bastion::Event,
    store::{Commit, Record},
};
use series::{Gauges, OriginLabel, signed};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct BastionLabel {
    bastion: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct BastionResultLabel {
    bastion: String,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

/// What was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    AddCheckpoint,
    SignSubtree,
}

/// The witness's metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<ResultLabel, Counter>,
    seconds: Histogram,
    subtrees: Family<ResultLabel, Counter>,
    subtree_seconds: Histogram,
    sizes: Gauges,
    times: Gauges,
    logs: Gauge<i64, AtomicI64>,
    unchecked: Gauge<i64, AtomicI64>,
    held: Gauge<i64, AtomicI64>,
    connections: Gauge<i64, AtomicI64>,
    bastions: Family<BastionLabel, Gauge<i64, AtomicI64>>,
    bastion_attempts: Family<BastionResultLabel, Counter>,
    reloads: Family<ResultLabel, Counter>,
    commit_updates: Histogram,
    commit_seconds: Histogram,
    updates: Counter<u64, AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Metrics {
        let latency = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];
        let groups = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1024.0];
        let mut metrics = Metrics {
            registry: Registry::with_prefix("treering_witness"),
            requests: Family::default(),
            seconds: Histogram::new(latency),
            subtrees: Family::default(),
            subtree_seconds: Histogram::new(latency),
            sizes: Family::default(),
            times: Family::default(),
            logs: Gauge::default(),
            unchecked: Gauge::default(),
            held: Gauge::default(),
            connections: Gauge::default(),
            bastions: Family::default(),
            bastion_attempts: Family::default(),
            reloads: Family::default(),
            commit_updates: Histogram::new(groups),
            commit_seconds: Histogram::new(latency),
            updates: Counter::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("add_checkpoint", "add-checkpoint requests by result", self.requests.clone());
        let help = "Time from a whole add-checkpoint request to its answer";
        r.register_with_unit("add_checkpoint", help, Unit::Seconds, self.seconds.clone());
        r.register("sign_subtree", "sign-subtree requests by result", self.subtrees.clone());
        let help = "Time from a sign-subtree request to its answer";
        r.register_with_unit("sign_subtree", help, Unit::Seconds, self.subtree_seconds.clone());
        r.register("log_size", "Size of the last cosigned checkpoint", self.sizes.clone());
        let help = "Time of the last cosignature, since the epoch";
        r.register_with_unit("log_cosigned_timestamp", help, Unit::Seconds, self.times.clone());
        r.register("logs", "Logs that are configured", self.logs.clone());
        let help = "Logs whose record could not be compared with what they publish";
        r.register("logs_unchecked", help, self.unchecked.clone());
        let help = "Logs that are not signed for, because the records are older than the signatures";
        r.register("logs_held", help, self.held.clone());
        r.register("connections", "Open connections, public and admin", self.connections.clone());
        let help = "1 while there is a connection to the bastion";
        r.register("bastion_connected", help, self.bastions.clone());
        let help = "Connections to the bastion by result";
        r.register("bastion_connections", help, self.bastion_attempts.clone());
        r.register("reloads", "Times that the files of logs were read, by result", self.reloads.clone());
        r.register(
            "commit_updates",
            "Updates that shared one synced transaction",
            self.commit_updates.clone(),
        );
        let help = "Time of one transaction with its syncs";
        r.register_with_unit("commit", help, Unit::Seconds, self.commit_seconds.clone());
        r.register("updates", "Updates that the store decided", self.updates.clone());
    }

    pub(crate) fn answered(&self, call: Call, result: &'static str, took: Duration) {
        let (requests, seconds) = match call {
            Call::AddCheckpoint => (&self.requests, &self.seconds),
            Call::SignSubtree => (&self.subtrees, &self.subtree_seconds),
        };
        requests.get_or_create(&ResultLabel { result }).inc();
        seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn cosigned(&self, record: &Record) {
        let label = origin_label(record.origin());
        self.sizes.get_or_create(&label).set(signed(record.head().size.get()));
        self.times.get_or_create(&label).set(signed(record.time().get()));
    }

    pub(crate) fn reloaded(&self, logs: Option<usize>) {
        let result = if logs.is_some() { "ok" } else { "refused" };
        self.reloads.get_or_create(&ResultLabel { result }).inc();
        if let Some(logs) = logs {
            self.logs.set(i64::try_from(logs).unwrap_or(i64::MAX));
        }
    }

    pub(crate) fn bastion(&self, bastion: &str, event: Event) {
        let connected = event == Event::Connected;
        let label = BastionLabel { bastion: bastion.to_owned() };
        self.bastions.get_or_create(&label).set(i64::from(connected));
        let result = match event {
            Event::Connected => "connected",
            Event::Failed => "failed",
            Event::Ended => return,
        };
        self.bastion_attempts.get_or_create(&BastionResultLabel { bastion: label.bastion, result }).inc();
    }

    pub(crate) fn compared(&self, unchecked: usize, held: usize) {
        self.unchecked.set(signed(unchecked as u64));
        self.held.set(signed(held as u64));
    }

    pub(crate) fn committed(&self, commit: Commit) {
        self.updates.inc_by(commit.updates as u64);
        self.commit_updates.observe(f64::from(u32::try_from(commit.updates).unwrap_or(u32::MAX)));
        self.commit_seconds.observe(commit.took.as_secs_f64());
    }

    pub(crate) fn connections(&self) -> Gauge<i64, AtomicI64> {
        self.connections.clone()
    }

    /// The OpenMetrics text.
    pub fn encode(&self) -> String {
        series::text(&self.registry)
    }
}

fn origin_label(origin: &Origin) -> OriginLabel {
    OriginLabel { origin: origin.as_str().to_owned() }
}
