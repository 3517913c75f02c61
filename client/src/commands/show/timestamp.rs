//! RFC 3161 timestamps.

use super::Shown;
use crate::clock;
use serde_json::json;
use treering_tlog::policy::Policy;
use treering_token::{describe, escape};
use treering_tsa::{
    certificate::Certificate,
    reply::{Reply, ReplyError, TimestampToken},
    transparent::{DEFAULT_MAX_LAG, verify_embedded},
    verify::Verifier,
};

pub(super) fn shown(bytes: &[u8], policy: Option<&Policy>) -> Result<Shown, ReplyError> {
    let reply = Reply::parse_file(bytes)?;
    let Some(token) = reply.token() else {
        // One that is long enough to be taken for a timestamp.
        return Ok(Shown {
            kind: "timestamp",
            judged: None,
            lines: vec!["a refusal, without a timestamp".to_owned()],
            fields: json!({}),
        });
    };
    let info = token.info();
    let certificates: Vec<_> = token
        .certificates()
        .iter()
        .filter_map(|der| Certificate::parse(der).ok())
        .map(|certificate| escape::text(&certificate.subject()))
        .collect();
    let accuracy = info.accuracy.map_or_else(String::new, |accuracy| format!(", give or take {accuracy}"));
    let carried = if certificates.is_empty() { "none".to_owned() } else { certificates.join("; ") };
    let lines = vec![
        format!("says that what has the digest {} existed at {}{accuracy}", info.imprint, info.gen_time),
        format!("serial {}, policy {}", info.serial, info.policy),
        format!("certificates in it: {carried}"),
        match token.embedded_proofs() {
            [] => "carries no log's proof".to_owned(),
            [_] => "carries a log's proof".to_owned(),
            several => format!("carries {} proofs of logs", several.len()),
        },
    ];
    let fields = json!({
        "time": info.gen_time.to_string(),
        "accuracy_micros": info.accuracy.map(|accuracy| accuracy.as_micros()),
        "imprint": info.imprint.to_string(),
        "serial": info.serial.to_string(),
        "policy": info.policy.to_string(),
        "certificates": certificates,
        "has_proof": !token.embedded_proofs().is_empty(),
    });
    let judged = policy.and_then(|policy| judge(&reply, token, policy));
    Ok(Shown { kind: "timestamp", judged, lines, fields })
}

/// What the log's proof shows, if there is one. Who the authority is, only `verify --ca` can tell.
fn judge(reply: &Reply, token: &TimestampToken, policy: &Policy) -> Option<Result<Vec<String>, String>> {
    if token.embedded_proofs().is_empty() {
        return None;
    }
    let nobody = Verifier::new(Vec::new(), Vec::new()).expect("no root can't be a wrong one");
    let signed = match nobody.signature(reply, &token.info().imprint, None) {
        Ok(signed) => signed,
        Err(error) => return Some(Err(escape::text(&error.to_string()))),
    };
    let shown = verify_embedded(&signed, policy, clock::now(), DEFAULT_MAX_LAG)?;
    Some(shown.map_err(|error| error.to_string()).map(|shown| {
        vec![
            format!("the authority's signature {}", describe::attested(&shown.attested)),
            "not checked: whose signature it is (`treering verify --ca`)".to_owned(),
        ]
    }))
}
