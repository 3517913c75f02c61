//! Examples with keys that fell, and with policies that were superseded.

use super::{
    format::{Case, Distrusted},
    good::{at, case, renewal},
};
use crate::world::{FILE, T, Who, cosigner, log_key, plain};

fn fell(who: Who, after: u64, stolen: bool) -> Distrusted {
    Distrusted { key: cosigner(who).verifier().fingerprint().to_string(), after, stolen }
}

fn log_fell(after: u64) -> Distrusted {
    Distrusted { key: log_key("example.com/log").verifier().fingerprint().to_string(), after, stolen: true }
}

fn with(name: &str, comment: &str, distrusted: Vec<Distrusted>, tokens: &[String]) -> Case {
    Case { distrusted, ..case(name, comment, "two of three", tokens) }
}

/// W1 at T, W2 at T + 1, W3 at T + 9.
fn one_after_the_other() -> Vec<String> {
    vec![at(&[(Who::W1, T), (Who::W2, T + 1), (Who::W3, T + 9)]).token().to_string()]
}

/// A token by W1 and W2 at T, and one that renews it, by the same a hundred seconds later.
fn chain() -> Vec<String> {
    let older = at(&[(Who::W1, T), (Who::W2, T)]).token().to_string();
    vec![renewal(&older, false).token().to_string(), older]
}

pub(super) fn good() -> Vec<Case> {
    let superseded =
        case("superseded later", "The quorum had it by then.", "two of three", &one_after_the_other());
    vec![
        with(
            "a witness's key fell later",
            "W2's cosignature is not younger than that.",
            vec![fell(Who::W2, T + 1, false)],
            &one_after_the_other(),
        ),
        with(
            "a witness's key fell before",
            "W2's doesn't count; with W3's the quorum is met later.",
            vec![fell(Who::W2, T, false)],
            &one_after_the_other(),
        ),
        with(
            "a stolen key in a renewed token",
            "The older token is judged as of T + 101, when nobody had stolen it; W3 isn't needed for the newer one.",
            vec![fell(Who::W3, T + 101, true)],
            &chain(),
        ),
        with(
            "the log's key fell later",
            "The witnesses show that its signature is older.",
            vec![log_fell(T + 1)],
            &one_after_the_other(),
        ),
        Case { until: Some(T + 1), ..superseded },
    ]
}

pub(super) fn bad() -> Vec<Case> {
    let superseded = case(
        "superseded before",
        "The quorum met it a second later.",
        "two of three",
        &one_after_the_other(),
    );
    vec![
        with(
            "two witnesses' keys fell before",
            "Only W1's counts.",
            vec![fell(Who::W2, T, false), fell(Who::W3, T + 8, false)],
            &one_after_the_other(),
        ),
        with(
            "a stolen key",
            "Whatever time it says: W1's alone counts, as W3 is not there.",
            vec![fell(Who::W2, T + 1000, true)],
            &[at(&[(Who::W1, T), (Who::W2, T)]).token().to_string()],
        ),
        with(
            "a stolen key in the newer token",
            "The older one would hold as of T + 101, but nothing shows how old the newer one is.",
            vec![fell(Who::W2, T + 101, true)],
            &chain(),
        ),
        with(
            "the log's key fell before",
            "The quorum had cosigned only a second later.",
            vec![log_fell(T)],
            &one_after_the_other(),
        ),
        Case {
            distrusted: vec![log_fell(T + 1000)],
            ..case(
                "the log's key fell, and no witness is asked for",
                "Nothing shows how old its signature is.",
                "none",
                &[plain(FILE).token().to_string()],
            )
        },
        Case { until: Some(T), ..superseded },
        Case {
            until: Some(T + 1000),
            ..case(
                "superseded, and no witness is asked for",
                "Nothing shows that it was signed before.",
                "none",
                &[plain(FILE).token().to_string()],
            )
        },
    ]
}
