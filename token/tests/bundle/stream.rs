//! Bytes to items and back, however the bytes are cut.

use crate::{build, log::Log};
use proptest::{collection::vec, option, prelude::*};
use std::sync::LazyLock;
use treering_tlog::hash::Hash;
use treering_token::{
    bundle::{
        AtItem, Blinding, Header, Item, ItemReader, Kind, Own, Record, RelativePath, RunHeader, Walker,
    },
    commitment::{Commitment, Salt},
    digest::{Digests, HashId},
    salt::RunSecret,
};

static BUNDLE: LazyLock<Vec<u8>> = LazyLock::new(|| build::bytes(&build::everything(&Log::new())));

/// All items of these pieces; each piece is given when no more items come out of those before.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Item>, AtItem> {
    let mut reader = ItemReader::new();
    let mut items = Vec::new();
    for piece in pieces {
        reader.push(piece);
        while let Some(item) = reader.next_item()? {
            items.push(item);
        }
    }
    reader.finish()?;
    Ok(items)
}

#[test]
fn a_bundle_round_trips() {
    let items = build::everything(&Log::new());
    assert_eq!(read([BUNDLE.as_slice()]).unwrap(), items);
    assert_eq!(build::bytes(&items), *BUNDLE);
}

#[test]
fn byte_by_byte_gives_the_same_items() {
    assert_eq!(read(BUNDLE.chunks(1)).unwrap(), read([BUNDLE.as_slice()]).unwrap());
}

/// Wherever it is chopped, what came out is the beginning of the whole, and it is whole only where a run ends.
#[test]
fn a_chopped_bundle_is_never_whole() {
    let all = read([BUNDLE.as_slice()]).unwrap();
    let run_ends = whole_prefixes(&all);
    assert_eq!(run_ends.len(), 4);
    let (mut reader, mut walker, mut count) = (ItemReader::new(), Walker::new(), 0);
    for (end, byte) in BUNDLE.iter().enumerate() {
        let whole = reader.finish().is_ok() && walker.clone().finish().is_ok();
        assert_eq!(whole, run_ends.contains(&end), "chopped at {end}");
        reader.push(&[*byte]);
        while let Some(item) = reader.next_item().unwrap() {
            assert_eq!(item, all[count]);
            walker.step(&item).unwrap();
            count += 1;
        }
    }
    assert_eq!(count, all.len());
    reader.finish().unwrap();
    walker.finish().unwrap();
}

/// Where a run ends: what stands before it is a bundle of its own.
fn whole_prefixes(items: &[Item]) -> Vec<usize> {
    let begins_run = |i: &usize| *i == items.len() || matches!(items[*i], Item::Run(_)) && *i > 1;
    (0..=items.len()).filter(begins_run).map(|i| build::bytes(&items[..i]).len()).collect()
}

#[test]
fn every_prefix_of_an_item_needs_more() {
    for item in build::everything(&Log::new()) {
        let bytes = build::bytes(std::slice::from_ref(&item));
        for end in 0..bytes.len() {
            assert_eq!(Item::decode(&bytes[..end]), Ok(None));
        }
        let followed = [bytes.as_slice(), b"\xff"].concat();
        assert_eq!(Item::decode(&followed), Ok(Some((item, bytes.len()))));
    }
}

