//! Our own tokens.

use crate::world::{DATA, MILLIS, World, at, imprint, nonce};
use treering_tsa::{
    imprint::ImprintAlgorithm,
    issue::TestCa,
    nonce::Nonce,
    reply::{Reply, ReplyError, StatusCode},
    signer::KeyKind,
    verify::{Verifier, VerifyError},
};

#[test]
fn each_key_and_imprint_verifies() {
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa3072] {
        let world = World::new(kind);
        for algorithm in ImprintAlgorithm::ALL {
            let bytes = world.reply(algorithm, true);
            let reply = Reply::parse(&bytes).unwrap();
            let verified = world.verifier().verify(&reply, &algorithm.hash(DATA), Some(&nonce())).unwrap();
            assert_eq!(verified.root(), "CN=Test CA,O=Example");
            assert_eq!(verified.signed().certificate(), &world.leaf);
            assert_eq!(
                verified.signed().commitment(),
                treering_tsa::commitment::commitment_of(&bytes).unwrap()
            );
        }
    }
}

#[test]
fn a_token_says_what_was_asked_and_granted() {
    let world = World::new(KeyKind::P256);
    let bytes = world.reply(ImprintAlgorithm::Sha256, true);
    let reply = Reply::parse_file(&bytes).unwrap();
    assert_eq!(reply.status().unwrap().code, StatusCode::Granted);
    let token = reply.token().unwrap();
    let info = token.info();
    assert_eq!(info.policy.to_string(), "1.3.6.1.4.1.32473.1.1");
    assert_eq!((&info.imprint, info.nonce.as_ref()), (&imprint(), Some(&nonce())));
    assert_eq!(info.gen_time, at(MILLIS));
    assert_eq!(info.accuracy.unwrap().as_micros(), 1_000_000);
    assert!(!info.ordering && info.tsa.is_some());
    assert_eq!(token.certificates(), [world.leaf.der().to_vec()]);
    // The bare token is read as well, and only by the function that is for files.
    let bare = Reply::parse_file(token.der()).unwrap();
    assert_eq!((bare.status(), bare.token()), (None, Some(token)));
    assert!(matches!(Reply::parse(token.der()), Err(ReplyError::Der(_))));
    assert!(world.verifier().verify(&bare, &imprint(), None).is_ok());
}

#[test]
fn what_it_is_not_of_is_told() {
    let world = World::new(KeyKind::P256);
    let bytes = world.reply(ImprintAlgorithm::Sha256, true);
    let reply = Reply::parse(&bytes).unwrap();
    let judge = |algorithm: ImprintAlgorithm, data: &[u8], nonce: Option<&Nonce>| {
        world.verifier().verify(&reply, &algorithm.hash(data), nonce).map(|_| ()).unwrap_err()
    };
    let sha256 = ImprintAlgorithm::Sha256;
    assert_eq!(judge(sha256, b"other", None), VerifyError::OtherImprint(sha256));
    assert_eq!(judge(sha256, DATA, Some(&Nonce::from_random([4; 16]))), VerifyError::OtherNonce);
    assert_eq!(judge(ImprintAlgorithm::Sha3_256, DATA, None).name(), "digest_not_given");
}

#[test]
fn a_certificate_that_is_not_carried_has_to_be_given() {
    let world = World::new(KeyKind::P256);
    let bytes = world.reply(ImprintAlgorithm::Sha256, false);
    let reply = Reply::parse(&bytes).unwrap();
    assert_eq!(
        world.verifier().verify(&reply, &imprint(), None).map(|_| ()),
        Err(VerifyError::NoCertificate)
    );
    let root = world.ca.certificate().clone();
    let given = Verifier::new(vec![root], vec![world.leaf.clone()]).unwrap();
    assert!(given.verify(&reply, &imprint(), None).is_ok());
    // Pinned: the signer's own certificate as the root.
    let pinned = Verifier::new(vec![world.leaf.clone()], Vec::new()).unwrap();
    assert_eq!(pinned.verify(&reply, &imprint(), None).unwrap().root(), "CN=TSA,O=Example,C=DE");
}

