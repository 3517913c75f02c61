//! `treering verify FILE FILE.tsr`: each word with its exit code; and `show`.

use crate::support::{
    Bench, FakeLog, FakeTsa, Manner, Temper, snapshots,
    tsa::{VERIFY, asked, bench, stamped},
};
use insta::assert_snapshot;

#[test]
fn both_words_are_told_apart() {
    let (bench, log, _) = stamped(&["--proof"]);
    let before = log.paths();
    let ran = bench.trusting(&[&VERIFY[..], &["--ca", "ca.pem"]].concat());
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
    exit 0
    a.txt: verified (a.txt.tsr)
      the authority's word: it existed at [time], give or take 1 s (CN=TSA,O=Example, vouched for by CN=Test CA; serial [serial], policy 1.3.6.1.4.1.32473.1.1, sha256)
      the witnesses' word: the authority's signature existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
      so the time was not chosen afterwards: they saw the signature at most 60 s after the authority's time
      not shown: the file's name, path and size, who made it, whether a certificate was revoked
    ");
    });
    assert_eq!(log.paths(), before, "verifying asks nobody");
}

#[test]
fn a_timestamp_beside_a_token_is_verified_as_well() {
    let (bench, log, _) = stamped(&["--proof"]);
    bench.stamp(&log, &["a.txt", "-q"]);
    let all = ["verify", "a.txt", "a.txt.tlog-proof", "a.txt.tsr", "--ca", "ca.pem"];
    let ran = bench.trusting(&all);
    assert!(ran.code == 0 && ran.out.contains("the authority's word"), "{ran:?}");
    bench.write("a.txt.tsr", &bench.read("a.txt.tsr")[..200]);
    assert_eq!(bench.trusting(&all).code, 1);
    assert_eq!(bench.trusting(&all[..3]).code, 0);
}

#[test]
fn what_was_not_checked_is_said() {
    let (bench, _, _) = stamped(&["--proof"]);
    // The witnesses' word without anybody who vouches for the authority.
    let no_ca = bench.trusting(&VERIFY);
    snapshots(|| {
        assert_snapshot!(no_ca.told(), @"
    exit 2
    a.txt: not checked (a.txt.tsr)
      the authority's word: it existed at [time], give or take 1 s (calls itself CN=TSA,O=Example; serial [serial], policy 1.3.6.1.4.1.32473.1.1, sha256)
      NOT CHECKED: whose word that is: anybody can make such a certificate; give the roots that you trust with --ca
      the witnesses' word: the authority's signature existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
      so the time was not chosen afterwards: they saw the signature at most 60 s after the authority's time
      not shown: the file's name, path and size, who made it, whether a certificate was revoked
    ");
    });
    // The authority's word alone; then that it is not enough for whoever asks for more.
    let no_policy = bench.run(&[&VERIFY[..], &["--ca", "ca.pem"]].concat());
    snapshots(|| {
        assert_snapshot!(no_policy.told(), @"
    exit 0
    a.txt: verified (a.txt.tsr)
      the authority's word: it existed at [time], give or take 1 s (CN=TSA,O=Example, vouched for by CN=Test CA; serial [serial], policy 1.3.6.1.4.1.32473.1.1, sha256)
      not checked: that the time was not chosen afterwards: there is a log's proof, and no policy to judge it by (--policy); until then, whoever has the authority's key can have made this timestamp at any time
      not shown: the file's name, path and size, who made it, whether a certificate was revoked
    ");
    });
    assert_eq!(bench.run(&[&VERIFY[..], &["--ca", "ca.pem", "--max-lag", "60"]].concat()).code, 2);
    let nothing = bench.run(&VERIFY);
    assert_eq!(nothing.code, 2, "{nothing:?}");
}

#[test]
fn without_a_proof_nothing_shows_when_it_was_made() {
    let (bench, log, _) = stamped(&[]);
    // A thief of the key would only have to leave the proof out: whoever has a policy asks for it.
    let ran = bench.trusting(&[&VERIFY[..], &["--ca", "ca.pem"]].concat());
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
    exit 2
    a.txt: not checked (a.txt.tsr)
      the authority's word: it existed at [time], give or take 1 s (CN=TSA,O=Example, vouched for by CN=Test CA; serial [serial], policy 1.3.6.1.4.1.32473.1.1, sha256)
      not shown: that the time was not chosen afterwards: there is no log's proof, so whoever has the authority's key can have made this timestamp at any time
      not shown: the file's name, path and size, who made it, whether a certificate was revoked
    ");
    });
    // Fetched, and only when asked.
    assert!(log.paths().is_empty());
    let fetched = bench.trusting(&[&VERIFY[..], &["--ca", "ca.pem", "--proof", log.url()]].concat());
    assert_eq!(fetched.code, 0, "{fetched:?}");
    assert!(fetched.out.contains("the witnesses' word"), "{fetched:?}");
    assert_eq!(log.paths().len(), 1);
    assert!(log.paths()[0].starts_with("GET /v1/tsa/"), "{:?}", log.paths());
}

