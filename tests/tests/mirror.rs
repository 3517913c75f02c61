//! A mirror: what it serves when the log is gone, and what is on its disk when it says that something is.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use treering_tests::{
    files,
    log::shown,
    mirror::MirrorServer,
    net::{self, Net, ORIGIN},
    programs, random,
    trace::{self, Call, Trace},
    view, wait,
};
use treering_tlog::{
    checkpoint::Checkpoint,
    cosignature,
    hash::Hash,
    note::{Note, VerifierKey},
    tree::TreeSize,
};
use treering_token::token::Token;

pub(crate) fn mirror_of(net: &Net) -> MirrorServer {
    let output = net.dir().join("output");
    MirrorServer::init(&net.dir().join("mirror"), &output, &net.policy_file(), net::free_port())
}

/// Waits until the mirror's checkpoint has this size.
pub(crate) fn wait_for(mirror: &MirrorServer, size: TreeSize) -> Note {
    wait::until(&format!("size {size} is mirrored"), || {
        let answer = mirror.copy(ORIGIN).get("/checkpoint");
        let note = Note::parse(&answer.body).ok().filter(|_| answer.status == 200)?;
        let checkpoint = Checkpoint::parse(note.text()).expect("a checkpoint");
        (checkpoint.head.size == size).then_some(note)
    })
}

/// The mirror's cosignature in a note, as a line; verified.
fn own_line(mirror: &MirrorServer, note: &Note) -> String {
    let key = VerifierKey::parse(mirror.vkey()).expect("a key");
    let line = note.signatures().iter().find(|line| key.matches(line)).expect("the mirror's cosignature");
    cosignature::verify(&key, &Checkpoint::parse(note.text()).expect("a checkpoint"), line).expect("genuine");
    line.to_string()
}

#[test]
fn when_the_log_is_gone_the_mirror_has_it_all() {
    let mut net = net::plan().start();
    let client = net.client();
    let tree = net.new_dir("tree");
    for n in 0..20 {
        fs::write(tree.join(format!("f{n}")), format!("content {n}")).expect("a file");
    }
    client.run(net.dir(), ["stamp", "tree"]).expect(0);
    // Submissions whose receipts nobody has fetched, several in one batch and many batches.
    let mut roots: Vec<Hash> = Vec::new();
    for round in 1..4 {
        for count in 1..=round * 3 {
            let commitments = random::commitments(count);
            net.log.submit(&commitments).expect_status(202);
            roots.push(view::root_of(&commitments));
        }
        net.log.wait_idle();
    }
    let size = net.log.published_size();
    let mut mirror = mirror_of(&net);
    mirror.start();
    let note = wait_for(&mirror, size);
    own_line(&mirror, &note);
    let theirs: Vec<Token> = roots.iter().map(|root| net.log.receipt(root)).collect();

    // The log dies, with all that it had.
    net.kill_all();
    fs::remove_dir_all(net.log.dir()).expect("the log's directory can be removed");

    // Its tree, read and checked as the log's was.
    let http = mirror.copy(ORIGIN);
    let opened = view::open(&net.policy, &http.get("/checkpoint").expect_status(200).body).expect("a quorum");
    let mut seen = view::Seen::default();
    seen.add(opened.checkpoint.head());
    seen.assert_one_history(&http);

    // Receipts, from the submission roots alone; the earliest checkpoint and its cosignatures, as the log's own has.
    let made = net.new_dir("made");
    let policy = net.policy_file();
    let arguments = |root: &Hash, more: &[&str]| {
        let fixed =
            ["receipt", "--from", http.base(), "--policy", policy.to_str().expect("text"), "-o", "made"];
        fixed.iter().chain(more).map(|text| (*text).to_owned()).chain([root.to_string()]).collect::<Vec<_>>()
    };
    for (root, theirs) in roots.iter().zip(&theirs) {
        client.run(net.dir(), arguments(root, &[])).expect(0);
        let bytes = fs::read(made.join(format!("{root}.tlog-proof"))).expect("a receipt");
        let receipt = Token::parse(&bytes).expect("a receipt");
        let attested = view::verify(&net.policy, &receipt, root);
        assert_eq!((receipt.index(), receipt.layers()), (theirs.index(), theirs.layers()));
        let before = view::verify(&net.policy, theirs, root);
        assert_eq!((attested.tree_size, attested.before()), (before.tree_size, before.before()));
        // Known places are found at once, and nowhere else.
        let entry = receipt.index().to_string();
        client.run(net.dir(), arguments(root, &["--force", "--entry", &entry])).expect(0);
    }
    let nowhere = client.run(net.dir(), arguments(&Hash::new([7; 32]), &[])).expect(2);
    assert!(nowhere.said().contains("is in none of the batches"), "{}", nowhere.said());
    let early = arguments(&roots[0], &["--force", "--sealed-before", "2020-01-01T00:00:00Z"]);
    client.run(net.dir(), early).expect(2);
    let late = arguments(&roots[0], &["--force", "--sealed-after", "2020-01-01T00:00:00Z"]);
    client.run(net.dir(), late).expect(0);

    // What the client has stands alone, and its bundle's receipts can be made again too.
    client.run(net.dir(), ["verify", "tree"]).expect(0);
    client.run(net.dir(), ["token", "tree.treering", "tree/f7"]).expect(0);
    client.run(net.dir(), ["verify", "tree/f7"]).expect(0);
    let again = ["receipt", "--from", http.base(), "-o", "made", "tree.treering"];
    let said = client.run(net.dir(), again).expect(0).stdout();
    assert_eq!(said.lines().count(), 1, "{said}");
    mirror.stop();
}

