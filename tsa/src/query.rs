//! The query: TimeStampReq (RFC 3161 section 2.4.1).
//!
//! `SEQUENCE { version INTEGER, messageImprint, reqPolicy OBJECT IDENTIFIER OPTIONAL, nonce INTEGER OPTIONAL, certReq
//! BOOLEAN DEFAULT FALSE, extensions [0] IMPLICIT OPTIONAL }`. Two kinds of refusal: bytes that are no such thing, and
//! queries that are well formed and get a reply with a [`Rejection`]. Policies are for the authority to judge.
//!
//! DER, with two departures that clients are known for: NULL parameters of the hash, and a certReq FALSE that is spelt
//! out. The imprint's own bytes are kept, as a token has to repeat them.

use crate::imprint::{Imprint, ImprintError};
use crate::nonce::Nonce;
use crate::status::Rejection;
use crate::tlv::{self, DerError, Elements};
use const_oid::ObjectIdentifier;

/// A well-formed query that can be granted as far as it goes by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    imprint: Imprint,
    /// The MessageImprint as it was read.
    imprint_der: Vec<u8>,
    policy: Option<ObjectIdentifier>,
    nonce: Option<Nonce>,
    cert_req: bool,
}

impl Query {
    /// Largest query that is read. The longest that can be granted has 224 bytes: 4 of header, 3 of version, 91 of a
    /// 64-byte imprint with NULL, 41 of policy, 66 of nonce, 3 of certReq; the rest is room for extensions, so that
    /// those who send them get an answer that names them.
    pub const MAX_BYTES: usize = 4096;

    /// A query of one's own.
    pub fn new(
        imprint: Imprint,
        policy: Option<ObjectIdentifier>,
        nonce: Option<Nonce>,
        cert_req: bool,
    ) -> Query {
        let imprint_der = imprint.encode();
        Query { imprint, imprint_der, policy, nonce, cert_req }
    }

    /// Reads a DER TimeStampReq.
    ///
    /// # Errors
    /// [`QueryError::NotAQuery`] for bytes of another form; [`QueryError::Rejected`] for a query that isn't granted: of
    /// another version, with extensions, a hash that isn't known or a digest that doesn't fit it, or an outsized nonce.
    pub fn parse(der: &[u8]) -> Result<Query, QueryError> {
        if der.len() > Query::MAX_BYTES {
            return Err(NotAQuery::TooLong { found: der.len() }.into());
        }
        // The whole form first: what is cut off or has bytes after it is no query, whatever it asks for.
        let fields = Fields::read(der).map_err(NotAQuery::Der)?;
        if fields.version != [1] {
            return Err(Rejection::BAD_REQUEST.into());
        }
        if fields.has_extensions {
            return Err(Rejection::UNACCEPTED_EXTENSION.into());
        }
        let imprint = Imprint::parse(fields.imprint).map_err(|error| match error {
            ImprintError::Der(error) => QueryError::from(NotAQuery::Der(error)),
            ImprintError::Algorithm | ImprintError::Parameters(_) => Rejection::BAD_ALG.into(),
            ImprintError::Length { .. } => Rejection::BAD_DATA_FORMAT.into(),
        })?;
        let nonce = fields.nonce.map(Nonce::from_der_content).transpose();
        let nonce = nonce.map_err(|_| Rejection::BAD_REQUEST)?;
        // A policy that `ObjectIdentifier` can't hold is one that nobody configured.
        let policy = fields.policy.map(ObjectIdentifier::from_bytes).transpose();
        let policy = policy.map_err(|_| Rejection::UNACCEPTED_POLICY)?;
        let imprint_der = fields.imprint.to_vec();
        Ok(Query { imprint, imprint_der, policy, nonce, cert_req: fields.cert_req })
    }

    /// What the timestamp is asked for.
    pub fn imprint(&self) -> &Imprint {
        &self.imprint
    }

    /// The DER MessageImprint as the query has it, which the token repeats byte for byte.
    pub fn imprint_der(&self) -> &[u8] {
        &self.imprint_der
    }

