//! Verifying a timestamp: the authority's word, and whose word that is.
//!
//! Source: RFC 3161 section 2.2 and appendix B, RFC 5652 section 5.6, RFC 5035 (the signer's certificate is bound by its
//! hash), RFC 5280 section 6 (the path to a root, by `webpki`). Two steps, each of which gives a value that only it can make:
//!
//! 1. [`Verifier::signature`] → [`Signed`]: the token is of this imprint (and has this nonce), and it is signed by the key
//!    of a certificate that was valid at genTime and is for timestamps alone. Nobody has said yet whose certificate it is.
//! 2. [`Verifier::chain`] → [`Verified`]: that certificate leads to a root that the verifier trusts.
//!
//! The chain is judged **as of genTime**, never as of now: a certificate that has expired since doesn't take away what it
//! was good for. Roots count as they are given (their own validity is the verifier's affair), and a signer's certificate that
//! is itself among the roots needs no chain.
//!
//! Not done: revocation (there is no network here, and a list of today says nothing about genTime), and nothing here shows
//! that whoever had the authority's key did not choose genTime as they liked; for that see [`crate::transparent`].
//!
//! Algorithms: ECDSA over P-256, P-384 and P-521, RSA PKCS #1 v1.5 and RSA-PSS with 2048 to 8192 bits, with SHA-256, SHA-384
//! and SHA-512. Nothing weaker, so a token that was signed with SHA-1 is refused as unsupported.

mod algorithm;
mod chain;
mod error;
mod name;

pub use error::{Fault, VerifyError};

use crate::{
    certificate::Certificate,
    commitment::commitment_of,
    imprint::Imprint,
    nonce::Nonce,
    reply::{Reply, SignerId, TimestampToken},
};
use rustls_pki_types::{CertificateDer, TrustAnchor};

/// The roots that are trusted, and certificates that may lead to them.
#[derive(Debug)]
pub struct Verifier {
    roots: Vec<Certificate>,
    // INVARIANT: those of `roots`, in their order.
    anchors: Vec<TrustAnchor<'static>>,
    untrusted: Vec<Certificate>,
}

/// A token whose signature is genuine under a certificate that was fit to sign it. Whose certificate it is, is not known.
#[derive(Clone, Debug)]
pub struct Signed<'a> {
    token: &'a TimestampToken,
    certificate: Certificate,
    commitment: [u8; 32],
}

/// A token by an authority that one of the roots vouches for.
#[derive(Clone, Debug)]
pub struct Verified<'a> {
    signed: Signed<'a>,
    root: String,
}

impl Verifier {
    /// Trusts these roots, and builds chains out of these certificates and those that tokens carry.
    ///
    /// # Errors
    /// [`RootError`] for a root that can't be one.
    pub fn new(roots: Vec<Certificate>, untrusted: Vec<Certificate>) -> Result<Verifier, RootError> {
        let anchor = |root: &Certificate| {
            let der = CertificateDer::from(root.der());
            let anchor = webpki::anchor_from_trusted_cert(&der)
                .map_err(|error| RootError { subject: root.subject(), error })?;
            Ok(anchor.to_owned())
        };
        let anchors = roots.iter().map(anchor).collect::<Result<_, RootError>>()?;
        Ok(Verifier { roots, anchors, untrusted })
    }

