//! `treering token --receipt R --digests LIST FILE…`: tokens for whoever sent hashes with curl and has one receipt for all.

use crate::{
    stamp::bench,
    support::{Bench, FakeLog, snapshots},
};
use insta::assert_snapshot;
use treering_tlog::hash::sha256;

/// Files `f0` to `f4`, their list in the order sent, and the receipt for it.
fn sent(log: &FakeLog, bench: &Bench) -> Vec<String> {
    let files: Vec<_> = (0..5).map(|number| format!("f{number}")).collect();
    let hashes: Vec<_> = files.iter().map(|file| *sha256(file.as_bytes()).as_bytes()).collect();
    files.iter().for_each(|file| drop(bench.write(file, file)));
    let lines: Vec<_> = hashes.iter().zip(&files).map(|(h, f)| format!("{}  {f}\n", hex(h))).collect();
    bench.write("SUMS", lines.concat());
    bench.write("raw", hashes.concat());
    bench.write("receipt", log.receipt(&hashes));
    lines
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn each_file_of_the_list_gets_its_token() {
    let (log, bench) = bench();
    sent(&log, &bench);
    let ran = bench.run(&["token", "--receipt", "receipt", "--digests", "SUMS", "f0", "f4"]);
    let checked = bench.trusting(&["token", "--receipt", "receipt", "--digests", "raw", "f2", "-o", "."]);
    let verified = bench.trusting(&["verify", "f4"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 0
        f0.tlog-proof
        f4.tlog-proof
        treering: the receipt fits the list; whether its log and witnesses are those that you trust was not checked (--policy does)
        ");
        assert_snapshot!(checked.told(), @"
        exit 0
        ./f2.tlog-proof
        ");
        assert_snapshot!(verified.told(), @"
        exit 0
        f4: verified (f4.tlog-proof)
          existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          plain: the file's SHA-256 itself was stamped, with no claim and no lower bound
          not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
        ");
    });
    assert_eq!(bench.trusting(&["verify", "f2"]).code, 0);
    // The JSON that the log gives on request.
    let text = String::from_utf8(bench.read("receipt")).unwrap();
    bench.write("receipt.json", serde_json::json!({ "receipt": text, "entry": 0 }).to_string());
    let json = ["token", "--receipt", "receipt.json", "--digests", "SUMS", "f1", "--json"];
    assert_eq!(bench.run(&json).objects(), [serde_json::json!({"type": "output", "path": "f1.tlog-proof"})]);
    assert_eq!(bench.trusting(&["verify", "f1"]).code, 0);
}

#[test]
fn a_list_that_is_not_what_was_sent_is_told_with_the_reason() {
    let (log, bench) = bench();
    let lines = sent(&log, &bench);
    let mut sorted = lines.clone();
    sorted.sort();
    assert_ne!(sorted, lines);
    // Sent sorted, and kept as it came.
    let in_order: Vec<[u8; 32]> = sorted
        .iter()
        .map(|line| *treering_tlog::hash::Hash::from_hex(&line[..64]).unwrap().as_bytes())
        .collect();
    bench.write("sorted-receipt", log.receipt(&in_order));
    let told = |receipt: &str, list: &str| {
        bench.write("LIST", list);
        let ran = bench.run(&["token", "--receipt", receipt, "--digests", "LIST", "f0"]);
        assert!(!bench.exists("f0.tlog-proof"));
        ran.told()
    };
    let reversed: Vec<_> = lines.iter().rev().cloned().collect();
    let grown = [&lines[..], &[format!("{}  new\n", "1".repeat(64))]].concat();
    let repeated = [&lines[..1], &lines[..]].concat();
    snapshots(|| {
        assert_snapshot!(told("sorted-receipt", &lines.concat()), @"
        exit 1
        treering: the 5 hashes of LIST don't lead to the receipt sorted-receipt: sorted, they do. What was sent was sorted: sort the list by its hashes (LC_ALL=C sort)
        ");
        assert_snapshot!(told("receipt", &reversed.concat()), @"
        exit 1
        treering: the 5 hashes of LIST don't lead to the receipt receipt: in the reverse order, they do (tac)
        ");
        assert_snapshot!(told("receipt", &grown.concat()), @"
        exit 1
        treering: the 6 hashes of LIST don't lead to the receipt receipt: without the last 1, they do: the list has grown since (head -n -1)
        ");
        assert_snapshot!(told("receipt", &repeated.concat()), @"
        exit 1
        treering: the 6 hashes of LIST don't lead to the receipt receipt: without repetitions, they do. What was sent had each hash once
        ");
        assert_snapshot!(told("receipt", &lines[1..].concat()), @"
        exit 1
        treering: the 4 hashes of LIST don't lead to the receipt receipt: the list has to be what was sent, every hash, in the same order. Is a line missing, added or moved, is it the receipt of another request, or were the list's files changed since?
        ");
        assert_snapshot!(told("receipt", "no list\n"), @"
        exit 2
        treering: LIST, line 1: neither sha256sum's output (64 lower-case hex digits, two spaces, a name) nor 64 hex digits alone
        ");
    });
}

#[test]
fn what_is_no_receipt_is_told() {
    let (log, bench) = bench();
    sent(&log, &bench);
    let told = |receipt: &str| {
        bench.write("R", receipt);
        bench.run(&["token", "--receipt", "R", "--digests", "SUMS", "f0"]).told()
    };
    assert_eq!(bench.run(&["token", "--receipt", "receipt", "--digests", "SUMS", "f0", "-q"]).code, 0);
    let token = String::from_utf8(bench.read("f0.tlog-proof")).unwrap();
    std::fs::remove_file(bench.path("f0.tlog-proof")).unwrap();
    snapshots(|| {
        assert_snapshot!(told(r#"{"root": "00", "count": 5, "receipt": "/v1/receipts/00"}"#), @"
        exit 2
        treering: R says that the receipt was not there yet: fetch /v1/receipts/00 from the log
        ");
        assert_snapshot!(told(r#"{"tokens": []}"#), @"
        exit 2
        treering: R is the answer to tokens=true and has a token for each hash already: take them out as the README shows
        ");
        assert_snapshot!(told(r#"{"status": "pending"}"#), @r#"
        exit 2
        treering: R is JSON, and no receipt in it: the log's answer has it as "receipt"
        "#);
        assert_snapshot!(told("what is this\n"), @"
        exit 1
        treering: the receipt R is damaged: the first line is not c2sp.org/tlog-proof@v1; fetch it again
        ");
        assert_snapshot!(told(&token), @"
        exit 2
        treering: R is the token of a file, not a receipt: verify the file with it
        ");
    });
    bench.write("f0", "changed");
    let changed = bench.run(&["token", "--receipt", "receipt", "--digests", "SUMS", "f0", "-q"]);
    let nothing = bench.run(&["token", "--receipt", "receipt", "--digests", "SUMS", "no such file", "-q"]);
    let alone = bench.run(&["token", "SUMS"]);
    // Under somebody else's policy the receipt is none.
    let other = FakeLog::with_keys(crate::support::Manner::default(), 9);
    bench.write("other", other.policy());
    let args = ["token", "--receipt", "receipt", "--digests", "SUMS", "f1", "--policy", "other"];
    let refused = bench.run(&args);
    snapshots(|| {
        assert_snapshot!(changed.told(), @"
        exit 1
        treering: f0: its SHA-256 is not in SUMS: changed since, or not sent
        ");
        assert_snapshot!(nothing.told(), @"
        exit 2
        treering: no such file: there is no such file any more
        ");
        assert_snapshot!(alone.told(), @"
        exit 2
        treering: of which file? Give the bundle and then files of it, or a file with --receipt and --digests
        ");
        assert_snapshot!(refused.told(), @"
        exit 1
        treering: the receipt receipt is refused: the token's checkpoint: no key of the log has signed this checkpoint
        ");
    });
}
