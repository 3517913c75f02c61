//! The timestamp authority that runs within the log (RFC 3161): its key, its certificate, and the tokens that it signs.
//!
//! Everything about the tokens themselves is in `treering-tsa`; here are files, clock and randomness.

mod keys;
mod pkcs11;

pub use keys::{TsaKeyError, load_chain, load_signer};
pub use pkcs11::Pkcs11Error;

use crate::{config::TsaConfig, log::Log, throttle::Throttle};
use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use treering_tlog::time::UnixMillis;
use treering_tsa::{
    accuracy::{Accuracy, AccuracyError},
    authority::{Authority, AuthorityError, Refused, Settings},
    embed::{EmbedError, ProofAttribute},
    gen_time::{GenTime, GenTimeError},
    oid::{self, OidError},
    query::Query,
    serial::Serial,
    signer::SignatureAlgorithm,
    status::Rejection,
};

/// The authority's certificate is warned about from so many days before its end.
pub const WARN_DAYS: i64 = 30;

/// The authority; cheap to clone.
#[derive(Clone, Debug)]
pub struct Tsa(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    log: Log,
    setup: TsaSetup,
    /// How often it is told that a token could not be made.
    failures: Throttle,
}

/// Key, certificate and settings that were found fit; with a log it is a [`Tsa`].
#[derive(Debug)]
pub struct TsaSetup {
    authority: Authority,
    proof: Option<ProofAttribute>,
    /// How far the clock may stand from what is believed of it.
    tolerance: Duration,
    slow: bool,
    order: Option<Order>,
}

/// Gives each token a later time than the one before it.
#[derive(Debug)]
struct Order {
    /// The last time that was given, in milliseconds; before the first, the last that an earlier process may have given.
    last: OnceLock<AtomicU64>,
    /// How far beyond the clock a time may be.
    ahead: u64,
}

impl Order {
    fn new(accuracy: Duration) -> Order {
        let ahead = u64::try_from(accuracy.as_millis()).unwrap_or(u64::MAX);
        Order { last: OnceLock::new(), ahead }
    }

    /// The next time, if it is within the accuracy. `since`: from when on the clock is vouched for. The tokens before that may
    /// have had times as far beyond it as is allowed; what the clock showed earlier than that says nothing.
    fn next(&self, now: UnixMillis, since: UnixMillis) -> Option<UnixMillis> {
        let later = |last: u64| {
            let next = now.get().max(last.saturating_add(1));
            (next <= now.get().saturating_add(self.ahead)).then_some(next)
        };
        let last = self.last.get_or_init(|| AtomicU64::new(since.get().saturating_add(self.ahead)));
        let last = last.fetch_update(Ordering::SeqCst, Ordering::SeqCst, later).ok()?;
        later(last).and_then(UnixMillis::new)
    }

    /// Has the clock gone back so far that no time is left until it is where it was?
    fn is_beyond(&self, now: UnixMillis) -> bool {
        let last = self.last.get().map_or(0, |last| last.load(Ordering::SeqCst));
        last > now.get().saturating_add(self.ahead)
    }
}

/// A signed token that may not be given out before its commitment is durable.
#[derive(Debug)]
pub(crate) struct Issued {
    /// The whole TimeStampResp.
    pub(crate) reply: Vec<u8>,
    pub(crate) serial: [u8; 16],
    pub(crate) commitment: [u8; 32],
}