    /// Both steps.
    ///
    /// # Errors
    /// Whatever keeps the reply's token from being evidence of this imprint under these roots.
    pub fn verify<'a>(
        &self,
        reply: &'a Reply,
        imprint: &Imprint,
        nonce: Option<&Nonce>,
    ) -> Result<Verified<'a>, VerifyError> {
        self.chain(self.signature(reply, imprint, nonce)?)
    }

    /// The first step. `nonce` is what the query had, if this is the answer to one.
    ///
    /// # Errors
    /// A reply without a token, one of something else, one that isn't signed as it says, or by a certificate that is not
    /// there or not fit.
    pub fn signature<'a>(
        &self,
        reply: &'a Reply,
        imprint: &Imprint,
        nonce: Option<&Nonce>,
    ) -> Result<Signed<'a>, VerifyError> {
        let token = reply.token().ok_or(VerifyError::NoToken)?;
        check_imprint(token, imprint)?;
        if let Some(nonce) = nonce
            && token.info().nonce.as_ref() != Some(nonce)
        {
            return Err(VerifyError::OtherNonce);
        }
        let signer = token.signer();
        if signer.digest.of(token.content()) != signer.message_digest {
            return Err(VerifyError::ContentDigest);
        }
        let certificate = self.signers_certificate(token)?;
        algorithm::check_signature(signer, &certificate)?;
        certificate.check_purpose()?;
        certificate.check_time(token.info().gen_time)?;
        name::check_tsa_name(token, &certificate)?;
        // The parser has found exactly one signer, so it can be cut out.
        let commitment = commitment_of(token.der()).map_err(VerifyError::Commitment)?;
        Ok(Signed { token, certificate, commitment })
    }

    /// The second step.
    ///
    /// # Errors
    /// No path to a root, or one that was not good at genTime.
    pub fn chain<'a>(&self, signed: Signed<'a>) -> Result<Verified<'a>, VerifyError> {
        let root = chain::root_of(self, &signed)?.subject();
        Ok(Verified { signed, root })
    }

    /// The certificate that the token names as its signer's, by issuer and number, and by hash.
    fn signers_certificate(&self, token: &TimestampToken) -> Result<Certificate, VerifyError> {
        // What a token carries that can't be read is not the certificate that is looked for, or it was damaged.
        let carried = token.certificates().iter().filter_map(|der| Certificate::parse(der).ok());
        let given = self.untrusted.iter().chain(&self.roots).cloned();
        let mut refusal = VerifyError::NoCertificate;
        for certificate in carried.chain(given) {
            if !is_named(token, &certificate) {
                continue;
            }
            if token.signer().certificate_ids.iter().all(|id| name::is_bound(id, &certificate)) {
                return Ok(certificate);
            }
            refusal = VerifyError::OtherCertificate;
        }
        Err(refusal)
    }
}

impl<'a> Signed<'a> {
    /// What was signed.
    pub fn token(&self) -> &'a TimestampToken {
        self.token
    }

    /// The signer's certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What a log has of this token: see [`crate::commitment`].
    pub fn commitment(&self) -> [u8; 32] {
        self.commitment
    }
}

impl<'a> Verified<'a> {
    /// What the first step has shown.
    pub fn signed(&self) -> &Signed<'a> {
        &self.signed
    }

    /// The subject of the root that vouches for the authority, as text (RFC 4514).
    pub fn root(&self) -> &str {
        &self.root
    }
}

/// A certificate that was given as a root can't be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate of {subject} can't be a root: {error}")]
pub struct RootError {
    /// Whose certificate it is.
    pub subject: String,
    /// Why.
    pub error: webpki::Error,
}

fn check_imprint(token: &TimestampToken, imprint: &Imprint) -> Result<(), VerifyError> {
    let stamped = &token.info().imprint;
    if stamped.algorithm() != imprint.algorithm() {
        let (stamped, given) = (stamped.algorithm(), imprint.algorithm());
        return Err(VerifyError::OtherAlgorithm { stamped, given });
    }
    if stamped != imprint { Err(VerifyError::OtherImprint(stamped.algorithm())) } else { Ok(()) }
}

fn is_named(token: &TimestampToken, certificate: &Certificate) -> bool {
    match token.signer().id() {
        SignerId::IssuerAndSerial { issuer, serial } => {
            serial == certificate.serial() && name::is_same(issuer, certificate.issuer_der())
        }
        SignerId::KeyId(id) => name::key_id(certificate).as_ref() == Some(id),
    }
}
