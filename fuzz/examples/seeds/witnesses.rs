//! Lists of logs, evidence, a mirror's messages.

use serde_json::{Value, json};
use treering_fuzz::{
    config,
    evidence::{Evidence, Kind as Found, Leaf, Served},
    mirror,
    vectors::NOTES,
};
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    hash::sha256,
    mirror::{AddEntries, MirrorInfo, Package},
    note::{KeyName, Note, SigningKey},
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

/// What a monitor keeps of a log: new, with a head and a witness, and with all there can be.
pub(crate) fn states() -> Seeds {
    let checkpoint = &NOTES.checkpoints.last().expect("there are some").cosigned;
    let state = |head: Value, cosigners: Value, ahead: Value, baseline: Value| {
        let last_entry = head.as_str().map(|_| "84010203");
        json!({
            "version": 1, "origin": log_name().as_str(), "since_ms": 1_763_786_462_913_u64, "first_size": 1,
            "head": head, "checked": 0, "recheck": 0, "last_entry": last_entry, "baseline": baseline,
            "fresh_at": 1_763_786_462, "cosigners": cosigners, "ahead": ahead,
        })
        .to_string()
    };
    let none = || state(Value::Null, json!({}), json!([]), Value::Null);
    let seen = json!({ &NOTES.witness_vkey: [
        { "time": 1_763_786_400, "note": checkpoint },
        { "time": 1_763_786_500, "note": checkpoint },
    ] });
    let ahead = json!([{ "from": "https://witness.example/", "since_ms": 1, "note": checkpoint }]);
    let baseline = json!({ "at_ms": 1, "note": checkpoint });
    vec![
        seed("new", none()),
        seed("head", state(json!(checkpoint), seen.clone(), json!([]), Value::Null)),
        seed("all", state(json!(checkpoint), seen, ahead, baseline)),
        seed("another_version", none().replace("\"version\":1", "\"version\":2")),
    ]
}

/// The origin, a newline; version, size, root, time, note.
pub(crate) fn records() -> Seeds {
    let origin = log_name();
    let record = |note: &str, change: fn(&mut Vec<u8>)| {
        let parsed = Note::parse(note.as_bytes()).expect("a note");
        let head = Checkpoint::parse(parsed.text()).expect("a checkpoint").head;
        let mut bytes = vec![1];
        bytes.extend(head.size.get().to_be_bytes());
        bytes.extend(head.root.as_bytes());
        bytes.extend(1_763_786_462_u64.to_be_bytes());
        bytes.extend(note.as_bytes());
        change(&mut bytes);
        [origin.as_str().as_bytes(), b"\n", &bytes].concat()
    };
    let note = &NOTES.checkpoints.last().expect("there are some").cosigned;
    vec![
        seed("record", record(note, |_| {})),
        seed("another_version", record(note, |bytes| bytes[0] = 2)),
        seed("another_size", record(note, |bytes| bytes[8] ^= 1)),
        seed("another_time", record(note, |bytes| bytes[48] ^= 1)),
        seed("no_note", record(note, |bytes| bytes.truncate(49))),
    ]
}

/// Each begins with the byte that says whose it is.
pub(crate) fn configs() -> Seeds {
    let of = |which: &str, text: &str| format!("{which}{text}");
    let log = "[[log]]\npolicy = \"log.policy\"\n";
    let bastion =
        "url = \"https://w.example\"\nkeys = [\"key\", \"key-2\"]\n[[bastion]]\naddress = \"[::1]:443\"\n";
    vec![
        seed("witness", of("\0", config::EXAMPLE)),
        seed("witness_bastion", of("\0", bastion)),
        seed("witness_out_of_range", of("\0", "[limits]\nidle_timeout_ms = 5\n")),
        seed("monitor", of("\x01", log)),
        seed(
            "monitor_all",
            of(
                "\x01",
                &format!(
                    "{log}batches = \"all\"\nretention_days = 30\nunknown_keys = \"ignore\"\n[log.witnesses]\nw = \"https://other.example\"\n"
                ),
            ),
        ),
        seed("monitor_silent", of("\x01", &format!("{log}silence_seconds = 5\n"))),
        seed("mirror", of("\x02", mirror::config::EXAMPLE)),
        seed(
            "mirror_log",
            of("\x02", &format!("url = \"https://m.example/\"\n{log}kind = \"tlog\"\nurls = []\n")),
        ),
        seed("mirror_twice", of("\x02", &format!("{log}{log}"))),
    ]
}
