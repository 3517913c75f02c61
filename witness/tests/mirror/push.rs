//! Pushes to a mirror (C2SP tlog-mirror): each status, and that they give the same copy as pulling does.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use futures_util::stream::{self, Stream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use treering_tlog::{
    checkpoint::Checkpoint,
    cosignature,
    hash::leaf_hash,
    mirror::{AddEntries, INFO_CONTENT_TYPE, MirrorInfo, Package},
    note::{KeyName, SigningKey},
    tree::{MemoryTree, Subtree, TreeSize, prove_consistency, prove_subtree},
    witness::{AddCheckpoint, parse_conflict, parse_signatures},
};
use treering_witness::monitor::config::LogKind;

use crate::{
    copying::{Copying, Serving},
    lying::{LyingLog, NOW, ORIGIN, tile_bytes},
};

fn size(size: u64) -> TreeSize {
    TreeSize::new(size).expect("a size")
}

fn tree(log: &LyingLog, size: u64) -> MemoryTree {
    let entries = &log.pages().entries;
    let first = &entries[..usize::try_from(size).expect("small")];
    MemoryTree::new(first.iter().map(|entry| leaf_hash(entry)).collect())
}

pub(crate) fn checkpoint_body(log: &LyingLog, old: u64, new: u64) -> String {
    let proof = prove_consistency(&mut &tree(log, new), size(old), size(new)).expect("in memory");
    AddCheckpoint { old: size(old), proof, checkpoint: log.note(new, NOW) }.to_string()
}

pub(crate) fn header(start: u64, end: u64) -> AddEntries {
    AddEntries { origin: ORIGIN.as_bytes().to_vec(), start, end: size(end), ticket: Vec::new() }
}

/// The first packages of an upload.
pub(crate) fn upload(log: &LyingLog, start: u64, end: u64, packages: usize) -> Vec<u8> {
    let header = header(start, end);
    let mut bytes = header.encode().expect("short");
    let tree = tree(log, end);
    for range in header.packages().take(packages) {
        let entries = log.pages().entries.clone();
        let subtree = Subtree::new(range.start - range.start % 256, range.end).expect("a bundle is one");
        let range = usize::try_from(range.start).expect("small")..usize::try_from(range.end).expect("small");
        let proof = prove_subtree(&mut &tree, subtree, size(end)).expect("in memory");
        let entries = entries[range].iter().map(Vec::as_slice).collect();
        bytes.extend(Package { entries, proof }.encode().expect("a package"));
    }
    bytes
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: http::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    /// A 202's or a 409's.
    #[track_caller]
    pub(crate) fn info(&self, status: u16) -> (u64, u64) {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.headers["content-type"], INFO_CONTENT_TYPE);
        let info = MirrorInfo::parse(&self.body).expect("three lines");
        (info.size.get(), info.next)
    }

    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        let problem: serde_json::Value = serde_json::from_slice(&self.body).expect("a problem");
        let kind = problem["type"].as_str().expect("a type");
        kind.strip_prefix("urn:treering:problem:").expect("one of ours").to_owned()
    }
}

/// Whoever pushes.
pub(crate) struct Pusher<'a> {
    serving: &'a Serving,
    http: reqwest::Client,
}

impl Pusher<'_> {
    pub(crate) fn new(serving: &Serving) -> Pusher<'_> {
        Pusher { serving, http: reqwest::Client::new() }
    }

    pub(crate) fn request(&self, call: &str) -> reqwest::RequestBuilder {
        let (prefix, _) = self.serving.base.rsplit_once('/').expect("an origin hash");
        self.http.post(format!("{prefix}/{call}"))
    }

    pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Answer {
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, body: answer.bytes().await.expect("a body").to_vec() }
    }

    pub(crate) async fn checkpoint(&self, body: impl Into<reqwest::Body>) -> Answer {
        Pusher::answer(self.request("add-checkpoint").body(body)).await
    }

    pub(crate) async fn entries(&self, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request("add-entries").header("content-type", "application/octet-stream");
        Pusher::answer(request.body(body)).await
    }

    /// Pushes all from `old` to `new`; the answer's cosignature is verified.
    async fn all(&self, log: &LyingLog, copying: &Copying, old: u64, new: u64) {
        let locked = self.checkpoint(checkpoint_body(log, old, new)).await;
        assert_eq!((locked.status, &locked.body[..]), (200, &b""[..]));
        let answer = self.entries(upload(log, old, new, usize::MAX)).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let lines = parse_signatures(&answer.body).expect("signature lines");
        let checkpoint = Checkpoint::parse(log.note(new, NOW).text()).expect("a checkpoint");
        assert_eq!(lines.len(), 1);
        cosignature::verify(&copying.vkey, &checkpoint, &lines[0]).expect("the mirror's cosignature");
    }
}

