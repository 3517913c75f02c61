//! TLS on the public address: TLS 1.3 and 1.2 by rustls over aws-lc-rs, with HTTP/2 and HTTP/1.1 by ALPN.
//!
//! The two files, a PEM chain and its key, are looked at every few seconds. A new pair is read and checked before it takes
//! effect, for connections from then on; where it is refused, the old one stays, and the log says why.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use der::Decode as _;
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
    pem::{self, PemObject},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::aws_lc_rs::{default_provider, sign::any_supported_type},
        sign::{CertifiedKey, SingleCertAndKey},
    },
    server::TlsStream,
};
use treering_tlog::time::UnixMillis;
use zeroize::Zeroizing;

use crate::{
    access::key_file::Stamp,
    clock::Clock,
    config::TlsConfig,
    http::HttpMetrics,
    key::{self, KeyFileError},
};

/// The files are looked at so often.
const LOOK: Duration = Duration::from_secs(2);
/// No certificate chain or key is larger.
const MAX_FILE: u64 = 1 << 20;
/// From this many days on the log warns.
const WARN_DAYS: i64 = 14;
const DAY: u64 = 24 * 60 * 60 * 1000;

/// A certificate in use, and where the next one will be; cheap to clone.
#[derive(Clone, Debug)]
pub struct Tls(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    files: TlsConfig,
    server: RwLock<Arc<ServerConfig>>,
    /// The end of the certificate in use, in milliseconds since the epoch.
    ends: AtomicU64,
    /// Of the files as they were read or refused last.
    seen: Mutex<Seen>,
}

type Seen = [Option<Stamp>; 2];

/// Why a certificate and its key are not used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The key's file.
    #[error("[tls]: {0}")]
    KeyFile(#[from] KeyFileError),
    /// The certificates' file can't be read.
    #[error("[tls]: {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Not a chain.
    #[error("[tls]: {path}: not a chain of certificates in PEM: {source}")]
    Chain {
        /// Which file.
        path: PathBuf,
        /// Why it is none.
        source: pem::Error,
    },
    /// Not a key.
    #[error(
        "[tls]: {path}: no private key in PEM, without a password (PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY)"
    )]
    Key {
        /// Which file.
        path: PathBuf,
    },
    /// No certificate in the file.
    #[error("[tls]: {path}: no certificate in it; it holds the chain in PEM, the server's own first")]
    NoCertificate {
        /// Which file.
        path: PathBuf,
    },
    /// The first certificate can't be read.
    #[error("[tls]: {path}: its first certificate can't be read: {source}")]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: der::Error,
    },
    /// Key and certificate don't go together, or can't be used at all.
    #[error("[tls]: {certificates} and {key} don't go together: {source}")]
    Pair {
        /// The certificates' file.
        certificates: PathBuf,
        /// The key's.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// A new certificate that has ended already, or has not begun.
    #[error(
        "[tls]: {path}: the certificate is not valid now (it ends or begins at another time than this machine's)"
    )]
    NotNow {
        /// Which file.
        path: PathBuf,
    },
}

/// A pair that was read and checked.
struct Loaded {
    server: ServerConfig,
    begins: u64,
    ends: u64,
}

impl Tls {
    /// Reads certificates and key. Blocking.
    ///
    /// # Errors
    /// See [`TlsError`]; a certificate that has ended is only told, since the log is still there for those who don't mind.
    pub fn open(files: TlsConfig, now: UnixMillis) -> Result<Tls, TlsError> {
        let seen = stamps(&files)?;
        let loaded = load(&files)?;
        if !loaded.is_valid(now) {
            tracing::error!(path = %files.certificates.display(), "the TLS certificate is not valid now");
        }
        Ok(Tls(Arc::new(Shared {
            ends: AtomicU64::new(loaded.ends),
            server: RwLock::new(Arc::new(loaded.server)),
            seen: Mutex::new(seen),
            files,
        })))
    }

