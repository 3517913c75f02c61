//! Where the SignerInfo is in a token (RFC 5652 section 5), and how to put another one in its place.
//!
//! A reply is `SEQUENCE { status, token }`, a token `SEQUENCE { id-signedData, [0] SignedData }`, and SignedData ends
//! with a SET of one SignerInfo: `SEQUENCE { version, sid, digestAlgorithm, [0] signedAttrs, signatureAlgorithm,
//! signature, [1] unsignedAttrs OPTIONAL }`. Only the way there is read, in DER; all else stays bytes, so that what is
//! taken apart and put together again is the same. At most 4 MiB.

use crate::tlv::{self, DerError, Element, Elements};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911;
use sha2::{Digest as _, Sha256};

/// Why bytes are no reply with a token and no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// More than 4 MiB.
    #[error("a timestamp token has at most {MAX_BYTES} bytes here, not {found}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// Another structure, or one that isn't DER.
    #[error("this is no timestamp token: {0}")]
    Der(#[from] DerError),
    /// A reply that grants nothing.
    #[error("the reply holds no token: the authority refused")]
    Refused,
    /// Not CMS SignedData.
    #[error("this is no timestamp token: it isn't signed data")]
    NotSignedData,
    /// SignedData of something else than a TSTInfo.
    #[error("this is no timestamp token: what is signed is something else")]
    NotTstInfo,
    /// None or several signers.
    #[error("a timestamp token has exactly one signer")]
    NotOneSigner,
}

/// A token, cut at its SignerInfo.
#[derive(Clone, Debug)]
pub(crate) struct CutToken<'a> {
    /// The elements around the SignerInfo, the outermost first.
    around: Vec<Around<'a>>,
    /// The fields of the SignerInfo from its version to its signature.
    signed: &'a [u8],
    /// The content of its unsigned attributes, if it has any.
    unsigned: Option<&'a [u8]>,
}

/// An element with what it holds before the one that is of interest, which is always its last.
#[derive(Clone, Copy, Debug)]
struct Around<'a> {
    tag: u8,
    before: &'a [u8],
}

impl<'a> CutToken<'a> {
    /// Cuts a TimeStampResp or a TimeStampToken.
    pub(crate) fn read(der: &'a [u8]) -> Result<CutToken<'a>, TokenError> {
        if der.len() > MAX_BYTES {
            return Err(TokenError::TooLong { found: der.len() });
        }
        let mut around = Vec::with_capacity(6);
        let mut outer = Elements::only(der, tlv::SEQUENCE)?;
        // A reply begins with its status, a SEQUENCE; a token with an object identifier.
        let mut fields = Elements::new(outer.content);
        if fields.take_if(tlv::SEQUENCE)?.is_some() {
            if fields.is_empty() {
                return Err(TokenError::Refused);
            }
            outer = enter(&mut around, outer, fields, tlv::SEQUENCE)?;
            fields = Elements::new(outer.content);
        }
        if fields.take(tlv::OID)?.content != rfc5911::ID_SIGNED_DATA.as_bytes() {
            return Err(TokenError::NotSignedData);
        }
        let explicit = enter(&mut around, outer, fields, tlv::constructed(0))?;
        let signed_data = enter(&mut around, explicit, Elements::new(explicit.content), tlv::SEQUENCE)?;
        let mut fields = Elements::new(signed_data.content);
        fields.take(tlv::INTEGER)?;
        fields.take(tlv::SET)?;
        let content = fields.take(tlv::SEQUENCE)?;
        if Elements::new(content.content).take(tlv::OID)?.content != TST_INFO.as_bytes() {
            return Err(TokenError::NotTstInfo);
        }
        fields.take_if(tlv::constructed(0))?;
        fields.take_if(tlv::constructed(1))?;
        let signers = enter(&mut around, signed_data, fields, tlv::SET)?;
        let mut fields = Elements::new(signers.content);
        if fields.is_empty() {
            return Err(TokenError::NotOneSigner);
        }
        let signer = fields.take(tlv::SEQUENCE)?;
        if !fields.is_empty() {
            return Err(TokenError::NotOneSigner);
        }
        around.push(Around { tag: tlv::SET, before: &[] });
        let (signed, unsigned) = cut_signer(signer)?;
        Ok(CutToken { around, signed, unsigned })
    }

    /// SHA-256 of the DER SignerInfo without its unsigned attributes.
    pub(crate) fn commitment(&self) -> [u8; 32] {
        let mut header = Vec::with_capacity(6);
        tlv::push_header(&mut header, tlv::SEQUENCE, self.signed.len());
        Sha256::new_with_prefix(header).chain_update(self.signed).finalize().into()
    }

    /// The content of the unsigned attributes, if there are any.
    pub(crate) fn unsigned(&self) -> Option<&'a [u8]> {
        self.unsigned
    }

    /// The whole again, with these unsigned attributes (the content of their SET) or with none.
    pub(crate) fn with_unsigned(&self, unsigned: Option<&[u8]>) -> Vec<u8> {
        let unsigned = unsigned.map(|unsigned| tlv::element(tlv::constructed(1), &[unsigned]));
        let signer = tlv::element(tlv::SEQUENCE, &[self.signed, &unsigned.unwrap_or_default()]);
        self.around
            .iter()
            .rev()
            .fold(signer, |inner, around| tlv::element(around.tag, &[around.before, &inner]))
    }
}

/// Goes from `outer` into its next field, which has this tag and is its last one.
fn enter<'a>(
    around: &mut Vec<Around<'a>>,
    outer: Element<'a>,
    mut fields: Elements<'a>,
    tag: u8,
) -> Result<Element<'a>, DerError> {
    let before = &outer.content[..outer.content.len() - fields.rest().len()];
    let inner = fields.take(tag)?;
    fields.end()?;
    around.push(Around { tag: outer.tag, before });
    Ok(inner)
}

/// The SignerInfo's fields up to its signature, and the content of its unsigned attributes.
fn cut_signer(signer: Element<'_>) -> Result<(&[u8], Option<&[u8]>), DerError> {
    let mut fields = Elements::new(signer.content);
    fields.take(tlv::INTEGER)?;
    // The signer's identifier: issuer and serial number, or [0] with a key's identifier.
    fields.next()?;
    fields.take(tlv::SEQUENCE)?;
    fields.take(tlv::constructed(0))?;
    fields.take(tlv::SEQUENCE)?;
    fields.take(tlv::OCTET_STRING)?;
    let signed = &signer.content[..signer.content.len() - fields.rest().len()];
    let unsigned = fields.take_if(tlv::constructed(1))?.map(|unsigned| unsigned.content);
    fields.end()?;
    Ok((signed, unsigned))
}

/// A proof of at most 1 MB, and three times as much for certificates.
const MAX_BYTES: usize = 4 << 20;

/// id-ct-TSTInfo: what the content of a token is.
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
