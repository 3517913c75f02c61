//! `treering show`.

mod bundle;
mod html;
mod key;
mod timestamp;
mod token;

use super::JsonPath;
use crate::{
    args, bundle_file, locate, paths, policy_file,
    policy_file::read_bounded,
    report::{Report, Verdict},
    signer,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    process::ExitCode,
};
use treering_tlog::{
    checkpoint::Checkpoint,
    note::{Note, NoteError, VerifierKey},
    policy::{Opened, Policy},
    proof::TlogProof,
    time::UnixSeconds,
};
use treering_token::{describe, escape, token::TokenError};
use treering_tsa::reply::{Reply, ReplyError};

/// Larger than anything that is no bundle.
const MAX_BYTES: usize = Reply::MAX_BYTES;

pub(super) fn run(args: &args::Show) -> ExitCode {
    let mut report = Report::new(&args.output_form, "read");
    if let Some(page) = &args.html {
        html::run(&mut report, args, page);
        return report.finish();
    }
    let policy = match &args.policy {
        None => None,
        given => match policy_file::read(given.as_ref(), None) {
            Ok(policy) => Some(policy),
            Err(error) => {
                report.problem(Verdict::Unchecked, error);
                return report.finish();
            }
        },
    };
    for file in &args.files {
        match look(file, policy.as_ref()) {
            Ok(shown) => tell(&mut report, file, shown),
            Err(error) => report.problem(error.verdict(), format_args!("{}: {error}", paths::shown(file))),
        }
    }
    report.finish()
}

/// What a file is and says.
struct Shown {
    kind: &'static str,
    /// What the policy says of it; `None` without a policy, or where there is nothing to verify.
    judged: Option<Result<Vec<String>, String>>,
    lines: Vec<String>,
    fields: Value,
}

/// `--json`: one of these a file.
#[derive(Debug, Serialize)]
struct Object {
    /// `token`, `receipt`, `bundle`, `timestamp`, `checkpoint`, `policy` or `key`.
    r#type: &'static str,
    #[serde(flatten)]
    path: JsonPath,
    /// Absent without `--policy`: then nothing was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What it says; the fields depend on the type.
    says: Value,
}