    /// The policy that the token shall be under, if the query names one.
    pub fn policy(&self) -> Option<ObjectIdentifier> {
        self.policy
    }

    /// What the token has to repeat, if the query has it.
    pub fn nonce(&self) -> Option<&Nonce> {
        self.nonce.as_ref()
    }

    /// Whether the reply shall carry the TSA's certificate.
    pub fn cert_req(&self) -> bool {
        self.cert_req
    }

    /// As a DER TimeStampReq. What was read comes out as it was, but for a certReq FALSE that was spelt out.
    pub fn encode(&self) -> Vec<u8> {
        let policy = self.policy.map(|policy| tlv::element(tlv::OID, &[policy.as_bytes()]));
        let nonce = self.nonce.as_ref().map(|nonce| tlv::element(tlv::INTEGER, &[nonce.der_content()]));
        let cert_req: &[u8] = if self.cert_req { &[tlv::BOOLEAN, 1, TRUE] } else { &[] };
        tlv::element(
            tlv::SEQUENCE,
            &[
                &[tlv::INTEGER, 1, 1],
                &self.imprint_der,
                &policy.unwrap_or_default(),
                &nonce.unwrap_or_default(),
                cert_req,
            ],
        )
    }
}

/// Why a query gets no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Not a TimeStampReq at all: an error of the transport (HTTP 400).
    #[error("this is not a timestamp query: {0}")]
    NotAQuery(#[from] NotAQuery),
    /// A TimeStampReq that is answered with a refusal.
    #[error("the query is rejected: {0}")]
    Rejected(Rejection),
}

impl From<Rejection> for QueryError {
    fn from(rejection: Rejection) -> QueryError {
        QueryError::Rejected(rejection)
    }
}

/// Why bytes are no TimeStampReq.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAQuery {
    /// More than [`Query::MAX_BYTES`] bytes.
    #[error("a query has at most {} bytes here, not {found}", Query::MAX_BYTES)]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// Another structure, or one that isn't DER.
    #[error("{0}")]
    Der(DerError),
}

/// The fields of a query whose form is right.
struct Fields<'a> {
    version: &'a [u8],
    /// The whole element; its inner form is for [`Imprint::parse`].
    imprint: &'a [u8],
    policy: Option<&'a [u8]>,
    nonce: Option<&'a [u8]>,
    cert_req: bool,
    has_extensions: bool,
}

impl<'a> Fields<'a> {
    fn read(der: &'a [u8]) -> Result<Fields<'a>, DerError> {
        let mut fields = Elements::new(Elements::only(der, tlv::SEQUENCE)?.content);
        let version = fields.take(tlv::INTEGER)?.content;
        let imprint = fields.take(tlv::SEQUENCE)?.whole;
        let policy = fields.take_if(tlv::OID)?.map(|policy| policy.content);
        let nonce = fields.take_if(tlv::INTEGER)?.map(|nonce| nonce.content);
        let cert_req = match fields.take_if(tlv::BOOLEAN)?.map(|cert_req| cert_req.content) {
            None | Some([0]) => false,
            Some([TRUE]) => true,
            Some(_) => return Err(DerError::Value(tlv::BOOLEAN)),
        };
        let extensions = fields.take_if(tlv::constructed(0))?;
        fields.end()?;
        if !tlv::is_integer(version) || nonce.is_some_and(|nonce| !tlv::is_integer(nonce)) {
            return Err(DerError::Value(tlv::INTEGER));
        }
        if policy.is_some_and(|policy| !tlv::is_oid(policy)) {
            return Err(DerError::Value(tlv::OID));
        }
        if let Some(extensions) = extensions {
            let mut list = Elements::new(extensions.content);
            while !list.is_empty() {
                list.take(tlv::SEQUENCE)?;
            }
        }
        Ok(Fields { version, imprint, policy, nonce, cert_req, has_extensions: extensions.is_some() })
    }
}

const TRUE: u8 = 0xff;

#[cfg(test)]
mod tests;
