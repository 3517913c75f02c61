//! The program itself: its subcommands, its signals, its socket.
#![forbid(unsafe_code)]

mod support;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use support::{Answer, TestLog};
use treering_tlog::{note::VerifierKey, policy::Policy};
use treering_witness::logs::Row;

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_treering-witness"))
}

fn run(args: &[&str]) -> Output {
    program().args(args).output().expect("the program runs")
}

#[track_caller]
fn succeed(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[track_caller]
fn fail(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
    String::from_utf8(output.stderr).expect("UTF-8")
}

/// What `serve` says when it doesn't start.
#[track_caller]
fn refused(dir: &Path) -> String {
    let mut command = program();
    command.args(["serve", "--dir", text(dir)]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut said = String::new();
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    if lines.into_iter().any(|line| line.starts_with("listening on ")) {
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        panic!("it serves");
    }
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("UTF-8");
    assert_eq!(child.wait().expect("it ends").code(), Some(1), "{said}");
    said
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

/// A new witness's directory on port 0, and its key.
fn init(dir: &Path) -> VerifierKey {
    let args = ["init", "--name", "witness.example/w1", "--listen", "127.0.0.1:0", "--dir", text(dir)];
    let out = succeed(&args);
    support::be_patient(dir);
    VerifierKey::parse(out.lines().next().expect("a line")).expect("a verifier key")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A running program; killed when the test ends.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(dir: &Path, args: &[&str]) -> Served {
        let mut child = program()
            .args(["serve", "--dir", text(dir)])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("a pipe");
        let listening = BufReader::new(stdout)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
        Served { child, url: listening.expect("it says where it listens") }
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits for the end; gives the exit code and what was logged.
    fn end(&mut self) -> (Option<i32>, String) {
        let mut logged = String::new();
        self.child.stderr.take().expect("a pipe").read_to_string(&mut logged).expect("UTF-8");
        (self.child.wait().expect("it ends").code(), logged)
    }

    async fn send(&self, log: &TestLog, old: u64, new: u64) -> Answer {
        let url = format!("{}/add-checkpoint", self.url);
        let request = reqwest::Client::new().post(url).body(log.request(old, new).to_string());
        Answer::of(request.send().await.expect("an answer")).await
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn init_makes_a_witness_that_only_its_owner_can_read() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("deep/w1");
    let args = ["init", "--name", "witness.example/w1", "--listen", "127.0.0.1:7499", "--dir", text(&dir)];
    let out = succeed(&args);
    let [vkey, line] = out.lines().collect::<Vec<_>>()[..] else { panic!("{out}") };
    assert_eq!(line, format!("witness w1 {vkey} http://127.0.0.1:7499"));
    Policy::parse(format!("{line}\nquorum w1\n").as_bytes()).unwrap();

    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&dir.join("key")), 0o600);
    assert!(fs::read_to_string(dir.join("key")).unwrap().starts_with("PRIVATE+KEY+witness.example/w1+"));
    assert!(
        fs::read_to_string(dir.join("witness.toml")).unwrap().contains("\nlisten = \"127.0.0.1:7499\"\n")
    );
    assert_eq!(succeed(&["vkey", "--dir", text(&dir)]), format!("{vkey}\n"));
    assert_eq!(succeed(&["vkey", "--policy", "--dir", text(&dir)]), format!("{line}\n"));

    let key = fs::read(dir.join("key")).unwrap();
    assert!(fail(&args).contains("is not empty: a new witness needs a new directory; nothing was changed"));
    assert_eq!(fs::read(dir.join("key")).unwrap(), key);
}

#[tokio::test]
async fn a_witness_with_both_kinds_of_key_signs_with_both_and_a_third_one_joins() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("w1");
    let init =
        ["init", "--name", "witness.example/w1", "--listen", "127.0.0.1:0", "--ml-dsa", "--dir", text(&dir)];
    let out = succeed(&init);
    support::be_patient(&dir);
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines.len(), 5, "{out}");
    Policy::parse(format!("{}\nquorum w1-any\n", lines[2..].join("\n")).as_bytes()).unwrap();
    assert_eq!(mode(&dir.join("key-ml-dsa")), 0o600);
    let keys =
        |lines: &[&str]| -> Vec<_> { lines.iter().map(|line| VerifierKey::parse(line).unwrap()).collect() };
    let two = keys(&lines[..2]);

    let log = TestLog::new("log.example/a");
    succeed(&["add-log", "--dir", text(&dir), &log.vkey().to_string()]);
    let served = Served::start(&dir, &[]);
    served.send(&log, 0, 3).await.cosigned_by_all(&two, &log.checkpoint(3));

    // A key that is added signs from the next start on, and the records that the others signed are gone on from.
    let added = succeed(&["key", "add", "--dir", text(&dir)]);
    let listed = succeed(&["vkey", "--dir", text(&dir)]);
    let three = keys(&listed.lines().collect::<Vec<_>>());
    assert_eq!(three.len(), 3);
    assert_eq!(added.lines().next(), Some(three[2].to_string().as_str()));
    drop(served);
    let served = Served::start(&dir, &[]);
    served.send(&log, 3, 5).await.cosigned_by_all(&three, &log.checkpoint(5));

    // The first key goes: what it signed was signed by the others too.
    let settings = fs::read_to_string(dir.join("witness.toml")).unwrap();
    let settings = settings.replace("keys = [\"key\", \"key-ml-dsa\", ", "keys = [\"key-ml-dsa\", ");
    fs::write(dir.join("witness.toml"), settings).unwrap();
    drop(served);
    let served = Served::start(&dir, &[]);
    served.send(&log, 5, 7).await.cosigned_by_all(&three[1..], &log.checkpoint(7));
}

#[test]
fn init_refuses_a_bad_name_and_makes_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("w1");
    for name in ["", "two words", "a+b"] {
        assert!(fail(&["init", "--name", name, "--dir", text(&dir)]).contains("a key name must have"));
        assert!(!dir.exists());
    }
}

