//! Negative controls: a build that breaks one promise on purpose, so that a test can be shown to notice.
//!
//! Only with the feature `broken`, which nothing turns on but `scripts/controls.sh`; such a program does nothing unless
//! the environment variable `TREERING_BREAK` names a promise, and says at each start what it is. In every other build
//! [`is_broken`] is `false` at compile time, and nothing of this is left.

/// What can be broken. The names in `TREERING_BREAK` are these in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// INVARIANT 1: a 202 follows the write of what it is for (of submissions without `tokens=true`).
    Acknowledge,
    /// INVARIANT 1: a write is synced.
    Sync,
    /// A write of the store or of the record that failed ends the log, and is not acknowledged.
    Failure,
    /// INVARIANT 2: neither the record nor the witnesses let an older store sign.
    History,
    /// What is about to be signed is read back from the store.
    ReadBack,
    /// INVARIANT 2: a process that stood still asks the witnesses before it signs.
    Standstill,
    /// INVARIANT 5: what is published has its quorum.
    Quorum,
    /// A cosignature counts only if it verifies.
    Cosignature,
    /// INVARIANT 6: a clock that stepped back or too far stops sealing.
    Order,
    /// A connection that sends no request in time is closed.
    Patience,
    /// INVARIANT 7: the queue and the bodies that wait to be hashed are bounded.
    Bounds,
    /// `check` names what is damaged.
    Check,
    /// What is read of the store for others is held against the hashes above it, and is not what the scrub found wrong.
    Serve,
    /// Nothing is taken below the disk's floor.
    Floor,
}

#[cfg(not(feature = "broken"))]
mod build {
    /// Is this promise broken on purpose? Never in this build.
    pub(crate) const fn is_broken(_: super::Promise) -> bool {
        false
    }

    /// Nothing to be said.
    pub(crate) const fn announce() {}
}

#[cfg(feature = "broken")]
mod build {
    use super::Promise;
    use std::{env, sync::OnceLock};

    const ALL: [Promise; 14] = [
        Promise::Acknowledge,
        Promise::Sync,
        Promise::Failure,
        Promise::History,
        Promise::ReadBack,
        Promise::Standstill,
        Promise::Quorum,
        Promise::Cosignature,
        Promise::Order,
        Promise::Patience,
        Promise::Bounds,
        Promise::Check,
        Promise::Serve,
        Promise::Floor,
    ];

    static BROKEN: OnceLock<Promise> = OnceLock::new();

    fn broken() -> Promise {
        *BROKEN.get_or_init(|| {
            let wanted = env::var("TREERING_BREAK").unwrap_or_default();
            let named = |promise: &Promise| format!("{promise:?}").to_lowercase() == wanted;
            ALL.into_iter().find(named).unwrap_or_else(|| {
                panic!(
                    "this build breaks a promise on purpose, for tests alone: TREERING_BREAK names none of {ALL:?}"
                )
            })
        })
    }

    pub(crate) fn is_broken(promise: Promise) -> bool {
        broken() == promise
    }

    pub(crate) fn announce() {
        eprintln!(
            "treering-log: THIS BUILD BREAKS A PROMISE ON PURPOSE ({:?}): it is for tests alone",
            broken()
        );
    }
}

pub(crate) use build::{announce, is_broken};
