//! A Treering log's HTTP API, as a client uses it (Treering spec, HTTP API).
//!
//! What comes back is *parsed, never believed*: verify a receipt under your own policy
//! (`treering_token::verify::Verifier::receipt`) before you rely on it.
//!
//! Every call is safe to repeat (a submission is named by its root), so failures that may pass (no connection, 429, 502, 503,
//! 504, 507) are tried again a few times, with jitter, and as the log asks by `Retry-After`. Submissions keep to what the log
//! leaves to this caller, before it has to refuse. Redirects are not followed. Answers are bounded in size. Units: seconds in
//! headers, [`Duration`] here.

mod authority;
mod budget;
mod connect;
mod credentials;
mod error;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod info;
mod proxy;
mod reading;
mod retry;

pub(crate) use authority::{Authority, AuthorityError};
pub(crate) use connect::runtime;
use connect::{base_url, builder};
use credentials::is_this_machine;
pub(crate) use credentials::same_origin;
pub use credentials::{ApiKey, Credentials, CredentialsError, Roots};
pub use error::{ClientError, UrlFault};
pub use info::{Limits, LogInfo, RateLimits};
pub use proxy::{Proxy, ProxyError, ProxyUrl};
pub(crate) use reading::Piece;
pub(crate) use retry::jittered;

use crate::http::{budget::Budget, retry::Pace};
use bytes::Bytes;
use reqwest::{Method, StatusCode, Url, header};
use serde::Deserialize;
use std::time::{Duration, Instant, SystemTime};
use treering_tlog::{hash::Hash, kernel::RootBuilder, note::Note, policy::Policy};
use treering_token::{escape, token::Token};

/// How often a call is tried before its error is given to the caller.
const ATTEMPTS: u32 = 5;
/// An answer to a call that brings a small JSON object or a problem.
const MAX_SMALL: usize = 64 * 1024;
/// What a pending receipt's `Retry-After` is taken for if it isn't there.
const DEFAULT_PAUSE: Duration = Duration::from_secs(1);
/// The longest of them that is believed.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long an answer may take beyond what was asked for.
const PATIENCE: Duration = Duration::from_secs(60);
/// The slowest upload that is waited for, in bytes a second.
const SLOWEST: u64 = 50_000;

/// One log's API. Cheap to clone; connections are kept and shared.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    attempts: u32,
    /// Goes with submissions, and with nothing else.
    key: Option<header::HeaderValue>,
    /// What submissions keep to.
    budget: Budget,
}

/// Where a submission stands.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The receipt, parsed and not verified.
    Ready(Box<Token>),
    /// The log has it durably; ask again after this long.
    Pending {
        /// As the log asks, at most a minute.
        retry_after: Duration,
    },
}

impl Client {
    /// A client of the log at this URL (the one below which `/checkpoint` and `/v1/` lie).
    ///
    /// # Errors
    /// [`ClientError::Url`], [`ClientError::Setup`].
    pub fn new(url: &str) -> Result<Client, ClientError> {
        Client::with(url, &Credentials::default())
    }

    /// The same with an API key, or with root certificates of its own.
    ///
    /// # Errors
    /// [`ClientError::Url`], [`ClientError::Setup`], [`ClientError::Credentials`].
    pub fn with(url: &str, credentials: &Credentials) -> Result<Client, ClientError> {
        let base = base_url(url).map_err(|why| ClientError::Url { url: url.to_owned(), why })?;
        let key = credentials.header_for(&base)?;
        let http = builder(&base, credentials)?.build().map_err(ClientError::Setup)?;
        Ok(Client { http, base, attempts: ATTEMPTS, key, budget: Budget::default() })
    }

    /// The same client, which submits at most so many hashes a second (at least one), over time: a submission of more waits
    /// for those before it. Clones made from here on share the cap.
    #[must_use]
    pub fn with_rate(mut self, hashes_a_second: u64) -> Client {
        self.budget = Budget::with_cap(hashes_a_second);
        self
    }

    /// The same client with another number of attempts a call (at least one).
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Client {
        self.attempts = attempts.max(1);
        self
    }

    /// The log's URL, ending in a slash.
    pub fn url(&self) -> &str {
        self.base.as_str()
    }

    /// `GET /v1/log`.
    ///
    /// # Errors
    /// [`ClientError::NotALog`] and what any call may give.
    pub async fn log(&self) -> Result<LogInfo, ClientError> {
        let call = self.get("v1/log");
        let body = self.expect_ok(&call, MAX_SMALL).await?;
        serde_json::from_slice(&body)
            .map_err(|error| ClientError::NotALog { url: call.url(), reason: error.to_string() })
    }

