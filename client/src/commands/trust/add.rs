//! Pinning a policy: fetched or from a file, shown, compared, confirmed.

use super::{Done, TrustError, say};
use crate::{
    args::trust::{Add, Confirm, Import},
    commands::access::{Asked, credentials},
    http::{self, Client},
    paths,
    pins::{self, Pins, PinsError},
    policy_file::read_bounded,
    report::Report,
};
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use treering_tlog::policy::Policy;
use treering_token::escape;

pub(super) fn add(report: &mut Report, args: &Add) -> Done {
    let client = Client::with(&args.url, &credentials(&args.access, Asked::Log, &args.url)?)?;
    let runtime = http::runtime().map_err(TrustError::Runtime)?;
    let (log, bytes) =
        runtime.block_on(async { Ok::<_, TrustError>((client.log().await?, client.policy().await?)) })?;
    let from = escape::text(client.url());
    let (policy, text) = read(&bytes, &from)?;
    if !policy.logs().iter().any(|listed| listed.key.name().as_str() == log.origin) {
        return Err(TrustError::OtherLog { from, origin: log.origin });
    }
    pin(report, &policy, &text, client.url(), &args.confirm)
}

pub(super) fn import(report: &mut Report, args: &Import) -> Done {
    let from = paths::shown(&args.file);
    let bytes = read_bounded(&args.file, pins::MAX_BYTES)
        .map_err(|error| TrustError::Io { from: from.clone(), error })?
        .ok_or(TrustError::TooLong { from: from.clone(), max: pins::MAX_BYTES })?;
    // A policy's lines begin with other words, and TOML has none of them.
    if Policy::parse(&bytes).is_err() && bytes.starts_with(b"version") {
        return take_over(report, &Pins::parse(&bytes, &args.file)?, &bytes, &args.confirm);
    }
    let (policy, text) = read(&bytes, &from)?;
    pin(report, &policy, &text, &from, &args.confirm)
}

fn read(bytes: &[u8], from: &str) -> Result<(Policy, String), TrustError> {
    let policy =
        Policy::parse(bytes).map_err(|error| TrustError::Refused { from: from.to_owned(), error })?;
    let text =
        String::from_utf8(bytes.to_vec()).map_err(|_| TrustError::NotText { from: from.to_owned() })?;
    Ok((policy, text))
}

fn pin(report: &mut Report, policy: &Policy, text: &str, from: &str, confirm: &Confirm) -> Done {
    say(report, format_args!("the policy at {from}:"));
    say(report, lines(policy).join("\n"));
    confirmed(report, text, confirm)?;
    let pinned = Pins::change(|pins| {
        let is_new = pins.pin(policy, text, from, pins::now());
        Ok::<_, PinsError>(pins.policies.last().map(pins::Pinned::id).filter(|_| is_new))
    })?;
    match pinned {
        Some(id) => say(
            report,
            format_args!("pinned as {id}; earlier policies of this log judge what was attested until now"),
        ),
        None => say(report, "it is pinned already"),
    }
    Ok(())
}

/// All that another machine had pinned.
fn take_over(report: &mut Report, other: &Pins, bytes: &[u8], confirm: &Confirm) -> Done {
    for pinned in &other.policies {
        say(report, pinned.described());
        if let Ok(policy) = pinned.policy() {
            say(report, lines(&policy).join("\n"));
        }
    }
    let text = String::from_utf8_lossy(bytes);
    let sums = (other.policies.len(), other.distrusted.len(), other.holders.len());
    say(report, format_args!("policies: {}, distrusted keys: {}, holders' keys: {}", sums.0, sums.1, sums.2));
    confirmed(report, &text, confirm)?;
    Pins::change(|pins| {
        take_in(&mut pins.policies, &other.policies);
        pins.policies.sort_by_key(|pinned| pinned.pinned_at);
        take_in(&mut pins.distrusted, &other.distrusted);
        take_in(&mut pins.holders, &other.holders);
        Ok::<_, PinsError>(())
    })?;
    say(report, "taken over, beside what was pinned here");
    Ok(())
}

fn take_in<T: PartialEq + Clone>(own: &mut Vec<T>, others: &[T]) {
    for other in others {
        if !own.contains(other) {
            own.push(other.clone());
        }
    }
}

/// Each key with what is compared.
fn lines(policy: &Policy) -> Vec<String> {
    let mut lines = Vec::new();
    for log in policy.logs() {
        lines.push(format!("  log {}", escape::text(log.key.name().as_str())));
        lines.extend(key_lines(&log.key.fingerprint()));
    }
    for witness in policy.witnesses() {
        let key = escape::text(witness.key.name().as_str());
        lines.push(format!("  witness {} = {key}", witness.name));
        lines.extend(key_lines(&witness.key.fingerprint()));
    }
    lines.push(format!("  quorum: {}", policy.describe_quorum()));
    lines
}

fn key_lines(fingerprint: &treering_tlog::hash::Hash) -> [String; 2] {
    [format!("    SHA-256 {fingerprint}"), format!("    to read out: {}", pins::spoken(fingerprint))]
}

/// Never blindly: a person at a terminal says yes, or a script says what it means.
fn confirmed(report: &mut Report, text: &str, confirm: &Confirm) -> Done {
    let found = pins::policy_fingerprint(text);
    let spoken = pins::spoken(&found);
    say(report, format_args!("  all of it: SHA-256 {found}\n    to read out: {spoken}"));
    match &confirm.fingerprint {
        Some(given) if !pins::is_meant(given, &found) => {
            return Err(TrustError::OtherFingerprint { found, spoken });
        }
        Some(_) if confirm.yes => return Ok(()),
        _ => {}
    }
    if !io::stdin().is_terminal() {
        return Err(TrustError::NoTerminal { found });
    }
    report.note(
        "compare the keys with what the log's and each witness's operator publish elsewhere, or tell you",
    );
    let mut answer = String::new();
    let asked =
        write!(io::stderr(), "Do you trust these keys? Type yes: ").and_then(|()| io::stderr().flush());
    let read = asked.and_then(|()| io::stdin().lock().read_line(&mut answer));
    match read {
        Ok(_) if answer.trim() == "yes" => Ok(()),
        _ => Err(TrustError::NotConfirmed),
    }
}