/// Is strace there? Says so if not.
fn can_trace(test: &str) -> bool {
    let possible = trace::is_possible();
    if !possible {
        programs::skipped(test, "strace is not installed or may not trace");
    }
    possible
}

#[test]
fn a_mirror_signs_what_is_on_its_disk() {
    if !can_trace("a_mirror_signs_what_is_on_its_disk") {
        return;
    }
    let net = net::plan().start();
    for _ in 0..3 {
        net.log.stamp(&random::commitments(2));
    }
    let size = net.log.published_size();
    let mut mirror = mirror_of(&net);
    let file = net.dir().join("trace");
    mirror.start_traced(&file);
    let note = wait_for(&mirror, size);
    let own = own_line(&mirror, &note);
    mirror.stop();

    let trace = Trace::read(&file);
    let line = own.as_bytes();
    let record = trace.first(0, |call| call.is_write() && is_record(call) && call.holds(line));
    let record = record.expect("the cosignature was written to the records");
    let synced = trace.first(record.ended, |call| call.is_sync() && is_record(call));
    let synced = synced.expect("the records were synced");
    let is_signed = |call: &Call| call.target().ends_with("/signed.redb");
    let signed = trace.first(0, |call| call.is_write() && is_signed(call) && call.holds(line));
    let signed = signed.expect("the cosignature was written beside the keys");
    let durable = trace.first(signed.ended, |call| call.is_sync() && is_signed(call));
    let durable = durable.expect("what was signed was synced");
    assert!(durable.ended < record.began, "recorded on line {}, synced on {}", record.began, durable.ended);
    let sent = trace.first(0, |call| call.is_to_network() && call.is_write() && call.holds(line));
    let sent = sent.expect("the cosignature was sent");
    assert!(synced.ended < sent.began, "sent on line {}, synced on {}", sent.began, synced.ended);
    for name in ["tile/entries/000.p", "tile/0/000.p", "batches/000.p"] {
        let name = format!("{name}/{size}");
        let before = |what: &str, from: usize, is: &dyn Fn(&Call) -> bool| {
            let call = trace.first(from, is).unwrap_or_else(|| panic!("{name}: {what} never happened"));
            assert!(call.ended < record.began, "{name}: {what} on line {}, signed before", call.began);
            call.ended
        };
        let beside = format!("/{name}.new");
        let at = before("a write", 0, &|call| call.is_write() && call.target().ends_with(&beside));
        let at = before("a sync", at, &|call| call.is_sync() && call.target().ends_with(&beside));
        let renamed = format!("/{name}");
        let at = before("the rename", at, &|call| {
            call.name.starts_with("rename")
                && call.paths().last().is_some_and(|path| path.ends_with(&renamed))
        });
        let folder = PathBuf::from(&renamed);
        let folder = folder.parent().expect("a folder").to_str().expect("text").to_owned();
        before("the folder's sync", at, &|call| call.is_sync() && call.target().ends_with(&folder));
    }
}

fn is_record(call: &Call) -> bool {
    call.target().ends_with("/mirror.redb")
}

/// Where a mirror is killed: at so many-th calls of this kind in one of its threads.
const KILLS: [(&str, &[usize]); 3] =
    [("rename", &[1, 2, 3, 7]), ("fsync", &[1, 2, 3, 5]), ("fdatasync", &[1, 2, 3, 4, 6])];

