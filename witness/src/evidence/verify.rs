//! Judging evidence, offline, by the verifier's own policy.
//!
//! The order is always the same: are the checkpoints signed by the log (or witness) that is blamed; do the parts belong
//! to them; do they show what the kind says. Only then is anything confirmed.

mod entries;
mod heads;
mod observed;

use treering_tlog::{
    checkpoint::{Checkpoint, CheckpointError, VerifiedCheckpoint},
    cosignature,
    note::Note,
    policy::{Cosigned, Policy},
    tree::ProofError,
};

use super::{Evidence, Kind};
pub(crate) use observed::unknown_lines;

/// What a third party can say about an evidence file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is so, by the signatures of those who are to blame.
    Confirmed(Confirmed),
    /// The file doesn't show what it says.
    Refuted(Refuted),
    /// Nothing in it is wrong, but the file alone doesn't show it.
    Open(Unclear),
}

/// What was confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// In plain words. Not escaped: it quotes origins and names.
    pub statement: String,
    /// Whose signatures show it: the log's origin, or a witness's name in the policy. Not escaped.
    pub culprits: Vec<String>,
}

/// Why evidence shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refuted {
    /// A note is no checkpoint of the log, or its signature is forged.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Two checkpoints, of two logs.
    #[error("the checkpoints are of different logs")]
    OtherOrigins,
    /// A split view needs one size.
    #[error("the checkpoints are of different sizes")]
    OtherSizes,
    /// The same head twice.
    #[error("the checkpoints have the same root")]
    SameRoot,
    /// The second checkpoint has to be of the larger tree.
    #[error("the second checkpoint is not of a larger tree than the first")]
    Order,
    /// The hashes are not those of the tree.
    #[error("the hashes don't lead to the checkpoint's root")]
    Hashes,
    /// The larger tree begins with the smaller one.
    #[error("the two checkpoints are consistent with each other")]
    Consistent,
    /// The entry isn't in the tree.
    #[error("entry {index} is not shown to be in the tree: {source}")]
    Inclusion {
        /// The entry.
        index: u64,
        /// Why.
        source: ProofError,
    },
    /// The two entries aren't neighbours.
    #[error("the two entries don't follow one another")]
    NotNeighbours,
    /// The entry is one of Treering's.
    #[error("the entry is well formed")]
    WellFormed,
    /// The entry is none of Treering's, so it has no time and no batch.
    #[error("the entry is none of Treering's")]
    NoEntry,
    /// The later entry was sealed later.
    #[error("the entries were sealed in order")]
    Ascending,
    /// The first checkpoint has the entry already.
    #[error("the earlier checkpoint covers the entry")]
    Covered,
    /// Neither by the monitor's clock.
    #[error("sealed_at is within the allowed distance")]
    WithinDistance,
    /// No witness of the policy says so.
    #[error("no witness of the policy cosigned a larger size at an earlier time")]
    NoContradiction,
    /// The answer is what the tree says.
    #[error("what was served fits the checkpoint")]
    Fits,
    /// The path isn't that of what the evidence is about.
    #[error("the path {0:?} isn't one that this evidence can be about")]
    Path(String),
    /// All keys are the policy's.
    #[error("the policy knows the keys of all signature lines")]
    AllKnown,
    /// The policy accepts the checkpoint.
    #[error("the policy accepts the checkpoint")]
    Accepted,
    /// Cosigned within the allowed silence.
    #[error("the checkpoint was cosigned within the allowed time")]
    Fresh,
}

/// Why evidence can't be judged, though nothing in it is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// No log line for this origin.
    #[error("the policy does not list the log {0:?}")]
    UnknownLog(String),
    /// Signed by a key that this policy doesn't have.
    #[error("no key that the policy has for the log {0:?} has signed the checkpoint")]
    Unsigned(String),
    /// By its kind.
    #[error("that this was served is the monitor's word: the checkpoint is signed, the answer is not")]
    NotSigned,
    /// What isn't there can't be shown.
    #[error("that nothing else was there is the monitor's word")]
    Absence,
    /// By the log only.
    #[error(
        "that the log never made the larger tree is its own word: its key signed both, and they may be one history"
    )]
    LogsWord,
    /// By the monitor's clock only.
    #[error("sealed_at is off by the monitor's clock, which is its own word; the cosignatures don't show it")]
    MonitorsClock,
}

/// Judges evidence by a policy.
pub fn verify(evidence: &Evidence, policy: &Policy) -> Verdict {
    let judged = match evidence.kind {
        Kind::SplitView => heads::split_view(evidence, policy),
        Kind::Inconsistent => heads::inconsistent(evidence, policy),
        Kind::UnmadeHead => heads::unmade(evidence, policy),
        Kind::CosignerContradiction => heads::contradiction(evidence, policy),
        Kind::MalformedEntry => entries::malformed(evidence, policy),
        Kind::SealedAtBackwards => entries::backwards(evidence, policy),
        Kind::SealedAtClock => entries::clock(evidence, policy),
        Kind::WrongEntry => observed::entry(evidence, policy),
        Kind::WrongTile => observed::tile(evidence, policy),
        Kind::WrongBatch => observed::batch(evidence, policy),
        Kind::UnknownKey => observed::unknown_key(evidence, policy),
        Kind::BadCheckpoint => observed::checkpoint(evidence, policy),
        Kind::Stopped => observed::stopped(evidence, policy),
        Kind::Unavailable => observed::unavailable(evidence, policy),
    };
    match judged {
        Ok(confirmed) => Verdict::Confirmed(confirmed),
        Err(Not::Refuted(why)) => Verdict::Refuted(why),
        Err(Not::Open(why)) => Verdict::Open(why),
    }
}

type Judged = Result<Confirmed, Not>;

/// Not confirmed.
enum Not {
    Refuted(Refuted),
    Open(Unclear),
}

impl<E: Into<Refuted>> From<E> for Not {
    fn from(why: E) -> Not {
        Not::Refuted(why.into())
    }
}

/// A note as a checkpoint of one of the policy's logs. Lines by witnesses are not looked at: a line that was added
/// must not spoil what the log signed.
fn open(note: &Note, policy: &Policy) -> Result<VerifiedCheckpoint, Not> {
    let origin = Checkpoint::parse(note.text())?.origin;
    let keys = policy.log_keys(&origin);
    if keys.is_empty() {
        return Err(Not::Open(Unclear::UnknownLog(origin.to_string())));
    }
    match VerifiedCheckpoint::open(note.clone(), &origin, &keys) {
        Ok(opened) => Ok(opened),
        Err(CheckpointError::Unsigned) => Err(Not::Open(Unclear::Unsigned(origin.to_string()))),
        Err(why) => Err(why.into()),
    }
}

/// The cosignatures by the policy's witnesses that verify; the others are left out.
fn cosigned(note: &Note, checkpoint: &Checkpoint, policy: &Policy) -> Vec<Cosigned> {
    let mut cosigned = Vec::new();
    for line in note.signatures() {
        for (witness, known) in policy.witnesses().iter().enumerate() {
            // A line by another key fails before any signature is looked at.
            if let Ok(time) = cosignature::verify(&known.key, checkpoint, line) {
                cosigned.push(Cosigned { witness, time });
            }
        }
    }
    cosigned
}
