//! What the metrics of witness, monitor and mirror have in common.

use std::sync::atomic::AtomicI64;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct OriginLabel {
    pub(crate) origin: String,
}

/// A value a log.
pub(crate) type Gauges = Family<OriginLabel, Gauge<i64, AtomicI64>>;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct RoundLabel {
    pub(crate) origin: String,
    pub(crate) result: &'static str,
}

/// Looks at a log by result.
pub(crate) type Rounds = Family<RoundLabel, Counter>;

/// Sizes and times are at most 2^63−1.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The OpenMetrics text.
pub(crate) fn text(registry: &Registry) -> String {
    let mut text = String::new();
    encode(&mut text, registry).expect("writing to a string does not fail");
    text
}
