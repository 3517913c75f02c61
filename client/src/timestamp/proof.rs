//! The log's proof of a timestamp, where the timestamp doesn't carry it.

use super::TimestampFault;
use crate::{
    args::Network,
    http::{self, Answer, Client, Credentials, CredentialsError},
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
#[derive(Clone, Debug)]
pub(crate) enum ProofFrom {
    File(PathBuf),
    /// The log's URL, and the way to it.
    Log(String, Credentials),
}

impl ProofFrom {
    /// What `--proof` says.
    ///
    /// # Errors
    /// There is no way to the log.
    pub(crate) fn new(given: &str, network: &Network) -> Result<ProofFrom, CredentialsError> {
        Ok(if given.starts_with("http://") || given.starts_with("https://") {
            ProofFrom::Log(given.to_owned(), network.credentials()?)
        } else {
            ProofFrom::File(PathBuf::from(given))
        })
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
            ProofFrom::Log(url, credentials) => {
                let serial = serial.to_bytes16().ok_or(TimestampFault::OtherSerial)?;
                let runtime = http::runtime().map_err(TimestampFault::Runtime)?;
                runtime.block_on(fetch(&Client::with(url, credentials)?, &serial))
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
    use std::path::Path;

    #[test]
    fn a_url_is_not_a_file() {
        let network = Network { cacert: None, proxy: None };
        let from = |given| ProofFrom::new(given, &network).unwrap();
        assert!(
            matches!(from("https://log.example/"), ProofFrom::Log(url, _) if url == "https://log.example/")
        );
        assert!(
            matches!(from("http.tlog-proof"), ProofFrom::File(file) if file == Path::new("http.tlog-proof"))
        );
    }
}
