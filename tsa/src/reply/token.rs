//! The TimeStampToken: a CMS SignedData over a TSTInfo, by one signer.

use super::{ReplyError, SignerInfo, TstInfo, oid, small};
use crate::tlv::{self, Elements};
use const_oid::{ObjectIdentifier, db::rfc5911::ID_SIGNED_DATA};

/// id-ct-TSTInfo
pub(crate) const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

/// A token. Parsed, not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampToken {
    der: Vec<u8>,
    // INVARIANT: what these bytes say is `info`.
    content: Vec<u8>,
    info: TstInfo,
    certificates: Vec<Vec<u8>>,
    signer: SignerInfo,
}

impl TimestampToken {
    /// Certificates that a token may carry. Chains have 3, rarely 5; each is held against the signer's name, so that there
    /// has to be a bound for the cost to stay linear.
    pub const MAX_CERTIFICATES: usize = 64;

    /// Reads a ContentInfo.
    pub(super) fn parse(bytes: &[u8]) -> Result<TimestampToken, ReplyError> {
        let mut info = Elements::new(Elements::only(bytes, tlv::SEQUENCE)?.content);
        match oid(&mut info)? {
            ID_SIGNED_DATA => {}
            other => return Err(ReplyError::NotSigned(other)),
        }
        let explicit = info.take(tlv::constructed(0))?.content;
        info.end()?;
        let mut data = Elements::new(Elements::only(explicit, tlv::SEQUENCE)?.content);
        // SPEC: RFC 5652 section 5.1: 3 for any content but id-data; 4 and 5 with attribute and other certificates.
        let version = small(&mut data)?;
        if !(3..=5).contains(&version) {
            return Err(ReplyError::Version { what: "SignedData", version });
        }
        let mut digests = Elements::new(data.take(tlv::SET)?.content);
        let content = content(data.take(tlv::SEQUENCE)?.content)?;
        let mut certificates = Vec::new();
        if let Some(set) = data.take_if(tlv::constructed(0))? {
            let mut set = Elements::new(set.content);
            while !set.is_empty() {
                // Attribute certificates and the like are passed over.
                let certificate = set.next()?;
                if certificate.tag == tlv::SEQUENCE {
                    if certificates.len() == TimestampToken::MAX_CERTIFICATES {
                        return Err(ReplyError::TooManyCertificates);
                    }
                    certificates.push(certificate.whole.to_vec());
                }
            }
        }
        // Revocation lists are not looked at.
        data.take_if(tlv::constructed(1))?;
        let signer = one_signer(data.take(tlv::SET)?.content)?;
        data.end()?;
        // SPEC: RFC 5652 section 5.3: digestAlgorithm SHOULD be among those that SignedData lists, and a verifier may
        // refuse if it isn't: no byte of the token's frame is then without a meaning.
        let mut listed = false;
        while !digests.is_empty() {
            listed |= signer.has_digest(digests.take(tlv::SEQUENCE)?.content);
        }
        if !listed {
            return Err(ReplyError::DigestNotListed);
        }
        let info = TstInfo::parse(content)?;
        Ok(TimestampToken { der: bytes.to_vec(), content: content.to_vec(), info, certificates, signer })
    }

    /// The token as received: a ContentInfo in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What is signed, in words of this library.
    pub fn info(&self) -> &TstInfo {
        &self.info
    }

    /// The TSTInfo as received: what the message-digest attribute is of.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// The certificates that the token carries, DER each, in its order; none if `certReq` was not set.
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    /// The log's proofs that the token carries, in its order, four at most: the unsigned attributes whose value begins as a
    /// tlog-proof. Their object identifier is the operator's choice and is not looked at, since nothing depends on where a
    /// proof is from. Anybody can add one to a token, so one that is of something else says nothing against the others.
    pub fn embedded_proofs(&self) -> &[Vec<u8>] {
        &self.signer.embedded_proofs
    }

    /// The signature and what belongs to it.
    pub fn signer(&self) -> &SignerInfo {
        &self.signer
    }
}

fn content(info: &[u8]) -> Result<&[u8], ReplyError> {
    let mut info = Elements::new(info);
    match oid(&mut info)? {
        TST_INFO => {}
        other => return Err(ReplyError::NotATimestamp(other)),
    }
    let explicit = info.take(tlv::constructed(0))?.content;
    info.end()?;
    Ok(Elements::only(explicit, tlv::OCTET_STRING)?.content)
}

/// SPEC: RFC 3161 section 2.4.2: "MUST NOT contain any signatures other than the signature of the TSA".
fn one_signer(signers: &[u8]) -> Result<SignerInfo, ReplyError> {
    let mut signers = Elements::new(signers);
    let signer = signers.take_if(tlv::SEQUENCE)?;
    match signer {
        Some(signer) if signers.is_empty() => SignerInfo::parse(signer.content),
        _ => Err(ReplyError::NotOneSigner),
    }
}
