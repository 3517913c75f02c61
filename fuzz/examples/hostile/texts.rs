//! Notes, checkpoints, proofs, names of tiles, keys; and text made safe to print.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use treering_fuzz::vectors::{NOTES, TOKENS};
use treering_tlog::{
    checkpoint::Checkpoint,
    hash::Hash,
    mirror::MirrorInfo,
    note::{Note, VerifierKey},
    policy::Policy,
    proof::TlogProof,
    tile::{TilePath, split_entries},
    tree::TreeSize,
    witness::AddCheckpoint,
};
use treering_token::escape;

use crate::measure::{MB, time};

pub(crate) fn all() {
    let root = Hash::EMPTY_ROOT.to_base64();
    let line = format!("— a.example {}\n", STANDARD.encode([7; 68]));
    for (name, bytes) in [
        ("newlines", "\n".repeat(MB)),
        ("one line", "a".repeat(MB)),
        ("two-byte lines", "a\n".repeat(MB / 2)),
        ("one signature of 1 MB", format!("a\n\n— a.example {}\n", "AAAA".repeat(249_000))),
        ("128 signatures", format!("{}\n\n{}", "a".repeat(980_000), line.repeat(128))),
        ("signatures without end", format!("a\n\n{}", line.repeat(9_000))),
    ] {
        time(&format!("note, {name}"), bytes.as_bytes(), |bytes| Note::parse(bytes).is_ok());
        time(&format!("tlog-proof, {name}"), bytes.as_bytes(), |bytes| TlogProof::parse(bytes).is_ok());
        time(&format!("add-checkpoint, {name}"), bytes.as_bytes(), |bytes| {
            AddCheckpoint::parse(bytes).is_ok()
        });
    }
    for (name, text) in [
        ("extension lines of one byte", format!("log\n1\n{root}\n{}", "x\n".repeat(499_000))),
        ("one extension line", format!("log\n1\n{root}\n{}\n", "x".repeat(999_000))),
        ("size of a million digits", format!("log\n{}\n{root}\n", "1".repeat(999_000))),
        ("root of a million characters", format!("log\n1\n{}\n", "A".repeat(999_000))),
    ] {
        time(&format!("checkpoint, {name}"), text.as_bytes(), |_| Checkpoint::parse(&text).is_ok());
        let signed = format!("{}\n{line}", text.replacen("log\n", "example.com/log\n", 1));
        let policy = Policy::parse(TOKENS.policies["two of three"].as_bytes()).expect("a policy");
        time(&format!("policy opens checkpoint, {name}"), signed.as_bytes(), |bytes| {
            Note::parse(bytes).is_ok_and(|note| policy.open(note).is_ok())
        });
    }
    for (name, text) in [
        ("groups", format!("tile/0/{}000", "x999/".repeat(199_000))),
        ("digits", format!("tile/0/{}", "9".repeat(999_000))),
        ("level", format!("tile/{}/000", "9".repeat(999_000))),
    ] {
        time(&format!("tile path, {name}"), text.as_bytes(), |_| TilePath::parse(&text).is_ok());
    }
    for (name, text) in
        [("name", "a".repeat(MB)), ("base64", format!("a+00000000+{}", "AAAA".repeat(249_000)))]
    {
        time(&format!("vkey, {name}"), text.as_bytes(), |_| VerifierKey::parse(&text).is_ok());
    }
    time("entry bundle, zeroes", &[0; MB], |bytes| split_entries(bytes, 256).is_ok());
    for (name, text) in [
        ("control characters", "\u{1b}".repeat(MB)),
        ("bidirectional ones", "\u{202e}".repeat(MB / 3)),
        ("backslashes", "\\".repeat(MB)),
        ("every second one", "a\u{1b}".repeat(MB / 2)),
    ] {
        time(&format!("escape, {name}"), text.as_bytes(), |_| escape::text(&text).is_empty());
    }
    time("escape, a path that is no UTF-8", &[0xff; MB], |bytes| escape::bytes(bytes).is_empty());
    time("escape, a path with half characters", &b"\xe2\x80".repeat(MB / 2), |bytes| {
        escape::bytes(bytes).is_empty()
    });
    time("tree size, a million digits", &[b'1'; MB], |bytes| {
        std::str::from_utf8(bytes).is_ok_and(|text| TreeSize::parse(text).is_some())
    });
    let note = &NOTES.checkpoints[6].cosigned;
    time("note, a usual one", note.as_bytes(), |bytes| Note::parse(bytes).is_ok());
    let info = format!("1\n1\n{}\n", "A".repeat(MB));
    time("mirror's answer, a long ticket", info.as_bytes(), |bytes| MirrorInfo::parse(bytes).is_ok());
}
