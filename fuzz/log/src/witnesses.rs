//! What the configuration needs of the server's `witnesses.rs`.

/// A submission prefix means the same with and without a slash at its end.
pub(crate) fn prefix(url: &str) -> &str {
    url.trim_end_matches('/')
}