#[test]
fn another_file_is_called_that() {
    insta::assert_snapshot!(read([&b"\x28\xb5\x2f\xfd"[..]]).unwrap_err(), @r#"item 1, at byte 0: this is not a Treering bundle: a bundle begins with the text "treering.bundle/1""#);
    for other in
        [&b"PK\x03\x04"[..], b"c2sp.org/tlog-proof@v1\n", b"\x00", b"\x82\x72treering.bundle/1", b"\x84"]
    {
        assert_eq!(read([other]).unwrap_err(), read([&b"\x28\xb5\x2f\xfd"[..]]).unwrap_err());
    }
    insta::assert_snapshot!(read([&b"\x82\x71treering.bundle/9"[..]]).unwrap_err(), @r#"item 1, at byte 0: the bundle's version is another than "treering.bundle/1""#);
}

#[test]
fn an_error_says_where() {
    let wrong = [b"\x82\x71treering.bundle/1\x40", &b"\xa1\x00\x00"[..], b"\x00"].concat();
    insta::assert_snapshot!(read([wrong.as_slice()]).unwrap_err(), @"item 3, at byte 23: a mark says 0 records, and a submission has at least one");
    assert_eq!(read(wrong.chunks(1)), read([wrong.as_slice()]));
    insta::assert_snapshot!(read([&wrong[..22]]).unwrap_err(), @"item 2, at byte 20: the bundle ends inside an item: it was cut off");
}

#[test]
fn an_error_of_the_walker_is_located_at_its_item() {
    let bytes = b"\x82\x71treering.bundle/1\x40\x05";
    let (mut reader, mut walker) = (ItemReader::new(), Walker::new());
    reader.push(bytes);
    walker.step(&reader.next_item().unwrap().unwrap()).unwrap();
    let error = walker.step(&reader.next_item().unwrap().unwrap()).unwrap_err();
    insta::assert_snapshot!(reader.locate(error), @"item 2, at byte 20: a mark comes before the first run header");
}

/// Not more than what one item may have is kept waiting, and the largest item passes.
#[test]
fn the_largest_policy_passes_in_pieces() {
    let items = [Item::Header(Header { policy: vec![b'#'; 1_000_000] })];
    let bytes = build::bytes(&items);
    assert_eq!(read(bytes.chunks(1000)).unwrap(), items);
    assert_eq!(read(bytes.chunks(1)).unwrap(), items);
}

fn salt() -> impl Strategy<Value = Option<Salt>> {
    option::of(any::<[u8; 32]>().prop_map(Salt))
}

fn text() -> impl Strategy<Value = Option<String>> {
    option::of("[^\u{0}]{0,20}")
}

fn own() -> impl Strategy<Value = Own> {
    let signature = option::of(any::<[u8; 32]>().prop_map(|half| [half, half].concat().try_into().unwrap()));
    let fields = (text(), text(), text(), signature, salt(), salt(), salt());
    let own = fields.prop_map(|(holder, agent, title, signature, salt, holder_salt, agent_salt)| Own {
        holder,
        agent,
        title,
        signature,
        salt,
        holder_salt,
        agent_salt,
    });
    prop_oneof![Just(Own::default()), own]
}

fn path() -> impl Strategy<Value = RelativePath> {
    vec(vec(1..=255u8, 1..40), 1..8).prop_filter_map("no path", |parts| RelativePath::from_parts(parts).ok())
}

fn record() -> impl Strategy<Value = Item> {
    let others = vec((7..400u64, vec(any::<u8>(), 1..80)), 0..3);
    let digests = (any::<[u8; 32]>(), others).prop_map(|(sha256, others)| {
        let mut digests = Digests::new(sha256);
        for (id, digest) in others {
            // One of the wrong length is left out.
            digests.insert(HashId::new(id).unwrap(), digest);
        }
        digests
    });
    let kind = prop_oneof![Just(Kind::File), Just(Kind::Link)];
    let bare = any::<[u8; 32]>().prop_map(|bytes| Record::Bare(Commitment(Hash::new(bytes))));
    let kind_and_size = prop_oneof![
        (kind, any::<u64>()).prop_map(|(kind, size)| (kind, Some(size))),
        Just((Kind::File, None))
    ];
    let record = (kind_and_size, path(), digests, own())
        .prop_map(|((kind, size), path, digests, own)| Record::Path { kind, path, size, digests, own });
    prop_oneof![1 => bare, 4 => record].prop_map(Item::Record)
}

fn run() -> impl Strategy<Value = Item> {
    let blinding = prop_oneof![
        any::<[u8; 32]>().prop_map(|bytes| Blinding::Secret(RunSecret::new(bytes))),
        Just(Blinding::Own)
    ];
    let text = || option::of("[^\u{0}]{1,20}");
    let key = option::of(Just(build::holder_key()));
    let header = (blinding, text(), text(), text(), option::of(vec(any::<u8>(), 1..500)), key).prop_map(
        |(blinding, holder, agent, title, after, key)| RunHeader {
            blinding,
            holder,
            agent,
            title,
            after,
            key,
        },
    );
    prop_oneof![4 => header, 1 => Just(build::plain())].prop_map(|header| Item::Run(Box::new(header)))
}

fn item() -> impl Strategy<Value = Item> {
    prop_oneof![
        vec(any::<u8>(), 0..300).prop_map(|policy| Item::Header(Header { policy })),
        run(),
        record(),
        (1..=u64::MAX).prop_map(Item::Mark),
    ]
}

/// What is decoded is encoded to the bytes it came from, and ends where minicbor says that it ends.
fn check_canonical(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(Some((item, length))) = Item::decode(bytes) {
        prop_assert_eq!(build::bytes(&[item]), &bytes[..length]);
        let mut oracle = minicbor::Decoder::new(bytes);
        oracle.skip().unwrap();
        prop_assert_eq!(oracle.position(), length);
    }
    Ok(())
}

proptest! {
    #[test]
    fn items_round_trip(item in item()) {
        let bytes = build::bytes(std::slice::from_ref(&item));
        prop_assert_eq!(Item::decode(&bytes), Ok(Some((item, bytes.len()))));
        check_canonical(&bytes)?;
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..400)) {
        check_canonical(&bytes)?;
        let _ = read([bytes.as_slice()]);
    }

    #[test]
    fn changed_items_never_panic(item in item(), changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = build::bytes(&[item]);
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        check_canonical(&bytes)?;
    }

    /// More bytes never change an item or an error, they only end the waiting for it.
    #[test]
    fn an_answer_stands_whatever_follows(item in item(), change in any::<(prop::sample::Index, u8)>(), cut in any::<prop::sample::Index>()) {
        let mut bytes = build::bytes(&[item]);
        let place = change.0.index(bytes.len());
        bytes[place] = change.1;
        let early = Item::decode(&bytes[..cut.index(bytes.len())]);
        if !matches!(early, Ok(None)) {
            prop_assert_eq!(early, Item::decode(&bytes));
        }
    }

    #[test]
    fn pieces_of_any_length_give_the_same_items(cuts in vec(1..5000usize, 1..40)) {
        let mut rest = BUNDLE.as_slice();
        let mut pieces = Vec::new();
        for cut in cuts {
            let (piece, behind) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        pieces.push(rest);
        prop_assert_eq!(read(pieces).unwrap(), read([BUNDLE.as_slice()]).unwrap());
    }
}
