//! What an authority answers, and the files that people keep of it.
//!
//! Source: RFC 3161 sections 2.4.2 (TimeStampResp, TimeStampToken, TSTInfo) and 3.4 (the `.tsr` file), RFC 5652 section 5
//! (SignedData), RFC 5816 (ESSCertIDv2). Shape:
//!
//! ```text
//! TimeStampResp ::= SEQUENCE { status PKIStatusInfo, timeStampToken ContentInfo OPTIONAL }
//! ContentInfo(signedData) → SignedData(version 3, one SignerInfo) → TSTInfo
//! ```
//! A file may hold the TimeStampResp or the bare token; both in DER, which is what authorities send (BER with indefinite
//! lengths is refused). What other authorities write differently is read as well: fractions in genTime, certificates in any
//! order, ESSCertID with SHA-1 beside or instead of ESSCertIDv2, NULL or absent parameters.
//!
//! Limits: 1 MiB in all, since a token may carry a tlog-proof of up to 1,000,000 bytes and the rest is a few certificates;
//! every part is copied once, and each byte is looked at a fixed number of times. Here only the form is checked. Whether
//! any of it is true is [`crate::verify`]'s business. Text is given as it was sent: escape it before you print it.

mod error;
mod signer_info;
mod token;
mod tst_info;

pub use error::ReplyError;
pub(crate) use signer_info::CertificateId;
pub use signer_info::{Digest, SignerId, SignerInfo};
pub use token::TimestampToken;
pub use tst_info::TstInfo;

use crate::tlv::{self, DerError, Elements};
use const_oid::ObjectIdentifier;

/// An authority's answer, or the file kept of it. Parsed, not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    status: Option<Status>,
    token: Option<TimestampToken>,
}

/// PKIStatusInfo (RFC 3161 section 2.4.2): the authority's words about a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Granted, or not.
    pub code: StatusCode,
    /// The authority's own words, not escaped; often none.
    pub text: Vec<String>,
    /// Why there is no token; often none.
    pub fail_info: Vec<FailInfo>,
}

/// PKIStatus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusCode {
    /// 0
    Granted,
    /// 1: a token, but not quite what was asked for.
    GrantedWithMods,
    /// 2
    Rejection,
    /// 3
    Waiting,
    /// 4
    RevocationWarning,
    /// 5
    RevocationNotification,
}

/// One bit of PKIFailureInfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailInfo(u32);

impl Reply {
    /// A whole answer or file: 1 MiB.
    pub const MAX_BYTES: usize = 1 << 20;

    /// Reads a TimeStampResp.
    ///
    /// # Errors
    /// Anything else, and a status that contradicts the token's being there.
    pub fn parse(bytes: &[u8]) -> Result<Reply, ReplyError> {
        let mut body = body(bytes)?;
        let status = Status::read(body.take(tlv::SEQUENCE)?.content)?;
        let token = match body.take_if(tlv::SEQUENCE)? {
            Some(token) => Some(TimestampToken::parse(token.whole)?),
            None => None,
        };
        body.end()?;
        match (status.code, &token) {
            (StatusCode::Granted | StatusCode::GrantedWithMods, None) => Err(ReplyError::NoToken),
            (StatusCode::Granted | StatusCode::GrantedWithMods, Some(_)) | (_, None) => {
                Ok(Reply { status: Some(status), token })
            }
            (_, Some(_)) => Err(ReplyError::TokenWithRefusal),
        }
    }

    /// Reads a `.tsr` file: a TimeStampResp, or a bare TimeStampToken.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse_file(bytes: &[u8]) -> Result<Reply, ReplyError> {
        // A ContentInfo begins with its type's OID, a TimeStampResp with a SEQUENCE.
        if body(bytes)?.take_if(tlv::OID)?.is_none() {
            return Reply::parse(bytes);
        }
        Ok(Reply { status: None, token: Some(TimestampToken::parse(bytes)?) })
    }

    /// The authority's words; `None` for a bare token.
    pub fn status(&self) -> Option<&Status> {
        self.status.as_ref()
    }

    /// `None` if the authority refused.
    pub fn token(&self) -> Option<&TimestampToken> {
        self.token.as_ref()
    }
}

