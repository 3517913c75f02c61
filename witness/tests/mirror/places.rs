//! Places among the pushes: who has none makes the mirror keep nothing, and who has one has it until the work is over.

use std::time::Duration;

use treering_tlog::mirror::AddEntries;
use treering_witness::monitor::config::LogKind;

use crate::{
    copying::{Copying, Serving},
    lying::{LyingLog, NOW, ORIGIN},
    push::{Pusher, beginning, checkpoint_body, header, in_parts, pushed_to, pushed_to_by, upload},
};

/// The first bytes of a header that says of its origin that it is so long.
fn of_length(length: u16) -> Vec<u8> {
    [&length.to_be_bytes()[..], &[b'x'; 100]].concat()
}

/// A few bytes, packed, are a header of 131,000 bytes: nobody waits for one that can't be a known log's.
#[tokio::test]
async fn an_origin_that_is_too_long_is_not_waited_for() {
    let log = LyingLog::with_entries(3).await;
    let (_copying, serving) = pushed_to(&log).await;
    let pusher = Pusher::new(&serving);
    let longest = u16::try_from(ORIGIN.len()).expect("short");
    for bytes in [of_length(u16::MAX), of_length(longest + 1), (longest + 1).to_be_bytes().to_vec()] {
        let (body, more) = beginning(bytes);
        // While the rest may still come.
        assert_eq!(pusher.entries(body).await.problem(404), "unknown_path");
        drop(more);
    }
    // As long as the longest, and another.
    let other = AddEntries { origin: vec![b'x'; ORIGIN.len()], ..header(0, 3) };
    assert_eq!(pusher.entries(other.encode().expect("short")).await.problem(404), "unknown_path");
    assert_eq!(pusher.entries(of_length(longest)[..10].to_vec()).await.problem(400), "no_package");
    serving.end().await;
}

#[tokio::test]
async fn a_ticket_that_is_being_sent_has_a_place() {
    let log = LyingLog::with_entries(600).await;
    let (_copying, serving) = pushed_to_by(&log, 1).await;
    let pusher = Pusher::new(&serving);
    assert_eq!(pusher.checkpoint(checkpoint_body(&log, 0, 600)).await.status, 200);
    let long = AddEntries { ticket: vec![7; 65_535], ..header(0, 601) }.encode().expect("short enough");
    let (body, more) = beginning(long[..1000].to_vec());
    let stuck = tokio::spawn(Pusher::answer(pusher.request("add-entries").body(body)));
    // Until the one has its place, the other gets an answer about itself.
    let mut answers = 0;
    while pusher.entries(header(0, 601).encode().expect("short")).await.status != 429 {
        answers += 1;
        assert!(answers < 10_000, "who sends a long ticket has no place");
    }
    more.send(Ok(long[1000..].to_vec())).expect("it is open");
    assert_eq!(stuck.await.expect("no panic").info(409), (600, 0));
    serving.end().await;
}

/// A log's batches are read for a push that nobody waits for any more: until that is over, it has its place.
#[tokio::test]
async fn who_goes_away_leaves_the_place_to_the_work() {
    let log = LyingLog::start().await;
    log.publish(NOW);
    let mut copying = Copying::of_kind(&log, LogKind::Treering);
    copying.config.logs[0].interval = Duration::from_secs(86_400);
    copying.config.timeout = Duration::from_secs(600);
    copying.config.limits.max_pushes_per_log = 1;
    copying.restart();
    let serving = copying.serve().await;
    // Its first look, at the empty log.
    while serving.get("checkpoint").await.0 != 200 {
        tokio::task::yield_now().await;
    }
    (0..3).for_each(|n| log.push((NOW - 3 + n) * 1000));
    let pusher = Pusher::new(&serving);
    assert_eq!(pusher.checkpoint(checkpoint_body(&log, 0, 3)).await.status, 200);
    // A batch that begins when this test wants it to.
    let (batch, more) = in_parts();
    let batch = axum::body::Body::from_stream(batch);
    log.pages().bodies.insert("v1/batches/0".to_owned(), [batch].into());
    let gone = Pusher::new(&serving);
    let request = gone.request("add-entries").body(upload(&log, 0, 3, 1));
    let waiting = tokio::spawn(Pusher::answer(request));
    while !log.pages().asked.contains(&"v1/batches/0".to_owned()) {
        tokio::task::yield_now().await;
    }
    waiting.abort();
    // The mirror knows of it once only the others' connection is left.
    while connections(&serving).await > 1 {
        tokio::task::yield_now().await;
    }
    let nothing_more = || upload(&log, 3, 3, 0);
    assert_eq!(pusher.entries(nothing_more()).await.problem(429), "crowded");
    more.send(Ok(log.pages().batches[0].clone())).expect("it is open");
    drop(more);
    while pusher.entries(nothing_more()).await.status == 429 {
        tokio::task::yield_now().await;
    }
    assert_eq!(pusher.entries(nothing_more()).await.status, 200);
    serving.end().await;
}

async fn connections(serving: &Serving) -> usize {
    let metrics = reqwest::get(format!("{}/metrics", serving.admin)).await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    let value = metrics.lines().find_map(|line| line.strip_prefix("treering_mirror_connections "));
    value.expect("the metric").parse().expect("a number")
}
