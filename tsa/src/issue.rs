//! Certificates for trying things out, and requests for real ones.
//!
//! A [`TestCa`] is a root of one's own that issues TSA certificates with the one purpose that RFC 3161 section 2.3 asks
//! for (X.509 version 3, RFC 5280). It has no revocation and is no CA to rely on. A request is PKCS #10 (RFC 2986) and
//! asks for that purpose as well.
//!
//! Names are texts as RFC 4514 writes them: `CN=Example TSA,O=Example,C=DE`.

use crate::certificate::{Certificate, CertificateError, pem};
use crate::gen_time::{GenTime, GenTimeError};
use crate::serial::Serial;
use crate::signer::{KeyError, KeyKind, LocalSigner, SignError, TsaSigner};
use crate::tlv;
use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5280, rfc5912};
use der::Encode as _;
use sha2::{Digest as _, Sha256};
use x509_cert::name::RdnSequence;

/// A root of one's own, for trying things out.
#[derive(Debug)]
pub struct TestCa {
    signer: LocalSigner,
    certificate: Certificate,
}

impl TestCa {
    /// A new key and its certificate, valid for ten years from `now`.
    ///
    /// # Errors
    /// [`IssueError`]: no key, no signature, a name that can't be read, or a time after the year 9989.
    pub fn generate(kind: KeyKind, name: &str, serial: [u8; 16], now: GenTime) -> Result<TestCa, IssueError> {
        let signer = LocalSigner::generate(kind)?;
        let name = read_name(name)?;
        let extensions = [
            // cA, and no further CA below it.
            extension(
                rfc5280::ID_CE_BASIC_CONSTRAINTS,
                true,
                &tlv::element(tlv::SEQUENCE, &[&[1, 1, 0xff, 2, 1, 0]]),
            ),
            // keyCertSign and cRLSign.
            extension(rfc5280::ID_CE_KEY_USAGE, true, &tlv::element(tlv::BIT_STRING, &[&[1, 0x06]])),
            key_identifier(signer.public_key_info()),
        ];
        let validity = validity(now, CA_DAYS)?;
        let body = body(&signer, serial, &name, &validity, &name, signer.public_key_info(), &extensions);
        let certificate = Certificate::parse(&signed(&signer, &body)?)?;
        Ok(TestCa { signer, certificate })
    }

    /// A CA that was generated before: its key and its certificate.
    ///
    /// # Errors
    /// [`IssueError::Certificate`] if the certificate is for another key.
    pub fn new(signer: LocalSigner, certificate: Certificate) -> Result<TestCa, IssueError> {
        certificate.check_key(signer.public_key_info())?;
        Ok(TestCa { signer, certificate })
    }

    /// Its own certificate, which verifiers have to be given.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Its key.
    pub fn signer(&self) -> &LocalSigner {
        &self.signer
    }

    /// Issues a TSA certificate for a key (a DER SubjectPublicKeyInfo), valid for `days` days from `now`.
    ///
    /// # Errors
    /// [`IssueError`]: no signature, a name that can't be read, or a time beyond the year 9999.
    pub fn issue_tsa(
        &self,
        public_key_info: &[u8],
        name: &str,
        serial: [u8; 16],
        now: GenTime,
        days: u32,
    ) -> Result<Certificate, IssueError> {
        let subject = read_name(name)?;
        let validity = validity(now, days)?;
        let extensions = [
            extension(rfc5280::ID_CE_BASIC_CONSTRAINTS, true, &[tlv::SEQUENCE, 0]),
            tsa_key_usage(),
            tsa_purpose(),
            key_identifier(public_key_info),
            authority_key_identifier(self.signer.public_key_info()),
        ];
        let issuer = self.certificate.subject_der();
        let body = body(&self.signer, serial, issuer, &validity, &subject, public_key_info, &extensions);
        Ok(Certificate::parse(&signed(&self.signer, &body)?)?)
    }
}

/// A PKCS #10 request for a TSA certificate, as DER.
///
/// # Errors
/// [`IssueError::Name`], [`IssueError::Sign`].
pub fn request(signer: &dyn TsaSigner, name: &str) -> Result<Vec<u8>, IssueError> {
    let extensions = tlv::element(tlv::SEQUENCE, &[&tsa_key_usage(), &tsa_purpose()]);
    let attribute =
        tlv::element(tlv::SEQUENCE, &[&oid(EXTENSION_REQUEST), &tlv::element(tlv::SET, &[&extensions])]);
    let body = tlv::element(
        tlv::SEQUENCE,
        &[
            &[tlv::INTEGER, 1, 0],
            &read_name(name)?,
            signer.public_key_info(),
            &tlv::element(tlv::constructed(0), &[&attribute]),
        ],
    );
    signed(signer, &body)
}

/// PEM with this label, such as `CERTIFICATE REQUEST`, with a line break at its end. Labels are upper-case words.
///
/// # Panics
/// If the label has other characters than those that RFC 7468 allows.
pub fn to_pem(label: &str, der: &[u8]) -> String {
    pem::to_pem(label, der)
}

