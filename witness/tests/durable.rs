//! What is on disk when a cosignature leaves, by the program's system calls; and what a kill between any two of them
//! leaves behind.
//!
//! `kill -9` keeps the page cache, so it passes code that never calls `fsync`; the order of system calls does not. Both
//! need strace; where it is missing or may not trace, the tests say so and check nothing.
#![forbid(unsafe_code)]

mod support;
#[path = "../../tests/src/trace.rs"]
#[expect(dead_code, unreachable_pub, reason = "the end-to-end tests' own module, of which this uses a part")]
mod trace;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use support::{Answer, TestLog};
use trace::{Call, Trace};
use treering_tlog::{note::VerifierKey, witness::parse_conflict};

fn can_trace() -> bool {
    let can = trace::is_possible();
    if !can {
        support::skipped("strace is not installed or may not trace");
    }
    can
}

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_treering-witness"))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A new witness's directory that knows these logs.
fn init(dir: &Path, logs: &[TestLog]) -> VerifierKey {
    let args = ["init", "--name", "witness.example/w1", "--listen", "127.0.0.1:0", "--dir", text(dir)];
    let made = Command::new(program()).args(args).output().expect("the program runs");
    assert!(made.status.success(), "{made:?}");
    support::be_patient(dir);
    logs.iter().for_each(|log| support::add(dir, log));
    let out = String::from_utf8(made.stdout).expect("UTF-8");
    VerifierKey::parse(out.lines().next().expect("a line")).expect("a verifier key")
}

/// A running witness; killed when the test ends.
struct Served {
    child: Child,
    url: String,
    http: reqwest::Client,
}

impl Served {
    fn start(dir: &Path, command: &mut Command) -> Served {
        let quiet = ["serve", "--log-level", "error", "--dir", text(dir)];
        let mut child = command.args(quiet).stdout(Stdio::piped()).spawn().expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let listening = stdout
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
        Served { child, url: listening.expect("it says where it listens"), http: reqwest::Client::new() }
    }

    /// The answer; `None` if the witness was gone before its end.
    async fn send(&self, body: String) -> Option<Answer> {
        let response = self.http.post(format!("{}/add-checkpoint", self.url)).body(body).send().await.ok()?;
        (response.content_length().is_some()).then_some(())?;
        Some(Answer::of(response).await)
    }

