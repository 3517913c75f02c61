//! The log's side of C2SP tlog-witness: `add-checkpoint`, its answer read strictly, and the checkpoint that a witness shows
//! to monitors.
//!
//! A request is `POST <submission prefix>/add-checkpoint`; the answer is signature lines (200), the size that the
//! witness knows (409) or a refusal. Redirects are not followed, an answer is read up to [`MAX_ANSWER`] bytes, and
//! the whole exchange has one deadline. Connections are kept and used again.
//!
//! What this does not do: it does not verify the signatures that come back, and it does not retry.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use treering_tlog::{
    checkpoint::Origin,
    note::{Note, Signature},
    tree::TreeSize,
    witness::{AddCheckpoint, origin_hash, parse_conflict, parse_signatures},
};

/// The longest answer that is read: room for a few dozen ML-DSA-44 cosignature lines of 3.3 kB each, hex or not.
pub const MAX_ANSWER: usize = 64 * 1024;

/// A witness that wants to be left alone for longer is asked again after this all the same, so that one wrong number does
/// not silence it for good.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Asks witnesses for cosignatures; cheap to clone.
#[derive(Clone, Debug)]
pub struct WitnessClient {
    http: reqwest::Client,
}

/// Why a witness gave no cosignature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// 409: the witness knows this log at another size than `old`.
    #[error("the witness knows this log at size {size}")]
    Conflict {
        /// The size of the last checkpoint that it cosigned.
        size: TreeSize,
    },
    /// 404: the witness does not know the origin.
    #[error("the witness does not know this log (404)")]
    Unknown,
    /// 403: the witness knows the origin with another key.
    #[error("the witness does not accept this log's signature: it knows the origin with another key (403)")]
    Forbidden,
    /// 422: a consistency proof that does not verify, or another root at the same size.
    #[error("the witness found this checkpoint inconsistent with the one that it cosigned before (422)")]
    Unprocessable,
    /// 400: it could not read the request.
    #[error("the witness could not read the request (400)")]
    BadRequest,
    /// 429 or 503: it wants to be left alone for a while.
    #[error("the witness is busy (HTTP status {status}){}", wish(.retry_after.as_ref()))]
    Busy {
        /// 429 or 503.
        status: u16,
        /// How long, if it said so: at most [`MAX_RETRY_AFTER`].
        retry_after: Option<Duration>,
    },
    /// Any other status: 500, a redirect (which is not followed)…
    #[error("the witness answered with HTTP status {0}")]
    Status(u16),
    /// No whole answer came: refused, reset, timed out, or the name does not resolve.
    #[error("the witness did not answer: {0}")]
    Unavailable(String),
    /// An answer that tlog-witness does not allow, or a longer one than is read.
    #[error("the witness's answer is not one of tlog-witness")]
    Malformed,
}

impl WitnessError {
    /// A stable name for metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            WitnessError::Conflict { .. } => "conflict",
            WitnessError::Unknown => "unknown_log",
            WitnessError::Forbidden => "forbidden",
            WitnessError::Unprocessable => "unprocessable",
            WitnessError::BadRequest => "bad_request",
            WitnessError::Busy { status: 429, .. } => "rate_limited",
            WitnessError::Busy { .. } => "busy",
            WitnessError::Status(_) => "status",
            WitnessError::Unavailable(_) => "unavailable",
            WitnessError::Malformed => "malformed",
        }
    }

    /// How long the witness wants to be left alone, if it said so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            WitnessError::Busy { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl WitnessClient {
    /// A client whose every call ends within `timeout`, connecting included.
    ///
    /// # Errors
    /// If the TLS library cannot be set up.
    pub fn new(timeout: Duration) -> Result<WitnessClient, reqwest::Error> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(timeout)
            .connect_timeout(timeout)
            .user_agent(concat!("treering-log/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(WitnessClient { http })
    }

    /// Sends a checkpoint to the witness at this submission prefix and returns the signature lines it answers with,
    /// unverified.
    ///
    /// # Errors
    /// Whatever is not a 200 with well-formed signature lines.
    pub async fn add_checkpoint(
        &self,
        url: &str,
        message: &AddCheckpoint,
    ) -> Result<Vec<Signature>, WitnessError> {
        let response = self
            .http
            .post(endpoint(url))
            .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(message.to_string())
            .send()
            .await
            .map_err(|error| unavailable(&error))?;
        let status = response.status();
        match status {
            StatusCode::OK | StatusCode::CONFLICT => read_answer(status, &bounded_body(response).await?),
            // SPEC: tlog-witness add-checkpoint: these say all they have to say by their number.
            StatusCode::NOT_FOUND => Err(WitnessError::Unknown),
            StatusCode::FORBIDDEN => Err(WitnessError::Forbidden),
            StatusCode::UNPROCESSABLE_ENTITY => Err(WitnessError::Unprocessable),
            StatusCode::BAD_REQUEST => Err(WitnessError::BadRequest),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Err(WitnessError::Busy {
                status: status.as_u16(),
                retry_after: retry_after(response.headers()),
            }),
            other => Err(WitnessError::Status(other.as_u16())),
        }
    }
}

