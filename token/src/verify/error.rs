//! Why evidence was refused: a variant, a message and a stable name for each reason.

use crate::{
    describe::{millis, seconds},
    digest::HashId,
    token::TokenError,
};
use treering_tlog::{
    checkpoint::CheckpointError,
    hash::Hash,
    note::NoteError,
    policy::PolicyVerifyError,
    time::{UnixMillis, UnixSeconds},
    tree::ProofError,
};

/// Why a token, receipt or chain is no evidence for what it was held against.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// A token in a chain cannot be read.
    #[error("this is not a token: {0}")]
    Malformed(#[from] TokenError),
    /// A receipt was given for a file.
    #[error(
        "this is the receipt of a submission, not the token of a file: a token has a layer more, from the file's \
         commitment to the submission"
    )]
    ReceiptNotToken,
    /// The file is not the one that the claim is about.
    #[error(
        "the file's {algorithm} digest is not the one in the claim: the file was changed, or the token is of another"
    )]
    DigestMismatch {
        /// The first algorithm that tells the two apart.
        algorithm: HashId,
    },
    /// The caller did not compute a digest that the claim has.
    #[error("the claim has a {algorithm} digest, and the file was not hashed with it")]
    DigestNotGiven {
        /// See [`crate::token::Token::digest_ids`].
        algorithm: HashId,
    },
    /// A plain token whose layers do not lead from this file to its entry.
    #[error("the token is not of this file: the file was changed, or the token is of another")]
    NotThisFile,
    /// The disclosed holder is not the one in the claim.
    #[error("the holder's name in the token is not the one that the claim was made with")]
    HolderMismatch,
    /// The disclosed agent is not the one in the claim.
    #[error("the agent's name in the token is not the one that the claim was made with")]
    AgentMismatch,
    /// Field 7 of the claim.
    #[error("the holder's signature over the claim does not verify")]
    ClaimSignature,
    /// The layers do not lead from the commitment to the entry.
    #[error(
        "the layers do not lead to the batch root in the entry: the token was changed, or put together from two"
    )]
    LayersMissEntry,
    /// The entry is not in the log at that place.
    #[error("the entry is not in the checkpoint's tree: {0}")]
    NotInCheckpoint(ProofError),
    /// The checkpoint is not one of the policy's logs, or a signature on it is false.
    #[error("the token's checkpoint: {0}")]
    Checkpoint(PolicyVerifyError),
    /// Genuine, but not enough cosignatures.
    #[error(
        "too few witnesses: {cosigned} of the policy's {witnesses} cosigned the token's checkpoint, and that does not \
         meet the policy's quorum"
    )]
    QuorumNotMet {
        /// Witnesses of the policy that cosigned.
        cosigned: usize,
        /// Witnesses of the policy.
        witnesses: usize,
    },
    /// It would be enough, if it weren't for keys that the verifier distrusts.
    #[error(
        "too few witnesses that count: {distrusted} of the {cosigned} of the policy's witnesses that cosigned the token's \
         checkpoint did so by keys that are distrusted, and the others do not meet the policy's quorum"
    )]
    QuorumDistrusted {
        /// Witnesses of the policy that cosigned.
        cosigned: usize,
        /// Those of them whose cosignatures don't count.
        distrusted: usize,
    },
    /// The log's key is distrusted, and the witnesses don't show that its signature is older.
    #[error(
        "the key of the log {origin} that signed the token's checkpoint is distrusted after {}, and no quorum of \
         witnesses shows that it signed before", seconds(*.after)
    )]
    LogDistrusted {
        /// The checkpoint's origin.
        origin: String,
        /// From then on.
        after: UnixSeconds,
    },
    /// The policy judges only what is older.
    #[error(
        "{}, and the policy that it meets was superseded at {}; the one in its place does not accept it",
        cosigned(*.attested), seconds(*.until)
    )]
    PolicySuperseded {
        /// By when the quorum was met; `None` under a policy without witnesses.
        attested: Option<UnixSeconds>,
        /// When another policy took its place.
        until: UnixSeconds,
    },
    /// `sealed_at` is more than 60 s beyond the attested time.
    #[error(
        "the log says that it sealed the entry at {}, over 60 s after its witnesses cosigned it at {}",
        millis(*.sealed_at), seconds(*.attested)
    )]
    SealedAfterAttested {
        /// The log's word.
        sealed_at: UnixMillis,
        /// T, the witnesses' word.
        attested: UnixSeconds,
    },
    /// Field 4 of the token is not what field 5 of the claim names.
    #[error("the earlier checkpoint in the token is not the one that the claim names by its hash")]
    AfterHash,
    /// Field 4 is not a note.
    #[error("the earlier checkpoint in the token is not a note: {0}")]
    AfterNote(NoteError),
    /// Field 4 is not a checkpoint of the policy's logs, or a signature on it is false.
    #[error("the earlier checkpoint in the token: {0}")]
    AfterCheckpoint(PolicyVerifyError),
    /// Field 4 is genuine, but has not enough cosignatures.
    #[error(
        "too few witnesses: {cosigned} of the policy's {witnesses} cosigned the earlier checkpoint in the token, and \
         that does not meet the policy's quorum"
    )]
    AfterQuorum {
        /// Witnesses of the policy that cosigned.
        cosigned: usize,
        /// Witnesses of the policy.
        witnesses: usize,
    },
    /// A lower bound was asked for under `quorum none`.
    #[error("the policy asks for no witness, so an earlier checkpoint says nothing about time")]
    AfterWithoutQuorum,
    /// The two bounds contradict each other.
    #[error(
        "the bounds contradict each other: stamped not before {}, and existed before {}",
        seconds(*.lower), seconds(*.upper)
    )]
    LowerAboveUpper {
        /// What the earlier checkpoint shows.
        lower: UnixSeconds,
        /// T + 1 s.
        upper: UnixSeconds,
    },
    /// Field 5 of the token is not what was stamped.
    #[error("the token says that it renews an earlier token, but it is not that token that was stamped")]
    RenewalMismatch,
    /// A token that renews another was given without it.
    #[error(
        "this token renews an earlier one (SHA-256 {renews}), and that one is missing: the file is checked against it"
    )]
    EarlierTokenMissing {
        /// SHA-256 of the earlier token's bytes.
        renews: Hash,
    },
    /// A newer token of a chain does not name the next one.
    #[error("this token does not renew the next older one that was given")]
    NotRenewed,
    /// Nobody's word counts.
    #[error("there is no policy to judge by")]
    NoPolicy,
    /// A chain without tokens.
    #[error("no token was given")]
    NoToken,
    /// One token of several.
    #[error("token {place} of the chain, counted from the newest: {error}")]
    InChain {
        /// From 1, the newest.
        place: usize,
        /// What is wrong with it.
        error: Box<VerifyError>,
    },
}

