//! What a client prefers: `Accept` (RFC 9110 section 12.5.1) between text and JSON, `Prefer: wait` (RFC 7240).
//!
//! Both are wishes: what can't be read is passed over, and an `Accept` that takes neither gets text.

use std::time::Duration;

use axum::http::{HeaderMap, header};

/// The two forms of a receipt or policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Json,
}

impl Form {
    /// JSON if it is liked better than text; text otherwise.
    pub(super) fn of(headers: &HeaderMap) -> Form {
        let mut text = Liking::default();
        let mut json = Liking::default();
        for range in values(headers, header::ACCEPT.as_str()).flat_map(|value| value.split(',')) {
            text.consider(range, "text/plain", "text/*");
            json.consider(range, "application/json", "application/*");
        }
        if json.quality > text.quality { Form::Json } else { Form::Text }
    }
}

/// How much one media type is liked: by its most specific range.
#[derive(Clone, Copy, Debug, Default)]
struct Liking {
    specific: u8,
    /// In thousandths.
    quality: u16,
}

impl Liking {
    fn consider(&mut self, range: &str, exact: &str, group: &str) {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or("").to_ascii_lowercase();
        let specific = match name.as_str() {
            "*/*" => 1,
            name if name == group => 2,
            name if name == exact => 3,
            _ => return,
        };
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1000), quality);
        if let Some(quality) = quality
            && specific > self.specific
        {
            *self = Liking { specific, quality };
        }
    }
}

/// SPEC: RFC 9110 section 12.4.2: 0 to 1 with at most three digits behind the point.
fn quality(text: &str) -> Option<u16> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(whole, "0" | "1") || rest.len() > 3 || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{whole}{rest:0<3}").parse().ok()?;
    (thousandths <= 1000).then_some(thousandths)
}

/// How long the client would wait for its receipt, at most `cap`; `None` if it didn't ask.
pub(super) fn wait(headers: &HeaderMap, cap: Duration) -> Option<Duration> {
    // SPEC: RFC 7240 section 2: of a preference given more than once, the first counts.
    let seconds = values(headers, "prefer").flat_map(|value| value.split(',')).find_map(wait_seconds)?;
    Some(Duration::from_secs(seconds).min(cap))
}

/// The number of one preference if it is `wait`.
fn wait_seconds(preference: &str) -> Option<u64> {
    let (name, value) = preference.split(';').next()?.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("wait") {
        return None;
    }
    let value = value.trim();
    let digits = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    // A number too long for u64 is a long wait all the same.
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().unwrap_or(u64::MAX))
}

fn values<'h>(headers: &'h HeaderMap, name: &'static str) -> impl Iterator<Item = &'h str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn text_unless_json_is_liked_better() {
        for (accept, form) in [
            ("", Form::Text),
            ("*/*", Form::Text),
            ("application/json", Form::Json),
            ("Application/JSON; q=0.5", Form::Json),
            ("application/json, */*;q=0.8", Form::Json),
            ("application/json, text/plain, */*", Form::Text),
            ("text/plain;q=0.5, application/json;q=0.9", Form::Json),
            ("text/*, application/json;q=0.9", Form::Text),
            ("application/*, text/plain;q=0.1", Form::Json),
            ("application/json;q=0", Form::Text),
            ("application/json;q=2", Form::Text),
            ("image/png", Form::Text),
        ] {
            assert_eq!(Form::of(&headers("accept", &[accept])), form, "{accept:?}");
        }
        assert_eq!(Form::of(&HeaderMap::new()), Form::Text);
    }

    #[test]
    fn how_long_a_client_waits() {
        let cap = Duration::from_secs(30);
        for (prefer, seconds) in [
            (&["wait=10"][..], Some(10)),
            (&["respond-async, Wait = \"5\"; x=y"], Some(5)),
            (&["respond-async", "wait=7"], Some(7)),
            (&["wait=3, wait=9"], Some(3)),
            (&["wait=31"], Some(30)),
            (&["wait=99999999999999999999999"], Some(30)),
            (&["wait=0"], Some(0)),
            (&["wait"], None),
            (&["wait="], None),
            (&["wait=-1"], None),
            (&["wait=1.5"], None),
            (&["return=minimal"], None),
        ] {
            assert_eq!(wait(&headers("prefer", prefer), cap), seconds.map(Duration::from_secs), "{prefer:?}");
        }
    }
}
