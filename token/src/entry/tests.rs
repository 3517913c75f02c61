use super::{Entry, EntryError};
use crate::cbor::{CborError, Writer};
use proptest::prelude::*;
use treering_tlog::{
    hash::{Hash, leaf_hash},
    time::UnixMillis,
};

fn entry(sealed_at: u64, submissions: u64) -> Result<Entry, EntryError> {
    Entry::new(UnixMillis::new(sealed_at).unwrap(), Hash::new([7; 32]), submissions)
}

fn encoded(version: u64, sealed_at: u64, root: &[u8], submissions: u64) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.array(4).uint(version).uint(sealed_at).bytes(root).uint(submissions);
    writer.finish()
}

#[test]
fn bytes_are_as_the_specification_says() {
    let entry = entry(1_763_786_462_913, 17).unwrap();
    insta::assert_snapshot!(hex::encode(entry.encode()), @"84011b0000019aa9dd96c15820070707070707070707070707070707070707070707070707070707070707070711");
    assert_eq!(entry.leaf_hash(), leaf_hash(&entry.encode()));
}

#[test]
fn shortest_and_longest_have_46_and_54_bytes() {
    assert_eq!(entry(1 << 32, 1).unwrap().encode().len(), 46);
    assert_eq!(entry(i64::MAX as u64, i64::MAX as u64).unwrap().encode().len(), 54);
}

#[test]
fn refusals() {
    assert_eq!(entry((1 << 32) - 1, 1), Err(EntryError::SealedAt((1 << 32) - 1)));
    assert_eq!(entry(1 << 32, 0), Err(EntryError::Submissions(0)));
    assert_eq!(entry(1 << 32, 1 << 63), Err(EntryError::Submissions(1 << 63)));
    assert_eq!(Entry::decode(&encoded(2, 1 << 32, &[0; 32], 1)), Err(EntryError::Version(2)));
    assert_eq!(Entry::decode(&encoded(1, 1 << 31, &[0; 32], 1)), Err(EntryError::SealedAt(1 << 31)));
    assert_eq!(Entry::decode(&encoded(1, 1 << 63, &[0; 32], 1)), Err(EntryError::SealedAt(1 << 63)));
    assert_eq!(Entry::decode(&encoded(1, 1 << 32, &[0; 32], 0)), Err(EntryError::Submissions(0)));
    assert_eq!(
        Entry::decode(&encoded(1, 1 << 32, &[0; 31], 1)),
        Err(EntryError::Cbor(CborError::Length { want: 32, got: 31 }))
    );
}

#[test]
fn other_encodings_are_refused() {
    let good = entry(1 << 32, 1).unwrap().encode();
    let with_longer_version = [&good[..1], &[0x18, 0x01], &good[2..]].concat();
    assert_eq!(Entry::decode(&with_longer_version), Err(EntryError::Cbor(CborError::NotDeterministic)));
    assert_eq!(Entry::decode(&[&good[..], &[0]].concat()), Err(EntryError::Cbor(CborError::Trailing)));
    assert_eq!(Entry::decode(&good[..45]), Err(EntryError::Cbor(CborError::Truncated)));
    let indefinite = [&[0x9f], &good[1..], &[0xff]].concat();
    assert_eq!(Entry::decode(&indefinite), Err(EntryError::Cbor(CborError::Indefinite("an array"))));
}

#[test]
fn messages() {
    insta::assert_snapshot!(EntryError::Version(2), @"the entry has format version 2; version 1 is the one known here");
    insta::assert_snapshot!(EntryError::SealedAt(5), @"sealed_at is 2^32 to 2^63−1 milliseconds since the epoch, not 5");
    insta::assert_snapshot!(EntryError::Submissions(0), @"a batch has 1 to 2^63−1 submissions, not 0");
}

proptest! {
    #[test]
    fn round_trips(sealed_at in Entry::MIN_SEALED_AT..1 << 63, root: [u8; 32], submissions in 1u64..1 << 63) {
        let entry = Entry::new(UnixMillis::new(sealed_at).unwrap(), Hash::new(root), submissions).unwrap();
        let bytes = entry.encode();
        prop_assert!((46..=54).contains(&bytes.len()));
        prop_assert_eq!(Entry::decode(&bytes), Ok(entry));
    }

    #[test]
    fn what_is_read_is_written_the_same(mut bytes in any::<[u8; 46]>(), head in any::<bool>()) {
        if head {
            bytes[..3].copy_from_slice(&[0x84, 0x01, 0x1b]);
            bytes[11..13].copy_from_slice(&[0x58, 0x20]);
        }
        if let Ok(entry) = Entry::decode(&bytes) {
            prop_assert_eq!(entry.encode(), bytes);
        }
    }
}
