//! The reverse connection through a C2SP https-bastion: a witness that nobody can connect to connects out, and serves
//! HTTP/2 on that connection as if the bastion had opened it.
//!
//! ```text
//! log ─▶ https://<bastion>/<key hash>/add-checkpoint ─▶ bastion ─▶ (our connection) ─▶ router
//! ```
//! TLS 1.3, ALPN `bastion/0`, and a self-signed Ed25519 certificate, by whose key the bastion knows this witness. The key
//! is one of its own: it signs TLS handshakes and nothing else. The bastion's certificate is verified as a browser would.
//! A connection that ends is opened again, later each time.
//!
//! What this does not do: it looks at no `X-Forwarded-For`, since a witness tells no addresses apart; and it trusts the
//! bastion with nothing but delivery, since what it carries authenticates itself.

mod connect;
mod key;
mod pause;

use std::{io, path::PathBuf};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::key::KeyFileError;
use pause::Pauses;

pub(crate) use connect::{Connection, Connector};
pub use key::{BastionKey, create_key_file};

/// Why a bastion can't be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum BastionError {
    /// The key's file is refused.
    #[error("{0}{hint}", hint = hint(.0))]
    File(#[from] KeyFileError),
    /// The file holds no such key.
    #[error("bastion key {path} is no Ed25519 key in PKCS #8, as PEM: {source}")]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rcgen::Error,
    },
    /// The file of certificates can't be read, or holds none.
    #[error("bastion ca {path}: {source}")]
    Ca {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// TLS can't be set up.
    #[error("TLS to the bastion: {0}")]
    Tls(#[from] rustls::Error),
}

fn hint(error: &KeyFileError) -> &'static str {
    match error {
        KeyFileError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            ". `treering-witness key bastion` makes a bastion's key"
        }
        _ => "",
    }
}

/// What becomes of the connection, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// It is there.
    Connected,
    /// It ended.
    Ended,
    /// There was none to be had.
    Failed,
}

/// Connects, has `serve` serve each connection, and connects again when it ends; until the stop.
pub(crate) async fn run<F>(
    connector: Connector,
    stop: CancellationToken,
    serve: impl Fn(Connection) -> F,
    tell: impl Fn(&str, Event),
) where
    F: Future<Output = ()>,
{
    let bastion = connector.address();
    let mut pauses = Pauses::new();
    loop {
        let Some(attempt) = stop.run_until_cancelled(connector.connect()).await else { return };
        let began = Instant::now();
        match attempt {
            Ok(connection) => {
                tracing::info!(bastion, path = %format_args!("/{}/", connector.key_hash()), "connected to the bastion");
                tell(bastion, Event::Connected);
                serve(connection).await;
                tell(bastion, Event::Ended);
                if stop.is_cancelled() {
                    return;
                }
                tracing::warn!(bastion, "the connection to the bastion ended");
            }
            Err(error) => {
                tell(bastion, Event::Failed);
                tracing::warn!(bastion, %error, "no connection to the bastion");
            }
        }
        let pause = pauses.after(began.elapsed());
        if stop.run_until_cancelled(sleep(pause)).await.is_none() {
            return;
        }
    }
}
