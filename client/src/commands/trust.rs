//! `treering trust`.

mod add;
mod list;

use crate::{
    args::{self, trust::What},
    http::{ClientError, CredentialsError},
    pins::{self, Distrusted, Holder, Pins, PinsError},
    report::{Report, Verdict},
};
use std::process::ExitCode;
use treering_tlog::{hash::Hash, note::VerifierKey, policy::PolicyError};
use treering_token::{claim::HolderKey, escape};

pub(super) fn run(args: &args::TrustCommand) -> ExitCode {
    let quiet = args::Output { json: false, quiet: false };
    let output = if let What::List(args) = &args.what { &args.output_form } else { &quiet };
    let mut report = Report::new(output, "read");
    let outcome = match &args.what {
        What::Add(args) => add::add(&mut report, args),
        What::Import(args) => add::import(&mut report, args),
        What::List(_) => list::list(&mut report),
        What::Show(args) => show(&mut report, &args.id),
        What::Remove(args) => remove(&mut report, &args.id),
        What::Export => export(&mut report),
        What::Distrust(args) => distrust(&mut report, args),
        What::Forgive(args) => forgive(&mut report, &args.key),
        What::Holder(args::trust::Holder::Add(args)) => holder(&mut report, args),
        What::Holder(args::trust::Holder::Remove(args)) => forget_holder(&mut report, &args.name),
    };
    if let Err(error) = outcome {
        report.problem(Verdict::Unchecked, error);
    }
    report.finish()
}

/// Why nothing was pinned, or changed.
#[derive(Debug, thiserror::Error)]
enum TrustError {
    #[error(transparent)]
    Pins(#[from] PinsError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error("the network's thread can't be started: {0}")]
    Runtime(std::io::Error),
    #[error("{from}: the policy is refused: {error}")]
    Refused { from: String, error: PolicyError },
    #[error(
        "{from}: the policy is not UTF-8, which can't be pinned; give it with --policy where it is needed"
    )]
    NotText { from: String },
    #[error("{from} can't be read: {error}")]
    Io { from: String, error: std::io::Error },
    #[error("{from} is larger than {max} bytes; is it a policy, or what `treering trust export` wrote?")]
    TooLong { from: String, max: usize },
    #[error(
        "the policy at {from} does not list the log {origin:?}, which answers there; ask its operator for the policy"
    )]
    OtherLog { from: String, origin: String },
    #[error(
        "not pinned: what is there has the fingerprint {found}\n  ({spoken}), and you gave another. Either it was changed \
         since, or somebody is between you and the log: compare it with its operator"
    )]
    OtherFingerprint { found: Hash, spoken: String },
    #[error(
        "not pinned: there is no terminal to ask at. Compare the keys above; then give what you have compared: --yes \
         --fingerprint {found}"
    )]
    NoTerminal { found: Hash },
    #[error("not pinned")]
    NotConfirmed,
    #[error("no pinned policy begins with {0:?}; `treering trust list` shows them")]
    NoSuch(String),
    #[error("{count} pinned policies begin with {id:?}: give more of it")]
    Ambiguous { id: String, count: usize },
    #[error(
        "{0:?} is neither the name of a log or witness in a pinned policy, nor a vkey, nor the SHA-256 of a public key (64 \
         lower-case hex digits)"
    )]
    NoSuchKey(String),
    #[error("{0:?} is the name of several keys in the pinned policies: give the vkey, or the key's SHA-256")]
    SeveralKeys(String),
    #[error("no distrusted key begins with {0:?} (at least 8 digits); `treering trust list` shows them")]
    NotDistrusted(String),
    #[error(
        "{0:?} is neither a thumbprint (64 lower-case hex digits) nor a COSE_Key (Ed25519 or P-256) in hex"
    )]
    NotAHolderKey(String),
    #[error("no key is pinned for {0:?}")]
    NoHolder(String),
}

type Done = Result<(), TrustError>;

fn say(report: &mut Report, text: impl std::fmt::Display) {
    report.result(Verdict::Good, &(), text);
}

/// The places of pinned policies whose fingerprint begins so; several with one text count as one.
fn find(pins: &Pins, id: &str) -> Result<Vec<usize>, TrustError> {
    let begins = |text: &str| pins::policy_fingerprint(text).to_string().starts_with(id);
    let found: Vec<usize> =
        (0..pins.policies.len()).filter(|&at| !id.is_empty() && begins(&pins.policies[at].text)).collect();
    let mut texts: Vec<_> = found.iter().map(|&at| &pins.policies[at].text).collect();
    texts.sort();
    texts.dedup();
    match texts.len() {
        0 => Err(TrustError::NoSuch(id.to_owned())),
        1 => Ok(found),
        count => Err(TrustError::Ambiguous { id: id.to_owned(), count }),
    }
}

fn show(report: &mut Report, id: &str) -> Done {
    let pins = Pins::load()?;
    let found = find(&pins, id)?;
    say(report, pins.policies[found[0]].text.trim_end_matches('\n'));
    Ok(())
}