#[test]
fn what_cannot_be_served_is_said() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("w1");
    assert!(
        fail(&["serve", "--dir", text(&dir)]).contains("`treering-witness init` makes a witness's directory")
    );
    init(&dir);
    fs::set_permissions(dir.join("key"), fs::Permissions::from_mode(0o644)).unwrap();
    let refused = fail(&["serve", "--dir", text(&dir)]);
    assert!(
        refused.contains("has mode 0644, so others than its owner can get at it; it must be 0600"),
        "{refused}"
    );
    fs::set_permissions(dir.join("key"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(dir.join("witness.toml"), "listen = \"127.0.0.1:0\"\nport = 3\n").unwrap();
    let refused = fail(&["serve", "--dir", text(&dir)]);
    assert!(refused.contains("witness.toml") && refused.contains("unknown field `port`"), "{refused}");
}

#[tokio::test]
async fn a_running_witness_takes_logs_over_and_stops_when_it_is_told() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("w1");
    let vkey = init(&dir);
    let (a, b, c) =
        (TestLog::new("log.example/a"), TestLog::new("log.example/b"), TestLog::new("log.example/c"));

    // Before it runs, from a key.
    let added = succeed(&["add-log", "--dir", text(&dir), &a.vkey().to_string()]);
    assert_eq!(added, format!("added log.example/a {}\n", a.vkey()));
    let mut served = Served::start(&dir, &["--log-format", "json"]);
    served.send(&a, 0, 3).await.cosigned(&vkey, &a.checkpoint(3));

    // While it runs, through its socket, from a policy.
    assert_eq!(mode(&dir.join("control.sock")), 0o600);
    let policy = temporary.path().join("policy");
    fs::write(&policy, format!("log {}\nlog {}\nquorum none\n", a.vkey(), b.vkey())).unwrap();
    let added = succeed(&["add-log", "--dir", text(&dir), text(&policy)]);
    assert_eq!(added, format!("known log.example/a {}\nadded log.example/b {}\n", a.vkey(), b.vkey()));
    served.send(&b, 0, 3).await.cosigned(&vkey, &b.checkpoint(3));

    // It shows what it signs for, and no longer signs for what is removed.
    let listed = succeed(&["list", "--json", "--dir", text(&dir)]);
    let rows: Vec<Row> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown: Vec<_> = rows.iter().map(|row| (row.origin.as_str(), row.size, row.signed)).collect();
    assert_eq!(shown, [("log.example/a", Some(3), true), ("log.example/b", Some(3), true)]);
    assert!(succeed(&["list", "--dir", text(&dir)]).contains("signed  size 3  time "));
    succeed(&["remove-log", "--dir", text(&dir), "log.example/b"]);
    assert_eq!(served.send(&b, 3, 4).await.problem(404), "unknown_log");
    assert!(fail(&["remove-log", "--dir", text(&dir), "log.example/b"]).contains("nothing was changed"));
    // A log that comes back is gone on with from its record.
    succeed(&["add-log", "--dir", text(&dir), &b.vkey().to_string()]);
    assert_eq!(served.send(&b, 0, 4).await.conflict(), 3);

    // A bad argument changes nothing.
    let before = fs::read_dir(dir.join("logs")).unwrap().count();
    assert!(
        fail(&["add-log", "--dir", text(&dir), "nonsense"]).contains("is neither a file nor a verifier key")
    );
    assert_eq!(fs::read_dir(dir.join("logs")).unwrap().count(), before);

    // A second one on the same directory is refused, and the first goes on.
    let refused = fail(&["serve", "--dir", text(&dir)]);
    assert!(
        refused.contains("is in use by another process: is a witness running on this directory already?")
    );

    // By hand: a bad file changes nothing, and it is said why.
    fs::write(dir.join("logs/list.logs"), "logs/v1\n").unwrap();
    let refused = fail(&["reload", "--dir", text(&dir)]);
    assert!(
        refused.contains("a list begins with the line \"logs/v0\"; what was in force stays in force"),
        "{refused}"
    );
    served.send(&a, 3, 4).await.cosigned(&vkey, &a.checkpoint(4));
    fs::remove_file(dir.join("logs/list.logs")).unwrap();
    assert_eq!(succeed(&["reload", "--dir", text(&dir)]), "2 logs in force\n");

    // And SIGHUP.
    support::add(&dir, &c);
    served.signal("-HUP");
    let answer = loop {
        // The signal is asynchronous: asked until it has been seen.
        let answer = served.send(&c, 0, 3).await;
        if answer.status != 404 {
            break answer;
        }
    };
    answer.cosigned(&vkey, &c.checkpoint(3));

    served.signal("-TERM");
    let (code, logged) = served.end();
    assert_eq!(code, Some(0), "{logged}");
    let listed = succeed(&["list", "--dir", text(&dir)]);
    assert!(listed.contains("log.example/c  (unchecked: no witness runs)"), "{listed}");
    assert!(logged.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{logged}");
    assert!(!dir.join("control.sock").exists());
    assert!(fail(&["reload", "--dir", text(&dir)]).contains("no witness runs on "));
}

#[tokio::test]
async fn a_witness_that_was_killed_goes_on_from_what_it_cosigned() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("w1");
    let vkey = init(&dir);
    let log = TestLog::new("log.example/a");
    succeed(&["add-log", "--dir", text(&dir), &log.vkey().to_string()]);
    for round in 0..3_u64 {
        let served = Served::start(&dir, &[]);
        let (old, new) = (round * 4, round * 4 + 4);
        served.send(&log, old, new).await.cosigned(&vkey, &log.checkpoint(new));
        served.signal("-KILL");
        drop(served);
        assert!(dir.join("control.sock").exists(), "a killed process leaves its socket");
    }
    let mut served = Served::start(&dir, &[]);
    assert_eq!(served.send(&log, 0, 4).await.conflict(), 12);
    served.signal("-INT");
    assert_eq!(served.end().0, Some(0));

    // What it cosigned is gone: it doesn't begin anew.
    fs::write(dir.join("witness.redb"), "").unwrap();
    let refused = refused(&dir);
    assert!(
        refused.contains("witness.redb is empty: what was signed with these keys is no longer known"),
        "{refused}"
    );
}

/// A key may go before it has signed anything, if the one in its place was made beside it.
#[tokio::test]
async fn a_key_that_was_added_may_replace_the_first_one_at_once() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("w1");
    init(&dir);
    let added = succeed(&["key", "add", "--dir", text(&dir)]);
    let vkey = VerifierKey::parse(added.lines().next().unwrap()).unwrap();
    let settings = fs::read_to_string(dir.join("witness.toml")).unwrap();
    fs::write(dir.join("witness.toml"), settings.replace("keys = [\"key\", ", "keys = [")).unwrap();
    let log = TestLog::new("log.example/a");
    succeed(&["add-log", "--dir", text(&dir), &log.vkey().to_string()]);
    let served = Served::start(&dir, &[]);
    served.send(&log, 0, 4).await.cosigned(&vkey, &log.checkpoint(4));
}
