//! Which of several logs is stamped with: the first that answers, and that the policy accepts.

use crate::{
    http::{self, Client, Credentials, same_origin},
    report::Report,
    stamp::{StampError, lower_bound},
};
use treering_tlog::policy::Policy;

/// With others to turn to, nobody waits long for one.
const ATTEMPTS: u32 = 2;

/// The URLs in the order in which they are tried: as given, or as the policy names them.
///
/// # Errors
/// There is none.
pub(super) fn candidates(given: &[String], policy: &Policy) -> Result<Vec<String>, StampError> {
    if !given.is_empty() {
        return Ok(given.to_vec());
    }
    let urls: Vec<String> = policy.logs().iter().filter_map(|log| log.url.clone()).collect();
    if urls.is_empty() { Err(StampError::NoLog) } else { Ok(urls) }
}

/// The first that answers with a checkpoint that the policy accepts; each one that is passed over is said. If none does, the
/// first of all, so that what is wrong with it is told as it would be told if it were alone. The key in `credentials` is the
/// first one's: no other log has any business with it.
///
/// # Errors
/// What keeps the only one, or the first of several of which none will do, from being asked at all.
pub(super) fn choose(
    urls: &[String],
    policy: &Policy,
    credentials: &Credentials,
    report: &mut Report,
) -> Result<Client, StampError> {
    let (first, rest) = urls.split_first().expect("there are candidates");
    if rest.is_empty() {
        return Ok(Client::with(first, credentials)?);
    }
    let nobody = Credentials { api_key: None, ..credentials.clone() };
    let connect = |url: &str| Client::with(url, if same_origin(url, first) { credentials } else { &nobody });
    let runtime = http::runtime().map_err(StampError::Runtime)?;
    for url in urls {
        let tried = connect(url).map_err(StampError::from).and_then(|client| {
            let asked = client.clone().with_attempts(ATTEMPTS);
            runtime.block_on(lower_bound(&asked, policy)).map(|_| client)
        });
        match tried {
            Ok(client) => return Ok(client),
            Err(error) => report.note(format_args!("passed over: {error}")),
        }
    }
    Ok(connect(first)?)
}
