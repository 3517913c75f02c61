//! Each refusal has its own error. The attack is in the test's name.

use crate::world::{
    ALL, FILE, Stamp, T, Who, after_note, after_note_at, agent, blinded, claim, digests, full, full_claim,
    holder, opening, plain, policy, sign_p256, verifier,
};
use treering_tlog::{hash::sha256, policy::PolicyVerifyError, proof::TlogProof, tree::ProofError};
use treering_token::{
    commitment::Commitment,
    digest::{Digests, HashId},
    token::Token,
    verify::{Fault, Verified, VerifyError},
};

fn verify(token: &Token, file: &[u8]) -> Result<Verified, VerifyError> {
    // What is verified is what a file would hold.
    let token = Token::parse(token.to_string().as_bytes()).unwrap();
    verifier(&policy("two of three")).token(&token, &digests(file))
}

fn refused(stamp: &Stamp) -> VerifyError {
    verify(&stamp.token(), FILE).unwrap_err()
}

/// The token with another log half.
fn with_proof(token: &Token, change: impl FnOnce(&mut TlogProof)) -> Token {
    let mut proof = token.proof().clone();
    change(&mut proof);
    Token::parse(proof.to_string().as_bytes()).unwrap()
}

#[test]
fn genuine_tokens_verify() {
    for stamp in [plain(FILE), blinded(opening(&claim(FILE))), full()] {
        verify(&stamp.token(), FILE).unwrap();
    }
}

#[test]
fn a_genuine_receipt_is_of_its_root_and_of_nothing_else() {
    let (policy, stamp) = (policy("two of three"), full());
    let verifier = verifier(&policy);
    let attested = verifier.receipt(&stamp.receipt(), &stamp.submission_root()).unwrap();
    assert_eq!(verifier.receipt(&stamp.token(), &stamp.commitment), Ok(attested));
    let other = Commitment(sha256(b"other"));
    assert_eq!(verifier.receipt(&stamp.receipt(), &other), Err(VerifyError::LayersMissEntry));
}

#[test]
fn a_changed_file() {
    let error = verify(&full().token(), b"hello, treering!\n").unwrap_err();
    assert_eq!(error, VerifyError::DigestMismatch { algorithm: HashId::SHA_256 });
    let error = verify(&plain(FILE).token(), b"hello, treering!\n").unwrap_err();
    assert_eq!((error.fault(), error), (Fault::OtherFile, VerifyError::NotThisFile));
}

#[test]
fn a_file_that_collides_in_sha256_alone() {
    let mut claim = claim(FILE);
    assert!(claim.digests.insert(HashId::SHA3_256, vec![3; 32]));
    let error = refused(&blinded(opening(&claim)));
    assert_eq!(error, VerifyError::DigestMismatch { algorithm: HashId::SHA3_256 });
}

#[test]
fn a_digest_that_the_caller_forgot() {
    let mut claim = claim(FILE);
    assert!(claim.digests.insert(HashId::SHA3_256, digests(FILE).get(HashId::SHA3_256).unwrap().to_vec()));
    let token = blinded(opening(&claim)).token();
    let sha256_only = Digests::new(*sha256(FILE).as_bytes());
    let policy = policy("two of three");
    let error = verifier(&policy).token(&token, &sha256_only).unwrap_err();
    assert_eq!(error, VerifyError::DigestNotGiven { algorithm: HashId::SHA3_256 });
}

#[test]
fn a_digest_by_an_unknown_algorithm_is_named_as_unchecked() {
    let mut claim = claim(FILE);
    assert!(claim.digests.insert(HashId::new(99).unwrap(), vec![3; 32]));
    let shown = verify(&blinded(opening(&claim)).token(), FILE).unwrap().claim.unwrap();
    assert_eq!((shown.checked, shown.unchecked), (vec![HashId::SHA_256], vec![HashId::new(99).unwrap()]));
}

#[test]
fn a_receipt_for_a_file() {
    assert_eq!(verify(&full().receipt(), FILE), Err(VerifyError::ReceiptNotToken));
}

#[test]
fn another_salt_or_claim_than_was_stamped() {
    let mut stamp = full();
    stamp.opening.as_mut().unwrap().salt.0[0] ^= 1;
    assert_eq!(refused(&stamp), VerifyError::LayersMissEntry);
    let stamp = Stamp { opening: Some(opening(&claim(FILE))), after: None, ..full() };
    assert_eq!(refused(&stamp), VerifyError::LayersMissEntry);
}

#[test]
fn another_name_than_was_blinded() {
    let (_, mut opening) = full_claim();
    opening.holder.as_mut().unwrap().name = "John Doe".to_owned();
    assert_eq!(refused(&Stamp { opening: Some(opening), ..full() }), VerifyError::HolderMismatch);
    let (_, mut opening) = full_claim();
    (opening.holder, opening.agent) = (None, Some(holder()));
    assert_eq!(refused(&Stamp { opening: Some(opening), ..full() }), VerifyError::AgentMismatch);
    let (_, mut opening) = full_claim();
    opening.holder = Some(agent());
    assert_eq!(refused(&Stamp { opening: Some(opening), ..full() }), VerifyError::HolderMismatch);
}

#[test]
fn a_claim_that_its_holder_did_not_sign() {
    let (mut claim, _) = full_claim();
    (claim.title, claim.after) = (Some("Another".to_owned()), None);
    assert_eq!(refused(&blinded(opening(&claim))), VerifyError::ClaimSignature);
    assert_eq!(refused(&blinded(opening(&sign_p256(claim.clone(), false)))), VerifyError::ClaimSignature);
    verify(&blinded(opening(&sign_p256(claim, true))).token(), FILE).unwrap();
}

