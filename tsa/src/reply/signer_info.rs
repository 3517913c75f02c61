//! SignerInfo (RFC 5652 section 5.3): the signature, who made it, and the attributes that it covers.

use super::{ReplyError, oid, small, token::TST_INFO};
use crate::tlv::{self, Element, Elements};
use const_oid::{
    ObjectIdentifier,
    db::rfc5912::{ID_SHA_256, ID_SHA_384, ID_SHA_512},
};
use treering_tlog::proof::TlogProof;

const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

/// How the certificate and the signature are bound to the content. Copied out, not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerInfo {
    pub(crate) id: SignerId,
    pub(crate) digest: Digest,
    /// The DER of `SET OF Attribute`: what the signature is over.
    pub(crate) signed_attributes: Vec<u8>,
    pub(crate) message_digest: Vec<u8>,
    /// The signer's certificate by its hash: at least one, one of each version of the attribute at most.
    pub(crate) certificate_ids: Vec<CertificateId>,
    /// The content of the AlgorithmIdentifier: OID and parameters.
    pub(crate) signature_algorithm: Vec<u8>,
    pub(crate) signature_oid: ObjectIdentifier,
    pub(crate) signature: Vec<u8>,
    pub(super) embedded_proofs: Vec<Vec<u8>>,
}

/// Which certificate the signature is said to be by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerId {
    /// The issuer's Name in DER, and the content of the serial number's INTEGER.
    IssuerAndSerial {
        /// DER of the Name.
        issuer: Vec<u8>,
        /// Big-endian.
        serial: Vec<u8>,
    },
    /// The subject key identifier.
    KeyId(Vec<u8>),
}

/// A digest algorithm of signatures and certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// Only in ESSCertID of RFC 3161 itself.
    Sha1,
    /// `2.16.840.1.101.3.4.2.1`
    Sha256,
    /// `2.16.840.1.101.3.4.2.2`
    Sha384,
    /// `2.16.840.1.101.3.4.2.3`
    Sha512,
}

/// ESSCertID or ESSCertIDv2 of the signer's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateId {
    pub(crate) digest: Digest,
    pub(crate) hash: Vec<u8>,
    /// The issuer's names (the content of GeneralNames) and the serial number.
    pub(crate) issuer_serial: Option<(Vec<u8>, Vec<u8>)>,
}

impl SignerInfo {
    /// Reads the content of a SignerInfo.
    pub(super) fn parse(content: &[u8]) -> Result<SignerInfo, ReplyError> {
        let mut info = Elements::new(content);
        let version = small(&mut info)?;
        let id = match info.take_if(tlv::SEQUENCE)? {
            Some(sid) => {
                let mut sid = Elements::new(sid.content);
                let issuer = sid.take(tlv::SEQUENCE)?.whole.to_vec();
                let serial = sid.take(tlv::INTEGER)?.content.to_vec();
                sid.end()?;
                SignerId::IssuerAndSerial { issuer, serial }
            }
            None => SignerId::KeyId(info.take(tlv::context(0))?.content.to_vec()),
        };
        // SPEC: RFC 5652 section 5.3: 1 with issuer and serial number, 3 with a key identifier.
        if version != if matches!(id, SignerId::KeyId(_)) { 3 } else { 1 } {
            return Err(ReplyError::Version { what: "SignerInfo", version });
        }
        let digest = Digest::read(info.take(tlv::SEQUENCE)?.content)?;
        let attributes = info.take_if(tlv::constructed(0))?.ok_or(ReplyError::NoSignedAttributes)?;
        let algorithm = info.take(tlv::SEQUENCE)?.content;
        let signature_oid = oid(&mut Elements::new(algorithm))?;
        let signature = info.take(tlv::OCTET_STRING)?.content.to_vec();
        // Unsigned attributes: a proof, maybe (see `embed`); nothing that a signature depends on.
        let unsigned = info.take_if(tlv::constructed(1))?;
        let embedded_proofs = unsigned.map_or_else(Vec::new, |unsigned| embedded_proofs(unsigned.content));
        info.end()?;
        let read = Attributes::read(attributes.content)?;
        // SPEC: RFC 5652 section 5.4: signed is the DER of SET OF, not of [0] IMPLICIT.
        let mut signed_attributes = attributes.whole.to_vec();
        signed_attributes[0] = tlv::SET;
        Ok(SignerInfo {
            id,
            digest,
            signed_attributes,
            message_digest: read.message_digest.to_vec(),
            certificate_ids: read.certificate_ids,
            signature_algorithm: algorithm.to_vec(),
            signature_oid,
            signature,
            embedded_proofs,
        })
    }

    /// Which certificate the signature is said to be by.
    pub fn id(&self) -> &SignerId {
        &self.id
    }

    /// Of the content.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    pub(super) fn has_digest(&self, algorithm: &[u8]) -> bool {
        Digest::read(algorithm).is_ok_and(|listed| listed == self.digest)
    }
}

/// Proofs that are kept of one token: more than anybody has a use for, and few enough to look at.
const MAX_PROOFS: usize = 4;

