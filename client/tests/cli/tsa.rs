//! RFC 3161: `treering tsa` and `treering stamp --rfc3161`: what is asked for, and what of the answer is kept.

use crate::support::{
    Temper, snapshots,
    tsa::{VERIFY, asked, bench},
};
use insta::assert_snapshot;

#[test]
fn a_timestamp_is_asked_for_and_checked() {
    let (bench, log, tsa) = bench(Temper::Good);
    let ran = asked(&bench, &tsa, &["--ca", "ca.pem"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
    exit 0
    a.txt.tsr
      the authority's word: it existed at [time], give or take 1 s (CN=TSA,O=Example, vouched for by CN=Test CA; serial [serial], policy 1.3.6.1.4.1.32473.1.1, sha256)
      not shown: that the time was not chosen afterwards: there is no log's proof, so whoever has the authority's key can have made this timestamp at any time
      not shown: the file's name, path and size, who made it, whether a certificate was revoked
    ");
    });
    assert_eq!(bench.list("."), ["a.txt", "a.txt.tsr", "ca.pem", "policy"]);
    assert!(log.paths().is_empty(), "the log's own API is not asked");
    let again = asked(&bench, &tsa, &[]);
    snapshots(|| {
        assert_snapshot!(again.told(), @"
    exit 2
    treering: no timestamp: a.txt: a.txt.tsr is there already, and it may be evidence of an earlier time: rename it to keep both, or replace it with --force
    ");
    });
    assert_eq!(asked(&bench, &tsa, &["--force", "-q"]).told(), "exit 0\n");
}

/// The attack: whoever has the authority's key signs an earlier time. The witnesses' word is of now.
#[test]
fn a_backdated_timestamp_is_refused_by_its_proof() {
    let (bench, _, tsa) = bench(Temper::Backdating);
    let ran = bench.trusting(&["tsa", "a.txt", "--server", tsa.url(), "--proof", "--ca", "ca.pem"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
    exit 1
    treering: no timestamp: a.txt: the timestamp says [time], but was not seen by the log's witnesses before [time]: more than the 60 s that are allowed, so it may be backdated
    ");
    });
    assert!(!bench.exists("a.txt.tsr"));
    // Without the proof, nobody notices.
    assert_eq!(asked(&bench, &tsa, &["--ca", "ca.pem"]).code, 0);
    assert_eq!(bench.run(&[&VERIFY[..], &["--ca", "ca.pem"]].concat()).code, 0);
}

#[test]
fn what_comes_back_is_checked_before_it_is_kept() {
    for (temper, told) in [
        (Temper::Refusing, "no timestamp: a.txt: the authority refused"),
        (Temper::Forging, "signature does not verify"),
        (Temper::Page, "answered 404"),
    ] {
        let (bench, _, tsa) = bench(temper);
        let ran = asked(&bench, &tsa, &[]);
        assert_eq!(ran.code, if temper == Temper::Forging { 1 } else { 2 }, "{ran:?}");
        assert!(ran.err.contains(told), "{ran:?}");
        assert!(!bench.exists("a.txt.tsr"));
        if temper == Temper::Refusing {
            snapshots(|| {
                assert_snapshot!(ran.told(), @r#"
            exit 2
            treering: no timestamp: a.txt: the authority refused, so there is no timestamp: its time source is not available (timeNotAvailable); it says "this authority can't vouch for its clock at the moment; try again later"
            "#);
            });
        }
    }
    let (bench, _, tsa) = bench(Temper::Repeating);
    assert_eq!(asked(&bench, &tsa, &[]).code, 0);
    let repeated = asked(&bench, &tsa, &["--force"]);
    snapshots(|| {
        assert_snapshot!(repeated.told(), @"
    exit 1
    treering: no timestamp: a.txt: the timestamp does not have the query's nonce: it was made for another query
    ");
    });
}

#[test]
fn queries_are_as_wished() {
    let (bench, _, tsa) = bench(Temper::Good);
    for hash in ["sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512"] {
        let ran = asked(&bench, &tsa, &["--hash", hash, "--force", "--ca", "ca.pem"]);
        assert!(ran.code == 0 && ran.out.contains(&format!(", {hash})")), "{ran:?}");
        assert_eq!(bench.run(&[&VERIFY[..], &["--ca", "ca.pem"]].concat()).code, 0, "{hash}");
    }
    let policy = asked(&bench, &tsa, &["--tsa-policy", "1.3.6.1.4.1.32473.1.2", "-o", "p.tsr"]);
    assert!(policy.out.contains("policy 1.3.6.1.4.1.32473.1.2"), "{policy:?}");
    let unknown = asked(&bench, &tsa, &["--tsa-policy", "1.2.3", "--force"]);
    snapshots(|| {
        assert_snapshot!(unknown.told(), @r#"
    exit 2
    treering: no timestamp: a.txt: the authority refused, so there is no timestamp: it does not stamp under the policy that was asked for (unacceptedPolicy); it says "this authority does not issue tokens under the requested policy; ask without one for its own"
    "#);
    });
    assert_eq!(asked(&bench, &tsa, &["--tsa-policy", "1.2.x"]).code, 2);
    // Without the certificate the signature can't be checked, unless it is given.
    let bare = asked(&bench, &tsa, &["--no-cert", "--no-nonce", "--force"]);
    snapshots(|| {
        assert_snapshot!(bare.told(), @"
    exit 0
    a.txt.tsr
      the authority's word: it existed at [time], give or take 1 s (signer unknown; serial [serial], policy 1.3.6.1.4.1.32473.1.1, sha256)
      NOT CHECKED: the signature: the authority's certificate is not there; give it with --untrusted, and the roots that you trust with --ca
      not shown: that the time was not chosen afterwards: there is no log's proof, so whoever has the authority's key can have made this timestamp at any time
      not shown: the file's name, path and size, who made it, whether a certificate was revoked
    ");
    });
    let unsigned = bench.run(&[&VERIFY[..], &["--ca", "ca.pem"]].concat());
    snapshots(|| {
        assert_snapshot!(unsigned.told(), @"
    exit 2
    a.txt: not checked (a.txt.tsr): the signer's certificate is not there: the timestamp does not carry it, and it was not given either; name it with --untrusted FILE
    ");
    });
    bench.write("tsa.pem", tsa.certificate());
    let given = bench.run(&[&VERIFY[..], &["--ca", "ca.pem", "--untrusted", "tsa.pem"]].concat());
    assert_eq!(given.code, 0, "{given:?}");
    let missing = bench.run(&["tsa", "b.txt", "--server", tsa.url()]);
    std::fs::create_dir_all(bench.path("dir")).unwrap();
    let dir = bench.run(&["tsa", "dir", "--server", tsa.url()]);
    snapshots(|| {
        assert_snapshot!(missing.told(), @"
        exit 2
        treering: no timestamp: b.txt: there is no such file
        ");
        assert_snapshot!(dir.told(), @"
        exit 2
        treering: no timestamp: dir: it is no regular file
        ");
    });
    let several = bench.run(&["tsa", "a.txt", "ca.pem", "--server", tsa.url(), "-o", "x.tsr"]);
    snapshots(|| {
        assert_snapshot!(several.told(), @"
    exit 2
    treering: -o names one timestamp, and there are 2 files: leave it out, or give them one by one
    ");
    });
}

#[test]
fn an_answer_under_another_policy_is_not_kept() {
    let (bench, _, tsa) = bench(Temper::Stubborn);
    let ran = asked(&bench, &tsa, &["--tsa-policy", "1.3.6.1.4.1.32473.1.2"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
    exit 1
    treering: no timestamp: a.txt: the authority stamped under the policy 1.3.6.1.4.1.32473.1.1, not under 1.3.6.1.4.1.32473.1.2 as it was asked
    ");
    });
    assert!(!bench.exists("a.txt.tsr"));
    assert_eq!(asked(&bench, &tsa, &[]).code, 0);
}

/// The proof is there, but nothing shows whose signature it is of.
#[test]
fn a_proof_without_the_certificate_is_neither_denied_nor_believed() {
    let (bench, _, tsa) = bench(Temper::Good);
    let ran = bench.trusting(&["tsa", "a.txt", "--server", tsa.url(), "--proof", "--no-cert"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
    exit 0
    a.txt.tsr
      the authority's word: it existed at [time], give or take 1 s (signer unknown; serial [serial], policy 1.3.6.1.4.1.32473.1.1, sha256)
      NOT CHECKED: the signature: the authority's certificate is not there; give it with --untrusted, and the roots that you trust with --ca
      not checked: that the time was not chosen afterwards: there is a log's proof, and no certificate to check the signature with that it is of; until then, whoever has the authority's key can have made this timestamp at any time
      not shown: the file's name, path and size, who made it, whether a certificate was revoked
    ");
    });
    bench.write("tsa.pem", tsa.certificate());
    let given = bench.trusting(&[&VERIFY[..], &["--ca", "ca.pem", "--untrusted", "tsa.pem"]].concat());
    assert_eq!(given.code, 0, "{given:?}");
    assert!(given.out.contains("the witnesses' word"), "{given:?}");
}

#[test]
fn stamping_keeps_a_timestamp_beside_the_evidence() {
    let (bench, log, tsa) = bench(Temper::Good);
    bench.write("d/b", "beta");
    let ran = bench.stamp(&log, &["d", "a.txt", "--rfc3161", tsa.url()]);
    snapshots(|| {
        // The later of the two submissions is told: which one that is depends on where a second ends.
        assert_snapshot!(ran.told().replace("entry 1", "entry 0"), @"
    exit 0
    d.treering
    a.txt.tlog-proof
    d.treering.tsr
    a.txt.tlog-proof.tsr
    2 files stamped (9 B)
    existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
    each timestamp's signature fits its certificate; whose that is, `treering verify --ca` checks
    treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
    ");
    });
    assert_eq!(
        bench.list("."),
        [
            "a.txt",
            "a.txt.tlog-proof",
            "a.txt.tlog-proof.tsr",
            "ca.pem",
            "d",
            "d.treering",
            "d.treering.tsr",
            "home",
            "policy"
        ]
    );
    for evidence in ["d.treering", "a.txt.tlog-proof"] {
        let ran = bench.run(&["verify", evidence, &format!("{evidence}.tsr"), "--ca", "ca.pem"]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    // A timestamp beside what it is of is evidence, not data.
    bench.write("d/b.tsr", bench.read("a.txt.tlog-proof.tsr"));
    let verified = bench.trusting(&["verify", "d", "--strict"]);
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[test]
fn an_authority_that_fails_does_not_cost_the_evidence() {
    let (bench, log, tsa) = bench(Temper::Refusing);
    bench.write("d/b", "beta");
    let ran = bench.stamp_any(&log, &["d", "--rfc3161", tsa.url()]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @r#"
    exit 2
    d.treering
    1 file stamped (4 B)
    existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
    treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
    treering: d.treering is whole, but has no timestamp: the authority refused, so there is no timestamp: its time source is not available (timeNotAvailable); it says "this authority can't vouch for its clock at the moment; try again later"
    "#);
    });
    assert!(bench.exists("d.treering") && !bench.exists("d.treering.tsr"));
    assert_eq!(bench.trusting(&["verify", "d"]).code, 0);
}
