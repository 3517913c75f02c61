//! Every refusal's stable name and message, word for word.

use crate::world::T;
use std::collections::BTreeSet;
use treering_tlog::{
    checkpoint::CheckpointError,
    hash::sha256,
    note::NoteError,
    policy::PolicyVerifyError,
    time::{UnixMillis, UnixSeconds},
    tree::ProofError,
};
use treering_token::{
    digest::HashId,
    token::TokenError,
    verify::{Fault, VerifyError},
};

fn seconds(t: u64) -> UnixSeconds {
    UnixSeconds::new(t).unwrap()
}

fn checkpoints() -> [PolicyVerifyError; 9] {
    let forged = CheckpointError::Forged { name: "example.com/log".to_owned(), id: "01020304".to_owned() };
    [
        PolicyVerifyError::UnknownLog { origin: "example.com/log".to_owned() },
        PolicyVerifyError::Checkpoint(CheckpointError::Unsigned),
        PolicyVerifyError::Checkpoint(forged),
        PolicyVerifyError::ForgedCosignature { witness: "W1".to_owned() },
        PolicyVerifyError::TwoLines { name: "w1.example".to_owned(), id: "01020304".to_owned() },
        PolicyVerifyError::Checkpoint(CheckpointError::Size),
        PolicyVerifyError::DistrustedLog { origin: "example.com/log".to_owned(), after: seconds(T) },
        PolicyVerifyError::Superseded { attested: Some(seconds(T + 1)), until: seconds(T) },
        PolicyVerifyError::Superseded { attested: None, until: seconds(T) },
    ]
}

fn all() -> Vec<VerifyError> {
    let mut errors = vec![
        VerifyError::Malformed(TokenError::NoExtra),
        VerifyError::ReceiptNotToken,
        VerifyError::DigestMismatch { algorithm: HashId::SHA_256 },
        VerifyError::DigestNotGiven { algorithm: HashId::SHA3_256 },
        VerifyError::NotThisFile,
        VerifyError::HolderMismatch,
        VerifyError::AgentMismatch,
        VerifyError::ClaimSignature,
        VerifyError::LayersMissEntry,
        VerifyError::NotInCheckpoint(ProofError::Root),
        VerifyError::QuorumNotMet { cosigned: 1, witnesses: 3 },
        VerifyError::SealedAfterAttested {
            sealed_at: UnixMillis::new((T + 61) * 1000).unwrap(),
            attested: seconds(T),
        },
        VerifyError::AfterHash,
        VerifyError::AfterNote(NoteError::Utf8),
        VerifyError::AfterQuorum { cosigned: 1, witnesses: 3 },
        VerifyError::AfterWithoutQuorum,
        VerifyError::LowerAboveUpper { lower: seconds(T + 2), upper: seconds(T + 1) },
        VerifyError::RenewalMismatch,
        VerifyError::EarlierTokenMissing { renews: sha256(b"") },
        VerifyError::NotRenewed,
        VerifyError::NoToken,
        VerifyError::NoPolicy,
        VerifyError::QuorumDistrusted { cosigned: 2, distrusted: 1 },
        VerifyError::LogDistrusted { origin: "example.com/log".to_owned(), after: seconds(T) },
        VerifyError::PolicySuperseded { attested: Some(seconds(T + 1)), until: seconds(T) },
        VerifyError::PolicySuperseded { attested: None, until: seconds(T) },
    ];
    errors.extend(checkpoints().map(VerifyError::Checkpoint));
    errors.extend(checkpoints().map(VerifyError::AfterCheckpoint));
    errors
}

