//! Which logs are stamped with: of several the first that answers, and that the policy accepts; or all of them.

use crate::{
    http::{self, Client, Credentials, same_origin},
    locate::by_log,
    policy_file::{self, PolicyFileError},
    report::Report,
    stamp::{self, StampError, lower_bound},
};
use std::path::PathBuf;
use treering_tlog::policy::Policy;

/// With others to turn to, nobody waits long for one.
const ATTEMPTS: u32 = 2;

/// One that is stamped with.
pub(super) struct Member {
    pub(super) url: String,
    pub(super) policy: Policy,
    /// What of it is in the names of its evidence: nothing, for the first.
    pub(super) name: Option<String>,
}

/// What keeps all from being begun.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogsError {
    #[error(transparent)]
    Policy(#[from] PolicyFileError),
    #[error(transparent)]
    Stamp(#[from] StampError),
}

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

/// The client of one of several logs. The key in `credentials` is the first one's: no other log has any business with it.
///
/// # Errors
/// A URL, or credentials, that won't do.
pub(super) fn connect(url: &str, first: &str, credentials: &Credentials) -> Result<Client, StampError> {
    Ok(Client::with(url, &credentials_for(url, first, credentials))?)
}

/// What is shown to whoever is at this URL: the key only if it has the first log's origin.
pub(super) fn credentials_for(url: &str, first: &str, credentials: &Credentials) -> Credentials {
    if same_origin(url, first) { credentials.clone() } else { nobody(credentials) }
}

fn nobody(credentials: &Credentials) -> Credentials {
    Credentials { api_key: None, ..credentials.clone() }
}

/// The first that answers with a checkpoint that the policy accepts; each one that is passed over is said. If none does, the
/// first of all, so that what is wrong with it is told as it would be told if it were alone.
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
        return connect(first, first, credentials);
    }
    let runtime = http::runtime().map_err(StampError::Runtime)?;
    for url in urls {
        let tried = connect(url, first, credentials).and_then(|client| {
            let asked = client.clone().with_attempts(ATTEMPTS);
            runtime.block_on(lower_bound(&asked, policy)).map(|_| client)
        });
        match tried {
            Ok(client) => return Ok(client),
            Err(error) => report.note(format_args!("passed over: {error}")),
        }
    }
    connect(first, first, credentials)
}

/// All of them. Where the user names no policy, each has the one that is pinned for it. One whose evidence can't be named is
/// said, and left out; the network is asked only where the policy doesn't tell which log is at a URL.
///
/// # Errors
/// There is none, one has no policy, or two are one.
pub(super) fn all(
    given: &[String],
    policy: Option<&PathBuf>,
    credentials: &Credentials,
    report: &mut Report,
) -> Result<Vec<Member>, LogsError> {
    let urls = match given {
        [] => candidates(given, &policy_file::read(policy, None)?)?,
        given => given.to_vec(),
    };
    let mut found = Vec::new();
    for url in urls {
        let policy = policy_file::read(policy, Some(&url))?;
        let origin = told(&url, &policy).map_or_else(|| asked(&url, &policy, credentials), Ok);
        found.push((url, policy, origin));
    }
    left(&mut found);
    let mut members: Vec<Member> = Vec::new();
    let mut names: Vec<(String, String)> = Vec::new();
    for (number, (url, policy, origin)) in found.into_iter().enumerate() {
        let name = match origin {
            Ok(origin) => by_log::name(&origin),
            // Its evidence needs no name, and what is wrong is told where it is stamped with.
            Err(_) if number == 0 => String::new(),
            Err(error) => {
                report.problem(error.verdict(), error);
                continue;
            }
        };
        if let Some((first, _)) = names.iter().find(|(other, known)| *other == url || *known == name) {
            return Err(StampError::OneLog { first: first.clone(), second: url, name }.into());
        }
        names.push((url.clone(), name.clone()));
        members.push(Member { url, policy, name: (number > 0).then_some(name) });
    }
    Ok(members)
}

/// The only one that is away and of which nobody knows which it is, is the only log of the policy that is none of the others.
fn left(found: &mut [(String, Policy, Result<String, StampError>)]) {
    let known: Vec<String> =
        found.iter().filter_map(|(_, _, origin)| origin.as_ref().ok().cloned()).collect();
    let mut unknown = found.iter_mut().filter(|(_, _, origin)| origin.is_err());
    let (Some((_, policy, origin)), None) = (unknown.next(), unknown.next()) else { return };
    let is_other = |name: &&str| !known.iter().any(|known| known == name);
    let mut others = policy.logs().iter().map(|log| log.key.name().as_str()).filter(is_other);
    if let (Err(StampError::WhichLog { .. }), Some(only), None) = (&origin, others.next(), others.next()) {
        *origin = Ok(only.to_owned());
    }
}

/// The origin of the log at this URL, if the policy tells.
fn told(url: &str, policy: &Policy) -> Option<String> {
    let bare = |url: &str| url.trim_end_matches('/').to_owned();
    let is_it = |log: &&treering_tlog::policy::Log| log.url.as_deref().map(bare) == Some(bare(url));
    let log = match policy.logs() {
        [log] => log,
        logs => logs.iter().find(is_it)?,
    };
    Some(log.key.name().as_str().to_owned())
}

fn asked(url: &str, policy: &Policy, credentials: &Credentials) -> Result<String, StampError> {
    let client = Client::with(url, &nobody(credentials))?.with_attempts(ATTEMPTS);
    let runtime = http::runtime().map_err(StampError::Runtime)?;
    let origin = runtime.block_on(stamp::origin(&client, policy));
    origin.map(|origin| origin.to_string()).map_err(|error| match error {
        away if away.may_pass() => StampError::WhichLog { url: url.to_owned(), error: Box::new(away) },
        error => error,
    })
}