/// Into the one SEQUENCE that the bytes are.
fn body(bytes: &[u8]) -> Result<Elements<'_>, ReplyError> {
    if bytes.len() > Reply::MAX_BYTES {
        return Err(ReplyError::TooLong { found: bytes.len() });
    }
    Ok(Elements::new(Elements::only(bytes, tlv::SEQUENCE)?.content))
}

impl Status {
    fn read(info: &[u8]) -> Result<Status, ReplyError> {
        let mut info = Elements::new(info);
        let code = match small(&mut info)? {
            0 => StatusCode::Granted,
            1 => StatusCode::GrantedWithMods,
            2 => StatusCode::Rejection,
            3 => StatusCode::Waiting,
            4 => StatusCode::RevocationWarning,
            5 => StatusCode::RevocationNotification,
            other => return Err(ReplyError::Status(other)),
        };
        let mut text = Vec::new();
        if let Some(free_text) = info.take_if(tlv::SEQUENCE)? {
            let mut lines = Elements::new(free_text.content);
            while !lines.is_empty() {
                text.push(String::from_utf8_lossy(lines.take(tlv::UTF8_STRING)?.content).into_owned());
            }
        }
        let fail_info = match info.take_if(tlv::BIT_STRING)? {
            Some(bits) => FailInfo::read(bits.content).ok_or(ReplyError::FailInfo)?,
            None => Vec::new(),
        };
        info.end()?;
        Ok(Status { code, text, fail_info })
    }
}

impl FailInfo {
    /// The bits of a BIT STRING; those of PKIFailureInfo all fit into 32.
    fn read(content: &[u8]) -> Option<Vec<FailInfo>> {
        let (unused, bytes) = content.split_first()?;
        if *unused > 7 || bytes.len() > 4 || bytes.is_empty() && *unused > 0 {
            return None;
        }
        let is_set = |bit: u32| bytes.get(bit as usize / 8).is_some_and(|byte| byte << (bit % 8) & 0x80 != 0);
        Some((0..32).filter(|bit| is_set(*bit)).map(FailInfo).collect())
    }

    /// The number of the bit.
    pub fn bit(self) -> u32 {
        self.0
    }

    /// As RFC 3161 names it.
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "badAlg",
            2 => "badRequest",
            5 => "badDataFormat",
            14 => "timeNotAvailable",
            15 => "unacceptedPolicy",
            16 => "unacceptedExtension",
            17 => "addInfoNotAvailable",
            25 => "systemFailure",
            _ => return None,
        })
    }

    /// What it means for whoever asked.
    pub fn sentence(self) -> &'static str {
        match self.0 {
            0 => "it does not take this hash algorithm",
            2 => "it does not allow or support this request",
            5 => "it finds the request to be of the wrong form",
            14 => "its time source is not available",
            15 => "it does not stamp under the policy that was asked for",
            16 => "it does not know an extension of the request",
            17 => "it does not have the additional information that was asked for",
            25 => "it failed by a fault of its own",
            _ => "it gives a reason that RFC 3161 does not list",
        }
    }
}

/// An INTEGER from 0 to 127.
fn small(elements: &mut Elements<'_>) -> Result<u8, DerError> {
    match *elements.take(tlv::INTEGER)?.content {
        [byte @ 0..=0x7f] => Ok(byte),
        _ => Err(DerError::Value(tlv::INTEGER)),
    }
}

/// An OBJECT IDENTIFIER.
fn oid(elements: &mut Elements<'_>) -> Result<ObjectIdentifier, DerError> {
    let content = elements.take(tlv::OID)?.content;
    ObjectIdentifier::from_bytes(content).map_err(|_| DerError::Value(tlv::OID))
}

#[cfg(test)]
mod tests;
