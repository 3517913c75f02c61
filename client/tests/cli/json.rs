//! `--json`: each object, each field, and no other.

use crate::support::{Bench, FakeLog, Manner, Ran};
use serde::{Deserialize, de::DeserializeOwned};
use std::{collections::BTreeMap, fs};

/// What `stamp --json` prints.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Stamp {
    Started {
        version: String,
        log: String,
        #[serde(default)]
        logs: Vec<String>,
        paths: Vec<Path>,
        resumed: bool,
        since: Option<Path>,
    },
    File {
        path: String,
        path_bytes: Option<String>,
        result: String,
        kind: Option<String>,
        size: Option<u64>,
        digests: Option<BTreeMap<String, String>>,
        reason: Option<String>,
    },
    Progress {
        files: u64,
        bytes: u64,
        seconds: f64,
        total_files: Option<u64>,
        seconds_left: Option<u64>,
    },
    Submission {
        root: String,
        records: u64,
        log_url: Option<String>,
    },
    Receipt {
        root: String,
        before: Option<String>,
        quorum: Option<Quorum>,
        sealed_at: String,
        log: String,
        entry: u64,
        tree_size: u64,
        witnesses: Vec<Witness>,
        log_url: Option<String>,
    },
    Output {
        path: String,
        path_bytes: Option<String>,
        log_url: Option<String>,
    },
    Finished {
        records: u64,
        bytes: u64,
        new: u64,
        changed: u64,
        kept: u64,
        gone: u64,
        hashed: u64,
        tokens: u64,
        failed: u64,
        left_out: u64,
        key: Option<String>,
        #[serde(default)]
        logs: Vec<ByLog>,
        exit: u8,
    },
}

/// What `--all-logs` says of each.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct ByLog {
    log_url: String,
    result: String,
    records: u64,
    new: u64,
    changed: u64,
    kept: u64,
    gone: u64,
    tokens: u64,
    reason: Option<String>,
}

