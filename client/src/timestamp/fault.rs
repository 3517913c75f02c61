//! Why a timestamp shows nothing about a file.

use crate::{
    hash::HashError,
    http::{AuthorityError, ClientError},
    output::OutputError,
    report::Verdict,
};
use std::io;
use treering_token::escape;
use treering_tsa::{
    ObjectIdentifier,
    reply::{Reply, ReplyError},
    transparent::TransparentError,
    verify::{Fault, VerifyError},
};

/// Checked and refused, or not checked: [`TimestampFault::is_invalid`] says which.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TimestampFault {
    // Checked, and not valid, or unsupported.
    #[error("the timestamp is damaged, or none: {0}")]
    Reply(#[from] ReplyError),
    #[error("{}", verify_words(.0))]
    Verify(#[from] VerifyError),
    #[error("{0}")]
    Witnesses(#[from] TransparentError),
    #[error("the authority stamped under the policy {given}, not under {asked} as it was asked")]
    OtherPolicy { asked: ObjectIdentifier, given: ObjectIdentifier },
    #[error("{}", file_words(.0))]
    File(#[from] HashError),
    // Not checked.
    #[error("the timestamp can't be read: {0}")]
    Io(#[from] io::Error),
    #[error("the timestamp is no regular file")]
    NotAFile,
    #[error("the timestamp is larger than {} bytes; is it the right file?", Reply::MAX_BYTES)]
    TooLong,
    #[error("the authority refused, so there is no timestamp: {0}")]
    Refusal(String),
    #[error("the log's proof {path} can't be read: {error}")]
    ProofFile { path: String, error: io::Error },
    #[error("the log's proof {path} is larger than a proof can be; is it the right file?")]
    ProofTooLong { path: String },
    #[error("the log's proof can't be fetched: {0}")]
    Log(#[from] ClientError),
    #[error("the log has not published the timestamp yet: its witnesses may be away; try again later")]
    ProofPending,
    #[error(
        "the log's proof can't be fetched: the timestamp's serial number is not of the form that a Treering log gives"
    )]
    OtherSerial,
    #[error("the network part can't be started: {0}")]
    Runtime(io::Error),
    // Asking for one.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error("no nonce can be made: the system gives no random bytes; ask without one with --no-nonce")]
    NoRandomness,
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl TimestampFault {
    /// What the authority said instead of a token, in words.
    pub(super) fn refusal(reply: &Reply) -> TimestampFault {
        let mut words = Vec::new();
        if let Some(status) = reply.status() {
            words.extend(status.fail_info.iter().map(|reason| match reason.name() {
                Some(name) => format!("{} ({name})", reason.sentence()),
                None => format!("{} (bit {})", reason.sentence(), reason.bit()),
            }));
            words.extend(status.text.iter().map(|text| format!("it says \"{}\"", escape::text(text))));
        }
        if words.is_empty() {
            words.push("it does not say why".to_owned());
        }
        TimestampFault::Refusal(words.join("; "))
    }

    /// What it means for the exit code of whoever asks for a timestamp: a file that isn't there was not stamped, that is all.
    pub(crate) fn verdict_of_asking(&self) -> Verdict {
        if self.is_invalid() && !matches!(self, TimestampFault::File(_)) {
            Verdict::Invalid
        } else {
            Verdict::Unchecked
        }
    }

    /// Was it checked and found wrong, rather than not checked?
    pub(crate) fn is_invalid(&self) -> bool {
        match self {
            TimestampFault::Reply(error) => !error.is_unsupported(),
            TimestampFault::Verify(error) => !matches!(error.fault(), Fault::Incomplete | Fault::Unsupported),
            TimestampFault::Witnesses(_) | TimestampFault::OtherPolicy { .. } => true,
            TimestampFault::File(error) => matches!(error, HashError::Missing | HashError::NotAFile),
            _ => false,
        }
    }

    /// A stable name, for programs.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            TimestampFault::Reply(error) if error.is_unsupported() => "timestamp_unsupported",
            TimestampFault::Reply(_) => "timestamp_malformed",
            TimestampFault::Verify(error) => error.name(),
            TimestampFault::Witnesses(error) => error.name(),
            TimestampFault::OtherPolicy { .. } => "other_policy",
            TimestampFault::File(HashError::Missing) => "missing",
            TimestampFault::File(HashError::Changed) => "changed_while_read",
            TimestampFault::File(_) => "unreadable",
            TimestampFault::Io(_) | TimestampFault::NotAFile | TimestampFault::TooLong => {
                "timestamp_unreadable"
            }
            TimestampFault::Refusal(_) => "timestamp_refused",
            TimestampFault::ProofFile { .. } | TimestampFault::ProofTooLong { .. } => "proof_unreadable",
            TimestampFault::Log(_) | TimestampFault::OtherSerial => "proof_not_fetched",
            TimestampFault::ProofPending => "proof_pending",
            TimestampFault::Runtime(_) | TimestampFault::NoRandomness => "system_failure",
            TimestampFault::Authority(_) => "authority_unreachable",
            TimestampFault::Output(_) => "not_written",
        }
    }
}

fn verify_words(error: &VerifyError) -> String {
    let words = escape::text(&error.to_string()).to_string();
    match error {
        VerifyError::NoCertificate => format!("{words}; name it with --untrusted FILE"),
        _ => words,
    }
}

fn file_words(error: &HashError) -> String {
    match error {
        HashError::Missing => "there is no such file".to_owned(),
        HashError::NotAFile | HashError::NotALink => "it is no regular file".to_owned(),
        HashError::Io(_) | HashError::Changed => format!("the file {error}"),
    }
}