/// The values of the attributes that hold a tlog-proof alone. Attributes of others are passed over, whatever they are.
fn embedded_proofs(mut unsigned: &[u8]) -> Vec<Vec<u8>> {
    let mut proofs = Vec::new();
    while proofs.len() < MAX_PROOFS {
        let mut attributes = Elements::new(unsigned);
        let Ok(attribute) = attributes.take(tlv::SEQUENCE) else { break };
        unsigned = attributes.rest();
        let mut fields = Elements::new(attribute.content);
        let is_attribute = fields.take(tlv::OID).is_ok();
        let value =
            fields.take(tlv::SET).and_then(|values| Elements::only(values.content, tlv::OCTET_STRING));
        match value {
            Ok(value) if is_attribute && value.content.starts_with(TlogProof::FIRST_LINE.as_bytes()) => {
                proofs.push(value.content.to_vec());
            }
            _ => {}
        }
    }
    proofs
}

struct Attributes<'a> {
    message_digest: &'a [u8],
    certificate_ids: Vec<CertificateId>,
}

impl<'a> Attributes<'a> {
    fn read(set: &'a [u8]) -> Result<Attributes<'a>, ReplyError> {
        let mut set = Elements::new(set);
        let (mut content_type, mut message_digest, mut v1, mut v2) = (None, None, None, None);
        while !set.is_empty() {
            let mut attribute = Elements::new(set.take(tlv::SEQUENCE)?.content);
            let oid = oid(&mut attribute)?;
            let place = match oid {
                CONTENT_TYPE => &mut content_type,
                MESSAGE_DIGEST => &mut message_digest,
                SIGNING_CERTIFICATE => &mut v1,
                SIGNING_CERTIFICATE_V2 => &mut v2,
                _ => continue,
            };
            // SPEC: RFC 5652 section 11: one instance, one value.
            let mut values = Elements::new(attribute.take(tlv::SET)?.content);
            let value = values.next()?;
            values.end()?;
            attribute.end()?;
            if place.replace(value).is_some() {
                return Err(ReplyError::AttributeForm(oid));
            }
        }
        let content_type = content_type.ok_or(ReplyError::AttributeMissing(CONTENT_TYPE))?;
        if content_type.tag != tlv::OID || content_type.content != TST_INFO.as_bytes() {
            return Err(ReplyError::AttributeForm(CONTENT_TYPE));
        }
        let message_digest = message_digest.ok_or(ReplyError::AttributeMissing(MESSAGE_DIGEST))?;
        if message_digest.tag != tlv::OCTET_STRING {
            return Err(ReplyError::AttributeForm(MESSAGE_DIGEST));
        }
        let mut certificate_ids = Vec::new();
        for (value, oid) in [(v2, SIGNING_CERTIFICATE_V2), (v1, SIGNING_CERTIFICATE)] {
            if let Some(value) = value {
                certificate_ids.push(CertificateId::read(value, oid == SIGNING_CERTIFICATE)?);
            }
        }
        if certificate_ids.is_empty() {
            return Err(ReplyError::AttributeMissing(SIGNING_CERTIFICATE_V2));
        }
        Ok(Attributes { message_digest: message_digest.content, certificate_ids })
    }
}

impl CertificateId {
    /// The first one of SigningCertificate or SigningCertificateV2: the signer's own (RFC 2634 section 5.4, RFC 5035).
    fn read(value: Element<'_>, is_v1: bool) -> Result<CertificateId, ReplyError> {
        let mut attribute = Elements::new(Elements::only(value.whole, tlv::SEQUENCE)?.content);
        let ids = attribute.take(tlv::SEQUENCE)?.content;
        attribute.take_if(tlv::SEQUENCE)?;
        attribute.end()?;
        let mut id = Elements::new(Elements::new(ids).take(tlv::SEQUENCE)?.content);
        let digest = match id.take_if(tlv::SEQUENCE)? {
            Some(_) if is_v1 => return Err(ReplyError::AttributeForm(SIGNING_CERTIFICATE)),
            Some(algorithm) => Digest::read(algorithm.content)?,
            None if is_v1 => Digest::Sha1,
            // SPEC: RFC 5035: DEFAULT {algorithm id-sha256}
            None => Digest::Sha256,
        };
        let hash = id.take(tlv::OCTET_STRING)?.content.to_vec();
        let issuer_serial = match id.take_if(tlv::SEQUENCE)? {
            Some(both) => {
                let mut both = Elements::new(both.content);
                let names = both.take(tlv::SEQUENCE)?.content.to_vec();
                let serial = both.take(tlv::INTEGER)?.content.to_vec();
                both.end()?;
                Some((names, serial))
            }
            None => None,
        };
        id.end()?;
        Ok(CertificateId { digest, hash, issuer_serial })
    }
}

impl Digest {
    /// The content of an AlgorithmIdentifier, with absent or NULL parameters.
    fn read(content: &[u8]) -> Result<Digest, ReplyError> {
        let mut algorithm = Elements::new(content);
        let oid = oid(&mut algorithm)?;
        if !matches!(algorithm.rest(), [] | [tlv::NULL, 0]) {
            return Err(ReplyError::UnsupportedDigest(oid));
        }
        match oid {
            ID_SHA_256 => Ok(Digest::Sha256),
            ID_SHA_384 => Ok(Digest::Sha384),
            ID_SHA_512 => Ok(Digest::Sha512),
            other => Err(ReplyError::UnsupportedDigest(other)),
        }
    }

    pub(crate) fn of(self, bytes: &[u8]) -> Vec<u8> {
        use aws_lc_rs::digest;
        let algorithm = match self {
            Digest::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Digest::Sha256 => &digest::SHA256,
            Digest::Sha384 => &digest::SHA384,
            Digest::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }
}