/// A mirror of an empty log that only pushes.
pub(crate) async fn pushed_to(log: &LyingLog) -> (Copying, Serving) {
    pushed_to_by(log, None).await
}

/// The same, by so many at once at most.
pub(crate) async fn pushed_to_by(log: &LyingLog, at_once: impl Into<Option<u64>>) -> (Copying, Serving) {
    let mut copying = Copying::of_kind(log, LogKind::Tlog);
    copying.config.logs[0].urls = Vec::new();
    if let Some(at_once) = at_once.into() {
        copying.config.limits.max_pushes_per_log = at_once;
    }
    copying.restart();
    let serving = copying.serve().await;
    (copying, serving)
}

/// Where the parts of a body go; it ends when this is dropped.
pub(crate) type Parts = UnboundedSender<Result<Vec<u8>, std::io::Error>>;

/// What comes in parts, and where they go.
pub(crate) fn in_parts() -> (impl Stream<Item = Result<Vec<u8>, std::io::Error>>, Parts) {
    let (more, parts) = unbounded_channel();
    (stream::unfold(parts, async |mut parts| Some((parts.recv().await?, parts))), more)
}

/// A body that begins with these bytes.
pub(crate) fn beginning(bytes: Vec<u8>) -> (reqwest::Body, Parts) {
    let (parts, more) = in_parts();
    more.send(Ok(bytes)).expect("it is open");
    (reqwest::Body::wrap_stream(parts), more)
}

#[tokio::test]
async fn pushing_and_pulling_give_the_same_files() {
    for kind in [LogKind::Tlog, LogKind::Treering] {
        let log = LyingLog::start().await;
        log.publish(NOW);
        let pulled = Copying::of_kind(&log, kind);
        let mut pushed = Copying::of_kind(&log, kind);
        // Batches are in no push: those of a Treering log are read, and only those.
        pushed.config.logs[0].interval = std::time::Duration::from_secs(86_400);
        pushed.restart();
        let serving = pushed.serve().await;
        // Its first look, at the empty log.
        while serving.get("checkpoint").await.0 != 200 {
            tokio::task::yield_now().await;
        }
        let pusher = Pusher::new(&serving);
        let mut old = 0;
        for new in [1, 3, 255, 256, 257, 600, 1100] {
            (old..new).for_each(|n| log.push((NOW - 2000 + n) * 1000));
            pusher.all(&log, &pushed, old, new).await;
            log.publish(NOW);
            Copying::good(&pulled.round().await);
            old = new;
        }
        let files = |copying: &Copying| {
            let folder = copying.folder();
            let relative = |path: std::path::PathBuf| path.strip_prefix(&folder).expect("below").to_owned();
            copying.files().into_iter().map(|(path, bytes)| (relative(path), bytes)).collect::<Vec<_>>()
        };
        assert_eq!(files(&pushed), files(&pulled));
        let wanted = tile_bytes(&log.pages(), "tile/entries/004.p/76").expect("a tile");
        assert_eq!(Serving::ok(serving.get("tile/entries/004.p/76").await), wanted);
        serving.end().await;
    }
}

#[tokio::test]
async fn an_upload_goes_on_where_it_was_cut_off() {
    let log = LyingLog::with_entries(1000).await;
    let (copying, serving) = pushed_to(&log).await;
    let pusher = Pusher::new(&serving);
    assert_eq!(pusher.checkpoint(checkpoint_body(&log, 0, 1000)).await.status, 200);
    // A prefix of the packages, by choice.
    let answer = pusher.entries(upload(&log, 0, 1000, 2)).await;
    assert_eq!(answer.info(202), (1000, 512));
    assert_eq!(answer.headers["accept-encoding"], "gzip");
    // Cut off within a package: what was whole stays.
    let mut cut = upload(&log, 512, 1000, 2);
    cut.truncate(cut.len() - 10);
    assert_eq!(pusher.entries(cut).await.info(202), (1000, 768));
    // Within the first package: nothing came whole.
    let mut nothing = upload(&log, 768, 1000, 1);
    nothing.truncate(100);
    assert_eq!(pusher.entries(nothing).await.problem(400), "no_package");
    assert_eq!(pusher.entries(Vec::new()).await.problem(400), "no_package");
    // Nothing is signed before all of it is here.
    assert_eq!(serving.get("checkpoint").await.0, 404);
    // From within what is here already, and compressed.
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&upload(&log, 700, 1000, 9)).expect("in memory");
    let request = pusher.request("add-entries").header("content-encoding", "gzip");
    let answer = Pusher::answer(request.body(gzip.finish().expect("in memory"))).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(serving.get("checkpoint").await.0, 200);
    // Nothing more to send: the cosignature is given again.
    assert_eq!(pusher.entries(upload(&log, 1000, 1000, 0)).await.status, 200);
    serving.end().await;
    drop(copying);
}