impl WitnessClient {
    /// Asks the witness for the last checkpoint of a log that it cosigned, unverified. Monitoring and submission prefix
    /// are taken to be the same: a policy has only the one.
    ///
    /// # Errors
    /// Whatever is not a 200 with a signed note.
    pub async fn latest(&self, url: &str, origin: &Origin) -> Result<Note, WitnessError> {
        let path = format!("{}/{}/checkpoint", url.trim_end_matches('/'), origin_hash(origin));
        let response = self.http.get(path).send().await.map_err(|error| unavailable(&error))?;
        match response.status() {
            StatusCode::OK => {
                Note::parse(&bounded_body(response).await?).map_err(|_| WitnessError::Malformed)
            }
            StatusCode::NOT_FOUND => Err(WitnessError::Unknown),
            other => Err(WitnessError::Status(other.as_u16())),
        }
    }
}

/// The bodies that mean something: a 200's signature lines and a 409's size.
fn read_answer(status: StatusCode, body: &[u8]) -> Result<Vec<Signature>, WitnessError> {
    if status == StatusCode::CONFLICT {
        let size = parse_conflict(body).map_err(|_| WitnessError::Malformed)?;
        return Err(WitnessError::Conflict { size });
    }
    parse_signatures(body).map_err(|_| WitnessError::Malformed)
}

async fn bounded_body(mut response: reqwest::Response) -> Result<Vec<u8>, WitnessError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unavailable(&error))? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(WitnessError::Malformed);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// SPEC: RFC 9110 section 10.2.3: seconds, or a date, which is read by the answer's own clock. What is neither is
/// ignored.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let wish = text(header::RETRY_AFTER)?;
    let wish = match wish.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number has are still a number.
        true => Duration::from_secs(wish.parse().unwrap_or(u64::MAX)),
        false => {
            let date = |text| httpdate::parse_http_date(text).ok();
            let (until, now) = (date(wish)?, date(text(header::DATE)?)?);
            until.duration_since(now).unwrap_or_default()
        }
    };
    Some(wish.min(MAX_RETRY_AFTER))
}

fn wish(retry_after: Option<&Duration>) -> String {
    retry_after
        .map_or_else(String::new, |wish| format!(" and wants to be asked again after {} s", wish.as_secs()))
}

fn endpoint(prefix: &str) -> String {
    format!("{}/add-checkpoint", prefix.trim_end_matches('/'))
}

/// The innermost cause, which is what an operator can act on ("connection refused"); reqwest's own text only says
/// that sending failed, and repeats the URL.
fn unavailable(error: &reqwest::Error) -> WitnessError {
    if error.is_timeout() {
        return WitnessError::Unavailable("no answer in time".to_owned());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    WitnessError::Unavailable(cause.to_string())
}

#[cfg(test)]
mod tests;
