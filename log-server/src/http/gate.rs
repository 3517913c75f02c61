//! The answer to one who isn't let in: the problem, and what RFC 6750 wants said beside it.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

use super::refusal::Refusal;
use crate::access::Access;

/// A refusal's answer; one for a missing or wrong API key says in `WWW-Authenticate` how to send a right one.
pub(super) fn refused(access: &Access, refusal: Refusal) -> Response {
    let challenge = match &refusal {
        Refusal::Denied(denied) => access.challenge(denied),
        _ => None,
    };
    let mut response = refusal.into_response();
    if let Some(challenge) = challenge {
        // SPEC: RFC 9110 section 15.5.2: a 401 has one.
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