#[tokio::test]
async fn what_does_not_fit_is_told_where_to_go_on() {
    let log = LyingLog::with_entries(10_000).await;
    let (_copying, serving) = pushed_to(&log).await;
    let pusher = Pusher::new(&serving);
    let other = AddEntries { origin: b"other.example".to_vec(), ..header(0, 5) };
    let unknown = pusher.entries(other.encode().expect("short")).await;
    assert_eq!(unknown.problem(404), "unknown_path");
    assert_eq!(unknown.headers["accept-encoding"], "gzip");
    assert_eq!(pusher.entries(upload(&log, 0, 600, 1)).await.problem(422), "no_pending");
    assert_eq!(pusher.checkpoint(checkpoint_body(&log, 0, 600)).await.status, 200);
    // Not a size of any checkpoint that it knows.
    assert_eq!(pusher.entries(upload(&log, 0, 601, 1)).await.info(409), (600, 0));
    // Too far ahead.
    assert_eq!(pusher.entries(upload(&log, 256, 600, 1)).await.info(409), (600, 0));
    assert_eq!(pusher.entries(upload(&log, 0, 600, 9)).await.status, 200);
    assert_eq!(pusher.checkpoint(checkpoint_body(&log, 600, 10_000)).await.status, 200);
    // An earlier pending checkpoint is still good, while the mirror isn't beyond it.
    assert_eq!(pusher.entries(upload(&log, 600, 600, 0)).await.status, 200);
    assert_eq!(pusher.entries(upload(&log, 600, 10_000, 99)).await.status, 200);
    assert_eq!(pusher.entries(upload(&log, 0, 600, 9)).await.info(409), (10_000, 10_000));
    // Too much of what is here.
    assert_eq!(pusher.entries(upload(&log, 256, 10_000, 1)).await.info(409), (10_000, 10_000));
    let mut back = header(6, 6).encode().expect("short");
    back[2 + ORIGIN.len() + 7] = 7;
    assert_eq!(pusher.entries(back).await.problem(400), "malformed_request");
    let coded = pusher.request("add-entries").header("content-encoding", "br");
    let coded = Pusher::answer(coded.body("x")).await;
    assert_eq!(coded.problem(415), "content_encoding");
    assert_eq!(coded.headers["accept-encoding"], "gzip");
    serving.end().await;
}

#[tokio::test]
async fn entries_that_are_not_the_checkpoints_are_never_kept() {
    let log = LyingLog::with_entries(600).await;
    let (copying, serving) = pushed_to(&log).await;
    let pusher = Pusher::new(&serving);
    assert_eq!(pusher.checkpoint(checkpoint_body(&log, 0, 600)).await.status, 200);
    let good = upload(&log, 0, 600, 9);
    // One bit of an entry, and one of a proof, in the first package and in the last.
    let (first, length) = (header(0, 600).encode().expect("short").len(), upload(&log, 0, 600, 1).len());
    for at in [first + 12, length - 1, good.len() - 38, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(pusher.entries(bad).await.problem(422), "not_in_tree", "{at}");
    }
    let mut many = header(0, 600).encode().expect("short");
    many.extend(Package { entries: vec![b"x"; 256], proof: Vec::new() }.encode().expect("a package"));
    *many.last_mut().expect("the number of hashes") = 64;
    assert_eq!(pusher.entries(many).await.problem(400), "malformed_request");
    assert_eq!(serving.get("checkpoint").await.0, 404);
    // What was whole before the bad package is here, and right.
    let answer = pusher.entries(upload(&log, 512, 600, 9)).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    for path in ["tile/entries/000", "tile/entries/001", "tile/0/002.p/88"] {
        assert_eq!(Serving::ok(serving.get(path).await), tile_bytes(&log.pages(), path).expect("a tile"));
    }
    serving.end().await;
    drop(copying);
}

