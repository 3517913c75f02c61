//! The message imprint: which hash, and of what value (RFC 3161 section 2.4.1).
//!
//! `MessageImprint ::= SEQUENCE { hashAlgorithm AlgorithmIdentifier, hashedMessage OCTET STRING }`. SHA-256, SHA-384,
//! SHA-512 and their SHA-3 siblings; SHA-1 and MD5 are no evidence any more and are not known here. Parameters may be
//! absent or NULL: both are in use (RFC 5754 section 2), so who answers echoes the bytes that were asked with.

use crate::tlv::{self, DerError, Elements};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use sha3::{Sha3_256, Sha3_384, Sha3_512};

/// A hash that an imprint can be made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImprintAlgorithm {
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-384, 48 bytes.
    Sha384,
    /// SHA-512, 64 bytes.
    Sha512,
    /// SHA3-256, 32 bytes.
    Sha3_256,
    /// SHA3-384, 48 bytes.
    Sha3_384,
    /// SHA3-512, 64 bytes.
    Sha3_512,
}

impl ImprintAlgorithm {
    /// All of them.
    pub const ALL: [ImprintAlgorithm; 6] = [
        ImprintAlgorithm::Sha256,
        ImprintAlgorithm::Sha384,
        ImprintAlgorithm::Sha512,
        ImprintAlgorithm::Sha3_256,
        ImprintAlgorithm::Sha3_384,
        ImprintAlgorithm::Sha3_512,
    ];

    /// The content of its OBJECT IDENTIFIER: 2.16.840.1.101.3.4.2.n (NIST's hash algorithms).
    pub fn oid(self) -> [u8; 9] {
        let last = match self {
            ImprintAlgorithm::Sha256 => 1,
            ImprintAlgorithm::Sha384 => 2,
            ImprintAlgorithm::Sha512 => 3,
            ImprintAlgorithm::Sha3_256 => 8,
            ImprintAlgorithm::Sha3_384 => 9,
            ImprintAlgorithm::Sha3_512 => 10,
        };
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last]
    }

    /// The algorithm of an OBJECT IDENTIFIER's content; `None` for any other.
    pub fn from_oid(content: &[u8]) -> Option<ImprintAlgorithm> {
        ImprintAlgorithm::ALL.into_iter().find(|algorithm| algorithm.oid() == content)
    }

    /// Length of its digest in bytes.
    pub fn digest_len(self) -> usize {
        match self {
            ImprintAlgorithm::Sha256 | ImprintAlgorithm::Sha3_256 => 32,
            ImprintAlgorithm::Sha384 | ImprintAlgorithm::Sha3_384 => 48,
            ImprintAlgorithm::Sha512 | ImprintAlgorithm::Sha3_512 => 64,
        }
    }

    /// As openssl writes it: `sha256`, `sha3-256`, ….
    pub fn name(self) -> &'static str {
        match self {
            ImprintAlgorithm::Sha256 => "sha256",
            ImprintAlgorithm::Sha384 => "sha384",
            ImprintAlgorithm::Sha512 => "sha512",
            ImprintAlgorithm::Sha3_256 => "sha3-256",
            ImprintAlgorithm::Sha3_384 => "sha3-384",
            ImprintAlgorithm::Sha3_512 => "sha3-512",
        }
    }

    /// The algorithm of a name as [`ImprintAlgorithm::name`] gives it.
    pub fn from_name(name: &str) -> Option<ImprintAlgorithm> {
        ImprintAlgorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The imprint of these bytes.
    pub fn hash(self, data: &[u8]) -> Imprint {
        let mut hasher = self.hasher();
        hasher.update(data);
        hasher.finish()
    }

    /// Makes the imprint of bytes that come in pieces.
    pub fn hasher(self) -> ImprintHasher {
        ImprintHasher(match self {
            ImprintAlgorithm::Sha256 => State::Sha256(Sha256::new()),
            ImprintAlgorithm::Sha384 => State::Sha384(Sha384::new()),
            ImprintAlgorithm::Sha512 => State::Sha512(Sha512::new()),
            ImprintAlgorithm::Sha3_256 => State::Sha3_256(Sha3_256::new()),
            ImprintAlgorithm::Sha3_384 => State::Sha3_384(Sha3_384::new()),
            ImprintAlgorithm::Sha3_512 => State::Sha3_512(Sha3_512::new()),
        })
    }
}

