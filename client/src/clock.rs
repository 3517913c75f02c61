//! The machine's time, for reporting cosignatures from the future.

use std::time::{SystemTime, UNIX_EPOCH};
use treering_tlog::time::UnixSeconds;

/// Now, by this machine's clock. A clock before 1970 counts as 1970: it only serves to report, never to refuse.
pub(crate) fn now() -> UnixSeconds {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    UnixSeconds::new(seconds).unwrap_or(UnixSeconds::MAX)
}
