//! What a log says of itself.

use serde::Deserialize;

/// What `GET /v1/log` tells, as far as a client needs it. Fields that aren't known here are passed over.
#[derive(Clone, Debug, Deserialize)]
pub struct LogInfo {
    /// The log's identity, the first line of its checkpoints.
    pub origin: String,
    /// What the log takes.
    #[serde(default)]
    pub limits: Limits,
}

/// The log's published limits.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Limits {
    /// Commitments in one submission.
    #[serde(default)]
    pub max_hashes: Option<u64>,
    /// What each caller may send in a window, if there is such a limit.
    #[serde(default)]
    pub rate: Option<RateLimits>,
}

/// What each caller may send in a window; a client keeps to it by what the answers' headers say. `None`: no limit.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RateLimits {
    /// The window, in seconds.
    pub window_seconds: u64,
    /// Requests of one address, without a key.
    pub address_requests: Option<u64>,
    /// Hashes of one address, without a key.
    pub address_hashes: Option<u64>,
    /// Requests with one API key.
    pub key_requests: Option<u64>,
    /// Hashes with one API key.
    pub key_hashes: Option<u64>,
}
