//! What people read, with what changes from run to run taken out, so that it can be held to the word.

use std::path::Path;

/// Takes this net's directory out.
pub(crate) fn settled(text: &str, dir: &Path) -> String {
    text.replace(&dir.display().to_string(), "[dir]")
}

/// Filters for snapshots of what the client says: times, sizes that vary, hashes.
pub(crate) fn filters() -> Vec<(&'static str, &'static str)> {
    vec![
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "[time.millis]"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[time]"),
        (r"\bin \d+(\.\d+)? ?(ms|s)\b", "in [duration]"),
        // The third one may come too late for the token, or in the next second.
        (r"\([23] of 3 witnesses", "([2 or 3] of 3 witnesses"),
        (r"\b[0-9a-f]{64}\b", "[hash]"),
    ]
}
