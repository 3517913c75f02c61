//! Around every request: an ID, a span, its place in the metrics, and headers that every answer has.

use std::{
    collections::hash_map::RandomState,
    fmt,
    hash::BuildHasher,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    response::Response,
};
use tracing::Instrument;

use super::{metrics::HttpMetrics, problem::RefusalName};
use crate::throttle::Throttle;

/// Every route of both listeners; anything else is one label, so that callers can't make new ones.
const ROUTES: [&str; 15] = [
    "/v1/submissions",
    "/v1/receipts/{root}",
    "/v1/receipts/{root}/tokens/{commitment}",
    "/tsa",
    "/v1/tsa/{serial}",
    "/v1/batches/{entry}",
    "/v1/checkpoints/{size}",
    "/v1/log",
    "/v1/policy",
    "/checkpoint",
    "/tile/{*path}",
    "/metrics",
    "/livez",
    "/readyz",
    "/readyz/publish",
];

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers a request by `answer`, and does what is done for each.
pub(super) async fn observe(
    (metrics, failures): (&HttpMetrics, &Throttle),
    request: Request,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let started = Instant::now();
    let in_flight = metrics.begin();
    let route = route_of(request.uri().path());
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let id = RequestId::next();
    // A span of the debug level costs nothing where it isn't asked for; failures are logged with the ID below.
    let span = tracing::debug_span!("request", %id, method = %request.method(), route);

    let mut response = answer(request).instrument(span).await;
    drop(in_flight);

    let status = response.status();
    metrics.answered(route, status, started.elapsed());
    if let Some(RefusalName(name)) = response.extensions_mut().remove() {
        metrics.refused(name);
    }
    // What is refused for a while (503, 507) is no failure: it is counted, and readiness says why.
    if status == StatusCode::INTERNAL_SERVER_ERROR
        && let Some(left_out) = failures.turn()
    {
        tracing::warn!(%id, route, status = status.as_u16(), left_out, "a request failed");
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id.header());
    if reads {
        // A verifier in a browser may read everything here; nothing is behind a cookie.
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    response
}

/// The route that a path is of, by the same patterns as the router's.
fn route_of(path: &str) -> &'static str {
    ROUTES.into_iter().find(|route| is_of(path, route)).unwrap_or("unknown")
}

fn is_of(path: &str, route: &str) -> bool {
    let mut parts = path.split('/');
    for want in route.split('/') {
        match (want.strip_prefix('{'), parts.next()) {
            (_, None) => return false,
            // What takes the rest takes at least something.
            (Some(name), Some(part)) if name.starts_with('*') => {
                return !part.is_empty() || parts.next().is_some();
            }
            (Some(_), Some(part)) if !part.is_empty() => {}
            (None, Some(part)) if part == want => {}
            _ => return false,
        }
    }
    parts.next().is_none()
}

/// 16 hex digits.
#[derive(Clone, Copy)]
struct RequestId(u64);

