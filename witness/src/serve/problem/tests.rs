use treering_tlog::{
    checkpoint::{CheckpointError, Origin},
    tree::{ProofError, TreeSize},
    witness::WitnessMessageError,
};

use super::*;
use crate::{
    cosigner::Comparison,
    key::SignerError,
    store::{RecordError, StoreError},
};

fn size(size: u64) -> TreeSize {
    TreeSize::new(size).unwrap()
}

/// One of each.
fn all() -> Vec<Problem> {
    let refusals = [
        Refusal::Malformed(WitnessMessageError::Old),
        Refusal::Checkpoint(CheckpointError::Lines),
        Refusal::OldAboveNew { old: size(5), new: size(3) },
        Refusal::UnknownLog { origin: Origin::new("log.example").unwrap() },
        Refusal::NotSigned(CheckpointError::Unsigned),
        Refusal::Conflict { size: size(7) },
        Refusal::EmptyRoot,
        Refusal::ProofFromEmpty,
        Refusal::OtherRoot { size: size(7) },
        Refusal::Inconsistent(ProofError::Root),
        Refusal::MalformedSubtree(WitnessMessageError::Range),
        Refusal::NoSubtreeKey,
        Refusal::SubtreeBeyond { end: 8, size: size(7) },
        Refusal::NotCosigned,
        Refusal::InconsistentSubtree(ProofError::Subtree),
        Refusal::Clock(ClockError::Behind { seconds: 40 }),
        Refusal::Clock(ClockError::Unset),
        Refusal::Contended,
        Refusal::Quota { seconds: 3600 },
        Refusal::Crowded,
        Refusal::Held(Box::new(Comparison::Agrees)),
        Refusal::Store(StoreError::Stopped),
        Refusal::Cosign(SignerError::Failed),
        Refusal::Record(RecordError::Head),
    ];
    let others = [
        Problem::TooLarge,
        Problem::BodyTimeout,
        Problem::BodyBroken,
        Problem::Encoded,
        Problem::Busy,
        Problem::Timeout,
        Problem::NotFound,
        Problem::Method,
    ];
    refusals.into_iter().map(Problem::from).chain(others).collect()
}

#[test]
fn every_problem_has_its_status_and_its_words() {
    let mut table = String::new();
    for problem in all() {
        let (status, name, retry) = (problem.status().as_u16(), problem.name(), problem.retry_after());
        let retry = retry.map(|seconds| format!(", retry after {seconds} s")).unwrap_or_default();
        table.push_str(&format!("{status} {name}{retry}: {}\n", problem.detail()));
    }
    insta::assert_snapshot!(table, @r#"
    400 malformed_request: The first line is not "old" and a canonical decimal number below 2^63. The body is "old <size>", proof lines, an empty line and a signed checkpoint; the same bytes will be refused again.
    400 malformed_checkpoint: The checkpoint has fewer than three lines, or does not end in a newline. The same bytes will be refused again.
    400 old_above_new: The old size 5 is above the checkpoint's size 3. Send a checkpoint that is not smaller than the old one.
    404 unknown_log: This witness does not know the log "log.example". Its operator has to add the log first.
    403 not_signed: No key of the log has signed this checkpoint. A key that this witness knows for the origin must have signed it.
    409 conflict: The last checkpoint of this log that this witness cosigned has size 7. Send a proof from that size.
    422 empty_root: A checkpoint of size 0 must have the root hash of the empty tree, and this one has another. The same bytes will be refused again.
    422 proof_from_empty: The old size is 0, so the consistency proof must be empty, and it is not. Send it without a proof.
    422 other_root: This witness cosigned another root hash for size 7: this log has two histories. The same bytes will be refused again.
    422 inconsistent: The consistency proof does not verify: the proof leads to another root than the tree head's. Send the proof of RFC 6962 section 2.1.2 from the old size to the new one.
    400 malformed_request: The first line is not "subtree", a start and an end, canonical decimal numbers below 2^63. The body is "subtree <start> <end>", the subtree's hash, proof lines, an empty line and a checkpoint that this witness cosigned; the same bytes will be refused again.
    404 no_subtrees: This witness signs no subtrees: it has no ML-DSA-44 key. The same bytes will be refused again.
    400 subtree_beyond: The subtree ends at 8, beyond the checkpoint's size 7. Send a checkpoint that has all of its leaves.
    403 not_cosigned: The checkpoint carries no good cosignature by an ML-DSA-44 key of this witness. Send the lines that add-checkpoint answered with the checkpoint.
    422 inconsistent_subtree: The subtree consistency proof does not verify: the subtree is not in the tree. Send the proof of draft-ietf-plants-merkle-tree-certs section 4.4 from the subtree to the checkpoint.
    503 clock, retry after 40 s: This witness's clock is 40 s behind the last timestamp that it signed. Send it again later.
    503 clock, retry after 1 s: This witness's clock is not set. Send it again later.
    503 contended, retry after 1 s: Too many updates of this log raced each other. Send it again later.
    429 quota, retry after 3600 s: This log has used up its quota of cosignatures; there is one again in 3600 s. Send it again later.
    429 crowded, retry after 1 s: This log has as many requests in flight as it may. Wait for their answers.
    503 held, retry after 3600 s: This witness does not sign for this log: its records are older than its signatures. Its operator has to look; until then it is of no use to this log.
    500 store: The witness could not record this checkpoint, so it was not cosigned. Its operator has to look.
    500 signing: The witness could not record this checkpoint, so it was not cosigned. Its operator has to look.
    500 record: The witness could not record this checkpoint, so it was not cosigned. Its operator has to look.
    413 too_large: A request has at most 65536 bytes.
    408 too_slow: The body did not arrive in time. Send it again.
    400 cut_off: The body broke off before its end. Send it again.
    415 content_encoding: Send the body as it is, without Content-Encoding.
    503 busy, retry after 1 s: The witness works on as many requests as it may. Send it again later.
    503 timeout, retry after 1 s: The record was not written in time. Send it again later: if the answer is then 409, go on from the size in it.
    404 unknown_path: There are POST /add-checkpoint, POST /sign-subtree, and GET /<lowercase hex SHA-256 of the origin>/checkpoint for each log that this witness has cosigned.
    405 method: add-checkpoint and sign-subtree are POSTs, a checkpoint is a GET.
    "#);
}

#[test]
fn a_conflict_has_the_standards_body_and_type() {
    let response = Problem::from(Refusal::Conflict { size: size(7) }).into_response();
    assert_eq!(response.status(), StatusCode::CONFLICT);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/x.tlog.size");
}

#[test]
fn what_went_wrong_inside_is_not_told() {
    let inside = Problem::from(Refusal::Store(StoreError::Stopped));
    assert!(!inside.detail().contains(&StoreError::Stopped.to_string()));
}
