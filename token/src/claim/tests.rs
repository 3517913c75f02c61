use super::{Claim, ClaimError, HolderKey, MAX_CLAIM};
use crate::{
    cbor::{CborError, Writer},
    commitment::{Salt, blind_name},
    digest::{DigestError, Digests, HashId},
};
use ed25519_dalek::Signer as _;
use proptest::prelude::*;
use treering_tlog::hash::Hash;

fn bare() -> Claim {
    Claim {
        digests: Digests::new([1; 32]),
        holder: None,
        agent: None,
        title: None,
        after: None,
        signed: None,
    }
}

fn signed(mut claim: Claim) -> Claim {
    let signing = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let key = HolderKey::Ed25519(signing.verifying_key().to_bytes());
    let signature = signing.sign(&claim.signing_input(&key)).to_bytes();
    claim.signed = Some((key, signature));
    claim
}

fn full() -> Claim {
    let mut digests = Digests::new([1; 32]);
    assert!(digests.insert(HashId::SHA3_256, vec![3; 32]));
    signed(Claim {
        digests,
        holder: Some(blind_name(&Salt([4; 32]), "Jane Doe")),
        agent: Some(blind_name(&Salt([5; 32]), "Bob")),
        title: Some("A title".to_owned()),
        after: Some(Hash::new([6; 32])),
        signed: None,
    })
}

/// A claim with these bytes behind the digests.
fn with_fields(fields: usize, write: impl FnOnce(&mut Writer) -> &mut Writer) -> Result<Claim, ClaimError> {
    let mut writer = Writer::new();
    writer.map(fields + 1).uint(1).map(1).uint(1).bytes(&[1; 32]);
    let _ = write(&mut writer);
    Claim::decode(&writer.finish())
}

#[test]
fn bytes_are_as_the_specification_says() {
    insta::assert_snapshot!(hex::encode(bare().encode()), @"a101a10158200101010101010101010101010101010101010101010101010101010101010101");
    insta::assert_snapshot!(hex::encode(full().encode()), @"a701a201582001010101010101010101010101010101010101010101010101010101010101010a582003030303030303030303030303030303030303030303030303030303030303030258209b16ca73a8a483866e3213df929685c48a21a4702cc5fd04fa8c5a9dc430b4e50358206dc4af642f859d8d6e22dfc8601b5cfc5f2c84e4e93c0ed584de91c6cb4a4c43046741207469746c65055820060606060606060606060606060606060606060606060606060606060606060606a301012006215820ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c07584043a7342a3268db5ff4955b8cb628f024568820fcb1119afe2d601894205ea021add4866034b26ac007addab3c2e22bdde3a88f10e9668e30af9b4cccdc160d07");
}

#[test]
fn round_trips() {
    for claim in [bare(), full()] {
        assert_eq!(Claim::decode(&claim.encode()), Ok(claim));
    }
}

#[test]
fn the_signature_is_over_the_claim_without_it() {
    let claim = full();
    let (key, _) = claim.signed.clone().unwrap();
    let input = claim.signing_input(&key);
    assert!(input.starts_with(b"treering.claim-signature/1\n\xa6\x01"));
    assert!(input.ends_with(&key.encode()));
    assert_eq!(input, Claim { signed: None, ..claim }.signing_input(&key));
}

#[test]
fn a_forged_signature_is_told_from_a_malformed_claim() {
    let forged = Claim { title: Some("Another".to_owned()), ..full() };
    assert_eq!(Claim::decode(&forged.encode()), Err(ClaimError::Signature));
    assert_eq!(Claim::parse(&forged.encode()), Ok(forged));
}

