//! Checkpoints that a log shows or somebody brings: only what the policy accepts of them.

use treering_tlog::{
    note::{Note, Signature},
    policy::{Cosigned, PolicyVerifyError},
};

use crate::{mirror::config::LogConfig, monitor::Kept};

/// Opens a note by the policy, and keeps of it the lines that were verified.
pub(in crate::mirror) fn verified(
    log: &LogConfig,
    bytes: &[u8],
) -> Result<(Kept, Vec<Cosigned>), Unverified> {
    let note = Note::parse(bytes).map_err(|error| Unverified::Note(error.to_string()))?;
    let opened = log.policy.open(note)?;
    let (checkpoint, cosigned) = (opened.checkpoint, opened.cosigned);
    if checkpoint.origin() != &log.origin {
        return Err(Unverified::Origin(checkpoint.origin().to_string()));
    }
    let counted = |line: &&Signature| {
        cosigned.iter().any(|by| log.policy.witnesses()[by.witness].key.matches(line))
            || checkpoint.log_signatures().contains(line)
    };
    let lines: Vec<_> = checkpoint.note().signatures().iter().filter(counted).cloned().collect();
    let note =
        Note::new(checkpoint.note().text(), lines).map_err(|error| Unverified::Note(error.to_string()))?;
    let kept = Kept::new(note).ok_or_else(|| Unverified::Note("not a checkpoint".to_owned()))?;
    Ok((kept, cosigned))
}

/// Why a checkpoint is not taken.
#[derive(Debug, thiserror::Error)]
pub(in crate::mirror) enum Unverified {
    #[error("not a signed note: {0}")]
    Note(String),
    #[error(transparent)]
    Policy(#[from] PolicyVerifyError),
    #[error("it is of the log {0:?}")]
    Origin(String),
}
