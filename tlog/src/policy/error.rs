//! Why a policy file is refused, and at which line.

use super::{Name, Policy};
use crate::note::KeyError;

/// Where and why a policy file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {kind}")]
pub struct PolicyError {
    /// From 1; for what is missing, the line after the last.
    pub line: usize,
    /// Why.
    pub kind: PolicyErrorKind,
}

/// Why a policy file is refused. Names and words from the file are shown as [`Name`] shows them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyErrorKind {
    /// Larger than [`Policy::MAX_BYTES`].
    #[error("the policy is larger than {} bytes", Policy::MAX_BYTES)]
    TooLong,
    /// A byte below 0x20 that is no tab and no newline, or 0x7F.
    #[error(
        "byte {byte:#04x} is a control character; only tab and newline (without carriage return) may be here"
    )]
    Control {
        /// The byte.
        byte: u8,
    },
    /// The file's last line is cut off.
    #[error("the last line does not end in a newline")]
    NoNewline,
    /// A line that begins with another word.
    #[error("a line begins with log, witness, group, quorum or #, not with {word}")]
    Keyword {
        /// The line's first word.
        word: Name,
    },
    /// A log line of another form.
    #[error("a log line has the form: log <vkey> [<url>]")]
    LogForm,
    /// A witness line of another form.
    #[error("a witness line has the form: witness <name> <vkey> [<url>]")]
    WitnessForm,
    /// A group line without name or threshold.
    #[error("a group line has the form: group <name> all|any|<k> <name>...")]
    GroupForm,
    /// A quorum line of another form.
    #[error("a quorum line has the form: quorum <name>|none")]
    QuorumForm,
    /// A word that had to be a vkey and is no UTF-8.
    #[error("the key {key} is not UTF-8")]
    KeyUtf8 {
        /// The word up to its first plus sign.
        key: Name,
    },
    /// A log's vkey that is none.
    #[error("the key of log {log}: {error}")]
    LogKey {
        /// The word up to its first plus sign.
        log: Name,
        /// What is wrong with it.
        error: KeyError,
    },
    /// A witness's vkey that is none.
    #[error("the key of witness {name}: {error}")]
    WitnessKey {
        /// The witness.
        name: Name,
        /// What is wrong with it.
        error: KeyError,
    },
    /// A log's key that does not sign checkpoints.
    #[error("the key of log {log} has signature type {got:#04x}; a log's key has type 0x01")]
    LogKeyType {
        /// The key's name.
        log: Name,
        /// Its type.
        got: u8,
    },
    /// A witness's key that makes no cosignatures.
    #[error("the key of witness {name} has signature type {got:#04x}; a witness's key has type 0x04 or 0x06")]
    WitnessKeyType {
        /// The witness.
        name: Name,
        /// Its key's type.
        got: u8,
    },
    /// SPEC: tlog-policy, Defining a log: duplicates are the same public key under any name.
    #[error("the log {log} has the public key of the log on line {first_line}; a key is listed once")]
    DuplicateLog {
        /// The later log's key name.
        log: Name,
        /// The earlier log's line.
        first_line: usize,
    },
    /// SPEC: tlog-policy, Defining a witness: duplicates are the same public key under any name.
    #[error("witness {name} has the public key of the witness on line {first_line}; a key is listed once")]
    DuplicateWitness {
        /// The later witness.
        name: Name,
        /// The earlier witness's line.
        first_line: usize,
    },
    /// Two different keys that signature lines cannot tell apart.
    #[error(
        "the key {key} has the name and the key ID of the key on line {first_line}; no line could tell them apart"
    )]
    KeyCollision {
        /// The key's name and ID.
        key: Name,
        /// The earlier key's line.
        first_line: usize,
    },
    /// `none` is defined already.
    #[error("the name none means \"no witness at all\" and cannot be given to a witness or a group")]
    NoneDefined,
    /// Witnesses and groups share their names.
    #[error("the name {name} is defined on line {first_line} already")]
    NameTwice {
        /// The name.
        name: Name,
        /// Its first definition's line.
        first_line: usize,
    },
    /// A threshold that is neither a word nor a number.
    #[error(
        "group {group} asks for {threshold} members; that is all, any or a decimal number from 1, without leading zeroes"
    )]
    Threshold {
        /// The group.
        group: Name,
        /// The word.
        threshold: Name,
    },
    /// A group without members.
    #[error("group {group} has no members; at least one is needed")]
    NoMembers {
        /// The group.
        group: Name,
    },
    /// k = 0: a group that nobody need sign for.
    #[error("group {group} asks for 0 members; at least 1 is needed (quorum none asks for no witness)")]
    ThresholdZero {
        /// The group.
        group: Name,
    },
    /// k > n: a group that can't be met.
    #[error("group {group} asks for {threshold} members and has only {members}")]
    ThresholdTooLarge {
        /// The group.
        group: Name,
        /// k, as written.
        threshold: Name,
        /// n.
        members: usize,
    },
    /// `none` is no member.
    #[error("none cannot be a member of group {group}; only a quorum line can say none")]
    NoneAsMember {
        /// The group.
        group: Name,
    },
    /// A member that no earlier line defines.
    #[error("{member}, a member of group {group}, is not defined on an earlier line")]
    UndefinedMember {
        /// The group.
        group: Name,
        /// The member.
        member: Name,
    },
    /// SPEC: tlog-policy, Defining a witness group: each defined name is a member at most once, in all groups.
    #[error(
        "{member}, a member of group {group}, is a member on line {first_line} already; a name is listed once"
    )]
    MemberTwice {
        /// The group.
        group: Name,
        /// The member.
        member: Name,
        /// Where it is a member first.
        first_line: usize,
    },
    /// A quorum that no earlier line defines.
    #[error("the quorum {name} is not defined on an earlier line")]
    UndefinedQuorum {
        /// The name.
        name: Name,
    },
    /// A second quorum line.
    #[error("the quorum is on line {first_line} already; a policy has exactly one")]
    QuorumTwice {
        /// The first quorum line.
        first_line: usize,
    },
    /// No quorum line.
    #[error("there is no quorum line; a policy has exactly one (quorum none asks for no witness)")]
    NoQuorum,
    /// More than [`Policy::MAX_LOGS`].
    #[error("there are more than {} logs", Policy::MAX_LOGS)]
    TooManyLogs,
    /// More than [`Policy::MAX_WITNESSES`].
    #[error("there are more than {} witnesses", Policy::MAX_WITNESSES)]
    TooManyWitnesses,
    /// More than [`Policy::MAX_GROUPS`].
    #[error("there are more than {} groups", Policy::MAX_GROUPS)]
    TooManyGroups,
}
