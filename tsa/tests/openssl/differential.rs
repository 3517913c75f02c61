//! Whatever is changed of a reply: what we take, openssl takes; and what we refuse, it refuses, but for [`STRICTER`].

use crate::openssl_program::Openssl;
use std::{env, num::NonZero, thread};
use treering_tsa::{imprint::ImprintAlgorithm, query::Query, reply::Reply, signer::KeyKind};

/// Every so many bytes of a reply, unless the environment says another number: openssl takes some milliseconds each time.
const STRIDE: usize = 7;

/// What we refuse and openssl doesn't look at: fields that nobody signs and that RFC 5652 fixes.
const STRICTER: [&str; 3] =
    [" is signed with the algorithm ", " has the version ", "a value of tag 0x06 is not in DER's form"];

/// What the identifiers of ECDSA begin with; the last number says with which hash (RFC 5758 section 3.2).
const ECDSA_WITH: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3];

#[test]
fn openssl_and_we_take_the_same_of_what_is_changed() {
    let stride = env::var("TREERING_TSA_STRIDE").map_or(STRIDE, |text| text.parse().expect("a number"));
    let lanes = thread::available_parallelism().map_or(1, NonZero::get);
    for kind in crate::KEYS {
        let differ: Vec<String> = thread::scope(|scope| {
            let lanes: Vec<_> = (0..lanes)
                .map(|lane| scope.spawn(move || differ(kind, lane * stride, lanes * stride)))
                .collect();
            lanes.into_iter().flat_map(|lane| lane.join().expect("it doesn't panic")).collect()
        });
        assert!(differ.is_empty(), "{kind:?}:\n{}", differ.join("\n"));
    }
}

/// Where one takes what the other refuses, of the bytes from `first` on.
fn differ(kind: KeyKind, first: usize, stride: usize) -> Vec<String> {
    let openssl = Openssl::new(kind);
    let query = openssl.query(ImprintAlgorithm::Sha256, true);
    let reply = openssl.grant(&query);
    let (verifier, asked) = (openssl.verifier(), Query::parse(&query).unwrap());
    let ours = |bytes: &[u8]| match Reply::parse_file(bytes) {
        Err(error) => Err(error.to_string()),
        Ok(reply) => match verifier.verify(&reply, asked.imprint(), asked.nonce()) {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        },
    };
    ours(&reply).unwrap();
    openssl.verify_query(&reply, &query, false).unwrap();
    let mut found = Vec::new();
    for place in (first..reply.len()).step_by(stride) {
        let mask = 1 << (place / stride % 8);
        let mut changed = reply.clone();
        changed[place] ^= mask;
        let (ours, theirs) = (ours(&changed), openssl.verify_query(&changed, &query, false));
        // openssl also takes what is made of parts where the tag says that it isn't.
        let is_tag = mask == 0x20 && [0x30, 0x31, 0xa0, 0xa1, 0xa4].contains(&reply[place]);
        // Of one ECDSA into another, whose hash isn't the one that was signed: openssl takes the signed attributes' hash.
        let is_hash = reply[..place].ends_with(&ECDSA_WITH);
        let is_stricter =
            |error: &String| is_tag || is_hash || STRICTER.iter().any(|words| error.contains(words));
        if ours.is_ok() != theirs.is_ok() && !ours.as_ref().is_err_and(is_stricter) {
            found.push(format!("byte {place} ^ {mask:#04x}: ours {ours:?}, openssl {theirs:?}"));
        }
    }
    found
}
