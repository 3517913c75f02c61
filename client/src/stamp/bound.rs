//! A log's newest checkpoint, before anything is stamped: which log it is, and a lower bound for the moment of stamping.

use super::StampError;
use crate::http::Client;
use bytes::Bytes;
use treering_tlog::{
    checkpoint::Origin,
    note::Note,
    policy::{Opened, Policy},
};
use treering_token::verify::keep_for_after;

/// Which of the policy's logs it is, by its newest checkpoint.
pub(crate) async fn origin(client: &Client, policy: &Policy) -> Result<Origin, StampError> {
    Ok(newest(client, policy).await?.1.checkpoint.origin().clone())
}

async fn newest(client: &Client, policy: &Policy) -> Result<(Bytes, Opened), StampError> {
    let note = client.checkpoint().await?;
    let parsed = Note::parse(&note).map_err(StampError::NotACheckpoint)?;
    let refused = |error| StampError::Checkpoint(error, client.url().to_owned());
    Ok((note, policy.open(parsed).map_err(refused)?))
}

/// Fetches the newest checkpoint, which must be one of the policy's logs, for a lower bound.
pub(crate) async fn lower_bound(client: &Client, policy: &Policy) -> Result<After, StampError> {
    let (note, opened) = newest(client, policy).await?;
    if policy.needs_no_witness() {
        return Ok(After::NoQuorum);
    }
    Ok(match keep_for_after(policy, &note) {
        Some(kept) => After::Kept(kept),
        None => After::Unmet { cosigned: opened.cosigned.len(), witnesses: policy.witnesses().len() },
    })
}

/// What a checkpoint gives for a lower bound.
#[derive(Debug)]
pub(crate) enum After {
    Kept(Vec<u8>),
    NoQuorum,
    Unmet { cosigned: usize, witnesses: usize },
}

impl After {
    /// What is kept of it, if a lower bound is wanted and the policy has a quorum.
    ///
    /// # Errors
    /// [`StampError::NoAfter`]: one is wanted, and the quorum isn't met.
    pub(crate) fn kept(self, wanted: bool) -> Result<Option<Vec<u8>>, StampError> {
        match self {
            After::Kept(note) if wanted => Ok(Some(note)),
            After::Unmet { cosigned, witnesses } if wanted => {
                Err(StampError::NoAfter { cosigned, witnesses })
            }
            _ => Ok(None),
        }
    }
}