#[test]
fn a_mirror_that_is_killed_between_the_steps_goes_on() {
    if !can_trace("a_mirror_that_is_killed_between_the_steps_goes_on") {
        return;
    }
    let net = net::plan().start();
    for _ in 0..5 {
        net.log.stamp(&random::commitments(3));
    }
    let mirror = mirror_of(&net);
    let empty = net.dir().join("empty");
    files::copy(mirror.dir(), &empty);
    let whole = mirror.once();
    assert!(whole.status.success(), "{}", shown(&whole));
    let wanted = contents(&mirror.files(ORIGIN));
    assert!(wanted.len() >= 3, "{wanted:?}");
    let mut killed = 0;
    for (call, times) in KILLS {
        for at in times {
            // From nothing: the first round writes it all.
            fs::remove_dir_all(mirror.dir()).expect("it can be removed");
            files::copy(&empty, mirror.dir());
            fs::set_permissions(mirror.dir().join("key"), private()).expect("a mode");
            killed += usize::from(once_killed(&mirror, call, *at));
            let again = mirror.once();
            assert!(again.status.success(), "after {call} {at}: {}", shown(&again));
            assert_eq!(contents(&mirror.files(ORIGIN)), wanted, "after {call} {at}");
        }
    }
    assert!(killed >= 5, "only {killed} rounds were killed");
}

/// Calls that fail once under a running mirror: of its records as if the disk were full, of what it has signed as if the
/// device had an error.
const FAILURES: [(&str, &str, &str); 2] =
    [("mirror.redb", "pwrite64", "ENOSPC"), ("signed.redb", "fdatasync", "EIO")];

/// INVARIANT: what is on the disk after a failed write of a store is unknown. The process ends, so that whoever runs it
/// starts it anew; a mirror that stays, and can do no more than say so each time, would wait for somebody to look.
#[test]
fn a_mirror_whose_store_fails_ends_and_goes_on_when_it_is_started_again() {
    if !can_trace("a_mirror_whose_store_fails_ends_and_goes_on_when_it_is_started_again") {
        return;
    }
    let net = net::plan().start();
    net.log.stamp(&random::commitments(2));
    let mut mirror = mirror_of(&net);
    for (file, call, error) in FAILURES {
        mirror.start();
        wait_for(&mirror, net.log.published_size());
        let mut tracer = fail_next(&mirror, file, call, error);
        net.log.stamp(&random::commitments(2));
        let (status, said) = mirror.end();
        tracer.wait().expect("strace ends");
        assert_eq!(status.code(), Some(2), "{file}: {said}");
        assert!(said.contains("treering-witness: the store failed: "), "{file}: {said}");
    }
    mirror.start();
    let note = wait_for(&mirror, net.log.published_size());
    own_line(&mirror, &note);
    let http = mirror.copy(ORIGIN);
    let opened = view::open(&net.policy, &http.get("/checkpoint").expect_status(200).body).expect("a quorum");
    let mut seen = view::Seen::default();
    seen.add(opened.checkpoint.head());
    seen.assert_one_history(&http);
    mirror.stop();
}

/// From now on the running mirror's next call of this kind on one of its files fails.
fn fail_next(mirror: &MirrorServer, file: &str, call: &str, error: &str) -> Child {
    let path = files::below(mirror.dir()).into_iter().find(|path| path.ends_with(file)).expect("it is there");
    let mut command = Command::new("strace");
    command.args(["-f", "-o", "/dev/null", "-e", &format!("trace={call}"), "-P"]).arg(path);
    command.args(["-e", &format!("inject={call}:error={error}:when=1")]);
    command.args(["-p", &mirror.pid().to_string()]).stderr(Stdio::piped());
    let mut strace = command.spawn().expect("strace starts");
    let mut lines = BufReader::new(strace.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains(" attached")), "strace does not attach");
    // What else it says doesn't stop it: somebody reads that.
    thread::spawn(move || lines.for_each(drop));
    strace
}

fn private() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o600)
}

/// Runs a round that is killed at the n-th call of a thread, if it comes to that.
fn once_killed(mirror: &MirrorServer, call: &str, at: usize) -> bool {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    command.args(["-e", &format!("inject={call}:signal=SIGKILL:when={at}")]);
    command.arg(programs::path(programs::WITNESS)).args(["mirror", "--once", "--dir"]).arg(mirror.dir());
    let ended = command.output().expect("strace starts");
    let killed = ended.status.signal() == Some(9) || ended.status.code() == Some(137);
    assert!(killed || ended.status.success(), "{}", shown(&ended));
    killed
}

/// The files of a copy, by their names: not what was being written, and not the checkpoint, which says when it was signed.
fn contents(copy: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let named = files::below(copy)
        .into_iter()
        .filter(|path| path.extension().is_none_or(|end| end != "new") && !path.ends_with("checkpoint"));
    let mut contents: Vec<_> = named
        .map(|path| (path.strip_prefix(copy).expect("below").to_owned(), fs::read(&path).expect("a file")))
        .collect();
    contents.sort();
    contents
}
