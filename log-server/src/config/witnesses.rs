//! The `[witnesses.NAME]` tables: what this log grants a witness of its policy.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use treering_tlog::policy::Policy;

use super::{ConfigError, file::within};
use crate::witnesses::prefix;

/// One table as typed; `template.toml` says what each field means.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WitnessTable {
    #[serde(default)]
    min_interval_ms: u64,
}

/// The least time between requests, by the name that was typed.
pub(super) fn intervals(
    tables: BTreeMap<String, WitnessTable>,
) -> Result<BTreeMap<String, Duration>, ConfigError> {
    let interval = |(name, table): (String, WitnessTable)| {
        let millis = within("witnesses.NAME.min_interval_ms", table.min_interval_ms, 0, 24 * 60 * 60 * 1000)?;
        Ok((name, Duration::from_millis(millis)))
    };
    tables.into_iter().map(interval).collect()
}

/// Every name must be one of the policy's, with a URL; two names of one witness must not contradict each other.
pub(crate) fn check(intervals: &BTreeMap<String, Duration>, policy: &Policy) -> Result<(), ConfigError> {
    let url = |name: &str| {
        let witness = policy.witnesses().iter().find(|witness| witness.name.to_string() == name);
        witness.and_then(|witness| witness.url.as_deref()).map(prefix)
    };
    let mut seen: BTreeMap<&str, (&str, Duration)> = BTreeMap::new();
    for (name, &interval) in intervals {
        let url = url(name).ok_or_else(|| ConfigError::NoSuchWitness { name: name.clone() })?;
        match seen.insert(url, (name, interval)) {
            Some((other, earlier)) if earlier != interval => {
                return Err(ConfigError::TwoIntervals { one: other.to_owned(), other: name.clone() });
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::witnesses::tests::policy;

    #[test]
    fn only_witnesses_of_the_policy_and_no_contradictions() {
        let policy = policy(
            &[("w1-old", "http://w1"), ("w1-new", "http://w1/"), ("w2", "http://w2"), ("silent", "")],
            "quorum none\n",
        );
        let checked = |pairs: &[(&str, u64)]| {
            let intervals: BTreeMap<_, _> =
                pairs.iter().map(|(name, s)| ((*name).to_owned(), Duration::from_secs(*s))).collect();
            check(&intervals, &policy).map_err(|error| error.to_string())
        };
        assert_eq!(checked(&[("w1-old", 5), ("w1-new", 5), ("w2", 9)]), Ok(()));
        assert_eq!(
            checked(&[("w1-old", 5), ("w1-new", 6)]),
            Err("[witnesses.w1-new] and [witnesses.w1-old] are one witness (one URL in the policy) with two intervals: \
                 give one of them"
                .to_owned())
        );
        for name in ["w3", "silent"] {
            assert_eq!(
                checked(&[(name, 5)]),
                Err(format!("[witnesses.{name}]: the policy has no witness of this name with a URL"))
            );
        }
    }
}
