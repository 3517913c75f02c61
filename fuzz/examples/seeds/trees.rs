//! Tiles, entry bundles; and numbers for trees and signatures.

use treering_tlog::{hash::sha256, tile::append_entry};

use crate::{Seeds, change_bytes, seed};

pub(crate) fn tile_paths() -> Seeds {
    vec![
        seed("full", "tile/0/x001/x234/067"),
        seed("partial", "tile/1/000.p/112"),
        seed("entries", "tile/entries/x123/456.p/1\0\0\0\0\0\0\x01\x01\x01"),
        seed("last", b"tile/0/x036/x028/x797/x018/x963/967\0\x7f\xff\xff\xff\xff\xff\xff\xff"),
        seed("high", "tile/63/000"),
    ]
}

pub(crate) fn entry_bundles() -> Seeds {
    let mut bundle = vec![0, 3];
    for entry in [&b"one"[..], b"", &[0; 300]] {
        append_entry(&mut bundle, entry).expect("short");
    }
    let tile = [&[0, 2], sha256(b"a").as_ref(), sha256(b"b").as_ref()].concat();
    vec![seed("three", bundle), seed("none", [0, 0]), seed("hashes", tile)]
}

pub(crate) fn trees() -> Seeds {
    (0..4_u8).map(|kind| seed(&format!("numbers_{kind}"), change_bytes(kind, 200))).collect()
}

pub(crate) fn signatures() -> Seeds {
    (0..4_u8).map(|kind| seed(&format!("signed_{kind}"), change_bytes(kind, 200))).collect()
}