#[test]
fn a_proof_that_is_not_there_or_of_another_is_told_apart() {
    let (bench, log, _) = stamped(&[]);
    let with = |proof: &str| bench.trusting(&[&VERIFY[..], &["--ca", "ca.pem", "--proof", proof]].concat());
    bench.write("other.tlog-proof", log.receipt(&[[7; 32]]));
    let other = with("other.tlog-proof");
    let missing = with("missing.tlog-proof");
    let unknown = with(FakeLog::start(Manner::default()).url());
    snapshots(|| {
        assert_snapshot!(other.told(), @"
        exit 1
        a.txt: NOT verified (a.txt.tsr): the log's proof is not of this timestamp: one of them was changed, or the proof is of another
        ");
        assert_snapshot!(missing.told(), @"
        exit 2
        a.txt: not checked (a.txt.tsr): the log's proof missing.tlog-proof can't be read: No such file or directory (os error 2)
        ");
        assert_snapshot!(unknown.told(), @"
        exit 2
        a.txt: not checked (a.txt.tsr): the log's proof can't be fetched: the log does not know a timestamp with the serial number [serial]; is it the log that gave it?
        ");
    });
}

#[test]
fn a_changed_file_or_timestamp_is_found() {
    let (bench, _, _) = stamped(&["--proof"]);
    let verify = |bench: &Bench| bench.trusting(&[&VERIFY[..], &["--ca", "ca.pem"]].concat());
    let whole = bench.read("a.txt.tsr");
    bench.write("a.txt", "alpho");
    let changed = verify(&bench);
    bench.write("a.txt", "alpha");
    bench.write("a.txt.tsr", &whole[..whole.len() - 1]);
    let cut = verify(&bench);
    // The last byte of the embedded proof: a signature of a witness.
    let mut flipped = whole.clone();
    let at = flipped.len() - 10;
    flipped[at] ^= 1;
    bench.write("a.txt.tsr", &flipped);
    let proof = verify(&bench);
    std::fs::remove_file(bench.path("a.txt.tsr")).unwrap();
    let gone = verify(&bench);
    bench.write("a.txt.tsr", &whole);
    std::fs::remove_file(bench.path("a.txt")).unwrap();
    let no_file = verify(&bench);
    snapshots(|| {
        assert_snapshot!(changed.told(), @"
        exit 1
        a.txt: NOT verified (a.txt.tsr): the file's sha256 digest is not the one that was stamped: the file was changed, or the timestamp is of another
        ");
        assert_snapshot!(cut.told(), @"
        exit 1
        a.txt: NOT verified (a.txt.tsr): the timestamp is damaged, or none: this is no RFC 3161 timestamp: an element is cut off
        ");
        assert_snapshot!(no_file.told(), @"
        exit 1
        a.txt: NOT verified (a.txt.tsr): there is no such file
        ");
        assert_snapshot!(gone.told(), @"
        exit 2
        a.txt: not checked (a.txt.tsr): the timestamp can't be read: No such file or directory (os error 2)
        ");
    });
    assert_eq!(proof.code, 1, "{proof:?}");
}

#[test]
fn an_authority_that_no_root_vouches_for_is_refused() {
    let (bench, log, _) = stamped(&[]);
    bench.write("other.pem", FakeTsa::below("CN=Another CA", &log, Temper::Good).ca());
    let ran = bench.run(&[&VERIFY[..], &["--ca", "other.pem"]].concat());
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
    exit 1
    a.txt: NOT verified (a.txt.tsr): none of the trusted roots vouches for the signer: its certificate was issued by CN=Test CA, and no certificates lead from there to a root
    ");
    });
    bench.write("same.pem", FakeTsa::start(&log, Temper::Good).ca());
    let same = bench.run(&[&VERIFY[..], &["--ca", "same.pem"]].concat());
    snapshots(|| {
        assert_snapshot!(same.told(), @"
    exit 1
    a.txt: NOT verified (a.txt.tsr): a certificate between the signer and the root is not signed by the issuer that it names: it was forged, or the trusted root is another one of the same name
    ");
    });
    let no_pem = bench.run(&[&VERIFY[..], &["--ca", "a.txt"]].concat());
    snapshots(|| {
        assert_snapshot!(no_pem.told(), @"
    exit 2
    treering: the certificates in a.txt: there is no certificate here; it is PEM that begins with the line -----BEGIN CERTIFICATE-----
    ");
    });
}

#[test]
fn a_time_that_has_not_come_yet_is_told() {
    let (bench, _, tsa) = bench(Temper::Ahead);
    assert_eq!(asked(&bench, &tsa, &["-q"]).code, 0);
    let ran = bench.run(&[&VERIFY[..], &["--ca", "ca.pem"]].concat());
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
    exit 0
    a.txt: verified (a.txt.tsr)
      the authority's word: it existed at [time], give or take 1 s (CN=TSA,O=Example, vouched for by CN=Test CA; serial [serial], policy 1.3.6.1.4.1.32473.1.1, sha256)
      the authority's time is in the future by this verifier's clock
      not shown: that the time was not chosen afterwards: there is no log's proof, so whoever has the authority's key can have made this timestamp at any time
      not shown: the file's name, path and size, who made it, whether a certificate was revoked
    ");
    });
    let json = bench.run(&[&VERIFY[..], &["--ca", "ca.pem", "--json"]].concat());
    assert_eq!(json.objects()[1]["authority"]["in_future"], true);
}

#[test]
fn options_for_timestamps_are_not_passed_over_for_other_evidence() {
    let (bench, log, _) = stamped(&[]);
    bench.stamp(&log, &["a.txt"]);
    let ran = bench.trusting(&["verify", "a.txt", "--ca", "ca.pem"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
    exit 2
    treering: --ca is for RFC 3161 timestamps: give the timestamp (.tsr) after the file
    ");
    });
    bench.write("d/a", "x");
    let dir = bench.trusting(&["verify", "d", "a.txt.tsr"]);
    snapshots(|| {
        assert_snapshot!(dir.told(), @"
    exit 2
    treering: a.txt.tsr is a timestamp, and a timestamp is for one file: give that file instead of the directory d
    ");
    });
}

#[test]
fn a_timestamp_is_shown() {
    let (bench, _, _) = stamped(&["--proof"]);
    let ran = bench.run(&["show", "a.txt.tsr"]);
    let judged = bench.run(&["show", "a.txt.tsr", "--policy", "policy"]);
    let whole = bench.read("a.txt.tsr");
    bench.write("cut.tsr", &whole[..whole.len() - 1]);
    let cut = bench.run(&["show", "cut.tsr"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 0
        a.txt.tsr: timestamp
          says that what has the digest sha256:[hash] existed at [time], give or take 1 s
          serial [serial], policy 1.3.6.1.4.1.32473.1.1
          certificates in it: CN=TSA,O=Example
          carries a log's proof
          not verified: give --policy, or use `treering verify`
        ");
        assert_snapshot!(judged.told(), @"
        exit 0
        a.txt.tsr: timestamp
          says that what has the digest sha256:[hash] existed at [time], give or take 1 s
          serial [serial], policy 1.3.6.1.4.1.32473.1.1
          certificates in it: CN=TSA,O=Example
          carries a log's proof
          verified under the policy:
          the authority's signature existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          not checked: whose signature it is (`treering verify --ca`)
        ");
        assert_snapshot!(cut.told(), @"
        exit 1
        treering: cut.tsr: a damaged timestamp, or none: this is no RFC 3161 timestamp: an element is cut off
        ");
    });
}

#[test]
fn json_says_the_same() {
    let (bench, _, _) = stamped(&["--proof"]);
    let ran = bench.trusting(&[&VERIFY[..], &["--ca", "ca.pem", "--json"]].concat());
    snapshots(|| {
        assert_snapshot!(ran.told(), @r#"
    exit 0
    {"type":"started","version":"0.1.0","paths":[{"path":"a.txt"},{"path":"a.txt.tsr"}]}
    {"type":"timestamp","path":"a.txt","result":"verified","size":5,"evidence":{"path":"a.txt.tsr"},"authority":{"time":"[time]","accuracy_micros":1000000,"serial":"[serial]","policy":"1.3.6.1.4.1.32473.1.1","hash":"sha256","subject":"CN=TSA,O=Example","root":"CN=Test CA"},"witnesses":{"before":"[time]","quorum":{"met":2,"of":2,"would_have_to_lie":2},"sealed_at":"[time]","log":"log.example","entry":0,"tree_size":1,"witnesses":[{"name":"W1","cosigned_at":"[time]","in_future":false},{"name":"W2","cosigned_at":"[time]","in_future":false}]},"max_lag":60,"not_checked":[],"not_shown":["revocation"]}
    {"type":"finished","verified":1,"invalid":0,"unchecked":0,"uncovered":0,"unshown":0,"exit":0}
    "#);
    });
    let alone = bench.run(&[&VERIFY[..], &["--json"]].concat());
    let object = &alone.objects()[1];
    assert_eq!((object["result"].as_str(), alone.code), (Some("not_checked"), 2));
    assert_eq!(object["not_checked"], serde_json::json!(["authority", "proof"]));
    assert_eq!(object["not_shown"], serde_json::json!(["not_backdated", "revocation"]));
    bench.write("a.txt", "x");
    let refused = bench.run(&[&VERIFY[..], &["--json"]].concat());
    assert_eq!(refused.objects()[1]["result"], "digest_mismatch");
    assert_eq!(refused.objects()[2]["invalid"], 1);
}