/// The name, as openssl writes it.
impl std::fmt::Display for ImprintAlgorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Makes an [`Imprint`] of bytes that come in pieces.
#[derive(Clone, Debug)]
pub struct ImprintHasher(State);

#[derive(Clone, Debug)]
enum State {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
    Sha3_256(Sha3_256),
    Sha3_384(Sha3_384),
    Sha3_512(Sha3_512),
}

impl ImprintHasher {
    /// The next bytes.
    pub fn update(&mut self, data: &[u8]) {
        match &mut self.0 {
            State::Sha256(hash) => hash.update(data),
            State::Sha384(hash) => hash.update(data),
            State::Sha512(hash) => hash.update(data),
            State::Sha3_256(hash) => sha3::Digest::update(hash, data),
            State::Sha3_384(hash) => sha3::Digest::update(hash, data),
            State::Sha3_512(hash) => sha3::Digest::update(hash, data),
        }
    }

    /// The imprint of all of them.
    pub fn finish(self) -> Imprint {
        let (algorithm, digest) = match self.0 {
            State::Sha256(hash) => (ImprintAlgorithm::Sha256, hash.finalize().to_vec()),
            State::Sha384(hash) => (ImprintAlgorithm::Sha384, hash.finalize().to_vec()),
            State::Sha512(hash) => (ImprintAlgorithm::Sha512, hash.finalize().to_vec()),
            State::Sha3_256(hash) => (ImprintAlgorithm::Sha3_256, hash.finalize().to_vec()),
            State::Sha3_384(hash) => (ImprintAlgorithm::Sha3_384, hash.finalize().to_vec()),
            State::Sha3_512(hash) => (ImprintAlgorithm::Sha3_512, hash.finalize().to_vec()),
        };
        Imprint { algorithm, digest }
    }
}

/// A digest with its algorithm: what a timestamp is of.
///
/// INVARIANT: the digest has the algorithm's length.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Imprint {
    algorithm: ImprintAlgorithm,
    digest: Vec<u8>,
}

impl Imprint {
    /// # Errors
    /// [`ImprintError::Length`] if the digest has another length than the algorithm's.
    pub fn new(algorithm: ImprintAlgorithm, digest: Vec<u8>) -> Result<Imprint, ImprintError> {
        if digest.len() != algorithm.digest_len() {
            return Err(ImprintError::Length { algorithm, found: digest.len() });
        }
        Ok(Imprint { algorithm, digest })
    }

    /// Reads a DER MessageImprint (the whole element), with parameters absent or NULL.
    ///
    /// # Errors
    /// [`ImprintError::Der`] if it is none, [`ImprintError::Algorithm`] and [`ImprintError::Length`] if it is one that
    /// isn't known here.
    pub fn parse(der: &[u8]) -> Result<Imprint, ImprintError> {
        let mut fields = Elements::new(Elements::only(der, tlv::SEQUENCE)?.content);
        let mut algorithm = Elements::new(fields.take(tlv::SEQUENCE)?.content);
        let digest = fields.take(tlv::OCTET_STRING)?;
        fields.end()?;
        let oid = algorithm.take(tlv::OID)?;
        if !tlv::is_oid(oid.content) {
            return Err(DerError::Value(tlv::OID).into());
        }
        let algorithm_known = ImprintAlgorithm::from_oid(oid.content);
        // Parameters of an unknown algorithm may be anything; those of a known one are none or NULL.
        let parameters = if algorithm.is_empty() { None } else { Some(algorithm.next()?) };
        algorithm.end()?;
        let algorithm = algorithm_known.ok_or(ImprintError::Algorithm)?;
        if parameters.is_some_and(|parameters| parameters.whole != [tlv::NULL, 0]) {
            return Err(ImprintError::Parameters(algorithm));
        }
        Imprint::new(algorithm, digest.content.to_vec())
    }

    /// The hash.
    pub fn algorithm(&self) -> ImprintAlgorithm {
        self.algorithm
    }