    /// `GET /v1/policy`: the log's own word on whom to trust. Compare its keys with what the operators publish elsewhere.
    ///
    /// # Errors
    /// What any call may give.
    pub async fn policy(&self) -> Result<Bytes, ClientError> {
        self.expect_ok(&self.get("v1/policy"), Policy::MAX_BYTES).await
    }

    /// `GET /checkpoint`: the newest published checkpoint with its cosignatures.
    ///
    /// # Errors
    /// What any call may give.
    pub async fn checkpoint(&self) -> Result<Bytes, ClientError> {
        self.expect_ok(&self.get("checkpoint"), Note::MAX_BYTES).await
    }

    /// `POST /v1/submissions` of whole 32-byte commitments, in order. When this returns `Ok`, the log has them durably.
    /// The log may take up to `wait` to answer with the receipt itself.
    ///
    /// # Errors
    /// [`ClientError::NotAReceipt`] and what any call may give.
    pub async fn submit(&self, commitments: Bytes, wait: Duration) -> Result<Answer, ClientError> {
        let call = Call {
            method: Method::POST,
            url: self.join("v1/submissions"),
            patience: PATIENCE + wait + Duration::from_secs(commitments.len() as u64 / SLOWEST),
            wait,
            body: Some(commitments),
        };
        let reply = self.call(&call, Token::MAX_BYTES).await?;
        match reply.status {
            StatusCode::OK => ready(&call, &reply.body),
            StatusCode::ACCEPTED => Ok(Answer::Pending { retry_after: reply.retry_after }),
            _ => Err(refused(&call, &reply)),
        }
    }

    /// [`Client::submit`] for commitments in memory; also gives their root, by which the receipt is asked for.
    ///
    /// # Errors
    /// [`ClientError::Empty`] and those of [`Client::submit`].
    pub async fn submit_all(
        &self,
        commitments: &[[u8; 32]],
        wait: Duration,
    ) -> Result<(Hash, Answer), ClientError> {
        if commitments.is_empty() {
            return Err(ClientError::Empty);
        }
        let mut root = RootBuilder::new();
        root.push(commitments);
        let answer = self.submit(Bytes::from(commitments.as_flattened().to_vec()), wait).await?;
        Ok((root.root(), answer))
    }

    /// `GET /v1/receipts/<root>`; `size` asks for a proof to that later published checkpoint.
    ///
    /// # Errors
    /// [`ClientError::Unknown`], [`ClientError::Gone`], [`ClientError::NotAReceipt`] and what any call may give.
    pub async fn receipt(&self, root: &Hash, size: Option<u64>) -> Result<Answer, ClientError> {
        let query = size.map(|size| format!("?size={size}")).unwrap_or_default();
        let call = self.get(&format!("v1/receipts/{root}{query}"));
        let reply = self.call(&call, Token::MAX_BYTES).await?;
        match reply.status {
            StatusCode::OK => ready(&call, &reply.body),
            StatusCode::ACCEPTED => Ok(Answer::Pending { retry_after: reply.retry_after }),
            StatusCode::NOT_FOUND => Err(ClientError::Unknown { root: *root }),
            StatusCode::GONE => Err(ClientError::Gone { root: *root }),
            _ => Err(refused(&call, &reply)),
        }
    }

    /// `GET /v1/tsa/<serial>`: the proof that an RFC 3161 timestamp by this log is in it, parsed and not verified
    /// (`treering_tsa::transparent::verify_transparent` does that).
    ///
    /// # Errors
    /// [`ClientError::UnknownTimestamp`], [`ClientError::GoneTimestamp`], [`ClientError::NotAReceipt`] and what any call may
    /// give.
    pub async fn timestamp_proof(&self, serial: &[u8; 16]) -> Result<Answer, ClientError> {
        let serial = hex::encode(serial);
        let call = self.get(&format!("v1/tsa/{serial}"));
        let reply = self.call(&call, Token::MAX_BYTES).await?;
        match reply.status {
            StatusCode::OK => ready(&call, &reply.body),
            StatusCode::ACCEPTED => Ok(Answer::Pending { retry_after: reply.retry_after }),
            StatusCode::NOT_FOUND => Err(ClientError::UnknownTimestamp { serial }),
            StatusCode::GONE => Err(ClientError::GoneTimestamp { serial }),
            _ => Err(refused(&call, &reply)),
        }
    }

    fn get(&self, path: &str) -> Call {
        Call {
            method: Method::GET,
            url: self.join(path),
            body: None,
            wait: Duration::ZERO,
            patience: PATIENCE,
        }
    }

    fn join(&self, path: &str) -> Url {
        self.base.join(path).expect("a path without a scheme joins to any base URL")
    }

    async fn expect_ok(&self, call: &Call, max: usize) -> Result<Bytes, ClientError> {
        let reply = self.call(call, max).await?;
        if reply.status == StatusCode::OK { Ok(reply.body) } else { Err(refused(call, &reply)) }
    }