    /// Takes a new pair, if the files have changed; says whether it did. Blocking.
    ///
    /// # Errors
    /// The new pair is refused, which is said once; the old one stays.
    pub fn look(&self, now: UnixMillis) -> Result<bool, TlsError> {
        let shared = &self.0;
        let mut seen = shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let current = stamps(&shared.files)?;
        if current == *seen {
            return Ok(false);
        }
        // Before they are read: a file that changes meanwhile is read again.
        *seen = current;
        let loaded = load(&shared.files)?;
        if !loaded.is_valid(now) {
            return Err(TlsError::NotNow { path: shared.files.certificates.clone() });
        }
        shared.ends.store(loaded.ends, Ordering::Relaxed);
        *shared.server.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded.server);
        Ok(true)
    }

    /// Whole days until the certificate ends; below 0 afterwards.
    pub fn days_left(&self, now: UnixMillis) -> i64 {
        let (ends, now) = (i128::from(self.0.ends.load(Ordering::Relaxed)), i128::from(now.get()));
        i64::try_from((ends - now).div_euclid(i128::from(DAY))).unwrap_or(i64::MAX)
    }

    /// Looks at the files as long as the log runs, and says in time when the certificate ends.
    pub async fn watch(self, clock: Arc<dyn Clock>, metrics: HttpMetrics) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut told = None;
        loop {
            ticks.tick().await;
            let (tls, now) = (self.clone(), clock.now());
            match tokio::task::spawn_blocking(move || tls.look(now)).await {
                Ok(Ok(true)) => tracing::info!(days = self.days_left(now), "a new TLS certificate is in use"),
                Ok(Err(error)) => tracing::error!(%error, "the old TLS certificate stays in use"),
                // A look that panicked was told by the panic; the next one comes soon.
                Ok(Ok(false)) | Err(_) => {}
            }
            let days = self.days_left(now);
            metrics.certificate_days("tls", days);
            if days < WARN_DAYS && told != Some(days) {
                told = Some(days);
                tracing::warn!(
                    days,
                    "the TLS certificate ends soon; a new one is taken as soon as its files are there"
                );
            }
        }
    }

    /// The handshake.
    pub(super) async fn accept<IO>(&self, stream: IO) -> io::Result<TlsStream<IO>>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let server = Arc::clone(&self.0.server.read().unwrap_or_else(PoisonError::into_inner));
        TlsAcceptor::from(server).accept(stream).await
    }
}

impl Loaded {
    fn is_valid(&self, now: UnixMillis) -> bool {
        (self.begins..self.ends).contains(&now.get())
    }
}

fn stamps(files: &TlsConfig) -> Result<Seen, TlsError> {
    let stamp =
        |path: &Path| Stamp::at(path).map_err(|source| TlsError::Read { path: path.to_owned(), source });
    Ok([stamp(&files.certificates)?, stamp(&files.key)?])
}

fn load(files: &TlsConfig) -> Result<Loaded, TlsError> {
    let TlsConfig { certificates, key } = files;
    let read = |source| TlsError::Read { path: certificates.clone(), source };
    if std::fs::metadata(certificates).map_err(read)?.len() > MAX_FILE {
        return Err(read(io::Error::from(io::ErrorKind::FileTooLarge)));
    }
    let text = std::fs::read(certificates).map_err(read)?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|source| TlsError::Chain { path: certificates.clone(), source })?;
    let own = chain.first().ok_or_else(|| TlsError::NoCertificate { path: certificates.clone() })?;
    let validity = x509_cert::Certificate::from_der(own)
        .map_err(|source| TlsError::Certificate { path: certificates.clone(), source })?
        .tbs_certificate
        .validity;
    let millis =
        |time: x509_cert::time::Time| u64::try_from(time.to_unix_duration().as_millis()).unwrap_or(u64::MAX);
    let secret = key::read_private(key, MAX_FILE)?;
    let (label, private) = private_key(&secret).ok_or_else(|| TlsError::Key { path: key.clone() })?;
    let server = server(chain, &labelled(label, &private)).map_err(|source| TlsError::Pair {
        certificates: certificates.clone(),
        key: key.clone(),
        source,
    })?;
    Ok(Loaded { server, begins: millis(validity.not_before), ends: millis(validity.not_after) })
}

fn server(
    chain: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'_>,
) -> Result<ServerConfig, rustls::Error> {
    // From a reference: what is moved into the library isn't zeroed there.
    let pair = CertifiedKey::new(chain, any_supported_type(key)?);
    pair.keys_match()?;
    // Named, and not the process's default: what other libraries set must not decide.
    let mut server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(server)
}

/// What a private key's block in PEM begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    Pkcs8,
    Pkcs1,
    Sec1,
}

/// The first private key in a PEM text; others' blocks may stand before it, as `openssl ecparam` writes them.
fn private_key(pem: &[u8]) -> Option<(Label, Zeroizing<Vec<u8>>)> {
    let text = std::str::from_utf8(pem).ok()?;
    [("PRIVATE KEY", Label::Pkcs8), ("RSA PRIVATE KEY", Label::Pkcs1), ("EC PRIVATE KEY", Label::Sec1)]
        .into_iter()
        .find_map(|(name, label)| {
            let begin = text.find(&format!("-----BEGIN {name}-----"))?;
            let end = format!("-----END {name}-----");
            let block = &text[begin..];
            let block = &block[..block.find(&end)? + end.len()];
            let (_, der) = der::pem::decode_vec(block.as_bytes()).ok()?;
            Some((label, Zeroizing::new(der)))
        })
}

fn labelled(label: Label, der: &[u8]) -> PrivateKeyDer<'_> {
    match label {
        Label::Pkcs8 => PrivatePkcs8KeyDer::from(der).into(),
        Label::Pkcs1 => PrivatePkcs1KeyDer::from(der).into(),
        Label::Sec1 => PrivateSec1KeyDer::from(der).into(),
    }
}

#[cfg(test)]
pub(in crate::http) mod tests;
