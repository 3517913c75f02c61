use proptest::prelude::*;
use treering_tlog::{kernel::leaf_hashes, tree};

use super::{
    super::refusal::{HexFault, SumsFault},
    *,
};

/// Feeds a body in chunks of `size` bytes.
fn gather(format: Format, body: &[u8], size: usize) -> Result<Gathered, Refusal> {
    gather_within(format, body, size, 1000, true)
}

fn gather_within(
    format: Format,
    body: &[u8],
    size: usize,
    limit: u64,
    keep: bool,
) -> Result<Gathered, Refusal> {
    let mut hashes = Hashes::new(format, limit, keep);
    for chunk in body.chunks(size) {
        hashes.push(chunk)?;
    }
    hashes.finish()
}

fn want(hashes: &[[u8; 32]]) -> Gathered {
    let root = tree::root(&leaf_hashes(hashes));
    Gathered { root, count: hashes.len() as u64, small: Some(hashes.to_vec().into()) }
}

fn json(hashes: &[[u8; 32]]) -> String {
    let list: Vec<String> = hashes.iter().map(hex::encode).collect();
    serde_json::json!({ "hashes": list }).to_string()
}

fn sums(hashes: &[[u8; 32]]) -> String {
    hashes.iter().map(|hash| format!("{}  a file\n", hex::encode(hash))).collect()
}

