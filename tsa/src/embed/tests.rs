use super::*;
use crate::authority::{Authority, Settings};
use crate::chain::Chain;
use crate::commitment::commitment_of;
use crate::gen_time::GenTime;
use crate::imprint::ImprintAlgorithm;
use crate::issue::TestCa;
use crate::query::Query;
use crate::serial::Serial;
use crate::signer::{KeyKind, LocalSigner, TsaSigner as _};
use crate::status::Rejection;
use cms::signed_data::SignedData;
use der::{Decode as _, Encode as _};
use std::sync::Arc;
use x509_tsp::TimeStampResp;

fn attribute(oid: &str) -> ProofAttribute {
    ProofAttribute::new(oid).unwrap()
}

fn ours() -> ProofAttribute {
    attribute("1.3.6.1.4.1.32473.1.9")
}

fn reply() -> Vec<u8> {
    let now = GenTime::from_millis(1_764_095_625_000).unwrap();
    let ca = TestCa::generate(KeyKind::P256, "CN=Test CA", [1; 16], now).unwrap();
    let signer = LocalSigner::generate(KeyKind::P256).unwrap();
    let leaf = ca.issue_tsa(signer.public_key_info(), "CN=TSA", [2; 16], now, 1).unwrap();
    let settings = Settings::new(ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.1"));
    let authority =
        Authority::new(Arc::new(signer), &Chain::new(vec![leaf]).unwrap(), &settings, now).unwrap();
    let query = Query::new(ImprintAlgorithm::Sha256.hash(b"abc"), None, None, true);
    authority.grant(&query, now, &Serial::from_random([9; 16])).unwrap().reply
}

#[test]
fn a_proof_goes_in_and_out_again() {
    let reply = reply();
    assert_eq!(ours().extract(&reply), Ok(None));
    assert_eq!(ours().remove(&reply), Ok(reply.clone()));
    for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536, ProofAttribute::MAX_PROOF_BYTES] {
        let proof = vec![b'x'; length];
        let with = ours().embed(&reply, &proof).unwrap();
        assert_eq!(ours().extract(&with), Ok(Some(proof)));
        assert_eq!(ours().remove(&with).as_ref(), Ok(&reply));
        assert_eq!(commitment_of(&with), commitment_of(&reply));
        // Canonical, as `cms` reads and writes it.
        let token = TimeStampResp::from_der(&with).unwrap().time_stamp_token.unwrap();
        assert_eq!(
            token.content.decode_as::<SignedData>().unwrap().to_der().unwrap(),
            token.content.to_der().unwrap()
        );
        // A token alone, without the status around it.
        let token = token.to_der().unwrap();
        assert_eq!(ours().embed(&ours().remove(&token).unwrap(), &vec![b'x'; length]), Ok(token));
    }
}

/// The example of `spec/rfc3161.md`, at the end of the reply.
#[test]
fn the_attribute_is_as_the_spec_shows_it() {
    let with = hex::encode(ours().embed(&reply(), b"x").unwrap());
    assert!(with.ends_with("a1133011060a2b0601040181fd5901093103040178"), "{with}");
}

#[test]
fn others_attributes_stay() {
    let reply = reply();
    let (low, high) = (attribute("1.3.6.1.4.1.32473.1.1"), attribute("1.3.6.1.4.1.32473.1.90"));
    let others = high.embed(&low.embed(&reply, b"low").unwrap(), b"high").unwrap();
    let with = ours().embed(&others, b"ours").unwrap();
    let token = TimeStampResp::from_der(&with).unwrap().time_stamp_token.unwrap();
    assert_eq!(
        token.content.decode_as::<SignedData>().unwrap().to_der().unwrap(),
        token.content.to_der().unwrap()
    );
    assert_eq!(ours().remove(&with), Ok(others));
    assert_eq!(
        (low.extract(&with), high.extract(&with)),
        (Ok(Some(b"low".into())), Ok(Some(b"high".into())))
    );
    assert_eq!(commitment_of(&with), commitment_of(&reply));
}

#[test]
fn what_can_not_be_embedded_is_refused() {
    let reply = reply();
    let with = ours().embed(&reply, b"proof").unwrap();
    assert_eq!(ours().embed(&with, b"proof"), Err(EmbedError::Already));
    let long = vec![0; ProofAttribute::MAX_PROOF_BYTES + 1];
    assert_eq!(ours().embed(&reply, &long), Err(EmbedError::TooLong { found: long.len() }));
    let refused = Rejection::BAD_ALG.encode();
    assert_eq!(ours().embed(&refused, b"proof"), Err(EmbedError::Token(TokenError::Refused)));
    assert_eq!(ours().extract(b""), Err(EmbedError::Token(TokenError::Der(DerError::Truncated))));
    let long = vec![0; (4 << 20) + 1];
    assert_eq!(commitment_of(&long), Err(TokenError::TooLong { found: long.len() }));
    for length in 0..with.len() {
        assert!(ours().extract(&with[..length]).is_err());
    }
}

/// Deep nesting isn't followed, lengths aren't believed, and hundreds of thousands of attributes are passed once.
#[test]
fn hostile_tokens_cost_no_more_than_their_length() {
    let nested: Vec<u8> = (0..200_000).flat_map(|_| [tlv::SEQUENCE, 0x83, 0x0f, 0x42, 0x3b]).collect();
    assert!(matches!(commitment_of(&nested), Err(TokenError::Der(_))));
    let huge = [tlv::SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(commitment_of(&huge), Err(TokenError::Der(DerError::Length)));
    let reply = reply();
    let attribute = tlv::element(tlv::SEQUENCE, &[&[tlv::OID, 1, 0x2a]]);
    let many = CutToken::read(&reply).unwrap().with_unsigned(Some(&attribute.repeat(600_000)));
    assert_eq!(ours().extract(&many), Ok(None));
    assert_eq!(ours().remove(&ours().embed(&many, b"proof").unwrap()), Ok(many));
}

#[test]
fn our_attribute_holds_one_octet_string() {
    let reply = reply();
    let token = CutToken::read(&reply).unwrap();
    let oid = tlv::element(tlv::OID, &[ours().oid().as_bytes()]);
    let extract = |values: &[u8], times: usize| {
        let attribute = tlv::element(tlv::SEQUENCE, &[&oid, &tlv::element(tlv::SET, &[values])]);
        ours().extract(&token.with_unsigned(Some(&attribute.repeat(times))))
    };
    assert_eq!(extract(&[tlv::OCTET_STRING, 1, 7], 1), Ok(Some(vec![7])));
    assert_eq!(extract(&[tlv::OCTET_STRING, 1, 7], 2), Err(EmbedError::Several));
    assert_eq!(extract(&[tlv::OCTET_STRING, 0, tlv::OCTET_STRING, 0], 1), Err(EmbedError::Form));
    assert_eq!(extract(&[tlv::UTF8_STRING, 0], 1), Err(EmbedError::Form));
    assert_eq!(extract(&[], 1), Err(EmbedError::Form));
}

#[test]
fn arcs_are_below_two_to_the_28() {
    assert!(ProofAttribute::new("1.3.6.1.4.1.268435455").is_ok());
    assert_eq!(ProofAttribute::new("1.3.6.1.4.1.268435456"), Err(OidError::Arc));
}
