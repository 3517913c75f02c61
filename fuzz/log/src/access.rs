//! API keys, as they come in a header.

pub mod api_key;

/// What a key is good for (`log-server/src/access/key_file.rs`).
#[derive(Clone, Copy, Debug)]
pub enum Scope {
    /// `POST /v1/submissions`.
    Submit,
    /// `POST /tsa`.
    Timestamp,
}