#[test]
fn every_refusal() {
    let lines: Vec<_> =
        all().iter().map(|error| format!("{} ({:?}): {error}", error.name(), error.fault())).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    token_without_extra (Malformed): this is not a token: this tlog-proof has no extra line, so it is not a Treering token
    receipt_not_token (Incomplete): this is the receipt of a submission, not the token of a file: a token has a layer more, from the file's commitment to the submission
    digest_mismatch (OtherFile): the file's sha-256 digest is not the one in the claim: the file was changed, or the token is of another
    digest_not_given (Incomplete): the claim has a sha3-256 digest, and the file was not hashed with it
    not_this_file (OtherFile): the token is not of this file: the file was changed, or the token is of another
    holder_mismatch (Forged): the holder's name in the token is not the one that the claim was made with
    agent_mismatch (Forged): the agent's name in the token is not the one that the claim was made with
    claim_signature_forged (Forged): the holder's signature over the claim does not verify
    layers_miss_entry (Forged): the layers do not lead to the batch root in the entry: the token was changed, or put together from two
    not_in_checkpoint (Forged): the entry is not in the checkpoint's tree: the proof leads to another root than the tree head's
    quorum_not_met (TooFewWitnesses): too few witnesses: 1 of the policy's 3 cosigned the token's checkpoint, and that does not meet the policy's quorum
    sealed_after_attested (Forged): the log says that it sealed the entry at 2026-11-22T04:42:04.000Z, over 60 s after its witnesses cosigned it at 2026-11-22T04:41:03Z
    after_hash_mismatch (Forged): the earlier checkpoint in the token is not the one that the claim names by its hash
    after_malformed (Malformed): the earlier checkpoint in the token is not a note: the note is not UTF-8
    after_quorum_not_met (TooFewWitnesses): too few witnesses: 1 of the policy's 3 cosigned the earlier checkpoint in the token, and that does not meet the policy's quorum
    after_without_quorum (Incomplete): the policy asks for no witness, so an earlier checkpoint says nothing about time
    lower_bound_above_upper (Forged): the bounds contradict each other: stamped not before 2026-11-22T04:41:05Z, and existed before 2026-11-22T04:41:04Z
    renewal_mismatch (Forged): the token says that it renews an earlier token, but it is not that token that was stamped
    earlier_token_missing (Incomplete): this token renews an earlier one (SHA-256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855), and that one is missing: the file is checked against it
    earlier_token_not_renewed (Incomplete): this token does not renew the next older one that was given
    no_token (Incomplete): no token was given
    no_policy (Incomplete): there is no policy to judge by
    quorum_not_met (Distrusted): too few witnesses that count: 1 of the 2 of the policy's witnesses that cosigned the token's checkpoint did so by keys that are distrusted, and the others do not meet the policy's quorum
    log_distrusted (Distrusted): the key of the log example.com/log that signed the token's checkpoint is distrusted after 2026-11-22T04:41:03Z, and no quorum of witnesses shows that it signed before
    policy_superseded (Distrusted): the token's checkpoint was cosigned at 2026-11-22T04:41:04Z, and the policy that it meets was superseded at 2026-11-22T04:41:03Z; the one in its place does not accept it
    policy_superseded (Distrusted): no witness shows how old the token's checkpoint is, and the policy that it meets was superseded at 2026-11-22T04:41:03Z; the one in its place does not accept it
    unknown_log (UnknownLog): the token's checkpoint: the policy does not list the log "example.com/log"
    checkpoint_unsigned (Forged): the token's checkpoint: no key of the log has signed this checkpoint
    checkpoint_forged (Forged): the token's checkpoint: the signature of the log's key example.com/log+01020304 does not verify
    cosignature_forged (Forged): the token's checkpoint: the cosignature of W1 does not verify
    two_lines_by_one_key (Forged): the token's checkpoint: two signature lines by w1.example+01020304
    checkpoint_malformed (Malformed): the token's checkpoint: the tree size is not a canonical decimal number below 2^63
    log_distrusted (Distrusted): the token's checkpoint: the key of the log "example.com/log" that signed it is distrusted after second 1795322463 of the epoch, and its witnesses' cosignatures do not show that it is older
    policy_superseded (Distrusted): the token's checkpoint: its witnesses cosigned it at second 1795322464 of the epoch, and this policy was superseded at second 1795322463
    policy_superseded (Distrusted): the token's checkpoint: no witness shows how old it is, and this policy was superseded at second 1795322463
    after_unknown_log (UnknownLog): the earlier checkpoint in the token: the policy does not list the log "example.com/log"
    after_unsigned (Forged): the earlier checkpoint in the token: no key of the log has signed this checkpoint
    after_forged (Forged): the earlier checkpoint in the token: the signature of the log's key example.com/log+01020304 does not verify
    after_cosignature_forged (Forged): the earlier checkpoint in the token: the cosignature of W1 does not verify
    after_two_lines_by_one_key (Forged): the earlier checkpoint in the token: two signature lines by w1.example+01020304
    after_malformed (Malformed): the earlier checkpoint in the token: the tree size is not a canonical decimal number below 2^63
    after_log_distrusted (Distrusted): the earlier checkpoint in the token: the key of the log "example.com/log" that signed it is distrusted after second 1795322463 of the epoch, and its witnesses' cosignatures do not show that it is older
    after_policy_superseded (Distrusted): the earlier checkpoint in the token: its witnesses cosigned it at second 1795322464 of the epoch, and this policy was superseded at second 1795322463
    after_policy_superseded (Distrusted): the earlier checkpoint in the token: no witness shows how old it is, and this policy was superseded at second 1795322463
    "#);
}

#[test]
fn names_tell_refusals_apart() {
    let names: BTreeSet<_> = all().iter().map(VerifyError::name).collect();
    // An earlier checkpoint that is no note and one that is no checkpoint are both malformed; a quorum that isn't met is one
    // thing, whoever is missing; a policy was superseded, with a time to tell or without one; and two are listed here in the
    // words of the policy, too.
    assert_eq!(names.len(), all().len() - 7);
}

#[test]
fn in_a_chain_name_and_fault_are_those_of_the_link() {
    for error in all() {
        let (name, fault) = (error.name(), error.fault());
        let linked = VerifyError::InChain { place: 2, error: Box::new(error) };
        assert_eq!((linked.name(), linked.fault()), (name, fault));
    }
}

#[test]
fn forged_is_told_from_too_few_and_from_another_file() {
    let faults: Vec<_> = [
        VerifyError::LayersMissEntry,
        VerifyError::QuorumNotMet { cosigned: 0, witnesses: 3 },
        VerifyError::NotThisFile,
    ]
    .iter()
    .map(VerifyError::fault)
    .collect();
    assert_eq!(faults, [Fault::Forged, Fault::TooFewWitnesses, Fault::OtherFile]);
}
