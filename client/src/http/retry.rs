//! When to try again: a few times, further and further apart, never all clients at once.

use reqwest::{StatusCode, header};
use std::time::{Duration, SystemTime};

/// The first pause; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(500);
/// No pause of our own is longer.
const LONGEST: Duration = Duration::from_secs(60);
/// The longest that a log may ask for: beyond, whoever waits would rather know.
const LONGEST_ASKED: Duration = Duration::from_secs(600);

/// Counts attempts and says how long to wait before the next.
#[derive(Debug)]
pub(super) struct Pace {
    left: u32,
    pause: Duration,
}

impl Pace {
    pub(super) fn new(attempts: u32) -> Pace {
        Pace { left: attempts.saturating_sub(1), pause: FIRST }
    }

    /// The pause before the next attempt, or `None` if there is none. `asked` is the log's `Retry-After`.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let own = self.pause;
        self.pause = (own * 2).min(LONGEST);
        Some(jittered(asked.unwrap_or(own)))
    }
}

/// Is this a refusal that may pass by itself?
pub(super) fn may_pass(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
            | StatusCode::INSUFFICIENT_STORAGE
    )
}

/// `Retry-After` (RFC 9110 section 10.2.3), in seconds or as a date, which counts by this machine's clock; at most
/// [`LONGEST_ASKED`].
pub(super) fn after(headers: &header::HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        // A date that is over: now.
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(pause.min(LONGEST_ASKED))
}

/// Up to a quarter longer, by chance, so that clients which failed together don't come back together.
pub(crate) fn jittered(pause: Duration) -> Duration {
    // Without randomness the pause is merely not spread.
    let chance = getrandom::u32().unwrap_or(0);
    pause + (pause / 4).mul_f64(f64::from(chance) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_asked_so_often_and_no_more() {
        let mut pace = Pace::new(3);
        assert!(pace.next(None).is_some());
        assert!(pace.next(None).is_some());
        assert_eq!(pace.next(None), None);
        assert_eq!(Pace::new(0).next(None), None);
    }

    #[test]
    fn pauses_grow_and_follow_what_the_log_asks() {
        let mut pace = Pace::new(9);
        for base in [500, 1000, 2000, 4000] {
            let pause = pace.next(None).unwrap();
            let base = Duration::from_millis(base);
            assert!(pause >= base && pause <= base * 5 / 4, "{pause:?}");
        }
        let asked = pace.next(Some(Duration::from_secs(7))).unwrap();
        assert!(asked >= Duration::from_secs(7) && asked <= Duration::from_secs(9));
    }

    #[test]
    fn retry_after_is_bounded() {
        let mut headers = header::HeaderMap::new();
        let now = httpdate::parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT").unwrap();
        assert_eq!(after(&headers, now), None);
        for (text, want) in [
            ("3", Some(3)),
            ("999999", Some(600)),
            ("-1", None),
            ("soon", None),
            ("Wed, 21 Oct 2026 07:28:07 GMT", Some(7)),
            ("Wednesday, 21-Oct-26 07:28:07 GMT", Some(7)),
            ("Wed, 21 Oct 2026 07:27:59 GMT", Some(0)),
            ("Fri, 21 Oct 2050 07:28:00 GMT", Some(600)),
        ] {
            headers.insert(header::RETRY_AFTER, text.parse().unwrap());
            assert_eq!(after(&headers, now), want.map(Duration::from_secs), "{text}");
        }
    }
}