fn remove(report: &mut Report, id: &str) -> Done {
    let removed = Pins::change(|pins| {
        let found = find(pins, id)?;
        let removed = pins.policies[found[0]].id();
        let mut at = 0;
        pins.policies.retain(|_| {
            at += 1;
            !found.contains(&(at - 1))
        });
        Ok::<_, TrustError>(removed)
    })?;
    say(report, format_args!("removed the policy {removed}: it judges nothing any more"));
    Ok(())
}

fn export(report: &mut Report) -> Done {
    let pins = Pins::load()?;
    say(report, pins.to_text().trim_end_matches('\n'));
    Ok(())
}

fn distrust(report: &mut Report, args: &args::trust::Distrust) -> Done {
    let after = i64::try_from(args.after.get()).ok().and_then(|at| jiff::Timestamp::from_second(at).ok());
    let after = after.unwrap_or(jiff::Timestamp::MAX);
    let (key, name) = Pins::change(|pins| {
        let (key, name) = named_key(pins, &args.key)?;
        let reason = args.reason.clone();
        // One entry a key: the later word holds.
        pins.distrusted.retain(|other| other.key != key);
        pins.distrusted.push(Distrusted { key, name: name.clone(), after, stolen: args.stolen, reason });
        Ok::<_, TrustError>((key, name))
    })?;
    let what =
        name.map_or_else(|| format!("the key {key}"), |name| format!("{} (key {key})", escape::text(&name)));
    let meaning = if args.stolen {
        "what it signed counts only where a renewal shows that it is from this time or before"
    } else {
        "what it signed counts if its own timestamp is from this time or before; if a thief may have written earlier times, \
         say --stolen"
    };
    say(report, format_args!("{what} is distrusted after {after}: {meaning}"));
    Ok(())
}

/// A key by its vkey, its fingerprint, or its name in a policy.
fn named_key(pins: &Pins, given: &str) -> Result<(Hash, Option<String>), TrustError> {
    if let Ok(key) = VerifierKey::parse(given) {
        return Ok((key.fingerprint(), Some(key.name().to_string())));
    }
    let mut known = Vec::new();
    for policy in pins.policies.iter().filter_map(|pinned| pinned.policy().ok()) {
        for log in policy.logs() {
            known.push((log.key.name().to_string(), String::new(), log.key.fingerprint()));
        }
        for witness in policy.witnesses() {
            known.push((witness.name.to_string(), witness.key.name().to_string(), witness.key.fingerprint()));
        }
    }
    if let Some(hash) = Hash::from_hex(given) {
        let name = known.into_iter().find(|(_, _, key)| *key == hash).map(|(name, _, _)| name);
        return Ok((hash, name));
    }
    let mut found: Vec<_> =
        known.into_iter().filter(|(name, key_name, _)| name == given || key_name == given).collect();
    found.sort_by_key(|(_, _, key)| *key);
    found.dedup_by_key(|(_, _, key)| *key);
    match found.as_slice() {
        [] => Err(TrustError::NoSuchKey(given.to_owned())),
        [(name, _, key)] => Ok((*key, Some(name.clone()))),
        _ => Err(TrustError::SeveralKeys(given.to_owned())),
    }
}

fn forgive(report: &mut Report, given: &str) -> Done {
    let begins = |distrusted: &Distrusted| given.len() >= 8 && distrusted.key.to_string().starts_with(given);
    Pins::change(|pins| {
        let before = pins.distrusted.len();
        pins.distrusted.retain(|distrusted| !begins(distrusted));
        let none = pins.distrusted.len() == before;
        if none { Err(TrustError::NotDistrusted(given.to_owned())) } else { Ok(()) }
    })?;
    say(report, format_args!("the key {given} counts again, as the policies say"));
    Ok(())
}

fn holder(report: &mut Report, args: &args::trust::HolderAdd) -> Done {
    let wrong = || TrustError::NotAHolderKey(args.key.clone());
    let key = match Hash::from_hex(&args.key) {
        Some(thumbprint) => thumbprint,
        None => {
            let bytes = hex::decode(&args.key).map_err(|_| wrong())?;
            HolderKey::decode(&bytes).map_err(|_| wrong())?.thumbprint()
        }
    };
    Pins::change(|pins| {
        let holder = Holder { name: args.name.clone(), key };
        if !pins.holders.contains(&holder) {
            pins.holders.push(holder);
        }
        Ok::<_, PinsError>(())
    })?;
    let name = escape::text(&args.name);
    say(
        report,
        format_args!("pinned for {name}: the key {key}; `verify --holder` now asks for a claim signed by it"),
    );
    Ok(())
}

fn forget_holder(report: &mut Report, name: &str) -> Done {
    let count = Pins::change(|pins| {
        let before = pins.holders.len();
        pins.holders.retain(|holder| holder.name != name);
        let count = before - pins.holders.len();
        if count == 0 { Err(TrustError::NoHolder(name.to_owned())) } else { Ok(count) }
    })?;
    say(report, format_args!("forgotten: {count} of the keys pinned for {}", escape::text(name)));
    Ok(())
}