/// What sort of refusal it is: forged evidence is not the same news as evidence for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not in the form of a token.
    Malformed,
    /// Of another file, or the file was changed.
    OtherFile,
    /// It contradicts itself, or a signature on it is false.
    Forged,
    /// Genuine as far as it goes, but the policy asks for more witnesses.
    TooFewWitnesses,
    /// By keys that the verifier distrusts, or too late for a policy that was superseded.
    Distrusted,
    /// By a log that the policy does not list.
    UnknownLog,
    /// The question was incomplete: a receipt for a file, a missing earlier token, a digest that was not computed.
    Incomplete,
}

impl VerifyError {
    pub(super) fn in_chain(place: usize, error: VerifyError) -> VerifyError {
        VerifyError::InChain { place, error: Box::new(error) }
    }

    /// With times as people read them.
    pub(super) fn of_checkpoint(error: PolicyVerifyError) -> VerifyError {
        match error {
            PolicyVerifyError::DistrustedLog { origin, after } => {
                VerifyError::LogDistrusted { origin, after }
            }
            PolicyVerifyError::Superseded { attested, until } => {
                VerifyError::PolicySuperseded { attested, until }
            }
            other => VerifyError::Checkpoint(other),
        }
    }

    /// A stable name, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            VerifyError::Malformed(error) => error.name(),
            VerifyError::ReceiptNotToken => "receipt_not_token",
            VerifyError::DigestMismatch { .. } => "digest_mismatch",
            VerifyError::DigestNotGiven { .. } => "digest_not_given",
            VerifyError::NotThisFile => "not_this_file",
            VerifyError::HolderMismatch => "holder_mismatch",
            VerifyError::AgentMismatch => "agent_mismatch",
            VerifyError::ClaimSignature => "claim_signature_forged",
            VerifyError::LayersMissEntry => "layers_miss_entry",
            VerifyError::NotInCheckpoint(_) => "not_in_checkpoint",
            VerifyError::Checkpoint(error) => match sort(error) {
                Sort::UnknownLog => "unknown_log",
                Sort::Unsigned => "checkpoint_unsigned",
                Sort::ForgedLog => "checkpoint_forged",
                Sort::ForgedWitness => "cosignature_forged",
                Sort::TwoLines => "two_lines_by_one_key",
                Sort::Malformed => "checkpoint_malformed",
                Sort::Distrusted => "log_distrusted",
                Sort::Superseded => "policy_superseded",
            },
            VerifyError::QuorumNotMet { .. } | VerifyError::QuorumDistrusted { .. } => "quorum_not_met",
            VerifyError::LogDistrusted { .. } => "log_distrusted",
            VerifyError::PolicySuperseded { .. } => "policy_superseded",
            VerifyError::SealedAfterAttested { .. } => "sealed_after_attested",
            VerifyError::AfterHash => "after_hash_mismatch",
            VerifyError::AfterNote(_) => "after_malformed",
            VerifyError::AfterCheckpoint(error) => match sort(error) {
                Sort::UnknownLog => "after_unknown_log",
                Sort::Unsigned => "after_unsigned",
                Sort::ForgedLog => "after_forged",
                Sort::ForgedWitness => "after_cosignature_forged",
                Sort::TwoLines => "after_two_lines_by_one_key",
                Sort::Malformed => "after_malformed",
                Sort::Distrusted => "after_log_distrusted",
                Sort::Superseded => "after_policy_superseded",
            },
            VerifyError::AfterQuorum { .. } => "after_quorum_not_met",
            VerifyError::AfterWithoutQuorum => "after_without_quorum",
            VerifyError::LowerAboveUpper { .. } => "lower_bound_above_upper",
            VerifyError::RenewalMismatch => "renewal_mismatch",
            VerifyError::EarlierTokenMissing { .. } => "earlier_token_missing",
            VerifyError::NotRenewed => "earlier_token_not_renewed",
            VerifyError::NoToken => "no_token",
            VerifyError::NoPolicy => "no_policy",
            VerifyError::InChain { error, .. } => error.name(),
        }
    }

    /// What sort of refusal it is.
    pub fn fault(&self) -> Fault {
        match self {
            VerifyError::Malformed(_) | VerifyError::AfterNote(_) => Fault::Malformed,
            VerifyError::DigestMismatch { .. } | VerifyError::NotThisFile => Fault::OtherFile,
            VerifyError::Checkpoint(error) | VerifyError::AfterCheckpoint(error) => match sort(error) {
                Sort::UnknownLog => Fault::UnknownLog,
                Sort::Malformed => Fault::Malformed,
                Sort::Distrusted | Sort::Superseded => Fault::Distrusted,
                Sort::Unsigned | Sort::ForgedLog | Sort::ForgedWitness | Sort::TwoLines => Fault::Forged,
            },
            VerifyError::QuorumNotMet { .. } | VerifyError::AfterQuorum { .. } => Fault::TooFewWitnesses,
            VerifyError::QuorumDistrusted { .. }
            | VerifyError::LogDistrusted { .. }
            | VerifyError::PolicySuperseded { .. } => Fault::Distrusted,
            VerifyError::ReceiptNotToken
            | VerifyError::DigestNotGiven { .. }
            | VerifyError::AfterWithoutQuorum
            | VerifyError::EarlierTokenMissing { .. }
            | VerifyError::NotRenewed
            | VerifyError::NoToken
            | VerifyError::NoPolicy => Fault::Incomplete,
            VerifyError::HolderMismatch
            | VerifyError::AgentMismatch
            | VerifyError::ClaimSignature
            | VerifyError::LayersMissEntry
            | VerifyError::NotInCheckpoint(_)
            | VerifyError::SealedAfterAttested { .. }
            | VerifyError::AfterHash
            | VerifyError::LowerAboveUpper { .. }
            | VerifyError::RenewalMismatch => Fault::Forged,
            VerifyError::InChain { error, .. } => error.fault(),
        }
    }
}

fn cosigned(attested: Option<UnixSeconds>) -> String {
    match attested {
        Some(time) => format!("the token's checkpoint was cosigned at {}", seconds(time)),
        None => "no witness shows how old the token's checkpoint is".to_owned(),
    }
}

enum Sort {
    UnknownLog,
    Unsigned,
    ForgedLog,
    ForgedWitness,
    TwoLines,
    Malformed,
    Distrusted,
    Superseded,
}

fn sort(error: &PolicyVerifyError) -> Sort {
    match error {
        PolicyVerifyError::UnknownLog { .. } => Sort::UnknownLog,
        PolicyVerifyError::ForgedCosignature { .. } => Sort::ForgedWitness,
        PolicyVerifyError::TwoLines { .. } => Sort::TwoLines,
        PolicyVerifyError::DistrustedLog { .. } => Sort::Distrusted,
        PolicyVerifyError::Superseded { .. } => Sort::Superseded,
        PolicyVerifyError::Checkpoint(CheckpointError::Unsigned) => Sort::Unsigned,
        PolicyVerifyError::Checkpoint(CheckpointError::Forged { .. }) => Sort::ForgedLog,
        PolicyVerifyError::Checkpoint(_) => Sort::Malformed,
    }
}
