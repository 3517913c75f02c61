//! Verifier soundness: each byte of a valid token changed in turn is refused, or the verdict never gets better.

use crate::world::{FILE, Stamp, T, Who, digests, full, log_tree, plain, policy, verifier};
use treering_tlog::{
    hash::leaf_hash,
    tree::{ProofError, TreeHead, TreeSize, verify_inclusion},
};
use treering_token::{
    entry::Entry,
    token::Token,
    verify::{Verified, Verifier},
};

/// Nothing that a changed token shows goes beyond what the genuine one shows.
fn is_no_better(changed: &Verified, genuine: &Verified) -> bool {
    let (changed_time, time) = (&changed.attested, &genuine.attested);
    let upper = |verified: &Verified| verified.attested.upper.unwrap();
    (&changed_time.origin, changed_time.index, changed_time.sealed_at)
        == (&time.origin, time.index, time.sealed_at)
        && changed.commitment == genuine.commitment
        && changed.claim == genuine.claim
        && changed.after == genuine.after
        && upper(changed).time >= upper(genuine).time
        && upper(changed).would_have_to_lie <= upper(genuine).would_have_to_lie
        && changed_time.witnesses.iter().all(|witness| time.witnesses.contains(witness))
}

/// How many changes of one byte were accepted.
fn accepted(verifier: &Verifier<'_>, stamp: &Stamp, flips: &[u8]) -> Vec<usize> {
    let text = stamp.token().to_string().into_bytes();
    let genuine = verifier.token(&Token::parse(&text).unwrap(), &digests(FILE)).unwrap();
    let mut accepted = Vec::new();
    for at in 0..text.len() {
        for flip in flips {
            let mut changed = text.clone();
            changed[at] ^= flip;
            let verdict =
                Token::parse(&changed).ok().and_then(|token| verifier.token(&token, &digests(FILE)).ok());
            if let Some(verdict) = verdict {
                assert!(is_no_better(&verdict, &genuine), "byte {at} ^ {flip:#x}");
                accepted.push(at);
            }
        }
    }
    accepted
}

/// Where a token may change at all: in a cosignature line's name or key ID, which the policy thereby no longer knows.
#[test]
fn a_changed_byte_never_makes_the_verdict_better() {
    let policy = policy("two of three");
    for (stamp, flips) in [(full(), &[0x01][..]), (plain(FILE), &[0x01, 0x20])] {
        let text = stamp.token().to_string();
        let signatures = text.rfind("\n\n").unwrap();
        for at in accepted(&verifier(&policy), &stamp, flips) {
            assert!(at > signatures, "byte {at} is not in a signature line");
        }
    }
}

#[test]
fn with_a_bare_quorum_no_byte_can_change() {
    let policy = policy("all of three");
    assert_eq!(accepted(&verifier(&policy), &plain(FILE), &[0x01]), Vec::<usize>::new());
}

#[test]
fn withholding_a_cosignature_never_makes_the_verdict_better() {
    let policy = policy("two of three");
    let cosigned = [(Who::W1, T), (Who::W2, T + 2), (Who::W3, T + 5)];
    let verify = |cosigned: Vec<(Who, u64)>| {
        let stamp = Stamp { cosigned, ..full() };
        verifier(&policy).token(&stamp.token(), &digests(FILE)).unwrap()
    };
    let genuine = verify(cosigned.to_vec());
    for left_out in 0..3 {
        let mut fewer = cosigned.to_vec();
        fewer.remove(left_out);
        assert!(is_no_better(&verify(fewer), &genuine));
    }
}

#[test]
fn no_changed_bit_of_an_entry_is_in_the_log() {
    let genuine = *full().token().entry();
    let log = log_tree(&genuine);
    let head = TreeHead { size: TreeSize::new(log.len()).unwrap(), root: log.root() };
    let path = log.path(17).unwrap().siblings;
    let bytes = genuine.encode();
    assert_eq!(verify_inclusion(&leaf_hash(&bytes), 17, &head, &path), Ok(()));
    for (at, bit) in (0..bytes.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << bit;
        let refused = Err(ProofError::Root);
        assert_eq!(
            verify_inclusion(&leaf_hash(&changed), 17, &head, &path),
            refused,
            "bit {bit} of byte {at}"
        );
        // What a reader makes of it has that hash, too: no two byte strings are one entry.
        let Ok(entry) = Entry::decode(&changed) else { continue };
        assert_ne!(entry, genuine, "bit {bit} of byte {at}");
        assert_eq!(entry.leaf_hash(), leaf_hash(&changed), "bit {bit} of byte {at}");
    }
}
