//! By which way the log is reached.

use crate::support::{Bench, FakeLog, Manner, Ran, SmallProxy, snapshots, tsa};
use insta::assert_snapshot;

fn bench() -> (FakeLog, Bench, SmallProxy) {
    let log = FakeLog::start(Manner::default());
    let bench = Bench::new(&log);
    bench.write("a", "alpha");
    let proxy = SmallProxy::to(log.url());
    (log, bench, proxy)
}

/// Stamps `a` with a log that has a name nobody but the proxy knows.
fn stamp(bench: &Bench, variables: &[(&str, &str)], args: &[&str]) -> Ran {
    let variables =
        [&[("TREERING_POLICY", "policy"), ("TREERING_LOG", "http://log.invalid/")][..], variables].concat();
    bench.run_with(&variables, &[&["stamp", "a", "--force"][..], args].concat())
}

#[test]
fn a_proxy_that_is_named_is_used() {
    let (_log, bench, proxy) = bench();
    let url = proxy.url();
    for (variables, args) in [
        (vec![], vec!["--proxy", url]),
        (vec![("TREERING_PROXY", url)], vec![]),
        (vec![("HTTP_PROXY", url)], vec![]),
        (vec![("ALL_PROXY", url), ("NO_PROXY", "other.invalid")], vec![]),
    ] {
        let before = proxy.heads().len();
        let ran = stamp(&bench, &variables, &args);
        assert_eq!(ran.code, 0, "{variables:?} {args:?} {ran:?}");
        let heads = proxy.heads();
        assert!(heads.len() > before, "{variables:?} {args:?}");
        assert!(
            heads.iter().any(|head| head.starts_with("POST http://log.invalid/v1/submissions ")),
            "{heads:?}"
        );
    }
}

#[test]
fn a_proxy_that_is_not_wanted_is_not_used() {
    let (log, bench, proxy) = bench();
    let url = proxy.url();
    // An address of this machine that is not taken for it.
    let elsewhere = log.url().replace("127.0.0.1", "0.0.0.0");
    for (variables, args) in [
        (vec![("HTTP_PROXY", url)], vec!["--proxy", "none", "--log", &elsewhere]),
        (vec![("HTTP_PROXY", url), ("NO_PROXY", "0.0.0.0")], vec!["--log", &elsewhere]),
        (vec![("NO_PROXY", "0.0.0.0/8")], vec!["--proxy", url, "--log", &elsewhere]),
        // A proxy for https:// is none for http://.
        (vec![("HTTPS_PROXY", url)], vec!["--log", &elsewhere]),
        // This machine is reached directly.
        (vec![("ALL_PROXY", url)], vec!["--proxy", url, "--log", log.url()]),
    ] {
        let ran = stamp(&bench, &variables, &args);
        assert_eq!(ran.code, 0, "{variables:?} {args:?} {ran:?}");
        assert!(proxy.heads().is_empty(), "{variables:?} {args:?}");
    }
}

#[test]
fn the_api_key_never_goes_to_a_proxy_in_clear() {
    let (_log, bench, proxy) = bench();
    let key = format!("treering_{}_{}", "ab".repeat(8), "cd".repeat(32));
    let ran = stamp(&bench, &[("TREERING_API_KEY", &key)], &["--proxy", proxy.url(), "--api-key-over-http"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 2
        treering: the API key is not sent through the proxy http://LOG/ over http://, where the proxy could read it: use https:// for the log, or reach it without the proxy (--proxy none, or NO_PROXY)
        ");
    });
    assert!(proxy.heads().is_empty(), "nothing was sent at all");
    // A name and a password for the proxy itself are for the proxy.
    let url = proxy.url().replace("http://", "http://me:secret@");
    assert_eq!(stamp(&bench, &[], &["--proxy", &url]).code, 0);
    let heads = proxy.heads();
    assert!(heads.iter().all(|head| head.contains("proxy-authorization: Basic bWU6c2VjcmV0")), "{heads:?}");
}

