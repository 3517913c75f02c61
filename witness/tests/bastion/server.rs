//! A small C2SP https-bastion.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature},
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
    version::{TLS12, TLS13},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use treering_tlog::hash::sha256;

/// What the bastion is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A good one.
    Good,
    /// It has no place for this backend: in TLS 1.3 that shows only after the client's side of the handshake.
    Full,
    /// TLS 1.3 without `bastion/0`.
    OtherProtocol,
    /// TLS 1.2, which shows the client's certificate to the network.
    OldTls,
}

/// Takes any certificate whose key signed the handshake, as a bastion does before it looks at its list.
#[derive(Debug)]
struct AnyClient(WebPkiSupportedAlgorithms, Kind);

impl ClientCertVerifier for AnyClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        match self.1 {
            Kind::Full => Err(rustls::Error::General("not on the list".to_owned())),
            _ => Ok(ClientCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.3 only".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

/// A bastion that listens.
pub(crate) struct TestBastion {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    /// Host and port.
    pub(crate) address: String,
    /// The certificate (PEM) of its CA.
    pub(crate) ca: String,
}

impl TestBastion {
    pub(crate) async fn start(kind: Kind) -> TestBastion {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("localhost:{}", listener.local_addr().expect("an address").port());
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a CA");
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let version = if kind == Kind::OldTls { &TLS12 } else { &TLS13 };
        let mut tls = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_client_cert_verifier(Arc::new(AnyClient(algorithms, kind)))
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .expect("a certificate and its key");
        if kind != Kind::OtherProtocol {
            tls.alpn_protocols = vec![b"bastion/0".to_vec()];
        }
        let ca = issuer.pem();
        TestBastion { listener, acceptor: TlsAcceptor::from(Arc::new(tls)), address, ca }
    }

    /// TCP and TLS with the next who connects.
    pub(crate) async fn handshake(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let (stream, _) = self.listener.accept().await?;
        self.acceptor.accept(stream).await
    }

    /// The next backend.
    pub(crate) async fn accept(&self) -> Backend {
        let stream = self.handshake().await.expect("a backend connects");
        let tls = stream.get_ref().1;
        // SPEC: https-bastion, Backend to bastion connection.
        assert_eq!(tls.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
        assert_eq!(tls.alpn_protocol(), Some(b"bastion/0".as_slice()));
        let certificates = tls.peer_certificates().expect("a client certificate");
        assert_eq!(certificates.len(), 1, "it is self-signed");
        // SPEC: https-bastion, Client to bastion requests.
        let key_hash = sha256(&ed25519_key(&certificates[0])).to_string();
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
        let connection = tokio::spawn(async move { drop(connection.await) });
        Backend { key_hash, sender, connection }
    }
}

/// The key in a certificate: what follows the algorithm of RFC 8410 section 4 in its SubjectPublicKeyInfo.
fn ed25519_key(certificate: &CertificateDer<'_>) -> [u8; 32] {
    let before = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let at = certificate.windows(12).position(|window| window == before).expect("an Ed25519 key") + 12;
    certificate[at..at + 32].try_into().expect("32 bytes")
}

/// A backend that is connected.
pub(crate) struct Backend {
    pub(crate) key_hash: String,
    sender: http2::SendRequest<BoxBody<Bytes, Infallible>>,
    pub(crate) connection: tokio::task::JoinHandle<()>,
}

/// Status, content type and body.
pub(crate) type Answer = (u16, String, String);

impl Backend {
    /// Passes on a client's request, of which the key's hash was cut off.
    pub(crate) async fn send(&self, method: &str, path: &str, body: impl Into<Bytes>) -> Answer {
        self.send_body(method, path, Full::new(body.into()).boxed()).await
    }

    /// The same with a body of any kind.
    pub(crate) async fn send_body(
        &self,
        method: &str,
        path: &str,
        body: BoxBody<Bytes, Infallible>,
    ) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("https://{}{path}", self.key_hash))
            .header("x-forwarded-for", "192.0.2.1")
            .body(body)
            .expect("a request");
        let answer: Response<Incoming> = self.sender.clone().send_request(request).await.expect("an answer");
        let status = answer.status().as_u16();
        let content_type =
            answer.headers().get("content-type").expect("a content type").to_str().expect("ASCII");
        let content_type = content_type.to_owned();
        let body = answer.into_body().collect().await.expect("a whole answer").to_bytes();
        (status, content_type, String::from_utf8(body.to_vec()).expect("UTF-8"))
    }
}
