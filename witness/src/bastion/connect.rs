//! One connection to a bastion: TCP, TLS, and the first bytes of its HTTP/2.

use std::{fs, io, path::Path, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{
        CertificateDer,
        pem::{self, PemObject as _},
    },
    sign::SingleCertAndKey,
    version::TLS13,
};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{BastionError, BastionKey};
use crate::config::{BastionAddress, BastionSettings};

/// SPEC: https-bastion, Backend to bastion connection: the ALPN protocol.
const ALPN: &[u8] = b"bastion/0";

/// On which the bastion has begun to speak HTTP/2.
pub(crate) type Connection = BufReader<TlsStream<TcpStream>>;

/// Why there is no connection now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("none within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("{0}")]
    Connect(io::Error),
    #[error("it does not speak bastion/0: is this the address for backends?")]
    Protocol,
    /// In TLS 1.3 the server looks at the client's certificate only after the client has ended the handshake.
    #[error("it hung up after the handshake ({reason}): is {key_hash} among the backends that it serves?")]
    Refused { reason: String, key_hash: String },
}

/// A bastion, ready to be connected to.
pub(crate) struct Connector {
    address: BastionAddress,
    tls: TlsConnector,
    key_hash: String,
    /// For name resolution, TCP, TLS and the bastion's first bytes together.
    within: Duration,
}

impl Connector {
    /// Reads the key and the certificates. Connects nowhere.
    ///
    /// # Errors
    /// What is configured can't be used.
    pub(crate) fn new(
        settings: &BastionSettings,
        dir: &Path,
        within: Duration,
    ) -> Result<Connector, BastionError> {
        let key = BastionKey::load(&dir.join(&settings.key))?;
        let key_hash = key.hash();
        let tls = TlsConnector::from(Arc::new(client_config(settings, dir, &key)?));
        Ok(Connector { address: settings.address.clone(), tls, key_hash, within })
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        self.address.as_str()
    }

    /// The first part of the path under which the bastion serves this witness.
    pub(crate) fn key_hash(&self) -> &str {
        &self.key_hash
    }

    /// Connects, and waits until the bastion speaks.
    ///
    /// # Errors
    /// Why there is no connection.
    pub(crate) async fn connect(&self) -> Result<Connection, ConnectError> {
        timeout(self.within, self.open()).await.unwrap_or(Err(ConnectError::Timeout(self.within)))
    }

    async fn open(&self) -> Result<Connection, ConnectError> {
        let stream = TcpStream::connect(self.address()).await.map_err(ConnectError::Connect)?;
        stream.set_nodelay(true).map_err(ConnectError::Connect)?;
        let host = self.address.host().clone();
        let stream = self.tls.connect(host, stream).await.map_err(ConnectError::Connect)?;
        // SPEC: https-bastion, Backend to bastion connection: with this protocol, and TLS 1.3 alone.
        if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
            return Err(ConnectError::Protocol);
        }
        let mut stream = BufReader::new(stream);
        // SPEC: RFC 9113 section 3.4: a client's first bytes are the connection preface. Until they are here, the bastion may
        // still refuse the certificate.
        let reason = match stream.fill_buf().await {
            Ok(bytes) if !bytes.is_empty() => return Ok(stream),
            Ok(_) => "the connection was closed".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(ConnectError::Refused { reason, key_hash: self.key_hash.clone() })
    }
}

fn client_config(
    settings: &BastionSettings,
    dir: &Path,
    key: &BastionKey,
) -> Result<ClientConfig, BastionError> {
    let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
    // SPEC: https-bastion, Backend to bastion connection: TLS 1.3 alone, which hides the client's certificate from the
    // network.
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13])?;
    let builder = match &settings.ca {
        Some(ca) => builder.with_root_certificates(roots(&dir.join(ca))?),
        None => builder.with_platform_verifier()?,
    };
    let own = SingleCertAndKey::from(key.certify()?);
    let mut config = builder.with_client_cert_resolver(Arc::new(own));
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

fn roots(path: &Path) -> Result<RootCertStore, BastionError> {
    let failed = |source| BastionError::Ca { path: path.to_owned(), source };
    let bytes = fs::read(path).map_err(|error| failed(pem::Error::Io(error)))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        roots.add(certificate.map_err(failed)?)?;
    }
    if roots.is_empty() { Err(failed(pem::Error::NoItemsFound)) } else { Ok(roots) }
}