#[test]
fn what_is_no_proxy_is_refused() {
    let (_log, bench, _proxy) = bench();
    let of_environment = stamp(&bench, &[("ALL_PROXY", "socks5://me:secret@proxy.invalid")], &[]);
    let typed = stamp(&bench, &[], &["--proxy", "proxy.invalid:3128"]);
    assert_snapshot!(of_environment.told(), @r#"
    exit 2
    treering: "socks5://proxy.invalid/" is not the URL of a proxy: one looks like http://proxy.example:3128, or is "none" (SOCKS isn't spoken)
    "#);
    assert_snapshot!(typed.told(), @r#"
    exit 2
    error: invalid value 'proxy.invalid:3128' for '--proxy <URL>': "proxy.invalid:3128" is not the URL of a proxy: one looks like http://proxy.example:3128, or is "none" (SOCKS isn't spoken)

    For more information, try '--help'.
    "#);
}

#[test]
fn the_first_of_several_logs_that_will_do_is_taken() {
    let (log, bench, _proxy) = bench();
    let other = FakeLog::with_keys(Manner::default(), 9);
    let nobody = "http://127.0.0.1:1/";
    let ran = bench.run_with(
        &[("TREERING_POLICY", "policy")],
        &["stamp", "a", "--log", nobody, "--log", other.url(), "--log", log.url(), "--log", "nonsense"],
    );
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 0
        a.tlog-proof
        1 file stamped (5 B)
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
        treering: passed over: no answer from http://LOG/checkpoint after 2 attempts: Connection refused (os error 111); is the log's URL right, and is it up?
        treering: passed over: the log's checkpoint is not one that the policy accepts: no key of the log has signed this checkpoint
        Is it the right log (http://LOG/) and the right policy for it?
        treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
        ");
    });
    assert_eq!(bench.trusting(&["verify", "a"]).code, 0);
    assert!(other.submissions().is_empty() && log.submissions() == [1]);
    // The policy's own, in its order; `nonsense` is never looked at.
    let policy = String::from_utf8(bench.read("policy")).unwrap();
    let named = policy.replacen('\n', &format!(" {}\n", log.url()), 1);
    bench.write("named", named);
    assert_eq!(bench.run_with(&[("TREERING_POLICY", "named")], &["stamp", "a", "--force"]).code, 0);
    // A list in a variable, a line each. None will do: what is said of the first is what would be said of it alone.
    let list = format!("{}\n{nobody}", other.url());
    let ran =
        bench.run_with(&[("TREERING_POLICY", "policy"), ("TREERING_LOG", &list)], &["stamp", "a", "--force"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 2
        treering: passed over: the log's checkpoint is not one that the policy accepts: no key of the log has signed this checkpoint
        Is it the right log (http://LOG/) and the right policy for it?
        treering: passed over: no answer from http://LOG/checkpoint after 2 attempts: Connection refused (os error 111); is the log's URL right, and is it up?
        treering: the log's checkpoint is not one that the policy accepts: no key of the log has signed this checkpoint
        Is it the right log (http://LOG/) and the right policy for it?
        ");
    });
}

#[test]
fn the_key_is_the_first_logs_alone() {
    let (log, bench, _proxy) = bench();
    let key = format!("treering_{}_{}", "ab".repeat(8), "cd".repeat(32));
    // By way of a proxy that shows what it was given: over http://, and so without a key, or nothing would have been sent.
    let proxy = SmallProxy::to(log.url());
    let ran = bench.run_with(
        &[("TREERING_POLICY", "policy"), ("TREERING_API_KEY", &key), ("HTTP_PROXY", proxy.url())],
        &["stamp", "a", "--log", "http://127.0.0.1:1/", "--log", "http://log.invalid/"],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let heads = proxy.heads();
    assert!(heads.iter().any(|head| head.starts_with("POST ")), "{heads:?}");
    assert!(heads.iter().all(|head| !head.to_lowercase().contains("\r\nauthorization:")), "{heads:?}");
}

/// Whatever asks a server, goes the way that is named, and trusts whom it is told to trust.
#[test]
fn each_command_takes_the_way() {
    let (bench, log, _) = tsa::stamped(&[]);
    bench.write("d/a", "alpha");
    bench.stamp(&log, &["d", "a.txt"]);
    let proxy = SmallProxy::to(log.url());
    let url = "http://log.invalid/";
    let root = "0".repeat(64);
    for args in [
        &["stamp", "d", "--log", url, "--force"][..],
        &["renew", "a.txt", "--log", url],
        &["audit", "d.treering", "--from", url],
        &["receipt", &root, "--from", url],
        &["rebuild", "d", "--from", url, "--force"],
        &["trust", "add", url],
        &["tsa", "a.txt", "--server", url, "--force"],
        &["verify", "a.txt", "a.txt.tsr", "--ca", "ca.pem", "--proof", url],
    ] {
        let before = proxy.heads().len();
        let ran = bench.trusting(&[args, &["--proxy", proxy.url()]].concat());
        assert!(proxy.heads().len() > before, "{args:?} {ran:?}");
        let standing =
            bench.run_with(&[("TREERING_POLICY", "policy"), ("TREERING_CACERT", "none.pem")], args);
        assert_eq!(standing.code, 2, "{args:?} {standing:?}");
        assert!(standing.err.contains("none.pem: No such file"), "{args:?} {standing:?}");
    }
    // A run that found no way goes another one.
    bench.write("b", "beta");
    let away = bench.trusting(&["stamp", "b", "--log", url, "--proxy", "http://127.0.0.1:1"]);
    assert_eq!(away.code, 3, "{away:?}");
    assert_eq!(bench.trusting(&["resume", "--cacert", "none.pem"]).code, 2);
    let resumed = bench.trusting(&["resume", "--proxy", proxy.url()]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert_eq!(bench.trusting(&["verify", "b"]).code, 0);
}
