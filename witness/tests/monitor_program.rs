//! `treering-witness monitor` and `evidence` as programs: their exit codes, `--exec`, metrics, and files.
#![forbid(unsafe_code)]

#[path = "support/lying.rs"]
mod lying;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
};

use lying::LyingLog;
use tempfile::TempDir;
use treering_tlog::hash::leaf_hash;

/// By the system's clock, since the program has no other.
fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs()
}

async fn honest(entries: u64) -> LyingLog {
    let log = LyingLog::start().await;
    (0..entries).for_each(|n| log.push((now() - entries + n) * 1000));
    log.publish(now());
    log
}

fn directory(log: &LyingLog, more: &str) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::write(dir.path().join("log.policy"), log.policy_text("both")).expect("written");
    let config =
        format!("timeout_ms = 60000\n{more}\n[[log]]\npolicy = \"log.policy\"\ninterval_seconds = 1\n");
    fs::write(dir.path().join("monitor.toml"), config).expect("written");
    dir
}

async fn run(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_treering-witness"));
    command.current_dir(dir).args(args);
    // The log answers in this process, meanwhile.
    tokio::task::spawn_blocking(move || command.output().expect("the program runs")).await.expect("it ends")
}

fn told(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

const ONCE: [&str; 4] = ["monitor", "--config", "monitor.toml", "--once"];

#[tokio::test]
async fn once_ends_with_0_when_nothing_is_found() {
    let log = honest(5).await;
    let dir = directory(&log, "");
    let output = run(dir.path(), &ONCE).await;
    assert_eq!(told(&output), (Some(0), String::new()), "{output:?}");
}

#[tokio::test]
async fn once_ends_with_2_when_something_could_not_be_checked() {
    let log = honest(5).await;
    let dir = directory(&log, "");
    log.set("checkpoint", 500, "");
    let output = run(dir.path(), &ONCE).await;
    assert_eq!(told(&output), (Some(2), String::new()), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("HTTP status 500"));
    // No configuration is no finding either.
    let output = run(dir.path(), &["monitor", "--config", "nowhere.toml", "--once"]).await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[tokio::test]
async fn a_finding_ends_with_1_is_told_to_a_program_and_is_confirmed_offline() {
    let log = honest(5).await;
    let mut other = log.checkpoint(5);
    other.head.root = leaf_hash(b"another");
    log.witness_shows(0, &log.signed(&other, &[(0, now())]));
    let dir = directory(&log, "");
    let hook = dir.path().join("hook");
    fs::write(&hook, "#!/bin/sh\necho \"$# $1\" >> told\n").expect("written");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("permitted");
    let args = [&ONCE[..], &["--exec", "./hook"]].concat();
    let (code, out) = told(&run(dir.path(), &args).await);
    assert_eq!(code, Some(1), "{out}");
    let file = out.trim_end().rsplit(' ').next().expect("a path").to_owned();
    assert!(out.starts_with("new split_view log.example/2026 (size 5: "), "{out}");
    assert_eq!(fs::read_to_string(dir.path().join("told")).expect("it ran"), format!("1 {file}\n"));
    // Found again, it is the same finding: nothing is told twice.
    let (code, out) = told(&run(dir.path(), &args).await);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.starts_with("known split_view"), "{out}");
    assert_eq!(fs::read_to_string(dir.path().join("told")).expect("it ran").lines().count(), 1);

    let (code, out) = told(&run(dir.path(), &["evidence", &file, "--policy", "log.policy"]).await);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("confirmed: the log log.example/2026 signed two roots for size 5"), "{out}");
    assert!(out.contains("signed by: log.example/2026, w1"), "{out}");

    // Not this log's policy, no file, no evidence, another byte.
    let stranger = honest(1).await.policy_text("both").replace("log.example/2026", "x");
    fs::write(dir.path().join("bad.policy"), stranger).expect("written");
    let judge = async |file: &str, policy: &str| {
        run(dir.path(), &["evidence", file, "--policy", policy]).await.status.code()
    };
    assert_eq!(judge(&file, "bad.policy").await, Some(2));
    assert_eq!(judge("nowhere", "log.policy").await, Some(2));
    assert_eq!(judge("log.policy", "log.policy").await, Some(1));
    let mut bytes = fs::read(dir.path().join(&file)).expect("it is there");
    let size = bytes.windows(3).position(|window| window == b"\n5\n").expect("the size") + 1;
    bytes[size] = b'6';
    fs::write(dir.path().join("changed"), bytes).expect("written");
    assert_eq!(judge("changed", "log.policy").await, Some(1));
}

#[tokio::test]
async fn an_observation_can_not_be_told_from_its_file() {
    let log = honest(5).await;
    log.set("tile/entries/000.p/5", 404, "");
    let dir = directory(&log, "");
    let (code, out) = told(&run(dir.path(), &ONCE).await);
    assert_eq!(code, Some(1), "{out}");
    let file = out.trim_end().rsplit(' ').next().expect("a path").to_owned();
    let (code, out) = told(&run(dir.path(), &["evidence", &file, "--policy", "log.policy"]).await);
    assert_eq!(code, Some(2), "{out}");
    assert!(out.contains("can't be told from this file"), "{out}");
}

#[tokio::test]
async fn it_runs_until_it_is_told_to_stop_and_shows_metrics() {
    let log = honest(300).await;
    let dir = directory(&log, "admin_listen = \"127.0.0.1:0\"");
    let mut child = Command::new(env!("CARGO_BIN_EXE_treering-witness"))
        .current_dir(dir.path())
        .args(["monitor", "--config", "monitor.toml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let line = lines.next().expect("a line").expect("UTF-8");
    let admin = line.strip_prefix("admin on ").expect("the address").to_owned();
    // Each line of the log is a look: the first one is over when it is there.
    let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let (tell, told) = tokio::sync::oneshot::channel();
    // Read to its end: a program whose pipe nobody reads any more can't log.
    let reader = thread::spawn(move || {
        let mut lines = stderr.lines().map_while(Result::ok);
        let looked = lines.find(|line| line.contains("looked"));
        tell.send(looked).expect("the test waits");
        lines.for_each(drop);
    });
    let looked = told.await.expect("it reads").expect("it looks");
    assert!(looked.contains("checked=300"), "{looked}");
    let get = async |path: &str| reqwest::get(format!("{admin}/{path}")).await.expect("an answer");
    assert_eq!(get("livez").await.status(), 200);
    assert_eq!(get("readyz").await.status(), 200);
    let metrics = get("metrics").await.text().await.expect("a text");
    for line in [
        "treering_monitor_log_size{origin=\"log.example/2026\"} 300",
        "treering_monitor_log_checked{origin=\"log.example/2026\"} 300",
        "treering_monitor_wrong{origin=\"log.example/2026\"} 0",
        "treering_monitor_rounds_total{origin=\"log.example/2026\",result=\"ok\"}",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    let killed = Command::new("kill").arg(child.id().to_string()).status().expect("kill runs");
    assert!(killed.success());
    let ended = tokio::task::spawn_blocking(move || child.wait()).await.expect("it waits");
    assert_eq!(ended.expect("it ends").code(), Some(0));
    reader.join().expect("it reads");
}

#[tokio::test]
async fn the_example_is_printed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (code, out) = told(&run(dir.path(), &["monitor", "--example"]).await);
    assert_eq!(code, Some(0));
    assert!(out.contains("[[log]]"));
}
