//! What the witness's configuration needs of its `cosigner`.

use std::num::NonZeroU64;

/// What a log may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Cosignatures a day.
    pub per_day: NonZeroU64,
    /// Requests at once.
    pub at_once: u32,
}