#[test]
fn an_entry_that_is_not_in_the_log() {
    let token = with_proof(&full().token(), |proof| proof.index = 16);
    assert_eq!(verify(&token, FILE), Err(VerifyError::NotInCheckpoint(ProofError::Root)));
    let token = with_proof(&full().token(), |proof| proof.index = 20);
    assert_eq!(verify(&token, FILE), Err(VerifyError::NotInCheckpoint(ProofError::Index)));
    let token = with_proof(&full().token(), |proof| proof.path.truncate(proof.path.len() - 1));
    assert!(matches!(verify(&token, FILE), Err(VerifyError::NotInCheckpoint(ProofError::Length { .. }))));
    let backdated = Stamp { sealed_at: 1 << 40, ..full() }.token().proof().extra.clone();
    let token = with_proof(&full().token(), |proof| proof.extra = backdated);
    assert_eq!(verify(&token, FILE), Err(VerifyError::NotInCheckpoint(ProofError::Root)));
}

#[test]
fn a_log_that_the_policy_does_not_list() {
    let token = Stamp { log: "other.example/log", ..full() }.token();
    let error = verify(&token, FILE).unwrap_err();
    assert_eq!((error.name(), error.fault()), ("unknown_log", Fault::UnknownLog));
}

#[test]
fn signatures_taken_from_another_checkpoint() {
    let other = Stamp { sealed_at: crate::world::SEALED_AT + 1, ..full() }.token();
    for (line, name) in [(0, "checkpoint_forged"), (1, "cosignature_forged")] {
        let token = with_proof(&full().token(), |proof| {
            let mut lines = proof.checkpoint.signatures().to_vec();
            lines[line] = other.proof().checkpoint.signatures()[line].clone();
            proof.checkpoint = treering_tlog::note::Note::new(proof.checkpoint.text(), lines).unwrap();
        });
        let error = verify(&token, FILE).unwrap_err();
        assert_eq!((error.name(), error.fault()), (name, Fault::Forged));
    }
}

#[test]
fn two_cosignatures_by_one_key() {
    let cosigned = vec![(Who::W1, T), (Who::W2, T), (Who::W2, T + 1)];
    let error = refused(&Stamp { cosigned, ..full() });
    assert!(matches!(error, VerifyError::Checkpoint(PolicyVerifyError::TwoLines { .. })), "{error}");
}

#[test]
fn too_few_witnesses_are_not_called_forged() {
    let error = refused(&Stamp { cosigned: vec![(Who::W2, T)], ..full() });
    assert_eq!(error.fault(), Fault::TooFewWitnesses);
    assert_eq!(error, VerifyError::QuorumNotMet { cosigned: 1, witnesses: 3 });
}

#[test]
fn sealed_at_may_be_60_seconds_beyond_the_attested_time_and_no_more() {
    let at = |sealed_at| verify(&Stamp { sealed_at, ..full() }.token(), FILE);
    at((T + 60) * 1000).unwrap();
    let error = at((T + 60) * 1000 + 1).unwrap_err();
    assert!(matches!(error, VerifyError::SealedAfterAttested { .. }), "{error}");
    let none = policy("none");
    let far = Stamp { sealed_at: (T + 61) * 1000, ..plain(FILE) }.token();
    verifier(&none).token(&far, &digests(FILE)).unwrap();
}

#[test]
fn an_earlier_checkpoint_that_the_claim_does_not_name() {
    let other = after_note_at(&[(Who::W1, T - 1), (Who::W2, T - 1)]);
    assert_eq!(refused(&Stamp { after: Some(other), ..full() }), VerifyError::AfterHash);
}

/// The claim names it by its hash, so it is the holder who made it up.
fn after(note: Vec<u8>) -> Result<Verified, VerifyError> {
    let mut claim = claim(FILE);
    claim.after = Some(sha256(&note));
    verify(&Stamp { after: Some(note), ..blinded(opening(&claim)) }.token(), FILE)
}

#[test]
fn an_earlier_checkpoint_that_is_none_or_forged_or_unwitnessed() {
    assert!(matches!(after(b"no note".to_vec()), Err(VerifyError::AfterNote(_))));
    let mut forged = after_note();
    let at = forged.len() - 10;
    forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
    assert_eq!(after(forged).unwrap_err().name(), "after_cosignature_forged");
    let error = after(after_note_at(&[(Who::W1, T - 1)])).unwrap_err();
    assert_eq!(error, VerifyError::AfterQuorum { cosigned: 1, witnesses: 3 });
}

#[test]
fn a_lower_bound_above_the_upper_one() {
    let at = |time| after(after_note_at(&ALL.map(|(who, _)| (who, time))));
    assert_eq!(at(T + 1).unwrap().after.unwrap().not_before.get(), T + 1);
    assert!(matches!(at(T + 2), Err(VerifyError::LowerAboveUpper { .. })));
}

#[test]
fn two_tokens_spliced_into_one() {
    let other = Stamp { commitment: Commitment(sha256(b"other")), ..plain(FILE) };
    let token = with_proof(&plain(FILE).token(), |proof| {
        *proof = TlogProof { extra: proof.extra.take(), ..other.token().proof().clone() };
    });
    assert_eq!(verify(&token, FILE), Err(VerifyError::NotInCheckpoint(ProofError::Root)));
}
