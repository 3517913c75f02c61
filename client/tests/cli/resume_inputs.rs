//! A run that is killed goes on with all that it was given: lists, tables, keys, rules.

use crate::{
    resume::{FILES, count, kill, stalled, tree, until},
    support::{Bench, FakeLog},
};
use std::{
    io::Write,
    process::{Child, Command, Stdio},
};

/// A run that hangs after three submissions, with its list on standard input.
fn hanging(bench: &Bench, log: &FakeLog, args: &[&str], input: &[u8]) -> Child {
    let mut command = bench.stamping(log);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    until("the third submission", || log.submissions().len() == 3);
    child
}

#[test]
fn a_list_a_table_and_a_key_survive_a_kill() {
    let log = FakeLog::start(stalled());
    let bench = tree(&log);
    let key = bench.path("key");
    let made = Command::new("openssl").args(["genpkey", "-algorithm", "ed25519", "-out"]).arg(&key).output();
    assert!(made.unwrap().status.success());
    #[cfg(unix)]
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (mut list, mut table) = (Vec::new(), "path,title\n".to_owned());
    for n in (0..FILES).rev() {
        list.extend_from_slice(format!("d/{n:02}\0").as_bytes());
        table.push_str(&format!("d/{n:02},Title {n}\n"));
    }
    list.extend_from_slice(b"d/left.out\0");
    bench.write("d/left.out", "x");
    bench.write("t.csv", table);
    let args = [
        "--files-from",
        "-",
        "-0",
        "--exclude",
        "*.out",
        "--claims",
        "t.csv",
        "--claims-strict",
        "--sign",
        "key",
        "-o",
        "o.treering",
    ];
    kill(hanging(&bench, &log, &args, &list));
    log.behave(|manner| manner.stalled_after = usize::MAX);
    let ran = bench.run(&["resume", "--json"]);
    assert_eq!(ran.code, 0, "no row of the table is told as unused: {ran:?}");
    let (kept, hashed) = (count(&ran, "kept"), count(&ran, "hashed"));
    assert!(kept >= 12, "{kept}");
    assert_eq!(kept + hashed, FILES as u64, "the list was not lost, and the rule held");
    assert_eq!(bench.trusting(&["verify", ".", "o.treering"]).code, 0);
    // Of both runs, the killed one (the list's beginning) and the one that went on.
    for n in [FILES - 1, 0] {
        let one = bench.trusting(&["verify", &format!("d/{n:02}"), "o.treering"]);
        assert_eq!(one.code, 0, "{one:?}");
        assert!(one.out.contains(&format!("title: Title {n} (claimed)")), "{one:?}");
        assert!(one.out.contains("key"), "{one:?}");
    }
    assert_eq!(bench.list("home/.local/state/treering/jobs").len(), 0);
}

#[test]
fn digests_survive_a_kill() {
    let log = FakeLog::start(stalled());
    let bench = tree(&log);
    let names: Vec<String> = (0..FILES).map(|n| format!("d/{n:02}")).collect();
    let sums = Command::new("sha256sum").args(&names).current_dir(bench.path(".")).output().unwrap().stdout;
    kill(hanging(&bench, &log, &["--digests", "-", "-o", "o.treering"], &sums));
    log.behave(|manner| manner.stalled_after = usize::MAX);
    let ran = bench.run(&["resume", "--json"]);
    assert_eq!((ran.code, count(&ran, "records")), (0, FILES as u64), "{ran:?}");
    assert!(count(&ran, "kept") >= 12, "{ran:?}");
    assert_eq!(bench.trusting(&["verify", ".", "o.treering"]).code, 0);
}

/// Half a list reads like a whole one.
#[test]
fn a_list_that_was_not_read_to_its_end_is_not_gone_on_with() {
    let log = FakeLog::start(stalled());
    let bench = tree(&log);
    let args = ["--files-from", "-", "-o", "o.treering"];
    let list: String = (0..FILES).map(|n| format!("d/{n:02}\n")).collect();
    kill(hanging(&bench, &log, &args, list.as_bytes()));
    let mut again = bench.stamping(&log);
    again.args(args).arg("--restart").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut again = again.spawn().unwrap();
    let begin = &list.as_bytes()[..10];
    let mut input = again.stdin.take().unwrap();
    input.write_all(begin).unwrap();
    let jobs = "home/.local/state/treering/jobs";
    let job = format!("{jobs}/{}", bench.list(jobs)[0]);
    until("the list's beginning", || {
        bench.list(&job).iter().any(|name| bench.read(&format!("{job}/{name}")) == begin)
    });
    kill(again);
    log.behave(|manner| manner.stalled_after = usize::MAX);
    let resumed = bench.run(&["resume"]);
    assert!(
        resumed.told() == "exit 0\ntreering: nothing is unfinished\n" && !bench.exists("o.treering"),
        "{resumed:?}"
    );
    assert_eq!(bench.stamp_with(&log, &args, list.as_bytes()).code, 0);
    assert_eq!(bench.trusting(&["verify", ".", "o.treering"]).code, 0);
    assert_eq!(bench.list(jobs).len(), 0);
}