/// What `verify --json` prints.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Verify {
    Started {
        version: String,
        paths: Vec<Path>,
    },
    File {
        path: String,
        path_bytes: Option<String>,
        result: String,
        size: Option<u64>,
        evidence: Option<Path>,
        reason: Option<String>,
        #[serde(default)]
        unchecked_digests: Vec<String>,
        #[serde(default)]
        tokens: Vec<Token>,
    },
    Receipt {
        root: String,
        result: String,
        reason: Option<String>,
        before: Option<String>,
        quorum: Option<Quorum>,
        sealed_at: Option<String>,
        log: Option<String>,
        entry: Option<u64>,
        tree_size: Option<u64>,
        witnesses: Option<Vec<Witness>>,
        not_before: Option<String>,
        judged_by: Option<String>,
    },
    Commitment {
        commitment: String,
        result: String,
        subject: Option<String>,
        evidence: Path,
        reason: Option<String>,
        before: Option<String>,
        quorum: Option<Quorum>,
        sealed_at: Option<String>,
        log: Option<String>,
        entry: Option<u64>,
        tree_size: Option<u64>,
        witnesses: Option<Vec<Witness>>,
        not_before: Option<String>,
        judged_by: Option<String>,
    },
    Token {
        evidence: Path,
        result: String,
        reason: Option<String>,
        token: Option<Token>,
    },
    Failure {
        reason: String,
    },
    Finished {
        verified: u64,
        invalid: u64,
        unchecked: u64,
        uncovered: u64,
        unshown: u64,
        exit: u8,
    },
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Path {
    path: String,
    path_bytes: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Quorum {
    met: u64,
    of: u64,
    would_have_to_lie: u64,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Witness {
    name: String,
    cosigned_at: String,
    in_future: bool,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Token {
    commitment: String,
    before: Option<String>,
    quorum: Option<Quorum>,
    sealed_at: String,
    log: String,
    entry: u64,
    tree_size: u64,
    witnesses: Vec<Witness>,
    not_before: Option<String>,
    claim: Option<Claim>,
    renews: Option<String>,
    judged_by: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Claim {
    holder: Option<serde_json::Value>,
    agent: Option<serde_json::Value>,
    title: Option<String>,
    key: Option<String>,
    key_pinned_for: Option<String>,
    checked_digests: Vec<String>,
    unchecked_digests: Vec<String>,
}

fn objects<T: DeserializeOwned>(ran: &Ran) -> Vec<T> {
    let read = |object| serde_json::from_value(object).unwrap_or_else(|error| panic!("{error}: {}", ran.out));
    ran.objects().into_iter().map(read).collect()
}

fn bench() -> (FakeLog, Bench) {
    let log = FakeLog::start(Manner::default());
    let bench = Bench::new(&log);
    bench.write("d/a", "alpha");
    bench.write("d/b\n", "beta");
    (log, bench)
}

#[test]
fn stamping_says_each_thing_once() {
    let (log, bench) = bench();
    let ran = bench.stamp_any(&log, &["d", "gone", "--json", "-o", "o.treering"]);
    let objects: Vec<Stamp> = objects(&ran);
    assert_eq!(ran.code, 2);
    assert!(matches!(&objects[0], Stamp::Started { paths, .. } if paths.len() == 2));
    assert!(
        matches!(&objects[1], Stamp::File { path, result, reason: Some(_), .. } if path == "gone" && result == "failed")
    );
    let Stamp::File { path, result, kind, size, digests: Some(digests), .. } = &objects[2] else {
        panic!("{objects:?}")
    };
    assert_eq!(
        (path.as_str(), result.as_str(), kind.as_deref(), *size),
        ("d/a", "hashed", Some("file"), Some(5))
    );
    assert_eq!(digests["sha-256"].len(), 64);
    assert!(matches!(&objects[3], Stamp::File { path, .. } if path == "d/b\n"));
    assert!(matches!(&objects[4], Stamp::Submission { records: 2, root, log_url: None } if root.len() == 64));
    let Stamp::Receipt { before: Some(before), quorum: Some(quorum), witnesses, .. } = &objects[5] else {
        panic!("{objects:?}")
    };
    assert!(before.ends_with('Z'));
    assert_eq!(*quorum, Quorum { met: 2, of: 2, would_have_to_lie: 2 });
    assert_eq!(witnesses.iter().map(|witness| witness.name.as_str()).collect::<Vec<_>>(), ["W1", "W2"]);
    assert!(matches!(&objects[6], Stamp::Output { path, .. } if path == "o.treering"));
    assert_eq!(
        objects[7],
        Stamp::Finished {
            records: 2,
            bytes: 9,
            new: 2,
            changed: 0,
            kept: 0,
            gone: 0,
            hashed: 2,
            tokens: 0,
            failed: 1,
            left_out: 0,
            logs: Vec::new(),
            key: None,
            exit: 2
        }
    );
    assert_eq!(objects.len(), 8);
}

#[test]
fn verifying_a_tree_says_what_matches_and_what_is_shown() {
    let (log, bench) = bench();
    bench.stamp(&log, &["d", "-q"]);
    bench.write("d/extra", "x");
    bench.write("d/a", "other");
    let ran = bench.trusting(&["verify", "d", "--json"]);
    let objects: Vec<Verify> = objects(&ran);
    assert!(matches!(&objects[1], Verify::File { path, result, .. } if path == "a" && result == "changed"));
    assert!(
        matches!(&objects[2], Verify::File { path, result, size: Some(4), .. } if path == "b\n" && result == "matches")
    );
    assert!(
        matches!(&objects[3], Verify::Receipt { result, not_before: Some(_), .. } if result == "verified")
    );
    assert!(
        matches!(&objects[4], Verify::File { path, result, .. } if path == "extra" && result == "uncovered")
    );
    let sum = Verify::Finished { verified: 1, invalid: 1, unchecked: 0, uncovered: 1, unshown: 0, exit: 1 };
    assert_eq!((&objects[5], objects.len()), (&sum, 6));
}

#[test]
fn a_refused_receipt_leaves_nothing_verified() {
    let (log, bench) = bench();
    bench.stamp(&log, &["d", "-q"]);
    bench.write("policy", FakeLog::with_keys(Manner::default(), 9).policy());
    let objects: Vec<Verify> = objects(&bench.trusting(&["verify", "d", "--json"]));
    assert!(
        matches!(&objects[3], Verify::Receipt { result, reason: Some(_), before: None, .. } if result == "checkpoint_unsigned")
    );
    let sum = Verify::Finished { verified: 0, invalid: 1, unchecked: 0, uncovered: 0, unshown: 2, exit: 1 };
    assert_eq!(objects[4], sum);
    let whole = bench.read("d.treering");
    bench.write("d.treering", &whole[..whole.len() - 9]);
    let objects: Vec<Verify> = self::objects(&bench.trusting(&["verify", "d", "--json"]));
    assert!(matches!(&objects[3], Verify::Failure { .. }));
    let sum = Verify::Finished { verified: 0, invalid: 0, unchecked: 0, uncovered: 0, unshown: 2, exit: 1 };
    assert_eq!(objects[4], sum);
}

#[test]
fn verifying_a_file_says_all_that_its_token_shows() {
    let (log, bench) = bench();
    bench.write("a", "alpha");
    bench.stamp(&log, &["a", "-q", "--holder", "Ada", "--title", "T", "--digest", "sha-512"]);
    let objects: Vec<Verify> = objects(&bench.trusting(&["verify", "a", "--json"]));
    let Verify::File { result, tokens, evidence: Some(evidence), .. } = &objects[1] else {
        panic!("{objects:?}")
    };
    assert_eq!((result.as_str(), tokens.len(), evidence.path.as_str()), ("verified", 1, "a.tlog-proof"));
    let claim = tokens[0].claim.as_ref().unwrap();
    assert_eq!(claim.holder, Some(serde_json::json!({ "disclosed": "Ada" })));
    assert_eq!((claim.title.as_deref(), &claim.agent), (Some("T"), &None));
    assert_eq!(claim.checked_digests, ["sha-256", "sha-512"]);
    assert!(tokens[0].not_before.is_some());
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_unicode_has_its_bytes_too() {
    use std::os::unix::ffi::OsStrExt;
    let (log, bench) = bench();
    fs::write(bench.path("d").join(std::ffi::OsStr::from_bytes(b"\xff")), "x").unwrap();
    let objects: Vec<Stamp> = objects(&bench.stamp(&log, &["d", "--json"]));
    let Stamp::File { path, path_bytes, .. } = &objects[3] else { panic!("{objects:?}") };
    assert_eq!((path.as_str(), path_bytes.as_deref()), ("\u{fffd}", Some("ff")));
}

/// What shows a time has the same names wherever it stands.
#[test]
fn hex_tokens_and_predicates_have_objects_of_their_own() {
    let (log, bench) = bench();
    bench.write("a", "alpha");
    bench.stamp(&log, &["a", "-q", "--holder", "Ada"]);
    let root = "07".repeat(32);
    bench.write("receipt", log.receipt(&[[7; 32]]));
    let hex = treering_tlog::hash::leaf_hash(&[7; 32]).to_string();
    let objects: Vec<Verify> = objects(&bench.trusting(&["verify", &hex, "receipt", "--json"]));
    assert!(
        matches!(&objects[1], Verify::Commitment { result, subject: Some(subject), before: Some(_), .. }
            if result == "verified" && subject == "commitment"),
        "{objects:?}"
    );
    let objects: Vec<Verify> = self::objects(&bench.trusting(&["verify", &root, "receipt", "--json"]));
    assert!(
        matches!(&objects[1], Verify::Commitment { result, reason: Some(_), .. } if result == "layers_miss_entry")
    );
    let early = ["verify", "a", "--json", "--before", "2001-01-01T00:00:00Z", "--holder", "Bob"];
    let objects: Vec<Verify> = self::objects(&bench.trusting(&early));
    assert!(matches!(&objects[1], Verify::File { result, reason: Some(reason), tokens, .. }
            if result == "before_not_shown" && reason.contains("--holder Bob") && tokens.len() == 1));
    bench.write("lone.tlog-proof", bench.read("a.tlog-proof"));
    let ran = bench.trusting(&["verify", "lone.tlog-proof", "--json"]);
    let objects: Vec<Verify> = self::objects(&ran);
    assert!(matches!(&objects[1], Verify::Token { result, token: Some(_), .. } if result == "without_file"));
    assert_eq!(ran.code, 2);
}