/// Why a file can't be shown.
#[derive(Debug, thiserror::Error)]
enum ShowError {
    #[error("can't be read: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Bundle(#[from] bundle_file::BundleFileError),
    #[error("a damaged token or receipt: {0}")]
    Token(#[from] TokenError),
    #[error("a damaged timestamp, or none: {0}")]
    Timestamp(#[from] ReplyError),
    #[error(transparent)]
    Key(#[from] signer::KeyError),
    #[error(
        "not a token, receipt, bundle, checkpoint, policy or key (as a note: {note}; as a policy: {policy})"
    )]
    Unknown { note: NoteError, policy: treering_tlog::policy::PolicyError },
    #[error("not a token, receipt, bundle, checkpoint, policy or key: it is too large")]
    TooLong,
}

impl ShowError {
    fn verdict(&self) -> Verdict {
        match self {
            ShowError::Token(_) => Verdict::Invalid,
            ShowError::Timestamp(error) if !error.is_unsupported() => Verdict::Invalid,
            ShowError::Bundle(error) if !error.is_io() => Verdict::Invalid,
            _ => Verdict::Unchecked,
        }
    }
}

fn look(path: &Path, policy: Option<&Policy>) -> Result<Shown, ShowError> {
    let mut start = Vec::new();
    File::open(path)?.take(64).read_to_end(&mut start)?;
    if bundle_file::looks_like_bundle(&start) {
        return bundle::shown(path, policy);
    }
    let bytes = read_bounded(path, MAX_BYTES)?.ok_or(ShowError::TooLong)?;
    if start.starts_with(TlogProof::FIRST_LINE.as_bytes()) {
        return token::shown(&bytes, policy);
    }
    if locate::looks_like_timestamp(&start) {
        return Ok(timestamp::shown(&bytes, policy)?);
    }
    if let Some(key) = signer::public_key(path) {
        return Ok(key::shown(&key?));
    }
    match (Note::parse(&bytes), Policy::parse(&bytes)) {
        (Ok(note), _) => Ok(checkpoint(note, policy)),
        (_, Ok(policy)) => Ok(policy_shown(&policy)),
        (Err(note), Err(policy)) => Err(ShowError::Unknown { note, policy }),
    }
}

fn tell(report: &mut Report, path: &Path, shown: Shown) {
    let (verdict, judgement) = match &shown.judged {
        None => (Verdict::Good, vec!["not verified: give --policy, or use `treering verify`".to_owned()]),
        Some(Ok(lines)) => (
            Verdict::Good,
            std::iter::once("verified under the policy:".to_owned()).chain(lines.clone()).collect(),
        ),
        Some(Err(error)) => (Verdict::Invalid, vec![format!("NOT verified: {error}")]),
    };
    let mut text = format!("{}: {}", paths::shown(path), shown.kind);
    let judgement = if matches!(shown.kind, "policy" | "key") { Vec::new() } else { judgement };
    for line in shown.lines.iter().chain(&judgement) {
        text.push_str("\n  ");
        text.push_str(line);
    }
    let object = Object {
        r#type: shown.kind,
        path: JsonPath::of(path),
        verified: shown.judged.as_ref().map(Result::is_ok),
        reason: shown.judged.and_then(Result::err),
        says: shown.fields,
    };
    report.result(verdict, &object, text);
}

fn checkpoint(note: Note, policy: Option<&Policy>) -> Shown {
    let signers: Vec<_> = note.signatures().iter().map(|line| escape::text(line.name().as_str())).collect();
    let mut lines = Vec::new();
    let mut fields = json!({ "signers": signers });
    match Checkpoint::parse(note.text()) {
        Ok(checkpoint) => {
            let (origin, head) = (escape::text(checkpoint.origin.as_str()), checkpoint.head);
            lines.push(format!("of the log {origin}: {} entries, root {}", head.size, head.root));
            fields["origin"] = json!(origin);
            fields["size"] = json!(head.size.get());
            fields["root"] = json!(head.root.to_string());
        }
        Err(error) => lines.push(format!("a signed note, but no checkpoint: {error}")),
    }
    lines.push(format!("signature lines by: {}", signers.join(", ")));
    let judged = policy.map(|policy| match policy.open(note) {
        Ok(opened) => judged_checkpoint(policy, &opened),
        Err(error) => Err(error.to_string()),
    });
    Shown { kind: "checkpoint", judged, lines, fields }
}

/// What a policy says of a checkpoint that it has opened.
fn judged_checkpoint(policy: &Policy, opened: &Opened) -> Result<Vec<String>, String> {
    let mut lines = vec!["the log's signature is good".to_owned()];
    for cosigned in &opened.cosigned {
        let name = &policy.witnesses()[cosigned.witness].name;
        lines.push(format!("cosigned by {name} at {}", describe::seconds(cosigned.time)));
    }
    lines.push(match policy.upper_bound(&opened.cosigned) {
        Some(bound) => {
            let before = UnixSeconds::new(bound.time.get() + 1).unwrap_or(UnixSeconds::MAX);
            format!(
                "the tree existed before {} ({} of {}; {} would have to lie)",
                describe::seconds(before),
                bound.met,
                bound.of,
                bound.would_have_to_lie
            )
        }
        None if policy.needs_no_witness() => "the policy asks for no witness: no attested time".to_owned(),
        None => return Err("too few witnesses for the policy's quorum: no attested time".to_owned()),
    });
    Ok(lines)
}

fn policy_shown(policy: &Policy) -> Shown {
    let key = |what: &str, key: &VerifierKey, url: &Option<String>| {
        let url = url.as_ref().map(|url| format!(" at {}", escape::text(url))).unwrap_or_default();
        format!("{what} {}{url}, key {} (SHA-256)", escape::text(key.name().as_str()), key.fingerprint())
    };
    let mut lines: Vec<_> = policy.logs().iter().map(|log| key("log", &log.key, &log.url)).collect();
    lines.extend(
        policy
            .witnesses()
            .iter()
            .map(|witness| key(&format!("witness {} =", witness.name), &witness.key, &witness.url)),
    );
    let canonical = policy.to_canonical();
    let rules = canonical
        .split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"group ") || line.starts_with(b"quorum "));
    lines.extend(rules.map(escape::bytes));
    lines.push("compare the keys with what the operators publish elsewhere".to_owned());
    let keyed = |name: String, key: &VerifierKey, url: &Option<String>| json!({ "name": name, "vkey": key.to_string(), "fingerprint": key.fingerprint().to_string(), "url": url });
    let logs: Vec<_> =
        policy.logs().iter().map(|log| keyed(log.key.name().to_string(), &log.key, &log.url)).collect();
    let witnesses: Vec<_> = policy
        .witnesses()
        .iter()
        .map(|witness| keyed(witness.name.to_string(), &witness.key, &witness.url))
        .collect();
    Shown { kind: "policy", judged: None, lines, fields: json!({ "logs": logs, "witnesses": witnesses }) }
}
