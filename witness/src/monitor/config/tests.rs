use std::{fs, path::Path};

use treering_tlog::note::{KeyName, SigningKey};

use super::{Batches, EXAMPLE, LogKind, MonitorConfig, UnknownKeys};

fn key(name: &str) -> String {
    SigningKey::from_seed(KeyName::new(name).unwrap(), &[name.as_bytes()[0]; 32]).verifier().to_string()
}

fn load(toml: &str, policy: &str) -> Result<MonitorConfig, String> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("monitor.toml"), toml).unwrap();
    fs::write(dir.path().join("log.policy"), policy).unwrap();
    MonitorConfig::load(&dir.path().join("monitor.toml"))
        .map_err(|error| error.to_string().replace(dir.path().to_str().unwrap(), "DIR"))
}

fn one_log() -> String {
    format!("log {} https://log.example\nquorum none\n", key("log.example/2026"))
}

#[test]
fn the_example_is_read_and_what_it_comments_out_is_the_default() {
    let config = load(EXAMPLE, &one_log()).unwrap();
    let uncommented: String = EXAMPLE
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|l| l.contains(" = ")).unwrap_or(line))
        .map(|l| format!("{l}\n"))
        .collect();
    let policy = format!("{}witness w1 {} https://elsewhere.example\n", one_log(), cosigner());
    let all = load(&uncommented, &policy).unwrap();
    let (log, full) = (&config.logs[0], &all.logs[0]);
    assert_eq!((all.timeout, all.concurrency), (config.timeout, config.concurrency));
    assert!(all.state.ends_with("state") && config.state.ends_with(Path::new("state")));
    assert!(all.evidence.ends_with("evidence") && config.evidence.ends_with("evidence"));
    assert_eq!((&log.urls, &log.origin), (&full.urls, &full.origin));
    assert_eq!(
        (log.kind, log.batches, log.unknown_keys),
        (LogKind::Treering, Batches::New, UnknownKeys::Report)
    );
    assert_eq!((full.kind, full.batches, full.unknown_keys), (log.kind, log.batches, log.unknown_keys));
    assert_eq!(
        (full.interval, full.clock_distance_ms, full.silence_ms),
        (log.interval, log.clock_distance_ms, log.silence_ms)
    );
    assert_eq!(full.witnesses, [("w1".to_owned(), "https://witness.example".to_owned())]);
    assert_eq!((log.recheck_bundles, full.recheck_bundles), (16, 16));
    assert_eq!((log.retention_ms, full.retention_ms), (None, Some(365 * 86_400_000)));
}

fn cosigner() -> String {
    use treering_tlog::cosignature::CosignerKey;
    CosignerKey::ed25519(KeyName::new("witness.example/w1").unwrap(), &[9; 32]).verifier().to_string()
}

#[test]
fn what_is_wrong_is_said() {
    let with =
        |line: &str| load(&format!("[[log]]\npolicy = \"log.policy\"\n{line}\n"), &one_log()).unwrap_err();
    insta::assert_snapshot!(with("interval_seconds = 0"), @"interval_seconds = 0: it must be 1 to 86400");
    insta::assert_snapshot!(with("interval_seconds = 700"), @"silence_seconds = 600 must not be below interval_seconds = 700");
    insta::assert_snapshot!(with("urls = []"), @r#"the log "log.example/2026" has no URL, neither here (`urls`) nor in its policy"#);
    insta::assert_snapshot!(with("urls = [\"log.example\"]"), @r#""log.example": a URL begins with http:// or https:// and holds no white space"#);
    insta::assert_snapshot!(with("origin = \"other\""), @r#"DIR/log.policy: the policy has no log "other""#);
    insta::assert_snapshot!(with("witnesses = { w9 = \"https://w\" }"), @r#"witnesses: the policy has no witness "w9""#);
    assert!(with("interval = 3").contains("unknown field `interval`"));
    insta::assert_snapshot!(load("", "").unwrap_err(), @"DIR/monitor.toml: there is no [[log]] in it");
    let table = "[[log]]\npolicy = \"log.policy\"\n";
    insta::assert_snapshot!(load(&table.repeat(2), &one_log()).unwrap_err(), @r#"the log "log.example/2026" is there twice"#);
    let two = format!("log {}\nlog {}\nquorum none\n", key("a"), key("b"));
    insta::assert_snapshot!(load(table, &two).unwrap_err(), @"DIR/log.policy: the policy has no log or several: `origin` has to name one");
    insta::assert_snapshot!(load(table, "quorum none\n").unwrap_err(), @"DIR/log.policy: the policy has no log or several: `origin` has to name one");
}
