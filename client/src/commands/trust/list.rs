//! `treering trust list`.

use super::Done;
use crate::{
    pins::{self, Pins},
    report::{Report, Verdict},
};
use serde::Serialize;
use treering_token::escape;

/// `--json`: one of these each.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Object<'a> {
    /// `until` is there if it was superseded.
    Policy {
        id: String,
        fingerprint: String,
        pinned_at: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<String>,
        from: &'a str,
        logs: Vec<String>,
        witnesses: Vec<String>,
        quorum: String,
    },
    Distrusted {
        key: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        after: String,
        stolen: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
    },
    Holder {
        name: &'a str,
        key: String,
    },
}

pub(super) fn list(report: &mut Report) -> Done {
    let pins = Pins::load()?;
    for pinned in &pins.policies {
        let Ok(policy) = pinned.policy() else { continue };
        let logs: Vec<_> = policy.logs().iter().map(|log| log.key.name().to_string()).collect();
        let witnesses: Vec<_> = policy.witnesses().iter().map(|witness| witness.name.to_string()).collect();
        let until = pinned.until.map_or_else(
            || "counts today".to_owned(),
            |until| format!("superseded {until}, judges what was attested by then"),
        );
        let text = format!(
            "policy {}: pinned {}, {until}\n  from {}\n  logs: {}\n  quorum: {}",
            pinned.id(),
            pinned.pinned_at,
            escape::text(&pinned.from),
            escape::text(&logs.join(", ")),
            policy.describe_quorum()
        );
        let object = Object::Policy {
            id: pinned.id(),
            fingerprint: pins::policy_fingerprint(&pinned.text).to_string(),
            pinned_at: pinned.pinned_at.to_string(),
            until: pinned.until.map(|until| until.to_string()),
            from: &pinned.from,
            logs,
            witnesses,
            quorum: policy.describe_quorum(),
        };
        report.result(Verdict::Good, &object, text);
    }
    for distrusted in &pins.distrusted {
        let name =
            distrusted.name.as_deref().map(|name| format!("{}, ", escape::text(name))).unwrap_or_default();
        let stolen = if distrusted.stolen { " (stolen)" } else { "" };
        let reason = distrusted.reason.as_deref().map(|reason| format!(": {}", escape::text(reason)));
        let text = format!(
            "distrusted after {}{stolen}: {name}key {}{}",
            distrusted.after,
            distrusted.key,
            reason.unwrap_or_default()
        );
        let object = Object::Distrusted {
            key: distrusted.key.to_string(),
            name: distrusted.name.as_deref(),
            after: distrusted.after.to_string(),
            stolen: distrusted.stolen,
            reason: distrusted.reason.as_deref(),
        };
        report.result(Verdict::Good, &object, text);
    }
    for holder in &pins.holders {
        let text = format!("holder {}: key {}", escape::text(&holder.name), holder.key);
        report.result(
            Verdict::Good,
            &Object::Holder { name: &holder.name, key: holder.key.to_string() },
            text,
        );
    }
    if pins.policies.is_empty() {
        report.remark("no policy is pinned: `treering trust add URL` pins one");
    }
    Ok(())
}