/// Why there is no authority.
#[derive(Debug, thiserror::Error)]
pub enum TsaError {
    /// Key or certificates can't be had.
    #[error("[tsa]: {0}")]
    Key(#[from] TsaKeyError),
    /// The certificate isn't fit, the key isn't its, an OID is wrong.
    #[error("[tsa]: {0}")]
    Authority(#[from] AuthorityError),
    /// The clock shows a time that no token can state.
    #[error("the clock can't be used for timestamps: {0}")]
    Clock(#[from] GenTimeError),
    /// The OID for embedded proofs is wrong.
    #[error("[tsa] proof_oid: {0}")]
    ProofOid(OidError),
    /// A policy's OID is wrong.
    #[error("[tsa] policy, other_policies: {0}")]
    Policy(OidError),
    /// No token can state that accuracy.
    #[error("[tsa] accuracy_ms: {0}")]
    Accuracy(#[from] AccuracyError),
}

impl TsaSetup {
    /// Reads key and certificates, and checks that they are fit. Blocking.
    ///
    /// # Errors
    /// See [`TsaError`].
    pub fn load(config: &TsaConfig, now: UnixMillis) -> Result<TsaSetup, TsaError> {
        let (signer, chain) = keys::load(config)?;
        let settings = Settings {
            policy: oid::parse(&config.policy).map_err(TsaError::Policy)?,
            other_policies: config
                .other_policies
                .iter()
                .map(|text| oid::parse(text))
                .collect::<Result<_, _>>()
                .map_err(TsaError::Policy)?,
            accuracy: Some(accuracy(config.accuracy)?),
            ordering: config.ordering,
            tsa_name: config.name,
        };
        // An ECDSA signature in this process takes a fraction of what a request costs anyway.
        let local = !matches!(config.key, crate::config::TsaKey::Pkcs11 { .. });
        let slow = !local || matches!(signer.algorithm(), SignatureAlgorithm::RsaPkcs1Sha256);
        let authority = Authority::new(signer, &chain, &settings, gen_time(now)?)?;
        let proof =
            config.proof_oid.as_deref().map(ProofAttribute::new).transpose().map_err(TsaError::ProofOid)?;
        // What the tokens state has to be true: no two with one time, and none with an earlier one than before.
        let order = config.ordering.then(|| Order::new(config.accuracy));
        Ok(TsaSetup { authority, proof, tolerance: config.accuracy, slow, order })
    }
}

impl Tsa {
    /// The authority of a log.
    pub fn new(setup: TsaSetup, log: Log) -> Tsa {
        Tsa(Arc::new(Shared { log, setup, failures: Throttle::new(Duration::from_secs(1)) }))
    }

    /// Can a token carry its proof?
    pub(crate) fn embeds(&self) -> bool {
        self.0.setup.proof.is_some()
    }

    /// Must signing be kept away from the network's threads?
    pub(crate) fn is_slow(&self) -> bool {
        self.0.setup.slow
    }

    /// A token for a query, or why there is none.
    pub(crate) fn issue(&self, query: &Query) -> Result<Issued, Rejection> {
        let Shared { log, setup, failures } = self.0.as_ref();
        let time = log.time(setup.tolerance).map_err(|reason| {
            log.warn_of_time(&reason);
            Rejection::TIME_NOT_AVAILABLE
        })?;
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| {
            if let Some(left_out) = failures.turn() {
                tracing::error!(%error, left_out, "no timestamp: the system gives no random bytes");
            }
            Rejection::SYSTEM_FAILURE
        })?;
        // Random, so that a log that was put back to an older state can't give a number again.
        let serial = Serial::from_random(random);
        let time = self.ordered(time).and_then(|time| gen_time(time).ok());
        let time = time.ok_or(Rejection::TIME_NOT_AVAILABLE)?;
        let granted = setup.authority.grant(query, time, &serial);
        let granted = granted.map_err(|refused| {
            if !matches!(refused, Refused::Policy(_))
                && let Some(left_out) = failures.turn()
            {
                tracing::error!(error = %refused, left_out, "no timestamp");
            }
            refused.rejection()
        })?;
        let serial = serial.to_bytes16().expect("a serial from 16 random bytes has 16 bytes");
        Ok(Issued { reply: granted.reply, serial, commitment: granted.commitment })
    }

    /// The time for a token, where they state their order.
    fn ordered(&self, time: UnixMillis) -> Option<UnixMillis> {
        let Shared { log, setup, .. } = self.0.as_ref();
        let Some(order) = &setup.order else { return Some(time) };
        let next = order.next(time, log.time_since()?);
        if next.is_none() && order.is_beyond(time) {
            log.warn_of_time("it stands before the last timestamp");
        }
        next
    }

    /// The reply with its proof in it.
    pub(crate) fn embed(&self, reply: &[u8], proof: &str) -> Option<Vec<u8>> {
        let embedded = self.0.setup.proof.as_ref()?.embed(reply, proof.as_bytes());
        let tell = |error: &EmbedError| {
            if let Some(left_out) = self.0.failures.turn() {
                tracing::error!(%error, left_out, "a proof was not embedded");
            }
        };
        embedded.inspect_err(tell).ok()
    }

    /// Whole days until the authority's certificate ends; below 0 afterwards.
    pub fn days_left(&self, now: UnixMillis) -> i64 {
        // A clock beyond year 9999 is beyond every certificate's end.
        gen_time(now).map_or(i64::MIN, |now| self.0.setup.authority.days_left(now))
    }
}

fn accuracy(accuracy: Duration) -> Result<Accuracy, AccuracyError> {
    let millis = accuracy.subsec_millis().try_into().expect("below 1000");
    Accuracy::new(accuracy.as_secs().try_into().unwrap_or(u32::MAX), millis, 0)
}

fn gen_time(time: UnixMillis) -> Result<GenTime, GenTimeError> {
    GenTime::from_millis(time.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordered_times_only_grow_and_stay_within_the_accuracy() {
        let at = |millis| UnixMillis::new(millis).unwrap();
        let order = Order::new(Duration::from_millis(5));
        let next = |now| order.next(at(now), at(10_000));
        // Before the start there may have been a token of 10,005.
        assert_eq!(next(10_000), None);
        assert_eq!(next(10_001), Some(at(10_006)));
        assert_eq!(next(10_001), None);
        assert_eq!(next(10_100), Some(at(10_100)));
        for last in 10_101..=10_105 {
            assert_eq!(next(10_100), Some(at(last)));
        }
        assert_eq!(next(10_100), None);
        assert!(!order.is_beyond(at(10_100)));
        // The clock went back a little.
        assert_eq!(next(10_099), None);
        assert!(order.is_beyond(at(10_099)));
        assert_eq!(next(10_101), Some(at(10_106)));
    }
}