    /// Its value.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// As a DER MessageImprint. Parameters are absent, as RFC 5754 section 2 has them made.
    pub fn encode(&self) -> Vec<u8> {
        let oid = tlv::element(tlv::OID, &[&self.algorithm.oid()]);
        let algorithm = tlv::element(tlv::SEQUENCE, &[&oid]);
        let digest = tlv::element(tlv::OCTET_STRING, &[&self.digest]);
        tlv::element(tlv::SEQUENCE, &[&algorithm, &digest])
    }
}

/// `sha256:` and the digest in lower-case hexadecimal.
impl std::fmt::Display for Imprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.algorithm, hex::encode(&self.digest))
    }
}

/// Why a message imprint is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImprintError {
    /// Not a MessageImprint.
    #[error("this is not a message imprint: {0}")]
    Der(#[from] DerError),
    /// Another algorithm.
    #[error(
        "the imprint's hash algorithm is not known here; use sha256, sha384, sha512 or their SHA-3 siblings"
    )]
    Algorithm,
    /// A known algorithm with parameters other than NULL.
    #[error("{0} has no parameters, but the imprint gives some")]
    Parameters(ImprintAlgorithm),
    /// Another length than the algorithm's.
    #[error("a {algorithm} digest has {} bytes, not {found}", algorithm.digest_len())]
    Length {
        /// The algorithm.
        algorithm: ImprintAlgorithm,
        /// The digest's length in bytes.
        found: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_comes_back() {
        for algorithm in ImprintAlgorithm::ALL {
            let imprint = algorithm.hash(b"abc");
            assert_eq!(Imprint::parse(&imprint.encode()), Ok(imprint));
            assert_eq!(ImprintAlgorithm::from_name(algorithm.name()), Some(algorithm));
        }
    }

    #[test]
    fn digests_are_those_of_the_standards() {
        let hash = |algorithm: ImprintAlgorithm| algorithm.hash(b"abc").to_string();
        assert_eq!(
            hash(ImprintAlgorithm::Sha256),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(
            hash(ImprintAlgorithm::Sha3_256),
            "sha3-256:3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"
        );
    }

    #[test]
    fn pieces_give_the_same_as_the_whole() {
        for algorithm in ImprintAlgorithm::ALL {
            let mut hasher = algorithm.hasher();
            hasher.update(b"a");
            hasher.update(b"bc");
            assert_eq!(hasher.finish(), algorithm.hash(b"abc"));
        }
    }

    #[test]
    fn null_parameters_are_read_and_others_not() {
        let imprint = ImprintAlgorithm::Sha256.hash(b"abc");
        let with = |parameters: &[u8]| {
            let oid = tlv::element(tlv::OID, &[&ImprintAlgorithm::Sha256.oid()]);
            let algorithm = tlv::element(tlv::SEQUENCE, &[&oid, parameters]);
            let digest = tlv::element(tlv::OCTET_STRING, &[imprint.digest()]);
            Imprint::parse(&tlv::element(tlv::SEQUENCE, &[&algorithm, &digest]))
        };
        assert_eq!(with(&[tlv::NULL, 0]), Ok(imprint.clone()));
        assert_eq!(with(&[tlv::INTEGER, 1, 0]), Err(ImprintError::Parameters(ImprintAlgorithm::Sha256)));
        assert_eq!(with(&[tlv::NULL, 0, tlv::NULL, 0]), Err(DerError::Trailing.into()));
    }

    #[test]
    fn lengths_and_unknown_algorithms_are_refused() {
        let wrong = ImprintError::Length { algorithm: ImprintAlgorithm::Sha256, found: 20 };
        assert_eq!(Imprint::new(ImprintAlgorithm::Sha256, vec![0; 20]), Err(wrong));
        // SHA-1: 1.3.14.3.2.26.
        let oid = tlv::element(tlv::OID, &[&[0x2b, 0x0e, 0x03, 0x02, 0x1a]]);
        let algorithm = tlv::element(tlv::SEQUENCE, &[&oid]);
        let sha1 = tlv::element(tlv::SEQUENCE, &[&algorithm, &tlv::element(tlv::OCTET_STRING, &[&[0; 20]])]);
        assert_eq!(Imprint::parse(&sha1), Err(ImprintError::Algorithm));
    }
}