    /// One call, tried again while the failure may pass.
    async fn call(&self, call: &Call, max: usize) -> Result<Reply, ClientError> {
        let mut pace = Pace::new(self.attempts);
        loop {
            if let Some(body) = &call.body {
                let hashes = (body.len() / Hash::LEN) as u64;
                tokio::time::sleep(self.budget.reserve(hashes, Instant::now())).await;
            }
            let outcome = self.once(call, max).await;
            let asked = match &outcome {
                Err(Fault::Transport(_)) => None,
                Ok(reply) if retry::may_pass(reply.status) => reply.asked,
                Ok(_) | Err(Fault::TooLarge) => return outcome.map_err(|fault| fault.told(call, max, 1)),
            };
            match pace.next(asked) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return outcome.map_err(|fault| fault.told(call, max, self.attempts)),
            }
        }
    }

    async fn once(&self, call: &Call, max: usize) -> Result<Reply, Fault> {
        let mut request =
            self.http.request(call.method.clone(), call.url.clone()).timeout(call.patience).header(
                header::ACCEPT,
                "text/plain, application/json;q=0.5, application/problem+json;q=0.5, */*;q=0.1",
            );
        if let Some(body) = &call.body {
            request = request.header(header::CONTENT_TYPE, "application/octet-stream").body(body.clone());
            if let Some(key) = &self.key {
                request = request.header(header::AUTHORIZATION, key.clone());
            }
        }
        if !call.wait.is_zero() {
            request = request.header("prefer", format!("wait={}", call.wait.as_secs()));
        }
        let mut response = request.send().await?;
        let asked = retry::after(response.headers(), SystemTime::now());
        self.budget.note(response.headers(), Instant::now());
        let (status, mut body) = (response.status(), Vec::new());
        while let Some(piece) = response.chunk().await? {
            if body.len() + piece.len() > max.max(MAX_SMALL) {
                return Err(Fault::TooLarge);
            }
            body.extend_from_slice(&piece);
        }
        let retry_after = asked.unwrap_or(DEFAULT_PAUSE).min(LONGEST_PAUSE);
        Ok(Reply { status, asked, retry_after, body: body.into() })
    }
}

struct Call {
    method: Method,
    url: Url,
    body: Option<Bytes>,
    wait: Duration,
    patience: Duration,
}

impl Call {
    fn url(&self) -> String {
        escape::text(self.url.as_str())
    }
}

struct Reply {
    status: StatusCode,
    asked: Option<Duration>,
    retry_after: Duration,
    body: Bytes,
}

enum Fault {
    Transport(reqwest::Error),
    TooLarge,
}

impl From<reqwest::Error> for Fault {
    fn from(error: reqwest::Error) -> Fault {
        Fault::Transport(error.without_url())
    }
}

impl Fault {
    fn told(self, call: &Call, max: usize, attempts: u32) -> ClientError {
        match self {
            Fault::TooLarge => ClientError::TooLarge { url: call.url(), max },
            Fault::Transport(error) => {
                ClientError::Unreachable { url: call.url(), attempts, reason: innermost(&error) }
            }
        }
    }
}

/// The last cause in the chain: "connection refused" rather than "error sending request".
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    match error.source() {
        Some(source) => innermost(source),
        None => error.to_string(),
    }
}

fn ready(call: &Call, body: &[u8]) -> Result<Answer, ClientError> {
    match Token::parse(body) {
        Ok(token) => Ok(Answer::Ready(Box::new(token))),
        Err(error) => Err(ClientError::NotAReceipt { url: call.url(), error }),
    }
}

/// RFC 9457, as far as it is for people.
#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    detail: Option<String>,
}

fn refused(call: &Call, reply: &Reply) -> ClientError {
    let mut problem = problem_words(reply.status, &reply.body, "is this a Treering log?");
    if reply.status == StatusCode::UNAUTHORIZED {
        problem.push_str(" (treering takes a key from --api-key-file or TREERING_API_KEY)");
    }
    ClientError::Refused { url: call.url(), status: reply.status.as_u16(), problem }
}

/// What a refusal says, made safe to print; `doubt` is what to ask if it says nothing.
fn problem_words(status: StatusCode, body: &[u8], doubt: &str) -> String {
    let words = match serde_json::from_slice::<Problem>(body) {
        Ok(Problem { title: Some(title), detail: Some(detail) }) => format!("{title}: {detail}"),
        Ok(Problem { title: Some(words), .. } | Problem { detail: Some(words), .. }) => words,
        _ if status.is_redirection() => "a redirect, which is not followed; give the final URL".to_owned(),
        _ => format!("without a reason that could be understood; {doubt}"),
    };
    escape::text(&words)
}

#[cfg(test)]
mod tests;
