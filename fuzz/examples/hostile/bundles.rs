//! Bundles, in pieces as they are read.

use treering_tlog::hash::sha256;
use treering_token::bundle::{Header, Item, ItemReader, Walker};

use crate::measure::{MB, time};

pub(crate) fn all() {
    let mut header = Vec::new();
    Item::Header(Header { policy: b"quorum none\n".to_vec() }).encode(&mut header);
    let record = b"\x84\x00\x41a\x01";
    let mut digests = [&record[..], b"\xba\x00\x03\x00\x00\x01\x58\x20", &[0; 32]].concat();
    (100_000..296_607_u32)
        .for_each(|id| digests.extend([&[0x1a], &id.to_be_bytes()[..], &[0x40 | 1, 7]].concat()));
    digests.truncate(MB);
    let plain = b"\xa1\x00\x00";
    let mut bare = plain.to_vec();
    (0..27_000_u32)
        .for_each(|i| bare.extend([&b"\x82\x02\x58\x20"[..], sha256(&i.to_be_bytes()).as_ref()].concat()));
    let mut marks = plain.to_vec();
    (0..26_000_u32).for_each(|i| {
        marks.extend([&b"\x82\x02\x58\x20"[..], sha256(&i.to_be_bytes()).as_ref(), &[1]].concat());
    });
    let key = [&b"\xa2\x00\x02\x06\x9a\x00\x0f\x00\x00"[..], &[0x80; 980_000]].concat();
    let path =
        [&b"\x84\x00\x59\x7f\xff"[..], &b"a/".repeat(16_383), b"a\x01\xa1\x01\x58\x20", &[0; 32]].concat();
    let text = [&b"\x7a\x00\x0f\x42\x40"[..], &[b'\n'; MB]].concat();
    for (name, items) in [
        ("one map of digests", digests),
        ("bare records", bare),
        ("submissions of one", marks),
        ("a holder's key", key),
        ("paths", [&plain[..], &path.repeat(30)].concat()),
        ("a receipt", text),
    ] {
        let bytes = [&header[..], &items].concat();
        for piece in [MB * 2, 1 << 16, 1 << 12] {
            time(&format!("bundle in pieces of {piece}, {name}"), &bytes, |bytes| walk(bytes, piece));
        }
    }
}

/// Is it a whole bundle?
pub(crate) fn walk(bytes: &[u8], piece: usize) -> bool {
    let (mut reader, mut walker) = (ItemReader::new(), Walker::new());
    for piece in bytes.chunks(piece) {
        reader.push(piece);
        loop {
            match reader.next_item() {
                Ok(Some(item)) if walker.step(&item).is_ok() => {}
                Ok(None) => break,
                _ => return false,
            }
        }
    }
    walker.finish().is_ok()
}
