//! What is the same in each reply, encoded once, and how the rest is put between.
//!
//! ```text
//! SEQUENCE {                                            TimeStampResp
//!   SEQUENCE { INTEGER 0 }                              granted
//!   SEQUENCE { id-signedData, [0] {                     ContentInfo
//!     SEQUENCE { INTEGER 3, SET { digest },             SignedData
//!       SEQUENCE { id-ct-TSTInfo, [0] { OCTET STRING TSTInfo } }
//!       [0] { certificates }                            if asked for
//!       SET { SEQUENCE {                                SignerInfo
//!         INTEGER 1, issuer and serial number, digest, [0] attributes, algorithm, OCTET STRING signature } } } } } }
//! ```
//!
//! SET OFs are sorted by their bytes (X.690 section 11.6): certificates and attributes here, once. The one value in the
//! attributes that changes, the message digest, keeps its length and comes after its own object identifier, so it never
//! changes their order.

use super::{Granted, Settings};
use crate::certificate::Certificate;
use crate::chain::Chain;
use crate::gen_time::GenTime;
use crate::query::Query;
use crate::serial::Serial;
use crate::signature::SignatureAlgorithm;
use crate::tlv;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911;
use sha2::{Digest as _, Sha256, Sha384};

pub(super) struct Template {
    digest: fn(&[u8]) -> Vec<u8>,
    /// TSTInfo: accuracy and ordering, which come before the nonce.
    accuracy_and_ordering: Vec<u8>,
    /// TSTInfo: the TSA's name, which comes after the nonce.
    tsa: Vec<u8>,
    /// The DER SET of signed attributes, zeros for the message digest.
    attributes: Vec<u8>,
    /// Where in `attributes` the message digest stands.
    digest_at: usize,
    /// SignedData: version and digest algorithms.
    data_head: Vec<u8>,
    /// SignedData: the certificates.
    certificates: Vec<u8>,
    /// SignerInfo: from the version to the digest algorithm.
    signer_head: Vec<u8>,
    /// SignerInfo: the signature algorithm.
    algorithm: Vec<u8>,
}

impl Template {
    pub(super) fn new(algorithm: SignatureAlgorithm, chain: &Chain, settings: &Settings) -> Template {
        let leaf = chain.leaf();
        let digest: fn(&[u8]) -> Vec<u8> = match algorithm {
            SignatureAlgorithm::EcdsaP256Sha256 | SignatureAlgorithm::RsaPkcs1Sha256 => {
                |data| Sha256::digest(data).to_vec()
            }
            SignatureAlgorithm::EcdsaP384Sha384 => |data| Sha384::digest(data).to_vec(),
        };
        let (attributes, digest_at) = attributes(leaf, digest(&[]).len());
        let digest_identifier = algorithm.digest_identifier();
        let mut accuracy_and_ordering =
            settings.accuracy.map(|accuracy| accuracy.encode()).unwrap_or_default();
        if settings.ordering {
            accuracy_and_ordering.extend([tlv::BOOLEAN, 1, 0xff]);
        }
        // [0] and directoryName, both EXPLICIT, as Name and GeneralName are CHOICEs.
        let name = directory_name(leaf.subject_der());
        let tsa = if settings.tsa_name { tlv::element(tlv::constructed(0), &[&name]) } else { Vec::new() };
        let certificates =
            set_of(tlv::constructed(0), chain.without_root().map(|one| one.der().to_vec()).collect());
        let issuer_and_serial = tlv::element(tlv::SEQUENCE, &[leaf.issuer_der(), &serial_of(leaf)]);
        Template {
            digest,
            accuracy_and_ordering,
            tsa,
            attributes,
            digest_at,
            data_head: [&[tlv::INTEGER, 1, 3], &tlv::element(tlv::SET, &[&digest_identifier])[..]].concat(),
            certificates,
            signer_head: [&[tlv::INTEGER, 1, 1], &issuer_and_serial[..], &digest_identifier].concat(),
            algorithm: algorithm.identifier(),
        }
    }

    /// The DER TSTInfo.
    pub(super) fn tst_info(
        &self,
        policy: ObjectIdentifier,
        query: &Query,
        time: GenTime,
        serial: &Serial,
    ) -> Vec<u8> {
        // Room for all that doesn't come from the query, nor from the settings.
        let mut content = Vec::with_capacity(512 + self.accuracy_and_ordering.len() + self.tsa.len());
        content.extend([tlv::INTEGER, 1, 1]);
        tlv::push(&mut content, tlv::OID, policy.as_bytes());
        // SPEC: RFC 3161 section 2.4.2: messageImprint MUST have the same value as in the request.
        content.extend_from_slice(query.imprint_der());
        tlv::push(&mut content, tlv::INTEGER, serial.der_content());
        tlv::push(&mut content, tlv::GENERALIZED_TIME, time.der_content());
        content.extend_from_slice(&self.accuracy_and_ordering);
        // SPEC: RFC 3161 section 2.4.2: the nonce MUST be present if it was in the request, and the same.
        if let Some(nonce) = query.nonce() {
            tlv::push(&mut content, tlv::INTEGER, nonce.der_content());
        }
        content.extend_from_slice(&self.tsa);
        tlv::element(tlv::SEQUENCE, &[&content])
    }

    /// The DER SET of attributes, which is what gets signed (RFC 5652 section 5.4).
    pub(super) fn signed_attributes(&self, tst_info: &[u8]) -> Vec<u8> {
        let digest = (self.digest)(tst_info);
        let mut attributes = self.attributes.clone();
        attributes[self.digest_at..][..digest.len()].copy_from_slice(&digest);
        attributes
    }

