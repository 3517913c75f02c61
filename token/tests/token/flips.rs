//! Verifier soundness: each byte of a valid token or receipt changed in turn is refused, or the verdict never gets better.

use crate::world::{FILE, Stamp, T, Who, digests, full, log_tree, plain, policy, verifier};
use treering_tlog::{
    hash::{Hash, leaf_hash},
    tree::{ProofError, TreeHead, TreeSize, verify_inclusion},
};
use treering_token::{
    commitment::Commitment,
    entry::Entry,
    token::Token,
    verify::{Attested, Verified, Verifier, VerifyError},
};

/// Nothing that a changed token shows goes beyond what the genuine one shows.
fn is_no_better(changed: &Verified, genuine: &Verified) -> bool {
    is_attested_no_better(&changed.attested, &genuine.attested)
        && changed.commitment == genuine.commitment
        && changed.claim == genuine.claim
        && changed.after == genuine.after
}

/// The same of the log half.
fn is_attested_no_better(changed: &Attested, genuine: &Attested) -> bool {
    let (changed_upper, upper) = (changed.upper.unwrap(), genuine.upper.unwrap());
    (&changed.origin, changed.index, changed.sealed_at, changed.submissions, changed.tree_size)
        == (&genuine.origin, genuine.index, genuine.sealed_at, genuine.submissions, genuine.tree_size)
        && changed_upper.time >= upper.time
        && changed_upper.would_have_to_lie <= upper.would_have_to_lie
        && changed.witnesses.iter().all(|witness| genuine.witnesses.contains(witness))
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

/// Where each bit of a receipt may change at all: where a token's may, or nowhere.
#[test]
fn a_changed_bit_of_a_receipt_never_makes_the_verdict_better() {
    for (name, may_change) in [("two of three", true), ("all of three", false)] {
        let policy = policy(name);
        let (stamp, verifier) = (plain(FILE), verifier(&policy));
        let text = stamp.receipt().to_string();
        let signatures = text.rfind("\n\n").unwrap();
        let verify =
            |bytes: &[u8]| verifier.receipt(&Token::parse(bytes).ok()?, &stamp.submission_root()).ok();
        let genuine = verify(text.as_bytes()).unwrap();
        let mut accepted = 0;
        for (at, bit) in (0..text.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 1 << bit;
            let Some(verdict) = verify(&changed) else { continue };
            assert!(at > signatures, "bit {bit} of byte {at} is not in a signature line");
            assert!(is_attested_no_better(&verdict, &genuine), "bit {bit} of byte {at}");
            accepted += 1;
        }
        assert_eq!(accepted > 0, may_change, "{name}: {accepted} changes");
    }
}

/// A receipt is of its 32 bytes and of no others.
#[test]
fn no_changed_bit_of_what_was_submitted_has_the_receipt() {
    let policy = policy("two of three");
    let (stamp, verifier) = (plain(FILE), verifier(&policy));
    let (receipt, root) = (stamp.receipt(), stamp.submission_root());
    assert!(verifier.receipt(&receipt, &root).is_ok());
    for (at, bit) in (0..32).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut changed = *root.0.as_bytes();
        changed[at] ^= 1 << bit;
        let verdict = verifier.receipt(&receipt, &Commitment(Hash::new(changed)));
        assert_eq!(verdict, Err(VerifyError::LayersMissEntry), "bit {bit} of byte {at}");
    }
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
