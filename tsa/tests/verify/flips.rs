//! Every byte of a reply with its proof counts, but for places that are named here.

use crate::world::{MILLIS, World, attribute, imprint, nonce, policy, proof};
use treering_tlog::time::UnixSeconds;
use treering_tsa::{
    commitment::commitment_of,
    imprint::ImprintAlgorithm,
    reply::Reply,
    signer::KeyKind,
    transparent::{DEFAULT_MAX_LAG, verify_embedded},
};

#[test]
fn every_byte_counts() {
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa3072] {
        let world = World::new(kind);
        let bare = world.reply(ImprintAlgorithm::Sha256, true);
        let seen = MILLIS / 1000;
        let bytes = attribute().embed(&bare, &proof(commitment_of(&bare).unwrap(), seen, 2)).unwrap();
        let (policy, now) = (policy("both"), UnixSeconds::new(seen).unwrap());
        let verifier = world.verifier();
        let is_taken = |bytes: &[u8]| {
            let Ok(reply) = Reply::parse_file(bytes) else { return false };
            let Ok(verified) = verifier.verify(&reply, &imprint(), Some(&nonce())) else { return false };
            matches!(verify_embedded(verified.signed(), &policy, now, DEFAULT_MAX_LAG), Some(Ok(_)))
        };
        assert!(is_taken(&bytes));
        for place in 0..bytes.len() {
            for mask in [0x01, 0x20, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[place] ^= mask;
                if is_taken(&changed) {
                    let what = irrelevant(&bytes, place);
                    assert!(what.is_some(), "{kind:?}: byte {place} ^ {mask:#04x} makes no difference");
                }
            }
        }
        for length in 0..bytes.len() {
            assert!(!is_taken(&bytes[..length]), "the first {length} bytes");
        }
        assert!(!is_taken(&[&bytes[..], &[0]].concat()));
    }
}

/// Bytes that may change, and why nothing depends on them.
fn irrelevant(bytes: &[u8], place: usize) -> Option<&'static str> {
    // SEQUENCE { INTEGER 0 }: granted becomes grantedWithMods. Not signed by anybody.
    if bytes[..=place].ends_with(&[0x30, 0x03, 0x02, 0x01, 0x00]) {
        return Some("PKIStatus");
    }
    // A verifier finds the proof by what it is, not by the operator's identifier for it.
    let oid = attribute().oid();
    let starts = bytes.windows(oid.as_bytes().len()).position(|bytes| bytes == oid.as_bytes()).unwrap();
    (starts..starts + oid.as_bytes().len()).contains(&place).then_some("the proof's object identifier")
}