impl RequestId {
    /// Unlike those of other runs and other processes, without asking the system for randomness each time.
    fn next() -> RequestId {
        static FIRST: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
        static COUNT: AtomicU64 = AtomicU64::new(0);
        RequestId(FIRST.wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed)))
    }

    fn header(self) -> HeaderValue {
        let mut digits = [0; 16];
        hex::encode_to_slice(self.0.to_be_bytes(), &mut digits).expect("two digits a byte");
        HeaderValue::from_bytes(&digits).expect("hex digits are a header value")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, routing::get};

    use super::*;
    use crate::{
        http::{Api, refusal::Refusal},
        log::SubmitError,
        throttle::lines::Lines,
    };

    async fn fine() -> &'static str {
        "fine"
    }

    async fn panics() -> &'static str {
        panic!("a test of what a panic does")
    }

    async fn ask(method: &str, path: &str) -> (Response, String) {
        let metrics = HttpMetrics::default();
        let routes = Router::new()
            .route("/v1/log", get(fine))
            .route("/livez", get(panics))
            .route("/readyz", get(async || -> Result<(), Refusal> { Err(Refusal::EmptyBody) }));
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = Api::new(routes, metrics.clone()).answer(request).await;
        let mut registry = prometheus_client::registry::Registry::default();
        metrics.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        (response, text)
    }

    #[tokio::test]
    async fn every_answer_has_an_id_and_is_counted() {
        let (response, metrics) = ask("GET", "/v1/log").await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["x-request-id"].len(), 16);
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        assert!(metrics.contains("requests_total{route=\"/v1/log\",status=\"200\"} 1"), "{metrics}");
        assert!(metrics.contains("in_flight 0"), "{metrics}");
    }

    #[tokio::test]
    async fn head_is_get_without_a_body() {
        let (response, _) = ask("HEAD", "/v1/log").await;
        assert_eq!(
            (response.status(), &response.headers()["content-length"]),
            (StatusCode::OK, &"4".parse().unwrap())
        );
    }

    #[tokio::test]
    async fn an_unknown_path_is_a_problem_and_no_new_label() {
        let (response, metrics) = ask("GET", "/etc/passwd").await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert!(metrics.contains("requests_total{route=\"unknown\",status=\"404\"} 1"), "{metrics}");
        assert!(metrics.contains("refusals_total{problem=\"unknown_path\"} 1"), "{metrics}");
    }

    #[tokio::test]
    async fn another_method_is_a_problem_that_says_which_are_right() {
        let (response, _) = ask("DELETE", "/v1/log").await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["allow"], "GET,HEAD");
        assert!(!response.headers().contains_key("access-control-allow-origin"));
    }

    #[tokio::test]
    async fn a_refusal_is_counted_by_its_name() {
        let (_, metrics) = ask("GET", "/readyz").await;
        assert!(metrics.contains("refusals_total{problem=\"empty_body\"} 1"), "{metrics}");
    }

    #[tokio::test]
    async fn a_panic_is_a_500_and_not_the_end_of_the_connection() {
        // Whoever logs a failure first, in whichever test, decides whether anybody is listening.
        let _lines = Lines::begin();
        let (response, metrics) = ask("GET", "/livez").await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert!(metrics.contains("refusals_total{problem=\"internal\"} 1"), "{metrics}");
    }

    /// Where the log's own log is on the disk that is full, a line a refusal would take what is left of it.
    #[tokio::test]
    async fn refusals_are_not_logged_and_failures_once_a_second() {
        let (lines, _guard) = Lines::begin();
        let begun = Instant::now();
        let full = async || -> Result<(), Refusal> { Err(SubmitError::NoSpace.into()) };
        let held = async || -> Result<(), Refusal> { Err(SubmitError::Held.into()) };
        let failed = async || -> Result<(), Refusal> { Err(Refusal::Internal) };
        let routes = Router::new()
            .route("/v1/log", get(full))
            .route("/v1/policy", get(held))
            .route("/checkpoint", get(failed));
        let api = Api::new(routes, HttpMetrics::default());
        for (path, status, logged) in
            [("/v1/log", 507, false), ("/v1/policy", 503, false), ("/checkpoint", 500, true)]
        {
            for _ in 0..1000 {
                let request = Request::get(path).body(Body::empty()).unwrap();
                assert_eq!(api.answer(request).await.status(), status);
            }
            let said = lines.that_say("a request failed");
            let most = if logged { 1 + begun.elapsed().as_secs() } else { 0 };
            assert!(said.is_empty() != logged && said.len() as u64 <= most, "{path}: {said:#?}");
        }
    }

    #[test]
    fn a_path_is_of_the_route_that_the_router_gives_it_to() {
        for (path, route) in [
            ("/v1/submissions", "/v1/submissions"),
            ("/v1/receipts/ab", "/v1/receipts/{root}"),
            ("/v1/receipts/ab/tokens/cd", "/v1/receipts/{root}/tokens/{commitment}"),
            ("/tile/0/x001/234.p/5", "/tile/{*path}"),
            ("/checkpoint", "/checkpoint"),
            ("/v1/checkpoints/7", "/v1/checkpoints/{size}"),
            ("/v1/receipts/", "unknown"),
            ("/v1/receipts/ab/tokens", "unknown"),
            ("/v1/submissions/", "unknown"),
            ("/v1", "unknown"),
            ("/tile/", "unknown"),
            ("/tile", "unknown"),
            ("/", "unknown"),
            ("", "unknown"),
        ] {
            assert_eq!(route_of(path), route, "{path}");
        }
    }

    #[test]
    fn the_labels_are_the_routes() {
        let api: serde_json::Value = serde_json::from_str(&crate::http::openapi::description()).unwrap();
        for path in api["paths"].as_object().unwrap().keys() {
            let route = path.replace("{path}", "{*path}");
            assert!(ROUTES.contains(&route.as_str()), "{route}");
        }
    }
}
