//! From what an operator has decided to what the pipeline needs to know.

use super::Settings;
use crate::{
    config::{Config, ConfigError, load_policy, witnesses},
    signer::Signer,
};

impl Config {
    /// What the pipeline needs to know: this configuration with its policy file, the log's own line added.
    ///
    /// # Errors
    /// If the policy file cannot be read or is refused, or the key is another log's.
    pub fn settings(&self, signer: &dyn Signer) -> Result<Settings, ConfigError> {
        let mut keys = signer.verifiers();
        keys.extend(self.retired_keys.iter().cloned());
        if let Some(other) = keys.iter().find(|key| key.name().as_str() != self.origin.as_str()) {
            return Err(ConfigError::OtherKey { key: other.name().clone(), origin: self.origin.clone() });
        }
        let policy = load_policy(&self.policy, &keys)?;
        witnesses::check(&self.witness_intervals, &policy)?;
        Ok(Settings {
            origin: self.origin.clone(),
            policy,
            store: self.store.clone(),
            tick: self.tick,
            refresh: self.refresh,
            clock_step: self.clock_step,
            token_window: self.token_window,
            retention: self.retention,
            commit_wait: self.commit_wait,
            max_pending: self.max_pending,
            min_free_bytes: self.min_free_bytes,
            witness_timeout: self.witness_timeout,
            scrub_bytes_per_second: self.scrub_bytes_per_second,
            witness_intervals: self.witness_intervals.clone(),
            cache_bytes: self.cache_bytes,
        })
    }
}
