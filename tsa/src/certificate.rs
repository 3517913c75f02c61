//! X.509 certificates as a TSA needs them (RFC 5280; the purpose: RFC 3161 section 2.3).
//!
//! The names, the number and the key are kept as the bytes of the certificate, as tokens repeat them and hashes go over
//! them; `x509-cert` reads the extensions. At most 64 KiB. Revocation is not looked at: nothing here has a network.

mod error;
pub(crate) mod pem;

pub use error::CertificateError;

use crate::gen_time::GenTime;
use crate::signature;
use crate::tlv::{self, DerError, Elements};
use const_oid::db::rfc5280;
use der::Decode as _;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};

/// A certificate, with its own bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    parts: Parts,
    parsed: x509_cert::Certificate,
}

/// What is used as it stands in the certificate.
#[derive(Clone, PartialEq, Eq)]
struct Parts {
    /// The signed part.
    tbs: Vec<u8>,
    /// The content of the serial number's INTEGER.
    serial: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    public_key_info: Vec<u8>,
}

impl Certificate {
    /// Largest certificate that is read: 30 times a usual one.
    pub const MAX_BYTES: usize = 65_536;

    /// Reads a DER Certificate.
    ///
    /// # Errors
    /// [`CertificateError::TooLong`], [`CertificateError::Der`], [`CertificateError::Name`] and
    /// [`CertificateError::Unreadable`].
    pub fn parse(der: &[u8]) -> Result<Certificate, CertificateError> {
        if der.len() > Certificate::MAX_BYTES {
            return Err(CertificateError::TooLong { found: der.len() });
        }
        let parts = Parts::read(der)?;
        check_name(&parts.issuer)?;
        check_name(&parts.subject)?;
        let parsed = x509_cert::Certificate::from_der(der).map_err(CertificateError::Unreadable)?;
        Ok(Certificate { der: der.to_vec(), parts, parsed })
    }

    /// Reads every `CERTIFICATE` of a PEM text, in order; text between them is passed over, as openssl writes some.
    ///
    /// # Errors
    /// [`CertificateError::Pem`] for a block that is cut off or damaged, [`CertificateError::NoPem`] if there is none,
    /// and those of [`Certificate::parse`].
    pub fn from_pem_list(pem: &str) -> Result<Vec<Certificate>, CertificateError> {
        let blocks = pem::blocks(pem, pem::CERTIFICATE)?;
        if blocks.is_empty() {
            return Err(CertificateError::NoPem);
        }
        blocks.iter().map(|der| Certificate::parse(der)).collect()
    }

    /// The whole DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// As PEM, with a line break at the end.
    pub fn to_pem(&self) -> String {
        pem::to_pem(pem::CERTIFICATE, &self.der)
    }

    /// The subject's name as text (RFC 4514), for people.
    pub fn subject(&self) -> String {
        self.parsed.tbs_certificate.subject.to_string()
    }

    /// The issuer's name as text (RFC 4514), for people.
    pub fn issuer(&self) -> String {
        self.parsed.tbs_certificate.issuer.to_string()
    }

    /// The subject as a DER Name.
    pub fn subject_der(&self) -> &[u8] {
        &self.parts.subject
    }

    /// The issuer as a DER Name.
    pub fn issuer_der(&self) -> &[u8] {
        &self.parts.issuer
    }

    /// The content of the serial number's DER INTEGER.
    pub fn serial(&self) -> &[u8] {
        &self.parts.serial
    }

    /// The key as a DER SubjectPublicKeyInfo.
    pub fn public_key_info(&self) -> &[u8] {
        &self.parts.public_key_info
    }

    /// First second of validity, in milliseconds since the epoch.
    pub fn not_before_millis(&self) -> u64 {
        millis(self.parsed.tbs_certificate.validity.not_before)
    }

    /// Last millisecond of validity (the certificate names its second), in milliseconds since the epoch.
    pub fn not_after_millis(&self) -> u64 {
        millis(self.parsed.tbs_certificate.validity.not_after) + 999
    }

    /// Whole days until it expires, rounded down; negative when it has expired.
    pub fn days_left(&self, now: GenTime) -> i64 {
        // Both are below 2^48, so the difference fits.
        let left = i128::from(self.not_after_millis()) - i128::from(now.millis());
        i64::try_from(left.div_euclid(86_400_000)).expect("a span of years below 10000 is a few million days")
    }

    /// Whether issuer and subject are the same: a root, or a certificate of one's own making.
    pub fn is_self_issued(&self) -> bool {
        self.parts.issuer == self.parts.subject
    }

    /// The certificate has to be valid at this time.
    ///
    /// # Errors
    /// [`CertificateError::NotYetValid`], [`CertificateError::Expired`].
    pub fn check_time(&self, time: GenTime) -> Result<(), CertificateError> {
        if time.millis() < self.not_before_millis() {
            return Err(CertificateError::NotYetValid {
                subject: self.subject(),
                from: moment(self.not_before_millis()),
            });
        }
        if time.millis() > self.not_after_millis() {
            return Err(CertificateError::Expired {
                subject: self.subject(),
                until: moment(self.not_after_millis() - 999),
            });
        }
        Ok(())
    }

