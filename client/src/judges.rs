//! The policies that evidence is judged by: the one that the user names, or all that they have pinned.
//!
//! Pinned ones are asked in order: those that count today, the newest first, then those that were superseded, the newest
//! first. The first that accepts a piece of evidence judges it, and is named. Each has the list of keys that fell, a policy
//! from a file as well. Nothing here is taken from a token, a bundle or a log.

use crate::{
    clock, paths,
    pins::{self, Pins, PinsError},
    policy_file::{self, PolicyFileError},
};
use std::path::{Path, PathBuf};
use treering_tlog::{policy::Policy, time::UnixSeconds};
use treering_token::{
    digest::Digests,
    verify::{self, Verified, Verifier, VerifyError},
};

/// At least one policy, and what is known of holders.
#[derive(Debug)]
pub(crate) struct Judges {
    judges: Vec<Judge>,
    pub(crate) pins: Pins,
}

#[derive(Debug)]
struct Judge {
    policy: Policy,
    /// `None` for the file that the user gave: they know.
    described: Option<String>,
}

/// Something that was judged, and the place of the policy that did.
#[derive(Clone, Debug)]
pub(crate) struct By<T> {
    pub(crate) judge: usize,
    pub(crate) shown: T,
}

impl Judges {
    /// As the command line (or the environment) says; else what is pinned. `log` is a log's URL, for advice.
    pub(crate) fn new(policy: Option<&PathBuf>, log: Option<&str>) -> Result<Judges, PolicyFileError> {
        let pins = Pins::load()?;
        let judges = match policy {
            Some(path) => vec![Judge { policy: policy_file::read_file(path, log)?, described: None }],
            None => pinned(&pins),
        };
        if judges.is_empty() {
            return Err(policy_file::none(log));
        }
        let ready =
            |judge: Judge| Judge { policy: judge.policy.distrusting(pins.distrust()).remembering(), ..judge };
        Ok(Judges { judges: judges.into_iter().map(ready).collect(), pins })
    }

    /// No policy: where nothing is judged by one.
    pub(crate) fn nobody() -> Judges {
        Judges { judges: Vec::new(), pins: Pins::default() }
    }

    /// The policy at this place.
    pub(crate) fn policy(&self, judge: usize) -> &Policy {
        &self.judges[judge].policy
    }

    /// Which policy it was, if the user didn't name it themselves.
    pub(crate) fn described(&self, judge: usize) -> Option<&str> {
        self.judges[judge].described.as_deref()
    }

    /// What the first policy that accepts it shows.
    pub(crate) fn judge<T>(
        &self,
        judge: impl Fn(Verifier<'_>) -> Result<T, VerifyError>,
    ) -> Result<By<T>, VerifyError> {
        self.judge_as_of(None, judge)
    }

    /// The same, as of the time by which a renewal shows that it existed.
    pub(crate) fn judge_as_of<T>(
        &self,
        as_of: Option<UnixSeconds>,
        judge: impl Fn(Verifier<'_>) -> Result<T, VerifyError>,
    ) -> Result<By<T>, VerifyError> {
        let now = as_of.unwrap_or_else(clock::now);
        let (judge, shown) = verify::under(&self.policies(), |policy| judge(Verifier { policy, now }))?;
        Ok(By { judge, shown })
    }

    /// A chain of tokens, the newest first, each by the first policy that accepts it.
    pub(crate) fn chain(
        &self,
        newest_first: &[&[u8]],
        file: &Digests,
    ) -> Result<Vec<By<Verified>>, VerifyError> {
        let chain = verify::chain_under(&self.policies(), clock::now(), newest_first, file)?;
        Ok(chain.into_iter().map(|(judge, shown)| By { judge, shown }).collect())
    }

    /// In the order in which they are asked.
    pub(crate) fn policies(&self) -> Vec<&Policy> {
        self.judges.iter().map(|judge| &judge.policy).collect()
    }
}

/// The one policy to stamp by, or to ask a log by, where the user names none.
pub(crate) fn one(log: Option<&str>) -> Result<Policy, PolicyFileError> {
    let pins = Pins::load()?;
    let current: Vec<_> = pins.policies.iter().filter(|pinned| pinned.until.is_none()).collect();
    let of_log = |pinned: &&pins::Pinned| {
        log.is_some_and(|log| {
            let urls = pinned.policy().ok().into_iter().flat_map(|policy| policy.logs().to_vec());
            let mut urls = urls.filter_map(|log| log.url).chain([pinned.from.clone()]);
            urls.any(|url| url.trim_end_matches('/') == log.trim_end_matches('/'))
        })
    };
    let pinned = match (current.as_slice(), current.iter().copied().find(of_log)) {
        ([], _) => return Err(policy_file::none(log)),
        (_, Some(pinned)) => pinned,
        ([pinned], None) => pinned,
        (several, None) => return Err(PolicyFileError::Several { pinned: several.len() }),
    };
    let policy = pinned.policy().map_err(|error| PolicyFileError::Refused {
        path: pins::file().as_deref().map_or_else(|_| String::new(), |path: &Path| paths::shown(path)),
        error,
    })?;
    Ok(policy.distrusting(pins.distrust()))
}

fn pinned(pins: &Pins) -> Vec<Judge> {
    let newest_first = || pins.policies.iter().rev();
    let current = newest_first().filter(|pinned| pinned.until.is_none());
    let superseded = newest_first().filter(|pinned| pinned.until.is_some());
    let judge = |pinned: &pins::Pinned| {
        let policy = pinned.policy().ok()?;
        let policy = match pinned.until {
            Some(until) => policy.superseded(pins::seconds(until)),
            None => policy,
        };
        Some(Judge { policy, described: Some(pinned.described()) })
    };
    current.chain(superseded).filter_map(judge).collect()
}

impl From<PinsError> for PolicyFileError {
    fn from(error: PinsError) -> PolicyFileError {
        PolicyFileError::Pins(error)
    }
}
