//! Which of several logs is stamped with: the first that answers, and that the policy accepts.

use crate::{
    http::Client,
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
/// first of all, so that what is wrong with it is told as it would be told if it were alone.
///
/// # Errors
/// Those of `connect` for the only one, or for the first of several of which none will do.
pub(super) fn choose<E: From<StampError> + std::fmt::Display>(
    urls: &[String],
    policy: &Policy,
    connect: impl Fn(&str) -> Result<Client, E>,
    report: &mut Report,
) -> Result<Client, E> {
    let (first, rest) = urls.split_first().expect("there are candidates");
    if rest.is_empty() {
        return connect(first);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| E::from(StampError::Runtime(error)))?;
    for url in urls {
        let tried = connect(url).and_then(|client| {
            let asked = client.clone().with_attempts(ATTEMPTS);
            runtime.block_on(lower_bound(&asked, policy))?;
            Ok(client)
        });
        match tried {
            Ok(client) => return Ok(client),
            Err(error) => report.note(format_args!("passed over: {error}")),
        }
    }
    connect(first)
}