    /// All of it.
    pub(super) fn reply(
        &self,
        tst_info: &[u8],
        attributes: &[u8],
        signature: &[u8],
        with_certificates: bool,
    ) -> Granted {
        let certificates: &[u8] = if with_certificates { &self.certificates } else { &[] };
        // From the innermost outward, as each length is part of the next.
        let signer = self.signer_head.len()
            + attributes.len()
            + self.algorithm.len()
            + tlv::whole_len(signature.len());
        let signers = tlv::whole_len(signer);
        let octets = tlv::whole_len(tst_info.len());
        let content = CONTENT_TYPE_TST_INFO.len() + tlv::whole_len(octets);
        let data =
            self.data_head.len() + tlv::whole_len(content) + certificates.len() + tlv::whole_len(signers);
        let explicit = tlv::whole_len(data);
        let token = CONTENT_TYPE_SIGNED_DATA.len() + tlv::whole_len(explicit);
        let reply = GRANTED.len() + tlv::whole_len(token);

        let mut out = Vec::with_capacity(tlv::whole_len(reply));
        tlv::push_header(&mut out, tlv::SEQUENCE, reply);
        out.extend_from_slice(GRANTED);
        tlv::push_header(&mut out, tlv::SEQUENCE, token);
        out.extend_from_slice(CONTENT_TYPE_SIGNED_DATA);
        tlv::push_header(&mut out, tlv::constructed(0), explicit);
        tlv::push_header(&mut out, tlv::SEQUENCE, data);
        out.extend_from_slice(&self.data_head);
        tlv::push_header(&mut out, tlv::SEQUENCE, content);
        out.extend_from_slice(CONTENT_TYPE_TST_INFO);
        tlv::push_header(&mut out, tlv::constructed(0), octets);
        tlv::push(&mut out, tlv::OCTET_STRING, tst_info);
        out.extend_from_slice(certificates);
        tlv::push_header(&mut out, tlv::SET, signers);
        let signer_at = out.len();
        tlv::push_header(&mut out, tlv::SEQUENCE, signer);
        out.extend_from_slice(&self.signer_head);
        // SPEC: RFC 5652 section 5.3: [0] IMPLICIT in the SignerInfo, where SET is what was signed.
        out.push(tlv::constructed(0));
        out.extend_from_slice(&attributes[1..]);
        out.extend_from_slice(&self.algorithm);
        tlv::push(&mut out, tlv::OCTET_STRING, signature);
        let commitment = Sha256::digest(&out[signer_at..]).into();
        Granted { reply: out, commitment }
    }
}

/// The SET of signed attributes with zeros for the digest, and where those are.
fn attributes(leaf: &Certificate, digest_len: usize) -> (Vec<u8>, usize) {
    let content_type = attribute(rfc5911::ID_CONTENT_TYPE, CONTENT_TYPE_TST_INFO);
    let digest = tlv::element(tlv::OCTET_STRING, &[&vec![0; digest_len]]);
    let message_digest = attribute(rfc5911::ID_MESSAGE_DIGEST, &digest);
    // SPEC: RFC 5816 section 2.2.1: ESSCertIDv2 of the signer's certificate. RFC 5035 section 4: SHA-256 is the
    // default, and so, in DER, left out.
    let hash = tlv::element(tlv::OCTET_STRING, &[&Sha256::digest(leaf.der())]);
    let issuer = tlv::element(tlv::SEQUENCE, &[&directory_name(leaf.issuer_der())]);
    let issuer_serial = tlv::element(tlv::SEQUENCE, &[&issuer, &serial_of(leaf)]);
    let id = tlv::element(tlv::SEQUENCE, &[&hash, &issuer_serial]);
    let ids = tlv::element(tlv::SEQUENCE, &[&tlv::element(tlv::SEQUENCE, &[&id])]);
    let certificate = attribute(rfc5911::ID_AA_SIGNING_CERTIFICATE_V_2, &ids);
    let set = set_of(tlv::SET, vec![content_type, message_digest.clone(), certificate]);
    let start = set.windows(message_digest.len()).position(|window| window == message_digest);
    let start = start.expect("the set holds the attribute that was put in");
    (set, start + message_digest.len() - digest_len)
}

fn attribute(oid: ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    let oid = tlv::element(tlv::OID, &[oid.as_bytes()]);
    tlv::element(tlv::SEQUENCE, &[&oid, &tlv::element(tlv::SET, &[value])])
}

/// A GeneralName: [4] EXPLICIT Name.
fn directory_name(name: &[u8]) -> Vec<u8> {
    tlv::element(tlv::constructed(4), &[name])
}

fn serial_of(certificate: &Certificate) -> Vec<u8> {
    tlv::element(tlv::INTEGER, &[certificate.serial()])
}

fn set_of(tag: u8, mut elements: Vec<Vec<u8>>) -> Vec<u8> {
    elements.sort();
    tlv::element(tag, &[&elements.concat()])
}

/// PKIStatusInfo: granted (0), and nothing else.
const GRANTED: &[u8] = &[tlv::SEQUENCE, 3, tlv::INTEGER, 1, 0];

/// 1.2.840.113549.1.7.2, id-signedData.
const CONTENT_TYPE_SIGNED_DATA: &[u8] = &[tlv::OID, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];

/// 1.2.840.113549.1.9.16.1.4, id-ct-TSTInfo.
const CONTENT_TYPE_TST_INFO: &[u8] =
    &[tlv::OID, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
