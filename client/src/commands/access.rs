//! `--api-key-file`, `TREERING_API_KEY`, `--cacert`: as whom the log is asked.

use crate::{
    args::Access,
    http::{ApiKey, Credentials, CredentialsError, same_origin},
};
use zeroize::Zeroizing;

/// Has the key itself. Never an option: every user of a machine can read others' command lines.
const VARIABLE: &str = "TREERING_API_KEY";

/// Where a key is from, and so to whom it may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The log itself: it is its key.
    Log,
    /// A timestamp authority, which may be anybody: a key that merely stands in the environment or the configuration is not
    /// meant for it, unless it has the log's origin.
    Authority,
}

/// The credentials for whom is asked at `url`.
pub(super) fn credentials(access: &Access, asked: Asked, url: &str) -> Result<Credentials, CredentialsError> {
    let is_meant = asked == Asked::Log || access.logs.iter().any(|log| same_origin(url, log));
    let named = match &access.api_key_file {
        Some(path) if is_meant || !access.key_is_standing => Some(ApiKey::read(path)?),
        _ => None,
    };
    let api_key = match (named, std::env::var(VARIABLE).ok().map(Zeroizing::new)) {
        (Some(key), _) => Some(key),
        (None, Some(text)) if is_meant && !text.is_empty() => Some(ApiKey::new(&text, VARIABLE)?),
        (None, _) => None,
    };
    Ok(Credentials { api_key, over_http: access.api_key_over_http, ..access.network.credentials()? })
}