#[test]
fn refusals() {
    assert_eq!(Claim::decode(&[0xa0]), Err(ClaimError::NoDigests));
    assert_eq!(Claim::decode(&[0xa1, 0x04, 0x61, 0x61]), Err(ClaimError::NoDigests));
    assert_eq!(Claim::decode(&[0xa1, 0x01, 0xa0]), Err(ClaimError::Digests(DigestError::NoSha256)));
    let title = |title: &str| with_fields(1, |w| w.uint(4).text(title)).unwrap_err();
    assert_eq!(title(""), ClaimError::Title(0));
    assert_eq!(title(&"x".repeat(1025)), ClaimError::Title(1025));
    assert!(with_fields(1, |w| w.uint(4).text(&"x".repeat(1024))).is_ok());
    let unknown = with_fields(1, |w| w.uint(8).uint(0));
    assert_eq!(unknown, Err(ClaimError::Cbor(CborError::UnknownKey(8))));
    let order = with_fields(2, |w| w.uint(3).bytes(&[0; 32]).uint(2).bytes(&[0; 32]));
    assert_eq!(order, Err(ClaimError::Cbor(CborError::KeyOrder(2))));
    let short = with_fields(1, |w| w.uint(5).bytes(&[0; 31]));
    assert_eq!(short, Err(ClaimError::Cbor(CborError::Length { want: 32, got: 31 })));
    let alone = with_fields(1, |w| w.uint(7).bytes(&[0; 64]));
    assert_eq!(alone, Err(ClaimError::SignatureAlone));
    let (key, _) = full().signed.unwrap();
    let alone = with_fields(1, |w| w.uint(6).encoded(&key.encode()));
    assert_eq!(alone, Err(ClaimError::KeyAlone));
    let length = with_fields(2, |w| w.uint(6).encoded(&key.encode()).uint(7).bytes(&[0; 63]));
    assert_eq!(length, Err(ClaimError::Cbor(CborError::Length { want: 64, got: 63 })));
}

#[test]
fn refuses_long_claims() {
    let unknown = |length| {
        let mut claim = bare();
        assert!(claim.digests.insert(HashId::new(99).unwrap(), vec![0; length]));
        claim.encode()
    };
    let overhead = unknown(1000).len() - 1000;
    assert!(Claim::decode(&unknown(MAX_CLAIM - overhead)).is_ok());
    assert_eq!(Claim::decode(&unknown(MAX_CLAIM - overhead + 1)), Err(ClaimError::TooLong(MAX_CLAIM + 1)));
}

#[test]
fn other_encodings_are_refused() {
    let good = bare().encode();
    assert_eq!(Claim::decode(&[&good[..], &[0]].concat()), Err(ClaimError::Cbor(CborError::Trailing)));
    let longer = [&[0xb8, 0x01], &good[1..]].concat();
    assert_eq!(Claim::decode(&longer), Err(ClaimError::Cbor(CborError::NotDeterministic)));
}

#[test]
fn messages() {
    insta::assert_snapshot!(ClaimError::TooLong(5000), @"a claim has at most 4,096 bytes, this one has 5000");
    insta::assert_snapshot!(ClaimError::NoDigests, @"the claim lacks the file's digests (field 1)");
    insta::assert_snapshot!(ClaimError::Title(0), @"a title has 1 to 1,024 bytes, this one has 0");
    insta::assert_snapshot!(ClaimError::KeyAlone, @"the claim names a key (field 6) but has no signature (field 7)");
    insta::assert_snapshot!(ClaimError::SignatureAlone, @"the claim has a signature (field 7) but names no key (field 6)");
    insta::assert_snapshot!(ClaimError::Signature, @"the holder's signature over the claim does not verify");
}

proptest! {
    #[test]
    fn what_is_read_is_written_the_same(bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut flipped = full().encode();
        let at = at.index(flipped.len());
        flipped[at] = byte;
        for bytes in [bytes, flipped] {
            if let Ok(claim) = Claim::parse(&bytes) {
                prop_assert_eq!(claim.encode(), bytes);
            }
        }
    }

    #[test]
    fn arbitrary_claims_round_trip(names: [Option<[u8; 32]>; 3], title in proptest::option::of(".{1,200}"), sign: bool) {
        let [holder, agent, after] = names.map(|name| name.map(Hash::new));
        let claim = Claim { holder, agent, title, after, ..bare() };
        let claim = if sign { signed(claim) } else { claim };
        prop_assert_eq!(Claim::decode(&claim.encode()), Ok(claim));
    }
}
