//! One HTML page that explains the evidence for one file to somebody who has never heard of it: what is shown, by whom, what is
//! not shown, and how to check each step by hand.
//!
//! The page is whole in itself: no script, no network, no font, no image. Each command in it can be pasted into a shell, and
//! says what it has to print; a test does so. Everything that comes from strangers is escaped.

mod bytes;
mod html;
mod steps;

use crate::judges::Judges;
use html::{escaped, row};
use steps::{Command, Step};
use treering_tlog::{hash::sha256, policy::Policy};
use treering_token::{
    describe, escape,
    token::Token,
    verify::{Named, Verified},
};

/// What the page is about.
pub(crate) struct Evidence<'a> {
    /// The file's name.
    pub(crate) file: String,
    /// In bytes; `None` if the file was not at hand, and only what its token says of it is shown.
    pub(crate) size: Option<u64>,
    /// Newest first, each with what it shows and the place of the policy that judged it.
    pub(crate) tokens: Vec<Link>,
    pub(crate) judges: &'a Judges,
    /// RFC 3339, of the page.
    pub(crate) made_at: String,
}

/// One token.
pub(crate) struct Link {
    pub(crate) bytes: Vec<u8>,
    pub(crate) token: Token,
    pub(crate) verified: Verified,
    pub(crate) judge: usize,
}

/// The page.
pub(crate) fn page(evidence: &Evidence<'_>) -> String {
    let title = format!("Evidence for {}", escape::text(&evidence.file));
    let mut body = vec![format!("<h1>{}</h1>", escaped(&title))];
    body.push(summary(evidence));
    // Whoever reads no further than the first sheet knows what the evidence doesn't say, too.
    body.push(html::NOT_SHOWN.to_owned());
    body.push(html::WORDS.to_owned());
    for (place, link) in evidence.tokens.iter().enumerate().rev() {
        let subject = match evidence.tokens.get(place + 1) {
            // A renewing token is of the older one's bytes.
            Some(_) => steps::Subject { name: "older-token".to_owned() },
            None => steps::Subject::of_file(&evidence.file),
        };
        body.push(section(evidence, link, place, &subject));
    }
    body.push(policies(evidence));
    html::document(&title, &body.join("\n"))
}

/// What a reader in a hurry needs.
fn summary(evidence: &Evidence<'_>) -> String {
    let Some(oldest) = evidence.tokens.last() else { return String::new() };
    let attested = &oldest.verified.attested;
    let mut out = vec!["<section><h2>What is shown</h2>".to_owned()];
    out.push(match (attested.before(), attested.upper) {
        (Some(before), Some(upper)) => format!(
            "<p class=\"verdict\">This file, byte for byte, existed before <strong>{}</strong>.</p>\n<p>That is the word of \
             witnesses: {} of the {} that the policy counts had by then signed a record of it, with their own clocks. It can \
             be false only if {} of them lie, or their keys were stolen.</p>",
            describe::seconds(before),
            upper.met,
            upper.of,
            upper.would_have_to_lie
        ),
        _ => "<p class=\"verdict\">Only the log itself says when this file was recorded: the policy asks for no \
              witness.</p>"
            .to_owned(),
    });
    if evidence.size.is_none() {
        out.push(
            "<p><strong>The file itself was not at hand when this page was made.</strong> What follows holds for a file \
             with the digest below; whether yours has it, step 1 tells.</p>"
                .to_owned(),
        );
    }
    out.push("<table>".to_owned());
    out.push(row("File", &evidence.file));
    out.extend(evidence.size.map(|size| row("Size in bytes (not stamped)", &size.to_string())));
    if let Some(claim) = oldest.token.claim() {
        for (id, digest) in claim.digests.iter() {
            out.push(row(&format!("Its {id} digest"), &hex::encode(digest)));
        }
    }
    out.push(row("Stamped", &oldest.verified.commitment.0.to_string()));
    out.extend(attested.before().map(|before| row("Existed before (witnesses)", &describe::seconds(before))));
    out.push(row(
        "Sealed by the log at (the log's own word)",
        &format!("{}, entry {} of {}", describe::millis(attested.sealed_at), attested.index, attested.origin),
    ));
    if let Some(after) = &oldest.verified.after {
        let text = format!(
            "{} (when the claim was made; not when the file was)",
            describe::seconds(after.not_before)
        );
        out.push(row("Stamped not before", &text));
    }
    out.extend(claimed(&oldest.verified));
    out.push("</table></section>".to_owned());
    out.join("\n")
}

/// Names, title, key: what whoever stamped it says.
fn claimed(verified: &Verified) -> Vec<String> {
    let Some(claim) = &verified.claim else {
        return vec![row("Claims", "none: the file's SHA-256 itself was stamped")];
    };
    let name = |what: &str, named: &Named| match named {
        Named::Absent => None,
        Named::Withheld => Some(row(what, "in the claim, not disclosed in this token")),
        Named::Disclosed(name) => Some(row(what, &format!("{name} (claimed by whoever stamped it)"))),
    };
    let mut rows: Vec<_> =
        name("Holder", &claim.holder).into_iter().chain(name("Agent", &claim.agent)).collect();
    rows.extend(claim.title.as_ref().map(|title| row("Title", &format!("{title} (claimed)"))));
    rows.extend(
        claim.key.as_ref().map(|key| row("The claim is signed by the key", &key.thumbprint().to_string())),
    );
    rows
}

