//! What operators watch of the witnesses (Prometheus): one series for each key of the policy, by its name there. And what
//! else is best read at the moment of a scrape.

use super::{Board, Peer, margin::margin};
use crate::state::Core;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{MetricType, counter::Counter, family::Family, gauge::ConstGauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use std::{sync::Arc, time::Duration};
use treering_tlog::time::UnixMillis;

/// Requests to witnesses, counted as they are answered.
#[derive(Clone, Debug)]
pub(crate) struct WitnessMetrics {
    requests: Family<Labels, Counter>,
    times: Family<Name, Histogram, fn() -> Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    /// Its name in the policy.
    witness: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Name {
    witness: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Part {
    part: &'static str,
}

impl WitnessMetrics {
    pub(crate) fn new(seconds: fn() -> Histogram) -> WitnessMetrics {
        WitnessMetrics { requests: Family::default(), times: Family::new_with_constructor(seconds) }
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("witness_requests", "Requests to witnesses, by result", self.requests.clone());
        let times = self.times.clone();
        registry.register_with_unit("witness_request", "One request to a witness", Unit::Seconds, times);
    }

    /// `result` is `cosigned` or a kind of failure.
    pub(crate) fn answered(&self, witness: &str, took: Duration, result: &'static str) {
        let witness = witness.to_owned();
        self.times.get_or_create(&Name { witness: witness.clone() }).observe(took.as_secs_f64());
        self.requests.get_or_create(&Labels { witness, result }).inc();
    }
}

/// What the board shows at the moment of a scrape, and what is held.
#[derive(Debug)]
pub(crate) struct Shown(pub(crate) Arc<Core>);

impl Collector for Shown {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let core = &self.0;
        held(&mut encoder, core)?;
        let help = "Has the log ended? Then nothing is published any more, and no witness is asked";
        gauge(&mut encoder, "frozen", help, None, i64::from(core.frozen.is_some()))?;
        if core.frozen.is_some() {
            return Ok(());
        }
        let floor = i64::try_from(core.settings.min_free_bytes).unwrap_or(i64::MAX);
        let help = "Nothing is taken while less is free where store and record are";
        gauge(&mut encoder, "disk_floor", help, Some(&Unit::Bytes), floor)?;
        let (sizes, ages) = sizes_and_ages(&core.board, core.began, core.clock.now());
        family(
            &mut encoder,
            "witness_cosigned_size",
            "The size of the last checkpoint that a witness cosigned since this log started",
            None,
            &sizes,
        )?;
        family(
            &mut encoder,
            "witness_cosigned_age",
            "How old a witness's last cosignature is, by its own time; before its first one, for how long this log runs",
            Some(&Unit::Seconds),
            &ages,
        )?;
        let help = "How many witnesses, whichever, could fail now and the quorum would still be met: 2 is two or more, \
                    -1 is not met";
        gauge(&mut encoder, "quorum_margin", help, None, quorum_margin(core, &core.peers))
    }
}

/// Whether a part of the pipeline is held, so that alarms need not read `/readyz`.
fn held(encoder: &mut DescriptorEncoder<'_>, core: &Core) -> Result<(), std::fmt::Error> {
    let held = core.held();
    let parts = [("intake", held.intake), ("sealing", held.sealing), ("signing", held.signing)];
    let mut encoder =
        encoder.encode_descriptor("held", "Is this part held? /readyz says why", None, MetricType::Gauge)?;
    for (part, reason) in parts {
        let value = i64::from(reason.is_some());
        ConstGauge::new(value).encode(encoder.encode_family(&Part { part })?)?;
    }
    Ok(())
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    value: i64,
) -> Result<(), std::fmt::Error> {
    ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?)
}

fn quorum_margin(core: &Core, peers: &[Peer]) -> i64 {
    margin(&core.settings.policy, peers, &core.board.well())
}

type Series = Vec<(String, i64)>;

/// Of each witness that can be asked. A time in the future (its clock is ahead) is an age of 0.
fn sizes_and_ages(board: &Board, began: UnixMillis, now: UnixMillis) -> (Series, Series) {
    let (mut sizes, mut ages) = (Vec::new(), Vec::new());
    for row in board.rows().into_iter().filter(|row| row.url.is_some()) {
        let since = row.last_time.unwrap_or(began.seconds().get());
        ages.push((row.name.clone(), now.seconds().get().saturating_sub(since).cast_signed()));
        sizes.extend(row.last_size.map(|size| (row.name, size.cast_signed())));
    }
    (sizes, ages)
}

fn family(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    series: &Series,
) -> Result<(), std::fmt::Error> {
    let mut encoder = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
    for (witness, value) in series {
        let labels = Name { witness: witness.clone() };
        ConstGauge::new(*value).encode(encoder.encode_family(&labels)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::witnesses::tests::policy;
    use treering_tlog::{time::UnixSeconds, tree::TreeSize};

    #[test]
    fn an_age_counts_from_the_last_cosignature_or_from_the_logs_start() {
        let policy = policy(&[("a", "http://a"), ("b", "http://b"), ("c", "")], "quorum none\n");
        let board = Board::new(&policy);
        let millis = |seconds: u64| UnixMillis::new(seconds * 1000).unwrap();
        let cosigned = |seconds| {
            board.cosigned(0, TreeSize::new(7).unwrap(), UnixSeconds::new(seconds).unwrap(), Duration::ZERO);
        };
        let named = |name: &str, value| (name.to_owned(), value);
        let shown = || sizes_and_ages(&board, millis(5000), millis(5100));
        assert_eq!(shown(), (vec![], vec![named("a", 100), named("b", 100)]));
        cosigned(5090);
        assert_eq!(shown(), (vec![named("a", 7)], vec![named("a", 10), named("b", 100)]));
        cosigned(6000);
        assert_eq!(shown().1[0], named("a", 0));
    }
}
