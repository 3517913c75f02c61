//! A timestamp authority's HTTP side (RFC 3161 section 3.4): a query is posted, a reply comes back. Any authority's, ours or not.

use super::{
    Credentials, CredentialsError, Fault, UrlFault, builder, innermost, problem_words, retry, retry::Pace,
};
use bytes::Bytes;
use reqwest::{Url, header};
use std::time::{Duration, SystemTime};
use treering_token::escape;
use treering_tsa::reply::Reply;

/// A query may be sent again: at worst there are two timestamps.
const ATTEMPTS: u32 = 3;
/// With a proof, two ticks of the log.
const PATIENCE: Duration = Duration::from_secs(60);

/// One authority.
#[derive(Clone, Debug)]
pub(crate) struct Authority {
    http: reqwest::Client,
    url: Url,
    key: Option<header::HeaderValue>,
}

/// Why an authority gave no reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthorityError {
    #[error("{url:?} is not the URL of a timestamp authority: {why}")]
    Url { url: String, why: UrlFault },
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error("the HTTP client can't be set up: {0}")]
    Setup(#[source] reqwest::Error),
    #[error(
        "no answer from the timestamp authority {url} after {attempts} attempts: {reason}; is its URL right, and is it \
         up?"
    )]
    Unreachable { url: String, attempts: u32, reason: String },
    #[error("the timestamp authority {url} answered {status}: {problem}")]
    Refused { url: String, status: u16, problem: String },
    #[error("the answer of {url} is larger than {} bytes; is it a timestamp authority?", Reply::MAX_BYTES)]
    TooLarge { url: String },
}

impl Authority {
    /// `proof` asks a Treering log to carry its witnesses' word in the reply.
    pub(crate) fn new(
        url: &str,
        proof: bool,
        credentials: &Credentials,
    ) -> Result<Authority, AuthorityError> {
        let refused = |why| AuthorityError::Url { url: url.to_owned(), why };
        let mut parsed = Url::parse(url).map_err(|_| refused(UrlFault::Form))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(refused(UrlFault::Scheme));
        }
        if proof {
            parsed.query_pairs_mut().append_pair("proof", "embed");
        }
        let key = credentials.header_for(&parsed)?;
        let http = builder(&parsed, credentials)?.build().map_err(AuthorityError::Setup)?;
        Ok(Authority { http, url: parsed, key })
    }

    /// Posts a TimeStampReq (DER); gives what came back, not parsed.
    pub(crate) async fn timestamp(&self, query: Vec<u8>) -> Result<Bytes, AuthorityError> {
        let query = Bytes::from(query);
        let mut pace = Pace::new(ATTEMPTS);
        loop {
            let outcome = self.once(query.clone()).await;
            let asked = match &outcome {
                Err(Fault::Transport(_)) => None,
                Ok((status, asked, _)) if retry::may_pass(*status) => *asked,
                _ => return self.told(outcome, 1),
            };
            match pace.next(asked) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return self.told(outcome, ATTEMPTS),
            }
        }
    }

    async fn once(&self, query: Bytes) -> Result<Reached, Fault> {
        let mut request = self
            .http
            .post(self.url.clone())
            .timeout(PATIENCE)
            .header(header::CONTENT_TYPE, "application/timestamp-query")
            .header(header::ACCEPT, "application/timestamp-reply, application/problem+json;q=0.5, */*;q=0.1")
            .body(query);
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, key.clone());
        }
        let mut response = request.send().await?;
        let (status, asked, mut body) =
            (response.status(), retry::after(response.headers(), SystemTime::now()), Vec::new());
        while let Some(piece) = response.chunk().await? {
            if body.len() + piece.len() > Reply::MAX_BYTES {
                return Err(Fault::TooLarge);
            }
            body.extend_from_slice(&piece);
        }
        Ok((status, asked, body))
    }

    fn told(&self, outcome: Result<Reached, Fault>, attempts: u32) -> Result<Bytes, AuthorityError> {
        let url = escape::text(self.url.as_str());
        match outcome {
            Ok((status, _, body)) if status.is_success() => Ok(Bytes::from(body)),
            Ok((status, _, body)) => {
                let problem = problem_words(status, &body, "is it a timestamp authority?");
                Err(AuthorityError::Refused { url, status: status.as_u16(), problem })
            }
            Err(Fault::TooLarge) => Err(AuthorityError::TooLarge { url }),
            Err(Fault::Transport(error)) => {
                Err(AuthorityError::Unreachable { url, attempts, reason: innermost(&error) })
            }
        }
    }
}

/// Status, `Retry-After`, body.
type Reached = (reqwest::StatusCode, Option<Duration>, Vec<u8>);
