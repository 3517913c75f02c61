//! Asking witnesses whether they know a log, without moving anything: the log's head of size 0 with `old 0`.
//!
//! To a witness that never cosigned this log, the empty tree's head is a true statement that binds nobody; one that
//! did answers with its size (409). So this is safe for a log of any age, running or not.

use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    note::Note,
    policy::{Policy, Witness},
    tree::{TreeHead, TreeSize},
    witness::AddCheckpoint,
};

use crate::signer::Signer;
use crate::witness_client::{WitnessClient, WitnessError};

/// What one witness says of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It knows the log and has not cosigned more than its empty head.
    KnowsEmpty,
    /// It knows the log at this size, above 0.
    Knows(TreeSize),
    /// It answers, and doesn't know the origin.
    Unknown,
    /// It knows the origin with another key.
    OtherKey,
    /// The policy has no URL for it.
    NoUrl,
    /// Anything else.
    Failed(WitnessError),
}

impl Answer {
    fn of(result: Result<(), WitnessError>) -> Answer {
        match result {
            Ok(()) => Answer::KnowsEmpty,
            Err(WitnessError::Conflict { size }) if size.is_zero() => Answer::KnowsEmpty,
            Err(WitnessError::Conflict { size }) => Answer::Knows(size),
            Err(WitnessError::Unknown) => Answer::Unknown,
            Err(WitnessError::Forbidden) => Answer::OtherKey,
            Err(error) => Answer::Failed(error),
        }
    }

    /// Would this witness cosign the log's next head?
    pub(super) fn is_ready(&self) -> bool {
        matches!(self, Answer::KnowsEmpty | Answer::Knows(_))
    }

    /// Did a log of this origin exist before?
    pub(super) fn shows_existence(&self) -> bool {
        matches!(self, Answer::Knows(_) | Answer::OtherKey)
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Answer::KnowsEmpty => write!(f, "knows this log, empty"),
            Answer::Knows(size) => write!(f, "knows this log at size {size}"),
            Answer::Unknown => write!(f, "doesn't know this log yet"),
            Answer::OtherKey => write!(f, "knows this origin with another key (403)"),
            Answer::NoUrl => write!(f, "has no URL in the policy and can't be asked"),
            Answer::Failed(error) => write!(f, "{error}"),
        }
    }
}

/// Asks every witness of the policy at once; the answers stand in the policy's order.
pub(super) async fn ask_all(
    client: &WitnessClient,
    origin: &Origin,
    signer: &dyn Signer,
    policy: &Policy,
) -> anyhow::Result<Vec<Answer>> {
    let checkpoint = Checkpoint { origin: origin.clone(), head: TreeHead::EMPTY, extensions: Vec::new() };
    let text = checkpoint.to_text();
    let note = Note::new(&text, signer.sign_all(&text)?)?;
    let message = AddCheckpoint { old: TreeSize::ZERO, proof: Vec::new(), checkpoint: note };
    let asked = policy.witnesses().iter().map(|witness| ask(client, witness, &message));
    Ok(futures_util::future::join_all(asked).await)
}

async fn ask(client: &WitnessClient, witness: &Witness, message: &AddCheckpoint) -> Answer {
    let Some(url) = &witness.url else { return Answer::NoUrl };
    Answer::of(client.add_checkpoint(url, message).await.map(|_| ()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_means() {
        let size = |size| TreeSize::new(size).unwrap();
        for (result, ready, existed, text) in [
            (Ok(()), true, false, "knows this log, empty"),
            (Err(WitnessError::Conflict { size: size(0) }), true, false, "knows this log, empty"),
            (Err(WitnessError::Conflict { size: size(7) }), true, true, "knows this log at size 7"),
            (Err(WitnessError::Unknown), false, false, "doesn't know this log yet"),
            (Err(WitnessError::Forbidden), false, true, "knows this origin with another key (403)"),
            (Err(WitnessError::Status(503)), false, false, "the witness answered with HTTP status 503"),
        ] {
            let answer = Answer::of(result);
            assert_eq!(
                (answer.is_ready(), answer.shows_existence(), answer.to_string().as_str()),
                (ready, existed, text)
            );
        }
    }
}
