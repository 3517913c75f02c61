//! The log's proof of a timestamp, where the timestamp doesn't carry it.

use super::TimestampFault;
use crate::{
    http::{self, Answer, Client},
    paths,
    policy_file::read_bounded,
};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};
use treering_token::token::Token;
use treering_tsa::serial::Serial;

/// How long a log may take to publish: a minute is many of its ticks.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the user says that the proof is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProofFrom {
    File(PathBuf),
    /// The log's URL.
    Log(String),
}

impl ProofFrom {
    /// What `--proof` says.
    pub(crate) fn new(given: &str) -> ProofFrom {
        if given.starts_with("http://") || given.starts_with("https://") {
            ProofFrom::Log(given.to_owned())
        } else {
            ProofFrom::File(PathBuf::from(given))
        }
    }

    /// The proof's text, not parsed.
    pub(super) fn get(&self, serial: &Serial) -> Result<Vec<u8>, TimestampFault> {
        match self {
            ProofFrom::File(path) => {
                let shown = || paths::shown(path);
                read_bounded(path, Token::MAX_BYTES)
                    .map_err(|error| TimestampFault::ProofFile { path: shown(), error })?
                    .ok_or_else(|| TimestampFault::ProofTooLong { path: shown() })
            }
            ProofFrom::Log(url) => {
                let serial = serial.to_bytes16().ok_or(TimestampFault::OtherSerial)?;
                let runtime = http::runtime().map_err(TimestampFault::Runtime)?;
                runtime.block_on(fetch(&Client::new(url)?, &serial))
            }
        }
    }
}

async fn fetch(log: &Client, serial: &[u8; 16]) -> Result<Vec<u8>, TimestampFault> {
    let begun = Instant::now();
    loop {
        match log.timestamp_proof(serial).await? {
            Answer::Ready(token) => return Ok(token.to_string().into_bytes()),
            Answer::Pending { retry_after } if begun.elapsed() + retry_after < PATIENCE => {
                tokio::time::sleep(retry_after).await;
            }
            Answer::Pending { .. } => return Err(TimestampFault::ProofPending),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_not_a_file() {
        assert_eq!(ProofFrom::new("https://log.example/"), ProofFrom::Log("https://log.example/".into()));
        assert_eq!(ProofFrom::new("http.tlog-proof"), ProofFrom::File("http.tlog-proof".into()));
    }
}
