//! Entries, claims, tokens.

use treering_fuzz::vectors::TOKENS;
use treering_tlog::{hash::sha256, time::UnixMillis};
use treering_token::{claim::HolderKey, entry::Entry, token::Token};

use crate::{Seeds, change_bytes, seed};

/// A few of the vectors' good tokens, by name.
const GOOD: [&str; 6] = [
    "plain",
    "blinded, every field",
    "digest of an unknown algorithm",
    "holder's key on P-256",
    "renewal",
    "receipt",
];
/// And bad ones.
const BAD: [&str; 6] = [
    "longer head",
    "keys out of order",
    "17 layers",
    "path bit without a sibling",
    "P-256 with high s",
    "title that is not UTF-8",
];

pub(crate) fn entries() -> Seeds {
    let entry = |sealed_at, submissions| {
        let sealed_at = UnixMillis::new(sealed_at).expect("a time");
        Entry::new(sealed_at, sha256(b"batch"), submissions).expect("in range").encode()
    };
    vec![
        seed("usual", entry(1_763_786_462_913, 3)),
        seed("shortest", entry(Entry::MIN_SEALED_AT, 1)),
        seed("longest", entry(UnixMillis::MAX.get(), Entry::MAX_SUBMISSIONS)),
    ]
}

pub(crate) fn claims() -> Seeds {
    let mut seeds = Seeds::new();
    for name in GOOD {
        let claim = |text: &String| Some(Token::parse(text.as_bytes()).ok()?.opening()?.claim.clone());
        if let Some(claim) = TOKENS.case(name).tokens.iter().find_map(claim) {
            seeds.push(seed(name, claim));
        }
    }
    let key = HolderKey::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[9; 32]).verifying_key().to_bytes());
    seeds.push(seed("key", key.encode()));
    seeds
}

pub(crate) fn tokens() -> Seeds {
    let good = GOOD.iter().map(|name| seed(name, &TOKENS.case(name).tokens[0]));
    let bad = TOKENS.bad.iter().filter(|case| BAD.contains(&case.name.as_str()));
    good.chain(bad.map(|case| seed(&case.name, &case.tokens[0]))).collect()
}

pub(crate) fn extras() -> Seeds {
    let good = GOOD.iter().map(|name| (*name, TOKENS.case(name).proof()));
    let bad = TOKENS.bad.iter().filter(|case| BAD.contains(&case.name.as_str()));
    let all = good.chain(bad.map(|case| (case.name.as_str(), case.proof())));
    all.map(|(name, proof)| seed(name, proof.extra.unwrap_or_default())).collect()
}

/// Any bytes are an input: a few of each kind to begin with.
pub(crate) fn forgeries() -> Seeds {
    (0..8_u8).map(|kind| seed(&format!("change_{kind}"), change_bytes(kind, 48))).collect()
}
