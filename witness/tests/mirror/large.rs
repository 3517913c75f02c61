//! Batches that have files of their own: whole, whoever reads them at the same time, and whatever becomes of them later.

use std::{
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use axum::body::Body;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::{
    copying::{Copying, Serving},
    lying::{LyingLog, NOW},
    push::{Pusher, upload},
};

const BATCH: &str = "v1/batches/3";

/// Three entries, and one with a batch of 160,000 bytes.
async fn log() -> LyingLog {
    let log = LyingLog::with_entries(3).await;
    log.push_of(NOW * 1000 + 1, 5_000);
    log.publish(NOW + 1);
    log
}

/// A body that comes as the test sends it.
fn by_hand() -> (UnboundedSender<io::Result<Vec<u8>>>, Body) {
    let (pieces, come) = unbounded_channel();
    let stream = futures_util::stream::unfold(come, async |mut come| Some((come.recv().await?, come)));
    (pieces, Body::from_stream(stream))
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !is_so().await {
        assert!(since.elapsed() < Duration::from_secs(60), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The longest file of a copy.
fn longest(copying: &Copying) -> usize {
    copying.files().values().map(Vec::len).max().unwrap_or(0)
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(items) = fs::read_dir(folder) else { return Vec::new() };
    items.map(|item| item.expect("an item").file_name().into_string().expect("text")).collect()
}

/// A round reads it, and so does a push; the push gets the half of it, and then nothing more. What the round has read,
/// signed and serves is none of the push's business.
#[tokio::test]
async fn a_large_batch_that_two_read_at_once_is_the_one_that_was_verified() {
    let log = log().await;
    let batch = log.pages().batches[3].clone();
    let ((first, first_body), (second, second_body)) = (by_hand(), by_hand());
    log.pages().bodies.insert(BATCH.to_owned(), [first_body, second_body].into());
    let mut copying = Copying::start(&log);
    // One round, and no hurry.
    copying.config.logs[0].interval = Duration::from_secs(86_400);
    copying.config.timeout = Duration::from_secs(100);
    copying.restart();
    let serving = copying.serve().await;
    first.send(Ok(batch[..100_000].to_vec())).expect("the mirror reads");
    until("the beginning is on disk", async || longest(&copying) >= 100_000).await;

    let pusher = Pusher::new(&serving);
    let others = async {
        let asked = || log.pages().asked.iter().filter(|path| *path == BATCH).count();
        until("the push reads it too", async || asked() == 2).await;
        second.send(Ok(batch[..80_000].to_vec())).expect("the mirror reads");
        first.send(Ok(batch[100_000..].to_vec())).expect("the mirror reads");
        drop(first);
        until("it is signed", async || serving.get("checkpoint").await.0 == 200).await;
        log.set(BATCH, 500, "");
        second.send(Err(io::Error::other("broken off"))).expect("the mirror reads");
        drop(second);
    };
    let (pushed, ()) = tokio::join!(pusher.entries(upload(&log, 4, 4, 0)), others);
    assert_eq!(pushed.problem(503), "no_batches");
    assert!(Serving::ok(serving.get(BATCH).await) == batch, "another batch is served than the log's");
    assert!(fs::read(copying.folder().join("batches/large/003")).unwrap() == batch);
    assert_eq!(names(&copying.folder().join("new")), [""; 0], "what was not taken is gone");
    // As from now on whoever asks the log gets the batch, the push is answered with the cosignature.
    log.unset(BATCH);
    assert_eq!(pusher.entries(upload(&log, 4, 4, 0)).await.status, 200);
    assert!(Serving::ok(serving.get(BATCH).await) == batch);
    serving.end().await;
}

#[tokio::test]
async fn a_large_batch_of_another_length_than_its_entry_says_is_not_served() {
    let log = log().await;
    let mut copying = Copying::start(&log);
    Copying::good(&copying.round().await);
    let path = copying.folder().join("batches/large/003");
    let whole = fs::read(&path).unwrap();
    let serving = copying.serve().await;
    for wrong in [&whole[..0], &whole[..100_000], &[&whole[..], b"x"].concat()] {
        fs::write(&path, wrong).unwrap();
        let (status, body) = serving.get(BATCH).await;
        assert_eq!(status, 500, "{} bytes: {}", wrong.len(), body.len());
    }
    fs::write(&path, &whole).unwrap();
    assert!(Serving::ok(serving.get(BATCH).await) == whole);
    serving.end().await;
}

#[tokio::test]
async fn what_a_kill_left_half_read_is_gone_after_a_start() {
    let log = log().await;
    let mut copying = Copying::start(&log);
    Copying::good(&copying.round().await);
    let before = copying.files();
    fs::create_dir_all(copying.folder().join("new")).unwrap();
    fs::write(copying.folder().join("new/0"), "half").unwrap();
    copying.restart();
    assert_eq!(copying.files(), before);
    Copying::good(&copying.round().await);
}
