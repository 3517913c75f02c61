//! What operators of a monitor watch, in the OpenMetrics text format.
//!
//! Label values come from fixed sets (kinds, results) or from the operator's own file (origins).

use std::sync::atomic::AtomicI64;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use super::{config::LogConfig, follow::Round};
use crate::admin::Pages;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LogLabel {
    origin: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResultLabel {
    origin: String,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KindLabel {
    origin: String,
    kind: &'static str,
}

type Gauges = Family<LogLabel, Gauge<i64, AtomicI64>>;

/// The monitor's metrics.
#[derive(Debug)]
pub struct MonitorMetrics {
    registry: Registry,
    rounds: Family<ResultLabel, Counter>,
    findings: Family<KindLabel, Counter>,
    wrong: Gauges,
    sizes: Gauges,
    checked: Gauges,
    fresh: Gauges,
}

impl Default for MonitorMetrics {
    fn default() -> MonitorMetrics {
        MonitorMetrics::new()
    }
}

impl MonitorMetrics {
    /// All at zero.
    pub fn new() -> MonitorMetrics {
        let mut metrics = MonitorMetrics {
            registry: Registry::with_prefix("treering_monitor"),
            rounds: Family::default(),
            findings: Family::default(),
            wrong: Family::default(),
            sizes: Family::default(),
            checked: Family::default(),
            fresh: Family::default(),
        };
        let r = &mut metrics.registry;
        r.register("rounds", "Looks at a log by result: ok, finding, unchecked", metrics.rounds.clone());
        r.register("findings", "Evidence files that were written, by kind", metrics.findings.clone());
        r.register("wrong", "Findings of the last look, old and new", metrics.wrong.clone());
        r.register("log_size", "Size of the newest consistent head", metrics.sizes.clone());
        r.register("log_checked", "Entries that were checked", metrics.checked.clone());
        let help = "Time of the newest cosignatures that meet the policy, since the epoch";
        r.register_with_unit("log_fresh_timestamp", help, Unit::Seconds, metrics.fresh.clone());
        metrics
    }

    pub(super) fn round(&self, log: &LogConfig, round: &Round) {
        let origin = log.origin.to_string();
        let result = round.result();
        self.rounds.get_or_create(&ResultLabel { origin: origin.clone(), result }).inc();
        for finding in round.findings.iter().filter(|finding| finding.new) {
            let kind = finding.kind.name();
            self.findings.get_or_create(&KindLabel { origin: origin.clone(), kind }).inc();
        }
        let label = LogLabel { origin };
        self.wrong.get_or_create(&label).set(signed((round.findings.len() + round.more) as u64));
        self.sizes.get_or_create(&label).set(signed(round.size));
        self.checked.get_or_create(&label).set(signed(round.checked));
        if let Some(fresh_at) = round.fresh_at {
            self.fresh.get_or_create(&label).set(signed(fresh_at));
        }
    }

    /// The OpenMetrics text.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }
}

impl Pages for MonitorMetrics {
    fn metrics(&self) -> String {
        self.encode()
    }
}

impl Round {
    /// `finding`, or `unchecked`, or `ok`.
    pub fn result(&self) -> &'static str {
        match (self.findings.is_empty(), self.unchecked.is_empty()) {
            (false, _) => "finding",
            (true, false) => "unchecked",
            (true, true) => "ok",
        }
    }
}

/// Sizes and times are at most 2^63−1.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