/// One token: who attests, and how to check it by hand.
fn section(evidence: &Evidence<'_>, link: &Link, place: usize, subject: &steps::Subject) -> String {
    let policy = evidence.judges.policy(link.judge);
    let mut out = vec!["<section>".to_owned()];
    if evidence.tokens.len() > 1 {
        let place = evidence.tokens.len() - place;
        out.push(format!("<h2>Token {place} of {}, from the oldest</h2>", evidence.tokens.len()));
        if place > 1 {
            out.push(
                "<p>This token was made later, of the bytes of the one before it, which therefore existed by then. So the \
                 older one is judged as of that time, whatever has become of its keys since.</p>"
                    .to_owned(),
            );
        }
    }
    out.push("<h2>Who attests</h2>".to_owned());
    out.push(who(policy, &link.verified));
    out.push("<h2>How to check it again</h2>".to_owned());
    out.push(format!(
        "<p><strong>With the program:</strong> <code>{}</code> with the policy at the end of this page in a file, offline. \
         Any other program written after the public specification must agree.</p>",
        escaped(&format!("treering verify {} --policy policy", shell_name(subject)))
    ));
    out.push(html::BY_HAND.to_owned());
    let steps = steps::steps(link, policy, subject);
    out.push("<ol>".to_owned());
    out.extend(steps.iter().map(step));
    out.push("</ol>".to_owned());
    out.push(format!(
        "<h3>The token</h3><p>SHA-256 of its file: <code>{}</code></p><pre class=\"token\">{}</pre></section>",
        sha256(&link.bytes),
        escaped(&String::from_utf8_lossy(&link.bytes))
    ));
    out.join("\n")
}

fn shell_name(subject: &steps::Subject) -> String {
    bytes::quoted(&subject.name)
}

fn step(step: &Step) -> String {
    let mut out = format!("<li><h3>{}</h3>", escaped(&step.title));
    for why in &step.why {
        out.push_str(&format!("<p>{}</p>", escaped(why)));
    }
    for Command { text, prints, needs_new_openssl } in &step.commands {
        let class = if *needs_new_openssl { "cmd new" } else { "cmd" };
        out.push_str(&format!("<pre class=\"{class}\">{}</pre>", escaped(text)));
        if *needs_new_openssl {
            out.push_str("<p>(This one needs OpenSSL 3.5 or newer.)</p>");
        }
        out.push_str(&match prints.as_str() {
            "" => "<p class=\"prints\">prints nothing</p><pre class=\"out\"></pre>".to_owned(),
            prints => {
                format!("<p class=\"prints\">must print</p><pre class=\"out\">{}</pre>", escaped(prints))
            }
        });
    }
    out.push_str("</li>");
    out
}

fn who(policy: &Policy, verified: &Verified) -> String {
    let attested = &verified.attested;
    let mut out = vec![
        "<table><thead><tr><th>Who</th><th>Signed at</th><th>SHA-256 of the public key, to be compared with what its owner \
         publishes</th></tr></thead><tbody>"
            .to_owned(),
    ];
    let cells = |who: &str, when: &str, key: &str| {
        format!(
            "<tr><td>{}</td><td>{}</td><td><code>{}</code></td></tr>",
            escaped(who),
            escaped(when),
            escaped(key)
        )
    };
    for key in policy.log_keys(&attested.origin) {
        let who = format!("the log {}", key.name());
        let when = format!("{} (its own word)", describe::millis(attested.sealed_at));
        out.push(cells(&who, &when, &key.fingerprint().to_string()));
    }
    for witness in policy.witnesses() {
        let counts = attested.witnesses.iter().find(|(name, _)| *name == witness.name);
        let distrusted = attested.distrusted.iter().find(|(name, _)| *name == witness.name);
        let when = match (counts, distrusted) {
            (Some((_, time)), _) => describe::seconds(*time),
            (None, Some((_, time))) => {
                format!("{}, which does not count: its key is distrusted", describe::seconds(*time))
            }
            (None, None) => "did not sign this".to_owned(),
        };
        let who = format!("the witness {} ({})", witness.name, witness.key.name());
        out.push(cells(&who, &when, &witness.key.fingerprint().to_string()));
    }
    out.push("</tbody></table>".to_owned());
    out.push(format!("<p>The policy's quorum: {}.</p>", escaped(&policy.describe_quorum())));
    out.join("\n")
}

/// The policies that judged, whole.
fn policies(evidence: &Evidence<'_>) -> String {
    let mut judges: Vec<_> = evidence.tokens.iter().map(|link| link.judge).collect();
    judges.sort_unstable();
    judges.dedup();
    let mut out = vec![html::POLICY.to_owned()];
    for judge in judges {
        let described = evidence.judges.described(judge).unwrap_or("the policy that was given");
        out.push(format!("<p>{}:</p>", escaped(described)));
        let text = String::from_utf8_lossy(evidence.judges.policy(judge).as_bytes()).into_owned();
        out.push(format!("<pre class=\"token\">{}</pre>", escaped(&text)));
    }
    out.push(format!(
        "<p>This page was made by treering {} at {}. It is an explanation; the evidence is the token, and the keys that you \
         trust.</p></section>",
        env!("CARGO_PKG_VERSION"),
        escaped(&evidence.made_at)
    ));
    out.join("\n")
}