    fn terminate(&mut self) {
        let kill = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(kill.expect("kill runs").success());
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// INVARIANT: the record is written, synced, made the valid one, and synced again, and only then the cosignature is
/// written to a socket. And logs whose requests are in flight together share those syncs.
#[tokio::test]
async fn a_cosignature_leaves_after_its_record_is_synced_and_many_share_a_sync() {
    const LOGS: usize = 50;
    if !can_trace() {
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let (dir, file) = (temporary.path().join("w1"), temporary.path().join("trace"));
    let logs: Vec<_> = (0..LOGS).map(|i| TestLog::new(&format!("log.example/{i}"))).collect();
    let vkey = init(&dir, &logs);
    let mut served = Served::start(&dir, &mut trace::command(&file, program()));
    let answers = logs.iter().map(|log| served.send(log.request(0, 3).to_string()));
    let answers = futures_util::future::join_all(answers).await;
    served.terminate();
    let trace = whole_trace(&file);

    let is_store = |call: &Call| call.target().ends_with("/witness.redb");
    let mut first = usize::MAX;
    let mut last = 0;
    for (log, answer) in logs.iter().zip(answers) {
        let answer = answer.expect("an answer");
        answer.cosigned(&vkey, &log.checkpoint(3));
        // The line as it is stands in the answer and in the record's note.
        let line = answer.body.trim_end().as_bytes();
        let call = |what: &str, from: usize, is: &dyn Fn(&Call) -> bool| {
            let name = &log.origin;
            trace
                .first(from, |call| is(call))
                .unwrap_or_else(|| panic!("{name}: {what} never happened"))
                .clone()
        };
        let written = call("writing", 0, &|call| call.is_write() && is_store(call) && call.holds(line));
        let synced = call("syncing", written.ended, &|call| call.is_sync() && is_store(call));
        let flipped = call("making it valid", synced.ended, &|call| {
            call.is_write() && is_store(call) && is_at_start(call)
        });
        let durable = call("syncing that", flipped.ended, &|call| call.is_sync() && is_store(call));
        let sent = call("sending", 0, &|call| call.is_write() && call.is_to_network() && call.holds(line));
        assert!(
            durable.ended < sent.began,
            "{}: written on line {}, synced on {}, valid on {}, synced on {}, sent on {}",
            log.origin,
            written.ended,
            synced.ended,
            flipped.ended,
            durable.ended,
            sent.began
        );
        first = first.min(written.began);
        last = last.max(durable.ended);
    }
    let syncs =
        trace.all(|call| call.is_sync() && is_store(call) && call.began > first && call.ended <= last).len();
    // Two each would be 100.
    assert!(syncs < 2 * LOGS, "{LOGS} updates in flight together took {syncs} syncs");
}

/// At offset 0, where the database says which of its two states is the valid one.
fn is_at_start(call: &Call) -> bool {
    // A call that another thread interrupted has no result on its first line.
    call.arguments.ends_with(", 0") || call.arguments.contains(", 0) = ")
}

/// strace outlives what it traces by a moment: the trace is whole when its last line is the program's end.
fn whole_trace(file: &Path) -> Trace {
    loop {
        let text = fs::read_to_string(file).expect("a trace");
        if text.lines().last().is_some_and(|line| line.contains("+++ exited with ")) {
            return Trace::read(file);
        }
        std::thread::yield_now();
    }
}

/// For each step from the request to its answer: the program is killed as it begins that step. Whatever the moment, a
/// cosignature that left is on record, another history gets none, and what was there before is not lost.
#[tokio::test]
async fn a_kill_between_any_two_steps_leaves_one_history() {
    if !can_trace() {
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("w1");
    let log = TestLog::new("log.example/a");
    let vkey = init(&dir, &[TestLog::new("log.example/a")]);
    // From nothing, any history would do.
    let mut served = Served::start(&dir, &mut Command::new(program()));
    served.send(log.request(0, 1).to_string()).await.expect("an answer").cosigned(&vkey, &log.checkpoint(1));
    served.terminate();
    let mut size = 1;
    let mut killed = Vec::new();
    for step in ["pwrite64", "fdatasync", "sendto,writev,sendmsg"] {
        // The step again and again, until the request needs no more of them.
        for nth in 1.. {
            let new = size + 3;
            let mut served = Served::start(&dir, &mut Command::new(program()));
            let mut tracer = kill_at(served.child.id(), step, nth);
            let answer = served.send(log.request(size, new).to_string()).await;
            let survived = answer.is_some();
            if survived {
                // A stop writes too, and would be killed at that.
                served.child.kill().expect("killed");
            }
            assert!(!served.child.wait().expect("it ends").success());
            tracer.wait().expect("strace ends");
            drop(served);

            // A fork of the same step: from the size that was there before.
            let served = Served::start(&dir, &mut Command::new(program()));
            let fork = log.forked(&format!("{step} {nth}"));
            let mut request = log.request(size, new);
            request.checkpoint = fork.note(new);
            let refused = served.send(request.to_string()).await.expect("an answer");
            let on_record = match refused.status {
                // The record is the old one: the proof does not lead to the other history.
                422 => size,
                409 => refused_size(&refused),
                other => panic!("{other}: {}", refused.body),
            };
            assert!(on_record == size || on_record == new, "{step} {nth}: {on_record} of {size} and {new}");
            if let Some(answer) = answer {
                answer.cosigned(&vkey, &log.checkpoint(new));
                assert_eq!(on_record, new, "{step} {nth}: a cosignature left that is not on record");
            } else {
                killed.push((step, nth, on_record == new));
            }
            // And it goes on from there.
            let next = new.max(on_record) + 1;
            let answer = served.send(log.request(on_record, next).to_string()).await.expect("an answer");
            answer.cosigned(&vkey, &log.checkpoint(next));
            size = next;
            if survived {
                break;
            }
        }
    }
    // The order of steps: until the last sync nothing is on record, and before the answer it is.
    let at = |step: &str| killed.iter().filter(|(of, ..)| *of == step).copied().collect::<Vec<_>>();
    assert!(at("pwrite64").len() >= 2 && at("fdatasync").len() >= 2, "{killed:?}");
    assert_eq!(killed.first().map(|(.., recorded)| *recorded), Some(false), "{killed:?}");
    let sending = at("sendto,writev,sendmsg");
    assert!(!sending.is_empty() && sending.iter().all(|(.., recorded)| *recorded), "{killed:?}");
}

fn refused_size(answer: &Answer) -> u64 {
    parse_conflict(answer.body.as_bytes()).expect("a size").get()
}

/// Kills the process as one of its threads begins the n-th of these calls from now on.
fn kill_at(pid: u32, calls: &str, nth: u32) -> Child {
    let mut strace = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "-p", &pid.to_string(), "-e", &format!("trace={calls}")])
        .args(["-e", &format!("inject={calls}:signal=SIGKILL:when={nth}")])
        .stderr(Stdio::piped())
        .spawn()
        .expect("strace starts");
    let lines = BufReader::new(strace.stderr.take().expect("a pipe")).lines();
    let attached = lines.map_while(Result::ok).find(|line| line.contains(" attached"));
    assert!(attached.is_some(), "strace does not attach");
    strace
}
