//! What the decoder refuses: each refusal by its bytes. The first is always a case that stands, one step away.

use crate::{
    build::{self, file, with},
    log::Log,
};
use treering_tlog::hash::Hash;
use treering_token::{
    bundle::{Item, Record},
    claim::Claim,
    commitment::{Salt, blind_name},
    digest::Digests,
    token::{ClaimOpening, Opening},
};

fn decoded(bytes: &[u8]) -> Item {
    let (item, length) = Item::decode(bytes).unwrap().unwrap();
    assert_eq!(length, bytes.len());
    item
}

fn refused(bytes: &[u8]) -> String {
    Item::decode(bytes).unwrap_err().to_string()
}

fn encoded(item: Item) -> Vec<u8> {
    build::bytes(&[item])
}

/// `[0, "a", 1, {1: 32 zeroes}` and, behind that, more.
fn record(head: &[u8], behind: &[u8]) -> Vec<u8> {
    [head, b"\x00\x41a\x01\xa1\x01\x58\x20", &[0; 32], behind].concat()
}

/// A record with these digests behind SHA-256.
fn digests(map: u8, behind: &[u8]) -> Vec<u8> {
    [&b"\x84\x00\x41a\x01"[..], &[map], b"\x01\x58\x20", &[0; 32], behind].concat()
}

/// A run header from a secret, with these fields behind it.
fn run(map: u8, behind: &[u8]) -> Vec<u8> {
    [&[map][..], b"\x00\x01\x01\x58\x20", &[7; 32], behind].concat()
}

#[test]
fn the_small_items_stand() {
    assert_eq!(decoded(&record(b"\x84", b"")), decoded(&digests(0xa1, b"")));
    assert_eq!(decoded(&run(0xa2, b"")), Item::Run(Box::new(build::secret())));
    assert_eq!(decoded(b"\xa1\x00\x00"), Item::Run(Box::new(build::plain())));
    assert_eq!(decoded(b"\x18\x18"), Item::Mark(24));
    assert!(matches!(decoded(&[&b"\x82\x02\x58\x20"[..], &[1; 32]].concat()), Item::Record(Record::Bare(_))));
    assert!(matches!(decoded(b"\x82\x71treering.bundle/1\x40"), Item::Header(_)));
}

#[test]
fn other_types_are_no_items() {
    insta::assert_snapshot!(refused(b"\x20"), @"an item is an array, a map, an unsigned integer or a text, and this is something else");
    for first in [0x40, 0xc0, 0xd9, 0xe0, 0xf4, 0xf6, 0xf9, 0xfb, 0xff] {
        assert_eq!(refused(&[first, 0, 0, 0, 0, 0, 0, 0, 0]), refused(b"\x20"));
    }
}

#[test]
fn longer_forms_of_integers_and_lengths_are_refused() {
    insta::assert_snapshot!(refused(b"\x18\x17"), @"an integer or length is not written in its shortest form");
    for bytes in [
        &b"\x19\x00\xff"[..],
        b"\x1a\x00\x00\xff\xff",
        b"\x1b\x00\x00\x00\x00\xff\xff\xff\xff",
        b"\x98\x04",
        b"\xb8\x02",
        b"\x78\x05",
        b"\x84\x00\x58\x01a",
    ] {
        assert_eq!(refused(bytes), refused(b"\x18\x17"));
    }
}

#[test]
fn open_lengths_are_refused() {
    insta::assert_snapshot!(refused(b"\x9f"), @"a length is left open, where only definite lengths are used");
    for bytes in [&b"\xbf"[..], b"\x7f", b"\x84\x00\x5f"] {
        assert_eq!(refused(bytes), refused(b"\x9f"));
    }
}

#[test]
fn reserved_heads_are_refused() {
    insta::assert_snapshot!(refused(b"\x1c"), @"a CBOR head uses a reserved value");
}

/// The claimed length is enough: none of it has to come.
#[test]
fn an_item_that_claims_to_be_too_long_is_refused_at_once() {
    assert_eq!(Item::decode(b"\x82\x7a\x00\x10\xc8\xda"), Ok(None), "it ends just there");
    insta::assert_snapshot!(refused(b"\x82\x7a\x00\x10\xc8\xdb"), @"an item has at most 1100000 bytes, this one claims more");
    insta::assert_snapshot!(refused(b"\x82\x7a\x00\x10\xc8\xe0"), @"an item has at most 1100000 bytes, this one claims more");
    insta::assert_snapshot!(refused(b"\x7b\xff\xff\xff\xff\xff\xff\xff\xff"), @"a receipt has 18446744073709551615 bytes where at most 1000000 are allowed");
    insta::assert_snapshot!(refused(b"\x82\x71treering.bundle/1\x5a\x00\x0f\x42\x41"), @"the header's policy has 1000001 bytes where at most 1000000 are allowed");
    insta::assert_snapshot!(refused(b"\x84\x00\x59\x80\x01"), @"the path has 32769 bytes where at most 32768 are allowed");
}