/// Why nothing was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// A name that can't be read.
    #[error("the name can't be read ({0}); write it like CN=Example TSA,O=Example,C=DE")]
    Name(der::Error),
    /// A name without any part.
    #[error("the name is empty; write it like CN=Example TSA,O=Example,C=DE")]
    NoName,
    /// No key could be made.
    #[error("{0}")]
    Key(#[from] KeyError),
    /// No signature.
    #[error("{0}")]
    Sign(#[from] SignError),
    /// The certificate would be valid beyond the year 9999.
    #[error("the end of its validity: {0}")]
    Time(#[from] GenTimeError),
    /// The key that was given can't be put in a certificate, or the CA's certificate isn't its own.
    #[error("{0}")]
    Certificate(#[from] CertificateError),
}

fn body(
    signer: &dyn TsaSigner,
    serial: [u8; 16],
    issuer: &[u8],
    validity: &[u8],
    subject: &[u8],
    public_key_info: &[u8],
    extensions: &[Vec<u8>],
) -> Vec<u8> {
    let extensions = tlv::element(tlv::SEQUENCE, &extensions.iter().map(Vec::as_slice).collect::<Vec<_>>());
    tlv::element(
        tlv::SEQUENCE,
        &[
            // Version 3.
            &[0xa0, 3, tlv::INTEGER, 1, 2],
            &tlv::element(tlv::INTEGER, &[Serial::from_random(serial).der_content()]),
            &signer.algorithm().identifier(),
            issuer,
            validity,
            subject,
            public_key_info,
            &tlv::element(tlv::constructed(3), &[&extensions]),
        ],
    )
}

/// The body with its signature: the outer form of certificates and requests alike.
fn signed(signer: &dyn TsaSigner, body: &[u8]) -> Result<Vec<u8>, IssueError> {
    let signature = signer.sign(body)?;
    let bits = tlv::element(tlv::BIT_STRING, &[&[0], &signature]);
    Ok(tlv::element(tlv::SEQUENCE, &[body, &signer.algorithm().identifier(), &bits]))
}

fn read_name(name: &str) -> Result<Vec<u8>, IssueError> {
    if name.is_empty() {
        return Err(IssueError::NoName);
    }
    let name: RdnSequence = name.parse().map_err(IssueError::Name)?;
    name.to_der().map_err(IssueError::Name)
}

fn validity(now: GenTime, days: u32) -> Result<Vec<u8>, IssueError> {
    let from = now.millis() / 1000 * 1000;
    let until = from + u64::from(days) * 86_400_000;
    let time = |millis| GenTime::from_millis(millis).map(|time| certificate_time(&time));
    Ok(tlv::element(tlv::SEQUENCE, &[&time(from)?, &time(until)?]))
}

/// SPEC: RFC 5280 section 4.1.2.5: UTCTime through the year 2049, GeneralizedTime from 2050 on.
fn certificate_time(time: &GenTime) -> Vec<u8> {
    let content = time.der_content();
    if content < b"2050".as_slice() {
        tlv::element(UTC_TIME, &[&content[2..]])
    } else {
        tlv::element(tlv::GENERALIZED_TIME, &[content])
    }
}

fn extension(id: ObjectIdentifier, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[tlv::BOOLEAN, 1, 0xff] } else { &[] };
    tlv::element(tlv::SEQUENCE, &[&oid(id), critical, &tlv::element(tlv::OCTET_STRING, &[value])])
}

fn tsa_purpose() -> Vec<u8> {
    let purposes = tlv::element(tlv::SEQUENCE, &[&oid(rfc5280::ID_KP_TIME_STAMPING)]);
    extension(rfc5280::ID_CE_EXT_KEY_USAGE, true, &purposes)
}

/// digitalSignature and nonRepudiation.
fn tsa_key_usage() -> Vec<u8> {
    extension(rfc5280::ID_CE_KEY_USAGE, true, &tlv::element(tlv::BIT_STRING, &[&[6, 0xc0]]))
}

/// The first 160 bits of the key's SHA-256 (RFC 7093 section 2, method 1).
fn key_id(public_key_info: &[u8]) -> [u8; 20] {
    let hash = Sha256::digest(public_key_info);
    std::array::from_fn(|at| hash[at])
}

fn key_identifier(public_key_info: &[u8]) -> Vec<u8> {
    let id = tlv::element(tlv::OCTET_STRING, &[&key_id(public_key_info)]);
    extension(rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER, false, &id)
}

fn authority_key_identifier(public_key_info: &[u8]) -> Vec<u8> {
    let id = tlv::element(tlv::context(0), &[&key_id(public_key_info)]);
    extension(rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER, false, &tlv::element(tlv::SEQUENCE, &[&id]))
}

fn oid(id: ObjectIdentifier) -> Vec<u8> {
    tlv::element(tlv::OID, &[id.as_bytes()])
}

const CA_DAYS: u32 = 3653;

const UTC_TIME: u8 = 0x17;

/// PKCS #9: extensions that a request asks for.
const EXTENSION_REQUEST: ObjectIdentifier = rfc5912::ID_EXTENSION_REQ;

#[cfg(test)]
mod tests;
