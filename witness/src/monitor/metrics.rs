//! What operators of a monitor watch, in the OpenMetrics text format.
//!
//! Label values come from fixed sets (kinds, results) or from the operator's own file (origins).

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::{Registry, Unit},
};

use super::{config::LogConfig, follow::Round};
use crate::{
    admin::Pages,
    metrics::series::{self, Gauges, OriginLabel, RoundLabel, Rounds, signed},
};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KindLabel {
    origin: String,
    kind: &'static str,
}

/// The monitor's metrics.
#[derive(Debug)]
pub struct MonitorMetrics {
    registry: Registry,
    rounds: Rounds,
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
        self.rounds.get_or_create(&RoundLabel { origin: origin.clone(), result }).inc();
        for finding in round.findings.iter().filter(|finding| finding.new) {
            let kind = finding.kind.name();
            self.findings.get_or_create(&KindLabel { origin: origin.clone(), kind }).inc();
        }
        let label = OriginLabel { origin };
        self.wrong.get_or_create(&label).set(signed((round.findings.len() + round.more) as u64));
        self.sizes.get_or_create(&label).set(signed(round.size));
        self.checked.get_or_create(&label).set(signed(round.checked));
        if let Some(fresh_at) = round.fresh_at {
            self.fresh.get_or_create(&label).set(signed(fresh_at));
        }
    }

    /// The OpenMetrics text.
    pub fn encode(&self) -> String {
        series::text(&self.registry)
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
