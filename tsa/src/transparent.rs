//! A timestamp and the log: the witnesses' word beside the authority's.
//!
//! An authority's signature shows what its key said, not when: whoever has the key (a thief, or the authority itself) can
//! sign any genTime at any time. Where the token's commitment (see [`crate::commitment`]) is in a log, the witnesses of that log
//! say by when the *signature itself* existed, and two things are compared:
//!
//! - **T ≤ genTime + `max_lag`**, where T is the witnesses' time (whole seconds, rounded down; what is in the log existed
//!   before T + 1 s). Without that limit a thief could log a backdated token years later and show a genuine proof for it.
//!   A token that passes was signed at most `max_lag` + 1 s after the genTime that it states.
//! - **genTime ≤ T + 1 s + [`ALLOWED_SKEW`]**: a token can't have been logged before it was made. A genTime that lies
//!   further ahead was not read from a good clock.
//!
//! Both are exact to the millisecond of genTime; its accuracy is not added, since it is the authority's own word. T is that of
//! the checkpoint in the proof, so a proof to a much later checkpoint doesn't do: ask for the first one that covers the
//! token, which is what the log gives.
//!
//! Source: `spec/rfc3161.md`. The proof is a C2SP tlog-proof with the layers of `treering_token`; whether it lies in the
//! token (see [`crate::embed`]) or beside it makes no difference.

use crate::{gen_time::GenTime, verify::Signed};
use treering_tlog::{hash::Hash, policy::Policy, time::UnixSeconds};
use treering_token::{
    commitment::Commitment,
    describe,
    token::{Token, TokenError},
    verify,
};

/// How long after genTime a token has to be logged at the latest, in seconds, unless the verifier says otherwise.
pub const DEFAULT_MAX_LAG: u64 = 60;

/// How far genTime may lie ahead of the witnesses' time, in seconds: the same as for a log's own clock.
pub const ALLOWED_SKEW: u64 = verify::Verifier::ALLOWED_SKEW;

/// What the log's proof shows about a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transparent {
    /// The authority's word.
    pub gen_time: GenTime,
    /// The witnesses' word about the signature, and the log's. `attested.before()` is always there.
    pub attested: verify::Attested,
    /// The limit that was kept, in seconds: the token was signed at most this and a second after `gen_time`.
    pub max_lag: u64,
}

/// Why a proof does not show that a token is not backdated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransparentError {
    /// Not a tlog-proof with layers.
    #[error("the log's proof can't be read: {0}")]
    Malformed(#[from] TokenError),
    /// Of another token, by another log, or with too few witnesses.
    #[error("the log's proof: {}", .0)]
    Refused(verify::VerifyError),
    /// The proof leads from other 32 bytes to its entry.
    #[error("the log's proof is not of this timestamp: one of them was changed, or the proof is of another")]
    OtherToken,
    /// A policy with `quorum none` attests no time.
    #[error("the policy asks for no witness, so the log's proof says nothing about time")]
    NoWitness,
    /// T is more than `max_lag` after genTime.
    #[error(
        "the timestamp says {gen_time}, but was not seen by the log's witnesses before {}: more than the {max_lag} s that \
         are allowed, so it may be backdated", describe::seconds(*.attested)
    )]
    LoggedLate {
        /// The authority's word.
        gen_time: GenTime,
        /// T, the witnesses' word.
        attested: UnixSeconds,
        /// In seconds.
        max_lag: u64,
    },
    /// genTime is more than a second and [`ALLOWED_SKEW`] after T.
    #[error(
        "the timestamp says {gen_time}, but the log's witnesses saw it at {} already: its time was not read from a good clock",
        describe::seconds(*.attested)
    )]
    FromTheFuture {
        /// The authority's word.
        gen_time: GenTime,
        /// T, the witnesses' word.
        attested: UnixSeconds,
    },
}

