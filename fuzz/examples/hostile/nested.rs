//! CBOR and DER: nested, long and lying; evidence, a mirror's messages, RFC 3161.

use treering_fuzz::evidence::Evidence;
use treering_tlog::mirror::{AddEntries, Package};
use treering_token::{claim::Claim, entry::Entry};
use treering_tsa::{certificate::Certificate, query::Query, reply::Reply};

use crate::{
    bundles::walk,
    measure::{MB, time},
};

pub(crate) fn all() {
    witnesses();
    timestamps();
}

/// Evidence, and a mirror's messages.
fn witnesses() {
    let magic = b"\x89\x73treering.evidence/1";
    for (name, bytes) in [
        ("nesting", [&magic[..], &[0x81; MB]].concat()),
        ("long lengths", [&magic[..], &[0x9b, 0, 0, 0, 1, 0, 0, 0, 0].repeat(MB / 9)].concat()),
        ("text", [&magic[..], &[0x7a, 0, 0x0f, 0x42, 0x40], &[b'a'; MB]].concat()),
    ] {
        time(&format!("evidence, {name}"), &bytes, |bytes| Evidence::parse(bytes).is_ok());
    }
    time("mirror's package, empty entries", &[0; MB], |bytes| Package::parse(bytes, 256).is_ok());
    time("mirror's header, zeroes", &[0; MB], |bytes| AddEntries::parse(bytes).is_ok());
}

/// DER: nested, with long and wrong lengths, and bodies of hashes in CBOR beside them.
fn timestamps() {
    // Each SEQUENCE holds the next, as deep as a megabyte goes.
    let mut nested = vec![0x30, 0x80];
    (0..MB as u32 / 6).for_each(|depth| {
        let rest = MB as u32 - depth * 6;
        nested.extend([&[0x30, 0x84], &rest.to_be_bytes()[..]].concat());
    });
    let integer = [&[0x30, 0x83, 0x0f, 0x42, 0x44, 0x02, 0x83, 0x0f, 0x42, 0x40][..], &[1; MB]].concat();
    let many = [&[0x30, 0x83, 0x0f, 0x42, 0x40][..], &[0x30, 0].repeat(MB / 2)].concat();
    for (name, bytes) in [("nested", nested), ("a long integer", integer), ("empty sequences", many)] {
        time(&format!("RFC 3161 query, {name}"), &bytes, |bytes| Query::parse(bytes).is_ok());
        time(&format!("RFC 3161 reply, {name}"), &bytes, |bytes| Reply::parse_file(bytes).is_ok());
        time(&format!("certificate, {name}"), &bytes, |bytes| Certificate::parse(bytes).is_ok());
    }
    for (name, bytes) in [
        ("arrays", vec![0x81; MB]),
        ("maps", vec![0xa1; MB]),
        ("arrays of great length", [0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff].repeat(MB / 9)),
    ] {
        time(&format!("CBOR nested in a claim, {name}"), &bytes, |bytes| Claim::parse(bytes).is_ok());
        time(&format!("CBOR nested in an entry, {name}"), &bytes, |bytes| Entry::decode(bytes).is_ok());
        time(&format!("CBOR nested in a bundle, {name}"), &bytes, |bytes| walk(bytes, MB));
    }
}