#[tokio::test]
async fn a_log_with_two_histories_is_locked_onto_one() {
    let log = LyingLog::with_entries(300).await;
    let (copying, serving) = pushed_to(&log).await;
    let pusher = Pusher::new(&serving);
    pusher.all(&log, &copying, 0, 300).await;
    log.pages().entries[7][10] ^= 1;
    (0..9).for_each(|n| log.push((NOW + n) * 1000));
    let forked = pusher.checkpoint(checkpoint_body(&log, 300, 309)).await;
    assert_eq!(forked.problem(422), "inconsistent");
    assert_eq!(pusher.checkpoint(checkpoint_body(&log, 300, 300)).await.problem(422), "other_root");
    assert_eq!(pusher.entries(upload(&log, 300, 309, 9)).await.info(409), (300, 300));
    serving.end().await;
}

#[tokio::test]
async fn add_checkpoint_answers_as_a_witness_does_but_signs_nothing() {
    let log = LyingLog::with_entries(300).await;
    let (_copying, serving) = pushed_to(&log).await;
    let pusher = Pusher::new(&serving);
    assert_eq!(pusher.checkpoint("old 0\n").await.problem(400), "malformed_request");
    let long = vec![b'a'; AddCheckpoint::MAX_BYTES + 1];
    assert_eq!(pusher.checkpoint(long).await.problem(413), "too_large");
    let body = checkpoint_body(&log, 0, 200);
    // The origin's first letter, once as what is signed and once as the name of the key.
    let unknown = body.replace(ORIGIN, "mog.example/2026");
    assert_eq!(pusher.checkpoint(unknown).await.problem(404), "unknown_log");
    let other = SigningKey::from_seed(KeyName::new(ORIGIN).expect("a name"), &[9; 32]);
    let unsigned =
        AddCheckpoint { old: size(0), proof: Vec::new(), checkpoint: log.checkpoint(200).sign(&other) };
    assert_eq!(pusher.checkpoint(unsigned.to_string()).await.problem(403), "not_signed");
    let conflict = pusher.checkpoint(checkpoint_body(&log, 100, 200)).await;
    assert_eq!((conflict.status, parse_conflict(&conflict.body)), (409, Ok(size(0))));
    assert_eq!(conflict.headers["content-type"], "text/x.tlog.size");
    let answer = pusher.checkpoint(body).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b""[..]));
    let conflict = pusher.checkpoint(checkpoint_body(&log, 100, 300)).await;
    assert_eq!((conflict.status, parse_conflict(&conflict.body)), (409, Ok(size(200))));
    assert_eq!(pusher.checkpoint(checkpoint_body(&log, 200, 300)).await.status, 200);
    assert_eq!(serving.get("checkpoint").await.0, 404);
    serving.end().await;
}

#[tokio::test]
async fn a_push_that_stands_still_holds_up_no_other() {
    let log = LyingLog::with_entries(600).await;
    let (_copying, serving) = pushed_to_by(&log, 2).await;
    let pusher = Pusher::new(&serving);
    assert_eq!(pusher.checkpoint(checkpoint_body(&log, 0, 600)).await.status, 200);
    // Half a package, and then silence.
    let half = upload(&log, 0, 600, 1)[..500].to_vec();
    let (body, more) = beginning(half);
    let stuck = tokio::spawn(Pusher::answer(pusher.request("add-entries").body(body)));
    // The others don't wait for it, whether it has begun or not.
    assert_eq!(pusher.entries(upload(&log, 0, 600, 2)).await.info(202), (600, 512));
    assert_eq!(pusher.entries(upload(&log, 512, 600, 2)).await.status, 200);
    // It goes on, with what is here already.
    more.send(Ok(upload(&log, 0, 600, 9)[500..].to_vec())).expect("it is open");
    drop(more);
    assert_eq!(stuck.await.expect("no panic").status, 200);
    serving.end().await;
}

#[tokio::test]
async fn more_pushes_than_allowed_are_told_to_come_again() {
    let log = LyingLog::with_entries(600).await;
    let (_copying, serving) = pushed_to_by(&log, 1).await;
    let pusher = Pusher::new(&serving);
    assert_eq!(pusher.checkpoint(checkpoint_body(&log, 0, 600)).await.status, 200);
    let (body, more) = beginning(upload(&log, 0, 600, 1)[..500].to_vec());
    let stuck = tokio::spawn(Pusher::answer(pusher.request("add-entries").body(body)));
    // Until the one has its place, the other gets an answer about itself.
    let crowded = loop {
        let answer = pusher.entries(header(0, 601).encode().expect("short")).await;
        if answer.status != 409 {
            break answer;
        }
    };
    assert_eq!(crowded.problem(429), "crowded");
    assert_eq!(crowded.headers["retry-after"], "1");
    drop(more);
    assert_eq!(stuck.await.expect("no panic").problem(400), "no_package");
    serving.end().await;
}