impl TransparentError {
    /// A stable name, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            TransparentError::Malformed(_) => "proof_malformed",
            TransparentError::Refused(error) => error.name(),
            TransparentError::OtherToken => "proof_of_another",
            TransparentError::NoWitness => "proof_without_witness",
            TransparentError::LoggedLate { .. } => "logged_late",
            TransparentError::FromTheFuture { .. } => "time_after_logging",
        }
    }

    fn is_closer_than(&self, other: &TransparentError) -> bool {
        let distance = |error: &TransparentError| match error {
            TransparentError::NoWitness => 0,
            TransparentError::LoggedLate { .. } | TransparentError::FromTheFuture { .. } => 1,
            TransparentError::Refused(_) => 2,
            TransparentError::OtherToken => 3,
            TransparentError::Malformed(_) => 4,
        };
        distance(self) < distance(other)
    }

    /// Did nothing contradict the token, but the policy gives no answer?
    pub fn is_incomplete(&self) -> bool {
        matches!(self, TransparentError::NoWitness)
    }
}

/// Holds a token whose signature is genuine against the proof of its log entry, under a policy.
///
/// `now` is only for what [`verify::Attested::in_future`] tells. `max_lag` is in seconds.
///
/// # Errors
/// Whatever keeps the proof from showing that the token was signed when it says.
pub fn verify_transparent(
    signed: &Signed<'_>,
    proof: &[u8],
    policy: &Policy,
    now: UnixSeconds,
    max_lag: u64,
) -> Result<Transparent, TransparentError> {
    let receipt = Token::parse(proof)?;
    let verifier = verify::Verifier { policy, now };
    let attested = match verifier.receipt(&receipt, &Commitment(Hash::new(signed.commitment()))) {
        Err(verify::VerifyError::LayersMissEntry) => return Err(TransparentError::OtherToken),
        other => other.map_err(TransparentError::Refused)?,
    };
    let upper = attested.upper.ok_or(TransparentError::NoWitness)?;
    let gen_time = signed.token().info().gen_time;
    check_times(gen_time, upper.time, max_lag)?;
    Ok(Transparent { gen_time, attested, max_lag })
}

/// Holds a token whose signature is genuine against the proofs that it carries: one that shows it is enough. `None` if it
/// carries none.
///
/// # Errors
/// As [`verify_transparent`] for the one that came closest: one of this token before one of another or none at all, which
/// anybody can have added.
pub fn verify_embedded(
    signed: &Signed<'_>,
    policy: &Policy,
    now: UnixSeconds,
    max_lag: u64,
) -> Option<Result<Transparent, TransparentError>> {
    let mut closest: Option<TransparentError> = None;
    for proof in signed.token().embedded_proofs() {
        match verify_transparent(signed, proof, policy, now, max_lag) {
            Ok(shown) => return Some(Ok(shown)),
            Err(error) if closest.as_ref().is_none_or(|other| error.is_closer_than(other)) => {
                closest = Some(error);
            }
            Err(_) => {}
        }
    }
    closest.map(Err)
}

fn check_times(gen_time: GenTime, attested: UnixSeconds, max_lag: u64) -> Result<(), TransparentError> {
    let (g, t) = (u128::from(gen_time.millis()), u128::from(attested.get()) * 1000);
    if t > g + u128::from(max_lag) * 1000 {
        return Err(TransparentError::LoggedLate { gen_time, attested, max_lag });
    }
    if g > t + 1000 + u128::from(ALLOWED_SKEW) * 1000 {
        return Err(TransparentError::FromTheFuture { gen_time, attested });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(gen_time: u64, attested: u64, max_lag: u64) -> &'static str {
        let gen_time = GenTime::from_millis(gen_time).unwrap();
        match check_times(gen_time, UnixSeconds::new(attested).unwrap(), max_lag) {
            Ok(()) => "good",
            Err(error) => error.name(),
        }
    }

    #[test]
    fn the_two_limits_are_exact() {
        assert_eq!(judge(1_000_000, 1_060, 60), "good");
        assert_eq!(judge(1_000_000, 1_061, 60), "logged_late");
        assert_eq!(judge(999_999, 1_060, 60), "logged_late");
        assert_eq!(judge(1_000_000, 1_000, 0), "good");
        assert_eq!(judge(1_061_000, 1_000, 60), "good");
        assert_eq!(judge(1_061_001, 1_000, 60), "time_after_logging");
        assert_eq!(judge(0, UnixSeconds::MAX.get(), u64::MAX), "good");
    }
}
