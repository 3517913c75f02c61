//! Tokens, claims and entries.

use treering_fuzz::vectors::TOKENS;
use treering_tlog::proof::TlogProof;
use treering_token::{claim::Claim, entry::Entry, token::Token};

use crate::measure::{MB, time};

pub(crate) fn all() {
    let proof = TOKENS.case("blinded, every field").proof();
    let with = |extra: Vec<u8>| TlogProof { extra: Some(extra), ..proof.clone() }.to_string();
    for (name, extra) in [
        ("long extra", vec![0xa5; 740_000]),
        ("extra of 48,000 bytes", vec![0x81; 48_000]),
        (
            "many layers",
            [&[0xa2, 1, 0x40, 2, 0x9b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff][..], &[0x80; 40_000]].concat(),
        ),
    ] {
        let text = with(extra);
        time(&format!("token, {name}"), text.as_bytes(), |bytes| Token::parse(bytes).is_ok());
    }
    let mut claim = [&b"\xa1\x01\xb9\x03\x20\x01\x58\x20"[..], &[0; 32]].concat();
    (24..824_u16).for_each(|id| {
        claim.extend(if id < 256 {
            vec![0x18, id.to_be_bytes()[1]]
        } else {
            [&[0x19], &id.to_be_bytes()[..]].concat()
        });
        claim.extend([0x41, 7]);
    });
    time("claim, 800 digests (4 KB)", &claim, |bytes| Claim::decode(bytes).is_ok());
    time("entry, 1 MB", &[0x84; MB], |bytes| Entry::decode(bytes).is_ok());
}
