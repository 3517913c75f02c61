//! Tokens and receipts.

use super::{ShowError, Shown, judged_checkpoint};
use crate::{clock, paths};
use serde_json::json;
use treering_tlog::{policy::Policy, tree::verify_inclusion};
use treering_token::{
    claim::Claim,
    describe, escape,
    token::{ClaimOpening, Token},
    verify::Verifier,
};

pub(super) fn shown(bytes: &[u8], policy: Option<&Policy>) -> Result<Shown, ShowError> {
    let token = Token::parse(bytes)?;
    let kind = if token.is_receipt() { "receipt" } else { "token" };
    let mut lines = vec![
        format!(
            "entry {} of the log, sealed (it says) at {}",
            token.index(),
            describe::millis(token.entry().sealed_at())
        ),
        format!("layers from the {} to the entry: {}", bottom(&token), token.layers().as_slice().len()),
    ];
    let mut fields = json!({
        "entry": token.index(),
        "sealed_at": describe::millis(token.entry().sealed_at()),
        "submissions": token.entry().submissions(),
        "layers": token.layers().as_slice().len(),
        "renews": token.renews().map(|renews| renews.to_string()),
        "has_lower_bound": token.after().is_some(),
    });
    match (token.claim(), token.opening()) {
        (Some(claim), Some(opening)) => {
            lines.extend(claimed(claim, opening));
            fields["digests"] = json!(paths::digests_in_hex(&claim.digests));
            fields["title"] = json!(claim.title);
            fields["holder"] = json!(opening.holder.as_ref().map(|opening| &opening.name));
            fields["agent"] = json!(opening.agent.as_ref().map(|opening| &opening.name));
        }
        _ if token.is_receipt() => {}
        _ => lines.push("plain: for a file's SHA-256 itself".to_owned()),
    }
    lines.extend(token.renews().map(|renews| format!("renews an earlier token, SHA-256 {renews}")));
    let judged = policy.map(|policy| judge(policy, &token));
    Ok(Shown { kind, judged, lines, fields })
}

fn bottom(token: &Token) -> &'static str {
    if token.is_receipt() { "submission" } else { "file" }
}

fn claimed(claim: &Claim, opening: &ClaimOpening) -> Vec<String> {
    let digests = paths::digests_in_hex(&claim.digests).into_iter();
    let mut lines: Vec<_> = digests.map(|(name, hex)| format!("for the file with {name} {hex}")).collect();
    for (what, blinded, opening) in
        [("holder", &claim.holder, &opening.holder), ("agent", &claim.agent, &opening.agent)]
    {
        lines.extend(match (blinded, opening) {
            (None, _) => None,
            (Some(_), None) => Some(format!("{what}: not disclosed")),
            (Some(_), Some(opening)) => Some(format!("{what}: {} (claimed)", escape::text(&opening.name))),
        });
    }
    lines.extend(claim.title.as_ref().map(|title| format!("title: {} (claimed)", escape::text(title))));
    lines
}

/// A claim names its file's digests, so that all but the file itself can be verified. What a plain token or a receipt is for
/// stands outside of it: there only the entry's place in the log can be.
fn judge(policy: &Policy, token: &Token) -> Result<Vec<String>, String> {
    if let Some(claim) = token.claim() {
        let verified = Verifier { policy, now: clock::now() }
            .token(token, &claim.digests)
            .map_err(|error| error.to_string())?;
        let mut lines = vec!["a file with these digests:".to_owned()];
        lines.extend(describe::verified(&verified));
        return Ok(lines);
    }
    let opened = policy.open(token.proof().checkpoint.clone()).map_err(|error| error.to_string())?;
    let head = opened.checkpoint.head();
    verify_inclusion(&token.entry().leaf_hash(), token.index(), &head, &token.proof().path)
        .map_err(|error| format!("the entry is not in the checkpoint's tree: {error}"))?;
    let mut lines =
        vec![format!("the entry is in the log; what {} it is for is not checked here", bottom(token))];
    lines.extend(judged_checkpoint(policy, &opened)?);
    Ok(lines)
}
