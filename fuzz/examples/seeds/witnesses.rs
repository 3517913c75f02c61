//! Lists of logs, evidence, a mirror's messages.

use treering_fuzz::{
    evidence::{Evidence, Kind as Found, Leaf, Served},
    vectors::NOTES,
};
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    hash::sha256,
    mirror::{AddEntries, MirrorInfo, Package},
    note::{KeyName, SigningKey},
    time::UnixMillis,
    tree::{TreeHead, TreeSize},
};

use crate::{Seeds, seed};

pub(crate) fn lists() -> Seeds {
    let (log, witness) = (&NOTES.log_vkey, &NOTES.witness_vkey);
    let every = format!(
        "# logs\n\nlogs/v0\n\nvkey {log}\norigin A log\nbastion none\nqpd 86400\ncontact a@log.example\n"
    );
    vec![
        seed("one", format!("logs/v0\nvkey {log}\n")),
        seed("every_field", format!("{every}vkey {witness}\nqpd 1\n")),
        seed("out_of_order", format!("logs/v0\nvkey {log}\nqpd 1\norigin none\n")),
    ]
}

/// One of each shape: two heads, entries with their proofs, an answer that doesn't fit.
pub(crate) fn evidence() -> Seeds {
    let log = SigningKey::from_seed(log_name(), sha256(NOTES.log_seed_text.as_bytes()).as_bytes());
    let head = |root: &[u8]| {
        let head = TreeHead { size: TreeSize::new(9).expect("a size"), root: sha256(root) };
        let origin = Origin::new(log_name().as_str()).expect("an origin");
        Checkpoint { origin, head, extensions: Vec::new() }.sign(&log)
    };
    let found = |kind, notes| Evidence {
        kind,
        observed_at: UnixMillis::new(1_763_786_462_913).expect("a time"),
        source: "https://log.example".to_owned(),
        notes,
        hashes: Vec::new(),
        leaves: Vec::new(),
        served: Vec::new(),
        number: 0,
    };
    let leaf = |index| Leaf { index, entry: vec![7; 46], proof: vec![sha256(b"a"), sha256(b"b")] };
    let served = Served { path: "tile/0/000.p/9".to_owned(), bytes: vec![7; 9 * 32] };
    vec![
        seed("split_view", found(Found::SplitView, vec![head(b"a"), head(b"b")]).encode()),
        seed("same_root", found(Found::SplitView, vec![head(b"a"), head(b"a")]).encode()),
        seed(
            "backwards",
            Evidence { leaves: vec![leaf(3), leaf(4)], ..found(Found::SealedAtBackwards, vec![head(b"a")]) }
                .encode(),
        ),
        seed(
            "wrong_tile",
            Evidence {
                served: vec![served],
                hashes: vec![sha256(b"x"); 4],
                ..found(Found::WrongTile, vec![head(b"a")])
            }
            .encode(),
        ),
        seed("stopped", Evidence { number: 60_000, ..found(Found::Stopped, vec![head(b"a")]) }.encode()),
    ]
}

fn log_name() -> KeyName {
    KeyName::new(NOTES.log_vkey.split('+').next().expect("a name")).expect("a name")
}

/// Each begins with the byte that says how many entries the package has, less one.
pub(crate) fn mirror_messages() -> Seeds {
    let size = |size| TreeSize::new(size).expect("a size");
    let header = |start, end| {
        let header =
            AddEntries { origin: b"log.example/1".to_vec(), start, end: size(end), ticket: vec![7; 9] };
        [vec![0], header.encode().expect("short")].concat()
    };
    let package = Package { entries: vec![b"one", b"", b"three"], proof: vec![sha256(b"a")] };
    vec![
        seed("header", header(250, 1_025)),
        seed("header_of_nothing", header(9, 9)),
        seed("package", [vec![2], package.encode().expect("short")].concat()),
        seed("info", MirrorInfo { size: size(1_025), next: 250, ticket: vec![7; 9] }.to_string()),
    ]
}
