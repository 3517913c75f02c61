//! What this project's fuzz targets call: the client's readers of files and answers, which are nobody else's affair. It is
//! there only with the feature `fuzzing`, is no part of the library, and changes at will.

use crate::{
    answers, http,
    job::Description,
    journal::Past,
    lists::{self, Entries, Sums},
    pins::Pins,
    seen, sent, settings,
    stamp::Claims,
};
use reqwest::header;
use std::{
    collections::HashMap,
    ffi::OsString,
    io::Cursor,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::Duration,
};
use treering_tlog::hash::Hash;
use treering_token::{
    bundle::{Own, RelativePath},
    digest::Digests,
    token::Token,
};

/// Where all these files are said to be.
const PLACE: &str = "/home/ada/file";
const HERE: &str = "/home/ada";

/// What a list of digests says, line by line; faults as people are told them.
pub fn sums(bytes: &[u8], nul: bool) -> Vec<Result<(RelativePath, Digests), String>> {
    let given = Sums::new(entries(bytes, nul), HERE.into(), nul);
    given.map(|given| given.map(|g| (g.path, g.digests)).map_err(|error| error.to_string())).collect()
}

/// What a list of names says.
pub fn names(bytes: &[u8], nul: bool) -> Vec<Result<RelativePath, String>> {
    let path = |entry: Result<(u64, Vec<u8>), lists::EntryError>| {
        let (_, name) = entry.map_err(|error| error.to_string())?;
        lists::relative(Path::new(HERE), &name).map_err(|error| error.to_string())
    };
    entries(bytes, nul).map(path).collect()
}

fn entries(bytes: &[u8], nul: bool) -> Entries {
    Entries::new(Box::new(Cursor::new(bytes.to_vec())), nul)
}

/// The rows of a table of claims, as they are told when no file has their path.
pub fn claims(bytes: &[u8]) -> Result<Vec<String>, String> {
    let claims = Claims::parse(PLACE.to_owned(), bytes, false, Path::new(HERE));
    let claims = claims.map_err(|error| error.to_string())?;
    Ok(claims.unused().iter().map(ToString::to_string).collect())
}

/// What is pinned, written anew.
pub fn pins(bytes: &[u8]) -> Result<String, String> {
    Pins::parse(bytes, Path::new(PLACE)).map(|pins| pins.to_text()).map_err(|error| error.to_string())
}

/// What a configuration file wishes.
pub fn settings(bytes: &[u8]) -> Result<Vec<(&'static str, Vec<OsString>)>, String> {
    static COMMAND: LazyLock<clap::Command> = LazyLock::new(settings::command);
    settings::in_file(&COMMAND, Path::new(PLACE), bytes).map_err(|error| error.to_string())
}

/// What a run's journal says.
#[derive(Debug, PartialEq)]
pub struct Run {
    /// Root and number of records of each submission.
    pub submissions: Vec<(Hash, u64)>,
    /// The entry of each submission that has its receipt.
    pub entries: HashMap<Hash, u64>,
    /// Of all submissions.
    pub records: u64,
    /// What the claim of the first record says beside the run's header.
    pub first: Own,
}

/// A run's journal.
pub fn journal(bytes: &[u8]) -> Result<Run, String> {
    let past = Past::parse(Path::new(PLACE), bytes).map_err(|error| error.to_string())?;
    let (records, first) = (past.records(), past.own(0));
    // Without a master key only a plain run has a header.
    let _ = past.header(None);
    Ok(Run { submissions: past.submissions, entries: past.entries, records, first })
}

/// An unfinished run's description, written anew.
pub fn job(bytes: &[u8]) -> Result<Vec<u8>, String> {
    Description::parse(bytes).map(|description| description.to_json())
}

/// An entry of what was seen of a file, written anew.
pub fn seen(bytes: &[u8; 32]) -> [u8; 32] {
    seen::Entry::decode(bytes).encode()
}

/// The hashes that were sent to a log.
pub fn sent(bytes: &[u8]) -> Result<Vec<[u8; 32]>, String> {
    sent::list(Path::new(PLACE), bytes).map_err(|error| error.to_string())
}

/// The receipt that came for them.
pub fn receipt(bytes: &[u8]) -> Result<Token, String> {
    sent::receipt(Path::new(PLACE), bytes.to_vec()).map_err(|error| error.to_string())
}

/// Hash and token of each that a log answers to `tokens=true`.
pub fn answers(bytes: &[u8]) -> Result<Vec<(String, Option<String>)>, String> {
    let answers = answers::parse(bytes).map_err(|error| error.to_string())?;
    Ok(answers.tokens.into_iter().map(|answer| (answer.hash, answer.token)).collect())
}

/// The names for them.
pub fn answer_names(bytes: &[u8]) -> Result<HashMap<Hash, Vec<PathBuf>>, String> {
    answers::names_in(Path::new(PLACE), bytes).map_err(|error| error.to_string())
}

/// A log's origin, as it says it.
pub fn log_info(body: &[u8]) -> Option<String> {
    http::fuzzing::info(body).map(|info| info.origin)
}

/// What a refusal says, safe to print.
pub fn problem(body: &[u8]) -> String {
    http::fuzzing::problem(body)
}

/// How long the second of two submissions of so many hashes waits after an answer with these headers; and `Retry-After`.
pub fn pause(policy: &[u8], left: &[u8], after: &[u8], hashes: u64) -> (Duration, Option<Duration>) {
    let names = ["ratelimit-policy", "ratelimit"].map(header::HeaderName::from_static);
    let [first, second] = names;
    http::fuzzing::pause(&[(first, policy), (second, left), (header::RETRY_AFTER, after)], hashes)
}