/// The attack: a key that claims to hold 2^64-1 values, or is nested 100,000 deep.
#[test]
fn a_key_that_claims_too_much_is_refused() {
    insta::assert_snapshot!(refused(&run(0xa3, b"\x06\xbb\xff\xff\xff\xff\xff\xff\xff\xff")), @"the holder's key has 18446744073709551615 bytes where at most 75 are allowed");
    insta::assert_snapshot!(refused(&run(0xa3, b"\x06\x5b\xff\xff\xff\xff\xff\xff\xff\xff")), @"the holder's key has 18446744073709551615 bytes where at most 75 are allowed");
    // Arrays of one array, tags of a tag: the next byte may end them.
    for head in [0x81, 0xc1] {
        let deep = [&b"\x06"[..], &[head; 74]].concat();
        assert_eq!(Item::decode(&run(0xa3, &deep)), Ok(None));
    }
    let last = [&b"\x06"[..], &[0x81; 75]].concat();
    let deeper = [&b"\x06"[..], &[0x81; 100_000]].concat();
    assert_eq!(refused(&run(0xa3, &last)), refused(&run(0xa3, &deeper)));
    insta::assert_snapshot!(refused(&run(0xa3, &deeper)), @"the holder's key has 76 bytes where at most 75 are allowed");
}

#[test]
fn a_wrong_type_is_named() {
    insta::assert_snapshot!(refused(b"\x82\x71treering.bundle/1\x60"), @"the header's policy must be a byte string");
    insta::assert_snapshot!(refused(b"\x84\x40"), @"the record's kind must be an unsigned integer");
    insta::assert_snapshot!(refused(b"\x84\x00\x61a"), @"the path must be a byte string");
    insta::assert_snapshot!(refused(b"\x84\x00\x41a\x60"), @"the size must be an unsigned integer, or -1 where it is not known");
    insta::assert_snapshot!(refused(b"\x84\x00\x41a\x01\x80"), @"the record's digests must be a map");
    insta::assert_snapshot!(refused(b"\xa1\x00\x60"), @"the run's blinding must be an unsigned integer");
    insta::assert_snapshot!(refused(b"\xa1\x20"), @"a map's key must be an unsigned integer");
    insta::assert_snapshot!(refused(&run(0xa3, b"\x02\x41a")), @"the holder's name must be a text");
    insta::assert_snapshot!(refused(&record(b"\x85", b"\x00")), @"what differs from the run's header must be a map");
}

