//! Examples that are refused for their claim. Each was stamped just as it is, so nothing else is wrong with it.

use super::{
    bad::bad,
    format::Case,
    raw::{bytes, map, text, uint, with_claim},
};
use crate::world::{FILE, claim, full_claim, seed, sign_ed25519, sign_p256};
use treering_tlog::hash::sha256;
use treering_token::claim::{Claim, HolderKey};

pub(super) fn cases() -> Vec<Case> {
    digests().into_iter().chain(fields()).chain(keys()).chain(signatures()).collect()
}

fn stamped(name: &str, comment: &str, claim: &[u8]) -> Case {
    bad(name, comment, with_claim(claim, &[]))
}

fn sha256_of_file() -> (i64, Vec<u8>) {
    (1, bytes(sha256(FILE).as_bytes()))
}

fn digests() -> Vec<Case> {
    let with = |name, comment, digests: &[(i64, Vec<u8>)]| stamped(name, comment, &map(&[(1, map(digests))]));
    vec![
        stamped("claim without digests", "Only a title.", &map(&[(4, text("title"))])),
        with("digests without SHA-256", "SHA-512 alone.", &[(8, bytes(&[0; 64]))]),
        with(
            "truncated SHA-256",
            "Id 3, sha-256-120, beside the whole one.",
            &[sha256_of_file(), (3, bytes(&[0; 15]))],
        ),
        with("SHA-256 of 31 bytes", "Too short.", &[(1, bytes(&[0; 31]))]),
        with("SHA-512 of 63 bytes", "Too short.", &[sha256_of_file(), (8, bytes(&[0; 63]))]),
        with("empty digest", "Of an unknown algorithm, and empty.", &[sha256_of_file(), (99, bytes(&[]))]),
        with(
            "digests out of order",
            "10 before 8.",
            &[sha256_of_file(), (10, bytes(&[0; 32])), (8, bytes(&[0; 64]))],
        ),
        with(
            "claim of 4,097 bytes",
            "One more than it may have.",
            &[sha256_of_file(), (99, bytes(&[0; 4054]))],
        ),
    ]
}

fn fields() -> Vec<Case> {
    let with = |name, comment, field: i64, value: Vec<u8>| {
        stamped(name, comment, &map(&[(1, map(&[sha256_of_file()])), (field, value)]))
    };
    let good = claim(FILE).encode();
    vec![
        with("empty title", "A title has at least one byte.", 4, text("")),
        with("title of 1,025 bytes", "One more than it may have.", 4, text(&"x".repeat(1025))),
        with("title that is not UTF-8", "0xff.", 4, vec![0x61, 0xff]),
        with("title as bytes", "It is text.", 4, bytes(b"title")),
        with("holder of 31 bytes", "It is a SHA-256.", 2, bytes(&[0; 31])),
        with("unknown field", "8.", 8, uint(0)),
        stamped(
            "claim with a longer head",
            "The map's head takes two bytes.",
            &[&[0xb8, 0x01], &good[1..]].concat(),
        ),
        stamped("claim with a trailing byte", "One zero byte.", &[&good[..], &[0]].concat()),
    ]
}

fn keys() -> Vec<Case> {
    let with = |name, comment, key: Vec<u8>| {
        let pairs = [(1, map(&[sha256_of_file()])), (6, key), (7, bytes(&[0; 64]))];
        stamped(name, comment, &map(&pairs))
    };
    let point = bytes(&seed("some bytes"));
    let mut identity = [0; 32];
    identity[0] = 1;
    let off_curve = HolderKey::P256 { x: seed("x"), y: seed("y") }.encode();
    vec![
        with("key on X25519", "-1: 4.", map(&[(1, uint(1)), (-1, uint(4)), (-2, point.clone())])),
        with(
            "key with an algorithm",
            "3: -8.",
            map(&[(1, uint(1)), (3, vec![0x27]), (-1, uint(6)), (-2, point)]),
        ),
        with(
            "weak key",
            "Ed25519's identity verifies what nobody signed.",
            HolderKey::Ed25519(identity).encode(),
        ),
        with("key off the curve", "P-256 has no such point.", off_curve),
    ]
}

fn signatures() -> Vec<Case> {
    let signed = |claim: &Claim| claim.signed.clone().unwrap();
    let (key, signature) = signed(&sign_ed25519(claim(FILE)));
    let digests = (1, map(&[sha256_of_file()]));
    let changed = Claim { title: Some("Another".to_owned()), after: None, ..full_claim().0 };
    vec![
        stamped("key without a signature", "6 without 7.", &map(&[digests.clone(), (6, key.encode())])),
        stamped("signature without a key", "7 without 6.", &map(&[digests, (7, bytes(&signature))])),
        stamped("claim changed after it was signed", "Another title.", &changed.encode()),
        stamped("P-256 with high s", "The other s verifies too.", &sign_p256(claim(FILE), false).encode()),
    ]
}
