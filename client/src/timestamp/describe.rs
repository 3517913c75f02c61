//! What a timestamp shows, in plain words. Times are RFC 3339 in UTC, and strangers' text is escaped.

use super::{Shown, WitnessesWord};
use treering_token::{describe, escape};
use treering_tsa::transparent::Transparent;

/// Whose word says what, and what nobody's does, a line each.
pub(crate) fn lines(shown: &Shown) -> Vec<String> {
    let mut lines = vec![authority(shown)];
    match (&shown.authority, &shown.root) {
        (Some(_), Some(_)) => {}
        (Some(_), None) => lines.push(
            "NOT CHECKED: whose word that is: anybody can make such a certificate; give the roots that you trust with \
             --ca"
                .to_owned(),
        ),
        (None, _) => lines.push(
            "NOT CHECKED: the signature: the authority's certificate is not there; give it with --untrusted, and the \
             roots that you trust with --ca"
                .to_owned(),
        ),
    }
    if shown.is_in_future {
        lines.push("the authority's time is in the future by this verifier's clock".to_owned());
    }
    lines.extend(witnesses(&shown.witnesses));
    lines.push(NOT_SHOWN.to_owned());
    lines
}

const NOT_SHOWN: &str =
    "not shown: the file's name, path and size, who made it, whether a certificate was revoked";

fn authority(shown: &Shown) -> String {
    let info = &shown.info;
    let accuracy = match info.accuracy {
        Some(accuracy) => format!("give or take {accuracy}"),
        None => "without saying how accurate that is".to_owned(),
    };
    let whom = match (&shown.authority, &shown.root) {
        (Some(authority), Some(root)) => {
            format!("{}, vouched for by {}", escape::text(authority), escape::text(root))
        }
        (Some(authority), None) => format!("calls itself {}", escape::text(authority)),
        (None, _) => "signer unknown".to_owned(),
    };
    format!(
        "the authority's word: it existed at {}, {accuracy} ({whom}; serial {}, policy {}, {})",
        info.gen_time,
        info.serial,
        info.policy,
        info.imprint.algorithm()
    )
}

fn witnesses(word: &WitnessesWord) -> Vec<String> {
    match word {
        WitnessesWord::Shown(shown) => transparent(shown),
        WitnessesWord::NoProof => {
            vec![format!("not shown: {BACKDATED}: there is no log's proof, so {WHOEVER}")]
        }
        WitnessesWord::NoPolicy => vec![format!(
            "not checked: {BACKDATED}: there is a log's proof, and no policy to judge it by (--policy); until then, \
             {WHOEVER}"
        )],
        WitnessesWord::NoCertificate => vec![format!(
            "not checked: {BACKDATED}: there is a log's proof, and no certificate to check the signature with that it \
             is of; until then, {WHOEVER}"
        )],
        WitnessesWord::NoWitness(error) => vec![format!("NOT CHECKED: {BACKDATED}: {error}")],
    }
}

const BACKDATED: &str = "that the time was not chosen afterwards";
const WHOEVER: &str = "whoever has the authority's key can have made this timestamp at any time";

fn transparent(shown: &Transparent) -> Vec<String> {
    let mut lines = vec![
        format!("the witnesses' word: the authority's signature {}", describe::attested(&shown.attested)),
        format!(
            "so the time was not chosen afterwards: they saw the signature at most {} s after the authority's time",
            shown.max_lag
        ),
    ];
    lines.extend(shown.attested.in_future.iter().map(|(name, time)| {
        format!(
            "the witness {name} cosigned at {}, which is in the future by this verifier's clock",
            describe::seconds(*time)
        )
    }));
    lines
}