#[test]
fn another_version_is_refused() {
    insta::assert_snapshot!(refused(b"\x82\x71treering.bundle/2\x40"), @r#"the bundle's version is another than "treering.bundle/1""#);
    assert_eq!(refused(b"\x82\x60\x40"), refused(b"\x82\x71treering.bundle/2\x40"));
}

#[test]
fn arrays_of_other_lengths_are_refused() {
    insta::assert_snapshot!(refused(b"\x83"), @"an array of 3 elements is no item: a header and a bare record have 2, a record has 4 or 5");
    insta::assert_snapshot!(refused(b"\x80"), @"an array of 0 elements is no item: a header and a bare record have 2, a record has 4 or 5");
    insta::assert_snapshot!(refused(b"\x86"), @"an array of 6 elements is no item: a header and a bare record have 2, a record has 4 or 5");
}

#[test]
fn other_kinds_are_refused() {
    insta::assert_snapshot!(refused(b"\x84\x02"), @"a record's kind is 0 (file) or 1 (symbolic link), and this is 2");
    insta::assert_snapshot!(refused(b"\x85\x03"), @"a record's kind is 0 (file) or 1 (symbolic link), and this is 3");
    insta::assert_snapshot!(refused(b"\x82\x00"), @"a record of two elements is a bare one of kind 2, and this is of kind 0");
}

#[test]
fn a_size_is_a_number_or_minus_one() {
    let unknown = [&b"\x84\x00\x41a\x20\xa1\x01\x58\x20"[..], &[0; 32]].concat();
    assert!(matches!(decoded(&unknown), Item::Record(Record::Path { size: None, .. })));
    assert_eq!(encoded(decoded(&unknown)), unknown);
    assert_eq!(refused(b"\x84\x00\x41a\x21"), refused(b"\x84\x00\x41a\x60"), "-2");
    insta::assert_snapshot!(refused(b"\x84\x00\x41a\x38\x00"), @"an integer or length is not written in its shortest form");
    insta::assert_snapshot!(refused(b"\x84\x01\x41a\x20"), @"the size of a symbolic link is the length of its target, and always known");
}

#[test]
fn byte_strings_of_other_lengths_are_refused() {
    insta::assert_snapshot!(refused(b"\x82\x02\x58\x21"), @"the bare record's commitment has 33 bytes where 32 are needed");
    insta::assert_snapshot!(refused(b"\x84\x00\x41a\x01\xa1\x01\x58\x1f"), @"the SHA-256 digest has 31 bytes where 32 are needed");
    insta::assert_snapshot!(refused(b"\xa2\x00\x01\x01\x50"), @"the run's secret has 16 bytes where 32 are needed");
    insta::assert_snapshot!(refused(&record(b"\x85", b"\xa1\x07\x58\x3f")), @"the signature has 63 bytes where 64 are needed");
    insta::assert_snapshot!(refused(&record(b"\x85", b"\xa1\x08\x40")), @"the claim's salt has 0 bytes where 32 are needed");
}

#[test]
fn a_path_is_checked_when_it_is_read() {
    insta::assert_snapshot!(refused(b"\x84\x00\x44../a"), @r#"the path has a part "." or "..""#);
    insta::assert_snapshot!(refused(b"\x84\x00\x40"), @"the path is empty");
}

#[test]
fn sha256_is_required_and_comes_first() {
    insta::assert_snapshot!(refused(b"\x84\x00\x41a\x01\xa0"), @"the record has no SHA-256 digest (key 1, the first)");
    assert_eq!(refused(b"\x84\x00\x41a\x01\xa1\x08\x40"), refused(b"\x84\x00\x41a\x01\xa0"));
}

#[test]
fn digests_are_checked() {
    insta::assert_snapshot!(refused(&digests(0xa2, b"\x02\x50")), @"a digest has the id 2, which is refused: 0 is reserved, 2 to 6 are truncated hashes");
    insta::assert_snapshot!(refused(&digests(0xa2, b"\x01\x58\x20")), @"in the record's digests, key 1 comes twice or out of order");
    insta::assert_snapshot!(refused(&digests(0xa2, b"\x08\x41a")), @"the digest with the id 8 has a length of 1 bytes, which is not its algorithm's");
    insta::assert_snapshot!(refused(&digests(0xa2, b"\x18\x63\x40")), @"the digest with the id 99 has a length of 0 bytes, which is not its algorithm's");
    insta::assert_snapshot!(refused(&digests(0xa2, b"\x18\x63\x59\x10\x01")), @"a digest has 4097 bytes where at most 4096 are allowed");
    // All of them together are as long as a claim may be.
    let long = |length: u16| {
        digests(0xa2, &[b"\x18\x63\x59", &length.to_be_bytes()[..], &vec![1; usize::from(length)]].concat())
    };
    assert!(matches!(decoded(&long(4055)), Item::Record(_)));
    let refused = refused(&long(4056));
    assert!(refused.ends_with("has 4097 bytes where at most 4096 are allowed"), "{refused}");
}

#[test]
fn a_map_of_differences_has_some() {
    insta::assert_snapshot!(refused(&record(b"\x85", b"\xa0")), @"what differs from the run's header is empty");
}

#[test]
fn unknown_keys_are_refused() {
    insta::assert_snapshot!(refused(&record(b"\x85", b"\xa1\x05\x40")), @"in what differs from the run's header, there is a key 5, which means nothing there");
    insta::assert_snapshot!(refused(&run(0xa3, b"\x07\x40")), @"in the run header, there is a key 7, which means nothing there");
}

#[test]
fn keys_come_in_order_and_once() {
    insta::assert_snapshot!(refused(&record(b"\x85", b"\xa2\x03\x61a\x02\x61a")), @"in what differs from the run's header, key 2 comes twice or out of order");
    insta::assert_snapshot!(refused(&run(0xa4, b"\x02\x61a\x02\x61a")), @"in the run header, key 2 comes twice or out of order");
}

#[test]
fn texts_are_utf8() {
    insta::assert_snapshot!(refused(&run(0xa3, b"\x04\x61\xff")), @"the title is not valid UTF-8");
    insta::assert_snapshot!(refused(b"\x62\xc3\x28"), @"a receipt is not valid UTF-8");
}

#[test]
fn texts_have_their_limits() {
    insta::assert_snapshot!(refused(&run(0xa3, b"\x02\x60")), @"the holder's name is empty");
    insta::assert_snapshot!(refused(&run(0xa3, b"\x02\x79\x04\x01")), @"the holder's name has 1025 bytes where at most 1024 are allowed");
    insta::assert_snapshot!(refused(&run(0xa3, b"\x05\x59\xbb\x81")), @"the after note has 48001 bytes where at most 48000 are allowed");
    insta::assert_snapshot!(refused(&record(b"\x85", b"\xa1\x04\x79\x04\x01")), @"the title has 1025 bytes where at most 1024 are allowed");
}

#[test]
fn blinding_and_secret_fit() {
    insta::assert_snapshot!(refused(b"\xa0"), @"the run header does not begin with its blinding (key 0)");
    insta::assert_snapshot!(refused(b"\xa1\x00\x03"), @"the blinding is 0 (plain), 1 (from a secret) or 2 (own salts), and this is 3");
    insta::assert_snapshot!(refused(b"\xa1\x00\x01"), @"the run is blinded from a secret, and its header has none");
    insta::assert_snapshot!(refused(&[&b"\xa2\x00\x02\x01\x58\x20"[..], &[7; 32]].concat()), @"the run's header has a secret, and its blinding uses none");
    insta::assert_snapshot!(refused(b"\xa2\x00\x00\x02\x61a"), @"a plain run has no holder, agent, title, after note or key: they would not be stamped");
}

#[test]
fn a_key_is_a_cose_key() {
    let key = build::holder_key().encode();
    assert!(matches!(decoded(&run(0xa3, &[b"\x06", &key[..]].concat())), Item::Run(_)));
    insta::assert_snapshot!(refused(&run(0xa3, b"\x06\xa0")), @"the holder's key: the CBOR ends in the middle of a value");
    insta::assert_snapshot!(refused(&run(0xa3, b"\x06\x00")), @"the holder's key: a map is wanted where there is an unsigned integer");
}

#[test]
fn a_mark_is_not_zero() {
    insta::assert_snapshot!(refused(b"\x00"), @"a mark says 0 records, and a submission has at least one");
}

#[test]
fn a_receipt_is_a_tlog_proof() {
    insta::assert_snapshot!(refused(b"\x65hello"), @"a receipt: the first line is not c2sp.org/tlog-proof@v1");
}

/// A token of one file has no place in a bundle, though its proof holds.
#[test]
fn a_receipt_opens_nothing() {
    let log = Log::new();
    let run = build::secret_run(&log);
    let opened = run.0.claim(0, &run.1[0][0]).unwrap();
    let tree = treering_token::bundle::SubmissionTree::new([opened.commitment]);
    let receipt = log.receipts(&[tree.root()]).remove(0);
    let layer = tree.layer(0).unwrap();
    let token = treering_token::bundle::cut(&receipt, &run.0, &opened, layer, Default::default()).unwrap();
    let refusal = |token| refused(&encoded(Item::Receipt(Box::new(token))));
    let cut = refusal(token);
    insta::assert_snapshot!(cut, @"a receipt of a bundle has no opening, no after note and renews nothing");
    let renewing = receipt.below(tree.layer(0).unwrap(), None, None, Some(Hash::new([1; 32]))).unwrap();
    let opening = Opening { salt: Salt([1; 32]), name: "Ada".to_owned() };
    let claim = Claim {
        digests: Digests::new([1; 32]),
        holder: Some(blind_name(&opening.salt, &opening.name)),
        agent: None,
        title: None,
        after: None,
        signed: None,
    };
    let opening =
        ClaimOpening { salt: Salt([2; 32]), claim: claim.encode(), holder: Some(opening), agent: None };
    let opening = receipt.below(tree.layer(0).unwrap(), Some(opening), None, None).unwrap();
    for token in [renewing, opening] {
        assert_eq!(refusal(token), cut);
    }
}

/// The encoder writes what it is given; the decoder then says what is wrong with it.
#[test]
fn what_may_not_be_is_found_when_it_is_read_again() {
    let long = with(file("a"), |own| own.holder = Some("a".repeat(2000)));
    insta::assert_snapshot!(refused(&encoded(Item::Record(long))), @"the holder's name has 2000 bytes where at most 1024 are allowed");
    insta::assert_snapshot!(refused(&encoded(Item::Mark(0))), @"a mark says 0 records, and a submission has at least one");
}
