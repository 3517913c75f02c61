//! The witnesses' word about our tokens.

use crate::world::{MILLIS, World, attribute, imprint, policy, proof};
use treering_tlog::time::UnixSeconds;
use treering_tsa::{
    commitment::commitment_of,
    embed::ProofAttribute,
    imprint::ImprintAlgorithm,
    reply::Reply,
    signer::KeyKind,
    transparent::{DEFAULT_MAX_LAG, Transparent, TransparentError, verify_embedded, verify_transparent},
};

const SECOND: u64 = MILLIS / 1000;

/// A token of [`MILLIS`] and this proof of its commitment.
fn judge(
    make: impl FnOnce([u8; 32]) -> Vec<u8>,
    quorum: &str,
    max_lag: u64,
) -> Result<Transparent, TransparentError> {
    let world = World::new(KeyKind::P256);
    let bytes = world.reply(ImprintAlgorithm::Sha256, true);
    let reply = Reply::parse(&bytes).unwrap();
    let verified = world.verifier().verify(&reply, &imprint(), None).unwrap();
    let signed = verified.signed();
    let proof = make(signed.commitment());
    verify_transparent(signed, &proof, &policy(quorum), UnixSeconds::new(SECOND + 10).unwrap(), max_lag)
}

fn seen(second: u64) -> impl FnOnce([u8; 32]) -> Vec<u8> {
    move |commitment| proof(commitment, second, 2)
}

#[test]
fn a_token_that_was_logged_at_once_is_transparent() {
    let shown = judge(seen(SECOND + 1), "both", DEFAULT_MAX_LAG).unwrap();
    assert_eq!(shown.gen_time.millis(), MILLIS);
    assert_eq!(shown.attested.before().unwrap().get(), SECOND + 2);
    assert_eq!((shown.attested.witnesses.len(), shown.max_lag), (2, 60));
}

/// The attack that the limit is there for: with the key of 2025, a thief signs in 2030 a token of 2025, and logs it.
#[test]
fn a_backdated_token_that_is_logged_later_is_refused() {
    let late = judge(seen(SECOND + 5 * 365 * 86_400), "both", DEFAULT_MAX_LAG).unwrap_err();
    insta::assert_snapshot!(late, @"the timestamp says 2025-11-25T18:33:45.12Z, but was not seen by the log's witnesses before 2030-11-24T18:33:45Z: more than the 60 s that are allowed, so it may be backdated");
    assert_eq!(judge(seen(SECOND + 61), "both", DEFAULT_MAX_LAG).unwrap_err().name(), "logged_late");
    assert!(judge(seen(SECOND + 60), "both", DEFAULT_MAX_LAG).is_ok());
    assert!(judge(seen(SECOND + 61), "both", 61).is_ok());
    assert_eq!(judge(seen(SECOND + 1), "both", 0).unwrap_err().name(), "logged_late");
}

#[test]
fn a_token_from_the_future_is_refused() {
    assert!(judge(seen(SECOND - 60), "both", DEFAULT_MAX_LAG).is_ok());
    let early = judge(seen(SECOND - 61), "both", DEFAULT_MAX_LAG).unwrap_err();
    insta::assert_snapshot!(early, @"the timestamp says 2025-11-25T18:33:45.12Z, but the log's witnesses saw it at 2025-11-25T18:32:44Z already: its time was not read from a good clock");
}

#[test]
fn a_proof_of_something_else_is_told_from_one_that_lacks_witnesses() {
    let judge = |make: fn([u8; 32]) -> Vec<u8>, quorum| judge(make, quorum, DEFAULT_MAX_LAG).unwrap_err();
    let other = judge(|_| proof([5; 32], SECOND, 2), "both");
    insta::assert_snapshot!(other, @"the log's proof is not of this timestamp: one of them was changed, or the proof is of another");
    let unmet = judge(|commitment| proof(commitment, SECOND, 1), "both");
    insta::assert_snapshot!(unmet, @"the log's proof: too few witnesses: 1 of the policy's 2 cosigned the token's checkpoint, and that does not meet the policy's quorum");
    let none = judge(|commitment| proof(commitment, SECOND, 2), "none");
    insta::assert_snapshot!(none, @"the policy asks for no witness, so the log's proof says nothing about time");
    assert_eq!((unmet.name(), none.is_incomplete()), ("quorum_not_met", true));
    assert_eq!(judge(|_| b"c2sp.org/tlog-proof@v1\n".to_vec(), "both").name(), "proof_malformed");
}

/// Anybody can add an unsigned attribute. What they add is passed over as long as one proof shows it.
#[test]
fn a_proof_that_somebody_added_takes_nothing_away() {
    let world = World::new(KeyKind::P256);
    let bare = world.reply(ImprintAlgorithm::Sha256, true);
    let ours = proof(commitment_of(&bare).unwrap(), SECOND, 2);
    // Under a number that is sorted before ours.
    let theirs = ProofAttribute::new("1.2.3").unwrap();
    let judge = |bytes: &[u8]| {
        let reply = Reply::parse(bytes).unwrap();
        let verified = world.verifier().verify(&reply, &imprint(), None).unwrap();
        let now = UnixSeconds::new(SECOND).unwrap();
        verify_embedded(verified.signed(), &policy("both"), now, DEFAULT_MAX_LAG)
    };
    assert!(judge(&bare).is_none());
    let whole = attribute().embed(&bare, &ours).unwrap();
    for added in [proof([5; 32], SECOND, 2), b"c2sp.org/tlog-proof@v1\n".to_vec()] {
        let both = theirs.embed(&whole, &added).unwrap();
        assert!(judge(&both).unwrap().is_ok());
        assert!(judge(&theirs.embed(&bare, &added).unwrap()).unwrap().is_err());
    }
    // What is wrong with our own proof is told, and not that another one is of something else.
    let unmet = proof(commitment_of(&bare).unwrap(), SECOND, 1);
    let both = theirs.embed(&attribute().embed(&bare, &unmet).unwrap(), &proof([5; 32], SECOND, 2)).unwrap();
    assert_eq!(judge(&both).unwrap().unwrap_err().name(), "quorum_not_met");
}
