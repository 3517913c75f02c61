//! RFC 3161: queries as clients send them, and replies as authorities give them.

use std::sync::LazyLock;

use treering_tlog::proof::TlogProof;
use treering_tsa::{
    commitment::commitment_of,
    embed::ProofAttribute,
    query::{Query, QueryError},
    reply::{Reply, TimestampToken},
    verify::Verifier,
};

use cms::{content_info::ContentInfo, signed_data::SignedData};
use der::{Decode as _, asn1::OctetString, oid::db::rfc5911};
use x509_tsp::{TimeStampReq, TstInfo};

use crate::meter::bounded;

/// Queries.
pub fn tsa_query(bytes: &[u8]) {
    match bounded(bytes, || Query::parse(bytes)) {
        Ok(query) => {
            assert_eq!(Query::parse(&query.encode()).as_ref(), Ok(&query));
            assert!(bytes.len() <= Query::MAX_BYTES);
            theirs(bytes, &query);
            let (imprint, nonce) = (query.imprint().clone(), query.nonce().cloned());
            let same = Query::new(imprint, query.policy(), nonce, query.cert_req());
            let again = Query::parse(&same.encode()).expect("what can be written can be read");
            assert_eq!((again.imprint(), again.nonce()), (query.imprint(), query.nonce()));
            assert_eq!((again.policy(), again.cert_req()), (query.policy(), query.cert_req()));
        }
        Err(QueryError::Rejected(rejection)) => {
            let reply = Reply::parse(&rejection.encode()).expect("a refusal is a reply");
            assert!(reply.token().is_none());
        }
        Err(QueryError::NotAQuery(_)) => {}
    }
}

/// What ours reads, `x509-tsp` reads as the same.
fn theirs(bytes: &[u8], query: &Query) {
    let Ok(theirs) = TimeStampReq::from_der(bytes) else {
        // It refuses a certReq FALSE that is spelt out, as DER has it, and which ours takes since clients send it; and
        // nonces of more than its bound.
        assert!(query.encode() != bytes || query.nonce().is_some(), "only ours reads {bytes:02x?}");
        return;
    };
    assert_eq!(theirs.message_imprint.hashed_message.as_bytes(), query.imprint().digest());
    assert_eq!(theirs.req_policy, query.policy());
    assert_eq!(
        theirs.nonce.as_ref().map(|nonce| nonce.as_bytes()),
        query.nonce().map(|nonce| nonce.der_content())
    );
    assert_eq!(theirs.cert_req, query.cert_req());
}

/// Replies, and the files that are kept of them.
pub fn tsa_reply(bytes: &[u8]) {
    let parsed = bounded(bytes, || Reply::parse_file(bytes));
    // The way to the signature is read a second time where proofs are put in and taken out.
    let carried = bounded(bytes, || ATTRIBUTE.extract(bytes));
    let Ok(reply) = parsed else { return };
    let Some(token) = reply.token() else { return };
    let bare = Reply::parse_file(token.der()).expect("it has been read");
    assert_eq!((bare.status(), bare.token()), (None, Some(token)));
    let commitment = commitment_of(bytes).expect("a token has one");
    assert_eq!(commitment_of(token.der()), Ok(commitment));
    their_token(token);
    let info = token.info();
    let signed = VERIFIER.signature(&reply, &info.imprint, info.nonce.as_ref());
    let other = info.imprint.algorithm().hash(bytes);
    assert!(VERIFIER.signature(&reply, &other, None).is_err(), "a hash of the whole that is in it");
    if let Ok(signed) = &signed {
        assert_eq!(signed.commitment(), commitment);
        assert!(VERIFIER.chain(signed.clone()).is_err(), "there is no root");
    }
    if carried == Ok(None) && bytes.len() + PROOF.len() + 1024 < Reply::MAX_BYTES {
        let with = ATTRIBUTE.embed(bytes, PROOF.as_bytes()).expect("there is none yet");
        assert_eq!(ATTRIBUTE.remove(&with).as_deref(), Ok(bytes));
        assert_eq!(ATTRIBUTE.extract(&with).as_ref().map(Option::as_deref), Ok(Some(PROOF.as_bytes())));
        assert_eq!(commitment_of(&with), Ok(commitment));
        let with = Reply::parse_file(&with).expect("only an unsigned attribute more");
        assert!(with.token().is_some_and(|token| !token.embedded_proofs().is_empty()));
        let signed_with = VERIFIER.signature(&with, &info.imprint, info.nonce.as_ref());
        assert_eq!(signed_with.is_ok(), signed.is_ok());
    }
}

/// What ours reads in a token, `cms` and `x509-tsp` read as the same.
fn their_token(ours: &TimestampToken) {
    let theirs = ContentInfo::from_der(ours.der()).expect("ours took it");
    assert_eq!(theirs.content_type, rfc5911::ID_SIGNED_DATA);
    // Certificates, lists of revoked ones and attributes ours reads where it needs one, and `cms` all of them.
    if let Ok(theirs) = theirs.content.decode_as::<SignedData>() {
        assert_eq!(theirs.signer_infos.0.len(), 1);
        let content: OctetString =
            theirs.encap_content_info.econtent.expect("ours has it").decode_as().expect("ours took it");
        assert_eq!(content.as_bytes(), ours.content());
    }
    let (content, ours) = (ours.content(), ours.info());
    let Ok(theirs) = TstInfo::from_der(content) else {
        // It knows no parts of a second, which RFC 3161 allows.
        let is_whole = ours.gen_time.der_content().len() == "YYYYMMDDhhmmssZ".len();
        assert!(!is_whole, "only ours reads {content:02x?}");
        return;
    };
    assert_eq!(theirs.message_imprint.hashed_message.as_bytes(), ours.imprint.digest());
    assert_eq!(theirs.policy, ours.policy);
    assert_eq!(theirs.serial_number.as_bytes(), ours.serial.der_content());
    assert_eq!(theirs.gen_time.to_unix_duration().as_millis(), u128::from(ours.gen_time.millis()));
    assert_eq!(theirs.ordering, ours.ordering);
    assert_eq!(
        theirs.nonce.as_ref().map(|nonce| nonce.as_bytes()),
        ours.nonce.as_ref().map(|nonce| nonce.der_content())
    );
}

static ATTRIBUTE: LazyLock<ProofAttribute> =
    LazyLock::new(|| ProofAttribute::new("1.3.6.1.4.1.32473.1.9").expect("small arcs"));
/// Without roots: the chain of no token is known.
static VERIFIER: LazyLock<Verifier> =
    LazyLock::new(|| Verifier::new(Vec::new(), Vec::new()).expect("no root can't be a wrong one"));
const PROOF: &str = TlogProof::FIRST_LINE;