/// A certificate with the same issuer and number, for a key of the attacker's.
#[test]
fn a_certificate_put_in_place_of_the_signers_is_refused() {
    let (world, attacker) = (World::new(KeyKind::P256), World::new(KeyKind::P256));
    let bytes = world.reply(ImprintAlgorithm::Sha256, false);
    let reply = Reply::parse(&bytes).unwrap();
    let given = Verifier::new(vec![world.ca.certificate().clone()], vec![attacker.leaf]).unwrap();
    assert_eq!(given.verify(&reply, &imprint(), None).map(|_| ()), Err(VerifyError::OtherCertificate));
}

#[test]
fn an_unknown_authority_is_not_a_forged_one() {
    let world = World::new(KeyKind::P256);
    let bytes = world.reply(ImprintAlgorithm::Sha256, true);
    let reply = Reply::parse(&bytes).unwrap();
    let refusal = |name: &str| {
        let ca = TestCa::generate(KeyKind::P256, name, [1; 16], at(MILLIS)).unwrap();
        let verifier = Verifier::new(vec![ca.certificate().clone()], Vec::new()).unwrap();
        let signed = verifier.signature(&reply, &imprint(), None).unwrap();
        verifier.chain(signed).map(|_| ()).unwrap_err()
    };
    let issuer = "CN=Test CA,O=Example".to_owned();
    assert_eq!(refusal("CN=Another CA"), VerifyError::UnknownIssuer { issuer: issuer.clone() });
    // Of the same name, and not the one that signed.
    assert_eq!(refusal(&issuer), VerifyError::ChainSignature);
    let none = Verifier::new(Vec::new(), Vec::new()).unwrap();
    assert_eq!(none.verify(&reply, &imprint(), None).map(|_| ()), Err(VerifyError::UnknownIssuer { issuer }));
}

/// The certificate is good for a day. Verifiers that take their own clock would refuse the token the day after; here no clock
/// is asked at all.
#[test]
fn a_token_outlives_its_certificate() {
    let world = World::new(KeyKind::P256);
    let bytes = world.reply(ImprintAlgorithm::Sha256, true);
    assert!(world.leaf.check_time(at(MILLIS + 2 * 86_400_000)).is_err());
    assert!(world.verifier().verify(&Reply::parse(&bytes).unwrap(), &imprint(), None).is_ok());
}

#[test]
fn messages_say_what_is_wrong() {
    let sha256 = ImprintAlgorithm::Sha256;
    let told: Vec<_> = [
        VerifyError::NoToken,
        VerifyError::OtherAlgorithm { stamped: ImprintAlgorithm::Sha512, given: sha256 },
        VerifyError::OtherImprint(sha256),
        VerifyError::OtherNonce,
        VerifyError::ContentDigest,
        VerifyError::NoCertificate,
        VerifyError::OtherCertificate,
        VerifyError::Signature,
        VerifyError::TsaName,
        VerifyError::UnknownIssuer { issuer: "CN=CA".to_owned() },
        VerifyError::ChainTime { gen_time: at(MILLIS) },
        VerifyError::ChainSignature,
    ]
    .iter()
    .map(|error| format!("{}: {error}", error.name()))
    .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    timestamp_refused: the authority refused: there is no token
    digest_not_given: the timestamp is of a sha512 digest, and a sha256 digest was given
    digest_mismatch: the file's sha256 digest is not the one that was stamped: the file was changed, or the timestamp is of another
    nonce_mismatch: the timestamp does not have the query's nonce: it was made for another query
    timestamp_changed: what the timestamp says is not what was signed: it was changed
    certificate_missing: the signer's certificate is not there: the timestamp does not carry it, and it was not given either
    certificate_mismatch: the certificate is not the one that the timestamp was signed for: one of them was changed
    signature_forged: the timestamp's signature does not verify: it was forged or changed
    tsa_name_mismatch: the timestamp names another authority than its signer's certificate does
    unknown_authority: none of the trusted roots vouches for the signer: its certificate was issued by CN=CA, and no certificates lead from there to a root
    chain_not_valid_then: a certificate between the signer and the root was not valid at 2025-11-25T18:33:45.12Z, the time of the timestamp
    chain_forged: a certificate between the signer and the root is not signed by the issuer that it names: it was forged, or the trusted root is another one of the same name
    ");
}
