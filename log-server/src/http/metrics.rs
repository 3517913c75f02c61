//! What operators watch of the HTTP side. Cheap to clone: the counters are shared.

use std::time::Duration;

use axum::http::StatusCode;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Counters of requests, bodies and connections.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    requests: Family<Request, Counter>,
    refusals: Family<Refused, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    connections: Gauge,
    handshakes_failed: Counter,
    body_bytes: Counter,
    hashes: Counter,
    timestamps: Family<Timestamp, Counter>,
    /// What isn't there is never set, and not shown.
    certificate_days: Family<Certificate, Gauge>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Certificate {
    /// Whose: `tsa`, `tls`.
    certificate: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Timestamp {
    /// `granted`, or why not (RFC 3161's name of the failure).
    status: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Request {
    route: &'static str,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Refused {
    /// The problem's stable name.
    problem: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Route {
    route: &'static str,
}

/// A single-hash request takes well below a millisecond and its fsync; a waiting one as long as the client likes.
fn latencies() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0])
}

impl Default for HttpMetrics {
    fn default() -> HttpMetrics {
        HttpMetrics {
            requests: Family::default(),
            refusals: Family::default(),
            seconds: Family::new_with_constructor(latencies),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            handshakes_failed: Counter::default(),
            body_bytes: Counter::default(),
            hashes: Counter::default(),
            timestamps: Family::default(),
            certificate_days: Family::default(),
        }
    }
}

impl HttpMetrics {
    /// Registers every metric of the public listener.
    pub fn register(&self, registry: &mut Registry) {
        let http = registry.sub_registry_with_prefix("treering_log_http");
        http.register("requests", "Requests answered, by route and status", self.requests.clone());
        http.register("refusals", "Requests refused, by the name of the problem", self.refusals.clone());
        http.register_with_unit(
            "duration",
            "Time from a request's head to its answer's head",
            Unit::Seconds,
            self.seconds.clone(),
        );
        http.register("in_flight", "Requests without an answer yet", self.in_flight.clone());
        http.register("connections", "Open connections", self.connections.clone());
        http.register(
            "tls_handshakes_failed",
            "Connections that ended before TLS stood",
            self.handshakes_failed.clone(),
        );
        http.register_with_unit(
            "body",
            "Bytes of submissions' bodies, refused ones included",
            Unit::Bytes,
            self.body_bytes.clone(),
        );
        http.register("hashes", "Hashes in whole submissions", self.hashes.clone());
        let others = registry.sub_registry_with_prefix("treering_log");
        others.register(
            "timestamps",
            "Answers to timestamp queries, by their status",
            self.timestamps.clone(),
        );
        others.register(
            "certificate_days",
            "Whole days until a certificate ends, below 0 afterwards",
            self.certificate_days.clone(),
        );
    }

    /// Counts a request until the guard is dropped or answered.
    pub(super) fn begin(&self) -> Held {
        Held::new(&self.in_flight)
    }

    /// Counts an open connection until the guard is dropped.
    pub(super) fn connect(&self) -> Held {
        Held::new(&self.connections)
    }

    pub(super) fn handshake_failed(&self) {
        self.handshakes_failed.inc();
    }

    pub(super) fn answered(&self, route: &'static str, status: StatusCode, time: Duration) {
        self.requests.get_or_create(&Request { route, status: status.as_u16() }).inc();
        self.seconds.get_or_create(&Route { route }).observe(time.as_secs_f64());
    }

    pub(super) fn refused(&self, problem: &'static str) {
        self.refusals.get_or_create(&Refused { problem }).inc();
    }

    pub(super) fn count_body(&self, bytes: u64) {
        self.body_bytes.inc_by(bytes);
    }

    pub(super) fn timestamped(&self, status: &'static str) {
        self.timestamps.get_or_create(&Timestamp { status }).inc();
    }

    pub(crate) fn certificate_days(&self, certificate: &'static str, days: i64) {
        self.certificate_days.get_or_create(&Certificate { certificate }).set(days);
    }

    pub(super) fn count_hashes(&self, hashes: u64) {
        self.hashes.inc_by(hashes);
    }
}

/// One more in a gauge for as long as it lives: futures may be dropped at any point.
#[derive(Debug)]
pub(super) struct Held(Gauge);

impl Held {
    fn new(gauge: &Gauge) -> Held {
        gauge.inc();
        Held(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_what_is_shown() {
        let metrics = HttpMetrics::default();
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        drop(metrics.begin());
        let _open = metrics.connect();
        metrics.answered("/v1/log", StatusCode::OK, Duration::from_millis(2));
        metrics.refused("empty_body");
        metrics.count_body(64);
        metrics.count_hashes(2);
        metrics.timestamped("granted");
        metrics.certificate_days("tsa", 29);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "treering_log_http_requests_total{route=\"/v1/log\",status=\"200\"} 1",
            "treering_log_http_refusals_total{problem=\"empty_body\"} 1",
            "treering_log_http_duration_seconds_bucket{le=\"0.0025\",route=\"/v1/log\"} 1",
            "treering_log_http_in_flight 0",
            "treering_log_http_connections 1",
            "treering_log_http_body_bytes_total 64",
            "treering_log_http_hashes_total 2",
            "treering_log_timestamps_total{status=\"granted\"} 1",
            "treering_log_certificate_days{certificate=\"tsa\"} 29",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