proptest! {
    #[test]
    fn any_chunks_of_any_format_give_the_same_root(
        hashes in prop::collection::vec(any::<[u8; 32]>(), 1..60),
        size in 1usize..200,
    ) {
        let want = Ok(want(&hashes));
        prop_assert_eq!(&gather(Format::Octets, hashes.as_flattened(), size), &want);
        prop_assert_eq!(&gather(Format::Json, json(&hashes).as_bytes(), size), &want);
        prop_assert_eq!(&gather(Format::Sums, sums(&hashes).as_bytes(), size), &want);
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_chunks_make_no_difference(
        body in prop::collection::vec(any::<u8>(), 0..300),
        size in 1usize..40,
    ) {
        for format in [Format::Octets, Format::Json, Format::Sums] {
            prop_assert_eq!(gather(format, &body, size), gather(format, &body, 1000));
        }
    }

    #[test]
    fn json_with_one_byte_changed_is_read_as_serde_reads_it_or_refused(
        at in 0usize..150, byte in any::<u8>(),
    ) {
        let mut body = json(&[[0xab; 32], [0xcd; 32]]).into_bytes();
        let at = at % body.len();
        body[at] = byte;
        if let Ok(gathered) = gather(Format::Json, &body, 7) {
            let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
            prop_assert_eq!(value["hashes"].as_array().unwrap().len() as u64, gathered.count);
        }
    }
}

#[test]
fn binary_bodies_that_are_no_hashes() {
    let refusal = |length: usize| gather(Format::Octets, &vec![1; length], 10).unwrap_err();
    assert_eq!(refusal(0), Refusal::EmptyBody);
    assert_eq!(refusal(31), Refusal::BodyLength { bytes: 31, remainder: 31 });
    assert_eq!(refusal(33), Refusal::BodyLength { bytes: 33, remainder: 1 });
    assert_eq!(refusal(32 * 5 + 1), Refusal::BodyLength { bytes: 161, remainder: 1 });
}

#[test]
fn limits_hold_for_each_format() {
    let hashes = vec![[7; 32]; 6];
    for (format, body) in [
        (Format::Octets, hashes.as_flattened().to_vec()),
        (Format::Json, json(&hashes).into_bytes()),
        (Format::Sums, sums(&hashes).into_bytes()),
    ] {
        assert_eq!(gather_within(format, &body, 9, 6, false).unwrap().small, None);
        let refusal = gather_within(format, &body, 9, 5, false).unwrap_err();
        assert_eq!(refusal, Refusal::TooManyHashes { limit: 5 }, "{format:?}");
    }
}

#[test]
fn tokens_are_for_at_most_1024_hashes() {
    let hashes = vec![[7; 32]; 1025];
    let most = gather_within(Format::Octets, hashes[..1024].as_flattened(), 4096, 5000, true).unwrap();
    assert_eq!(most.small.unwrap().len(), 1024);
    let refusal = gather_within(Format::Octets, hashes.as_flattened(), 4096, 5000, true).unwrap_err();
    assert_eq!(refusal, Refusal::TooManyForTokens { limit: 1024 });
}

#[test]
fn json_of_another_shape_says_where() {
    for (body, offset, expected) in [
        ("hello", 0, "\"{\""),
        ("[]", 0, "\"{\""),
        ("{}", 1, "the key \"hashes\" and no other"),
        ("{\"hash\":[]}", 6, "the key \"hashes\" and no other"),
        ("{ \"hashes\" []}", 11, "\":\""),
        ("{\"hashes\":\"\"}", 10, "\"[\""),
        ("{\"hashes\":[1]}", 11, "a string or \"]\""),
        ("{\"hashes\":[", 11, "a string or \"]\""),
        ("{\"hashes\":[],\"more\":1}", 12, "\"}\" (there is no other member)"),
        ("{\"hashes\":[]}x", 13, "the end of the body"),
    ] {
        assert_eq!(
            gather(Format::Json, body.as_bytes(), 3),
            Err(Refusal::Json { offset, expected }),
            "{body}"
        );
    }
    let one = hex::encode([1; 32]);
    for (body, offset, expected) in [
        (format!("{{\"hashes\":[\"{one}\",]}}"), 78, "a string"),
        (format!("{{\"hashes\":[\"{one}\" \"{one}\"]}}"), 78, "\",\" or \"]\""),
    ] {
        assert_eq!(
            gather(Format::Json, body.as_bytes(), 3),
            Err(Refusal::Json { offset, expected }),
            "{body}"
        );
    }
}

#[test]
fn json_without_a_hash_is_empty() {
    for body in ["", " \n", "{\"hashes\":[]}", " { \"hashes\" : [ ] } \r\n"] {
        assert_eq!(gather(Format::Json, body.as_bytes(), 3), Err(Refusal::EmptyBody), "{body:?}");
    }
}

#[test]
fn a_string_that_is_no_hash_is_named_by_its_place() {
    let good = hex::encode([0xab; 32]);
    for (bad, fault) in [
        (String::new(), HexFault::Length(0)),
        (good[1..].to_owned(), HexFault::Length(63)),
        (format!("{good}a"), HexFault::TooLong),
        (good.to_uppercase(), HexFault::Case),
        (format!("{}g", &good[1..]), HexFault::Digit),
        (format!("\\u0061{}", &good[1..]), HexFault::Digit),
    ] {
        let body = format!("{{\"hashes\":[\"{good}\",\"{bad}\"]}}");
        let refusal = gather(Format::Json, body.as_bytes(), 11).unwrap_err();
        assert_eq!(refusal, Refusal::JsonHash { index: 1, fault }, "{bad}");
    }
}

#[test]
fn every_form_that_sha256sum_writes() {
    let hex = hex::encode([0xab; 32]);
    for line in [
        format!("{hex}  name"),
        format!("{hex} *name"),
        format!("{hex}   "),
        format!("\\{hex}  a\\nb"),
        format!("SHA256 (a) = b) = {hex}"),
        format!("\\SHA256 (a\\nb) = {hex}"),
    ] {
        assert_eq!(
            gather(Format::Sums, format!("{line}\n").as_bytes(), 5),
            Ok(want(&[[0xab; 32]])),
            "{line}"
        );
    }
}

#[test]
fn a_line_that_sha256sum_does_not_write_is_named() {
    let hex = hex::encode([0xab; 32]);
    for (line, fault) in [
        (String::new(), SumsFault::Form),
        (hex.clone(), SumsFault::Form),
        (format!("{hex} name"), SumsFault::Form),
        (format!("{hex}  "), SumsFault::Form),
        (format!("{hex}\t name"), SumsFault::Form),
        (format!("{}  name", &hex[1..]), SumsFault::Digest(HexFault::Length(63))),
        (format!("{}  name", hex.to_uppercase()), SumsFault::Digest(HexFault::Case)),
        (format!("{}x  name", &hex[1..]), SumsFault::Digest(HexFault::Digit)),
        (format!("SHA256 () = {hex}"), SumsFault::Form),
        (format!("SHA256 (name) = {hex}\r"), SumsFault::Digest(HexFault::Length(65))),
        (format!("{hex}  {}", "n".repeat(16_384)), SumsFault::TooLong),
    ] {
        let body = format!("{hex}  good\n{line}\n");
        let refusal = gather(Format::Sums, body.as_bytes(), 4096).unwrap_err();
        assert_eq!(refusal, Refusal::SumsLine { line: 2, fault }, "{line}");
    }
}

/// `curl -d @-` drops every newline: without this refusal all files but the first would be lost without a word.
#[test]
fn a_body_that_lost_its_newlines_is_refused() {
    let body = sums(&[[1; 32], [2; 32]]).replace('\n', "");
    let refusal = gather(Format::Sums, body.as_bytes(), 4096).unwrap_err();
    assert_eq!(refusal, Refusal::SumsLine { line: 1, fault: SumsFault::Unended });
}