    /// The certificate has to be one for timestamps, and for nothing else.
    ///
    /// # Errors
    /// [`CertificateError::NoPurpose`], [`CertificateError::PurposeNotCritical`], [`CertificateError::OtherPurpose`],
    /// [`CertificateError::KeyUsage`], [`CertificateError::Unreadable`].
    pub fn check_purpose(&self) -> Result<(), CertificateError> {
        // SPEC: RFC 3161 section 2.3: exactly one instance of the extended key usage extension, with id-kp-timeStamping
        // alone; it MUST be critical.
        let Some((critical, usage)) = self.extension::<ExtendedKeyUsage>()? else {
            return Err(CertificateError::NoPurpose { subject: self.subject() });
        };
        if usage.0 != [rfc5280::ID_KP_TIME_STAMPING] {
            return Err(CertificateError::OtherPurpose { subject: self.subject() });
        }
        if !critical {
            return Err(CertificateError::PurposeNotCritical { subject: self.subject() });
        }
        let signs = KeyUsages::DigitalSignature | KeyUsages::NonRepudiation;
        match self.extension::<KeyUsage>()? {
            Some((_, usage)) if usage.0.is_empty() || !signs.contains(usage.0) => {
                Err(CertificateError::KeyUsage { subject: self.subject() })
            }
            _ => Ok(()),
        }
    }

    /// The certificate has to be for this key (a DER SubjectPublicKeyInfo).
    ///
    /// # Errors
    /// [`CertificateError::OtherKey`].
    pub fn check_key(&self, public_key_info: &[u8]) -> Result<(), CertificateError> {
        if self.parts.public_key_info == public_key_info {
            return Ok(());
        }
        Err(CertificateError::OtherKey { subject: self.subject() })
    }

    /// The certificate has to be issued by this one: its name, its right to issue, its signature. Validity in time is
    /// for [`Certificate::check_time`].
    ///
    /// # Errors
    /// [`CertificateError::OtherIssuer`], [`CertificateError::NotACa`], [`CertificateError::Signature`],
    /// [`CertificateError::Unreadable`].
    pub fn check_issued_by(&self, issuer: &Certificate) -> Result<(), CertificateError> {
        if self.parts.issuer != issuer.parts.subject {
            return Err(CertificateError::OtherIssuer { subject: self.subject(), issuer: issuer.subject() });
        }
        // SPEC: RFC 5280 section 4.2.1.9: without cA the key doesn't verify certificates; section 4.2.1.3: nor without
        // keyCertSign, where key usage is there.
        let is_ca = issuer.extension::<BasicConstraints>()?.is_some_and(|(_, constraints)| constraints.ca);
        let may_sign = issuer.extension::<KeyUsage>()?.is_none_or(|(_, usage)| usage.key_cert_sign());
        if !is_ca || !may_sign {
            return Err(CertificateError::NotACa { subject: issuer.subject() });
        }
        let algorithm = self.parsed.signature_algorithm.oid;
        let signature = self.parsed.signature.as_bytes().unwrap_or_default();
        signature::verify(issuer.public_key_info(), algorithm, &self.parts.tbs, signature).map_err(|error| {
            CertificateError::Signature { subject: self.subject(), issuer: issuer.subject(), error }
        })
    }

    /// An extension and whether it is critical. Two of one kind are refused.
    fn extension<T>(&self) -> Result<Option<(bool, T)>, CertificateError>
    where
        T: for<'a> der::Decode<'a> + const_oid::AssociatedOid,
    {
        self.parsed.tbs_certificate.get::<T>().map_err(CertificateError::Unreadable)
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({})", self.subject())
    }
}

impl Parts {
    fn read(der: &[u8]) -> Result<Parts, DerError> {
        let mut certificate = Elements::new(Elements::only(der, tlv::SEQUENCE)?.content);
        let tbs = certificate.take(tlv::SEQUENCE)?;
        let mut fields = Elements::new(tbs.content);
        fields.take_if(tlv::constructed(0))?;
        let serial = fields.take(tlv::INTEGER)?.content;
        fields.take(tlv::SEQUENCE)?;
        let issuer = fields.take(tlv::SEQUENCE)?.whole;
        fields.take(tlv::SEQUENCE)?;
        let subject = fields.take(tlv::SEQUENCE)?.whole;
        let public_key_info = fields.take(tlv::SEQUENCE)?.whole;
        Ok(Parts {
            tbs: tbs.whole.to_vec(),
            serial: serial.to_vec(),
            issuer: issuer.to_vec(),
            subject: subject.to_vec(),
            public_key_info: public_key_info.to_vec(),
        })
    }
}

/// `der` sorts what is in a SET by insertion, which takes seconds for thousands of attributes; so they are counted first.
fn check_name(name: &[u8]) -> Result<(), CertificateError> {
    let mut parts = Elements::new(Elements::only(name, tlv::SEQUENCE)?.content);
    while !parts.is_empty() {
        let mut attributes = Elements::new(parts.take(tlv::SET)?.content);
        let mut count = 0;
        while !attributes.is_empty() {
            attributes.take(tlv::SEQUENCE)?;
            count += 1;
        }
        if count > MAX_ATTRIBUTES {
            return Err(CertificateError::Name { found: count });
        }
    }
    Ok(())
}

fn millis(time: x509_cert::time::Time) -> u64 {
    time.to_unix_duration().as_secs() * 1000
}

fn moment(millis: u64) -> GenTime {
    GenTime::from_millis(millis).expect("a certificate's years end with 9999")
}

/// Most attributes in one part of a name. Nearly all names have 1, some 2 or 3.
const MAX_ATTRIBUTES: usize = 16;

#[cfg(test)]
mod tests;
