use super::*;
use crate::imprint::ImprintAlgorithm;
use der::{Decode as _, Encode as _};
use x509_tsp::TimeStampReq;

fn full() -> Query {
    let policy = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.2");
    Query::new(
        ImprintAlgorithm::Sha256.hash(b"abc"),
        Some(policy),
        Some(Nonce::from_random([0x81; 16])),
        true,
    )
}

/// A query of these fields.
fn query(fields: &[&[u8]]) -> Result<Query, QueryError> {
    Query::parse(&tlv::element(tlv::SEQUENCE, fields))
}

fn not_a_query(error: DerError) -> Result<Query, QueryError> {
    Err(QueryError::NotAQuery(NotAQuery::Der(error)))
}

fn rejected(rejection: Rejection) -> Result<Query, QueryError> {
    Err(QueryError::Rejected(rejection))
}

const VERSION: &[u8] = &[tlv::INTEGER, 1, 1];

#[test]
fn every_field_comes_back() {
    for algorithm in ImprintAlgorithm::ALL {
        let bare = Query::new(algorithm.hash(b"abc"), None, None, false);
        assert_eq!(Query::parse(&bare.encode()), Ok(bare));
    }
    assert_eq!(Query::parse(&full().encode()), Ok(full()));
}

#[test]
fn the_encoding_is_that_of_x509_tsp() {
    let bytes = full().encode();
    let other = TimeStampReq::from_der(&bytes).unwrap();
    assert_eq!(other.to_der().unwrap(), bytes);
    assert!(other.cert_req && other.req_policy.is_some() && other.nonce.is_some());
}

#[test]
fn null_parameters_are_kept_as_they_came() {
    let oid = tlv::element(tlv::OID, &[&ImprintAlgorithm::Sha256.oid()]);
    let algorithm = tlv::element(tlv::SEQUENCE, &[&oid, &[tlv::NULL, 0]]);
    let digest = tlv::element(tlv::OCTET_STRING, &[&[7; 32]]);
    let imprint = tlv::element(tlv::SEQUENCE, &[&algorithm, &digest]);
    let read = query(&[VERSION, &imprint]).unwrap();
    assert_eq!(read.imprint_der(), imprint);
    assert_eq!(read.encode(), tlv::element(tlv::SEQUENCE, &[VERSION, &imprint]));
}

#[test]
fn cert_req_false_may_be_spelt_out() {
    let imprint = ImprintAlgorithm::Sha256.hash(b"abc").encode();
    assert!(!query(&[VERSION, &imprint, &[tlv::BOOLEAN, 1, 0]]).unwrap().cert_req());
    let other = query(&[VERSION, &imprint, &[tlv::BOOLEAN, 1, 1]]);
    assert_eq!(other, not_a_query(DerError::Value(tlv::BOOLEAN)));
}

#[test]
fn each_refusal_has_its_failure() {
    let imprint = ImprintAlgorithm::Sha256.hash(b"abc").encode();
    assert_eq!(query(&[&[tlv::INTEGER, 1, 2], &imprint]), rejected(Rejection::BAD_REQUEST));
    let sha1 = hex::decode("301f300706052b0e03021a0414").unwrap();
    let sha1 = [sha1, vec![7; 20]].concat();
    assert_eq!(query(&[VERSION, &sha1]), rejected(Rejection::BAD_ALG));
    let mut short = imprint.clone();
    short.pop();
    short[1] -= 1;
    let at = short.len() - 32;
    assert_eq!(short[at], 32);
    short[at] -= 1;
    assert_eq!(query(&[VERSION, &short]), rejected(Rejection::BAD_DATA_FORMAT));
    let nonce = tlv::element(tlv::INTEGER, &[&[1; 65]]);
    assert_eq!(query(&[VERSION, &imprint, &nonce]), rejected(Rejection::BAD_REQUEST));
    let policy = tlv::element(tlv::OID, &[&[0x2b; 100]]);
    assert_eq!(query(&[VERSION, &imprint, &policy]), rejected(Rejection::UNACCEPTED_POLICY));
    let extensions = tlv::element(tlv::constructed(0), &[&[tlv::SEQUENCE, 0]]);
    assert_eq!(query(&[VERSION, &imprint, &extensions]), rejected(Rejection::UNACCEPTED_EXTENSION));
}

#[test]
fn other_forms_are_no_queries() {
    let imprint = ImprintAlgorithm::Sha256.hash(b"abc").encode();
    assert_eq!(Query::parse(b""), not_a_query(DerError::Truncated));
    assert_eq!(Query::parse(&[full().encode(), vec![0]].concat()), not_a_query(DerError::Trailing));
    assert_eq!(query(&[VERSION, &imprint, &[tlv::NULL, 0]]), not_a_query(DerError::Trailing));
    assert_eq!(query(&[&[tlv::INTEGER, 2, 0, 1], &imprint]), not_a_query(DerError::Value(tlv::INTEGER)));
    let nonce = [tlv::INTEGER, 2, 0, 1];
    assert_eq!(query(&[VERSION, &imprint, &nonce]), not_a_query(DerError::Value(tlv::INTEGER)));
    let policy = [tlv::OID, 1, 0x80];
    assert_eq!(query(&[VERSION, &imprint, &policy]), not_a_query(DerError::Value(tlv::OID)));
    let extensions = tlv::element(tlv::constructed(0), &[&[tlv::NULL, 0]]);
    let wrong = DerError::Tag { wanted: tlv::SEQUENCE, found: tlv::NULL };
    assert_eq!(query(&[VERSION, &imprint, &extensions]), not_a_query(wrong));
    for length in 0..full().encode().len() {
        assert_eq!(Query::parse(&full().encode()[..length]), not_a_query(DerError::Truncated));
    }
}

/// What costs other parsers more than its length: deep nesting, lengths that promise gigabytes, numbers of 200,000
/// digits. All of it is refused by its size or its first bytes.
#[test]
fn hostile_input_is_refused_at_once() {
    let mut nested = Vec::new();
    while nested.len() < 1_000_000 {
        nested.extend([tlv::SEQUENCE, 0x83, 0x0f, 0x42, 0x40]);
    }
    let too_long = |found| Err(QueryError::NotAQuery(NotAQuery::TooLong { found }));
    assert_eq!(Query::parse(&nested), too_long(nested.len()));
    assert_eq!(Query::parse(&nested[..4096]), not_a_query(DerError::Truncated));
    for length in [
        &[0x84, 0xff, 0xff, 0xff, 0xff][..],
        &[0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x80],
    ] {
        let bytes = [&[tlv::SEQUENCE], length, &[0; 64]].concat();
        assert_eq!(Query::parse(&bytes), not_a_query(DerError::Length));
    }
    // 200,000 decimal digits are 83,049 bytes.
    let nonce = tlv::element(tlv::INTEGER, &[&vec![0x7f; 83_049]]);
    let imprint = ImprintAlgorithm::Sha256.hash(b"abc").encode();
    let bytes = tlv::element(tlv::SEQUENCE, &[VERSION, &imprint, &nonce]);
    assert_eq!(Query::parse(&bytes), too_long(bytes.len()));
}
