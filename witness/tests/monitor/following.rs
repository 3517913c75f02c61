//! What the monitor does with honest logs: it goes on where it stopped, and leaves alone what isn't its.

use treering_witness::{
    evidence::Kind,
    monitor::config::{Batches, LogKind},
};

use crate::lying::{LyingLog, NOW, ORIGIN, Watch};

#[tokio::test]
async fn an_honest_log_is_followed_without_a_finding() {
    let log = LyingLog::start().await;
    log.publish(NOW);
    let mut watch = Watch::start(&log);
    watch.all_quiet().await;
    let mut time = NOW;
    for grow in [1, 2, 252, 1, 1, 300, 512, 0] {
        for _ in 0..grow {
            time += 1;
            log.push(time * 1000);
        }
        time += 1;
        log.publish(time);
        let size = log.pages().entries.len() as u64;
        log.witness_shows(0, &log.note(size, time));
        watch.clock.set(time);
        let round = watch.round().await;
        Watch::quiet(&round);
        assert_eq!((round.size, round.checked, round.fresh_at), (size, size, Some(time)));
    }
}

#[tokio::test]
async fn of_many_logs_each_is_followed_and_the_one_that_lies_is_found() {
    let mut logs = Vec::new();
    for n in 0..20 {
        let log = LyingLog::named(&format!("log.example/{n}")).await;
        (0..10 + n).for_each(|entry| log.push((NOW - 100 + entry) * 1000));
        log.publish(NOW);
        logs.push(log);
    }
    let mut watch = Watch::start(&logs[0]);
    logs[1..].iter().for_each(|log| watch.add(log));
    logs[7].set("v1/batches/3", 200, logs[8].pages().batches[4].clone());
    logs[11].set("checkpoint", 503, "");
    for (n, (origin, round)) in watch.rounds().await.into_iter().enumerate() {
        assert_eq!(origin, format!("log.example/{n}"));
        assert_eq!(
            (round.findings.len(), round.unchecked.len()),
            ((n == 7).into(), (n == 11).into()),
            "{round:?}"
        );
        // A finding about a batch, or a log that is away, keeps none of the others back.
        assert_eq!(round.checked, if n == 11 { 0 } else { 10 + n as u64 });
    }
}

#[tokio::test]
async fn it_goes_on_where_it_stopped() {
    let log = LyingLog::with_entries(600).await;
    let mut watch = Watch::start(&log);
    watch.all_quiet().await;
    let asked = log.asked();
    assert_eq!(asked.iter().filter(|path| path.starts_with("v1/batches/")).count(), 600);
    watch.restart();
    watch.all_quiet().await;
    assert!(!log.asked().iter().any(|path| path.contains("batches") || path.contains("tile")));
    log.push((NOW + 1) * 1000);
    log.publish(NOW + 2);
    watch.clock.set(NOW + 2);
    watch.restart();
    watch.all_quiet().await;
    let asked = log.asked();
    let batches: Vec<_> = asked.iter().filter(|path| path.contains("batches")).collect();
    assert_eq!(batches, ["v1/batches/600"]);
    let bundles: Vec<_> = asked.iter().filter(|path| path.contains("entries")).collect();
    assert_eq!(bundles, ["tile/entries/002.p/89"]);
}

#[tokio::test]
async fn new_batches_are_those_of_entries_that_appear_while_the_log_is_followed() {
    let log = LyingLog::with_entries(3).await;
    let mut watch = Watch::configured(&log, |log| log.batches = Batches::New);
    watch.all_quiet().await;
    log.push((NOW + 1) * 1000);
    log.publish(NOW + 1);
    watch.all_quiet().await;
    let asked = log.asked();
    let batches: Vec<_> = asked.iter().filter(|path| path.contains("batches")).collect();
    assert_eq!(batches, ["v1/batches/3"]);
}

#[tokio::test]
async fn the_entries_of_other_logs_are_left_alone() {
    let log = LyingLog::with_entries(300).await;
    log.pages().entries[4] = b"something else".to_vec();
    log.publish(NOW);
    let mut watch = Watch::configured(&log, |log| log.kind = LogKind::Tlog);
    watch.all_quiet().await;
    assert!(!log.asked().iter().any(|path| path.contains("entries") || path.contains("batches")));
    // What the standard says is checked.
    log.pages().entries[5] = b"rewritten".to_vec();
    log.push((NOW + 1) * 1000);
    log.publish(NOW + 1);
    watch.one(Kind::Inconsistent).await.confirmed();
}

#[tokio::test]
async fn evidence_files_of_one_kind_are_bounded() {
    let log = LyingLog::with_entries(1_000).await;
    for n in 0..200 {
        log.set(&format!("v1/batches/{n}"), 404, "");
    }
    let mut watch = Watch::start(&log);
    let round = watch.round().await;
    assert_eq!((round.findings.len(), round.more), (8, 192));
    assert_eq!(round.checked, 1_000);
}

#[tokio::test]
async fn a_state_file_of_something_else_is_refused() {
    let log = LyingLog::with_entries(3).await;
    let mut watch = Watch::start(&log);
    watch.all_quiet().await;
    let file = std::fs::read_dir(&watch.config.state).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&file).unwrap();
    for bad in [
        &text[..text.len() / 2],
        &text.replace(ORIGIN, "log.example/other"),
        "{}",
        &text.replace("\"checked\":3", "\"checked\":4"),
    ] {
        std::fs::write(&file, bad).unwrap();
        let opened =
            treering_witness::monitor::Monitor::open(watch.config.clone(), watch.clock.clone(), None);
        assert!(opened.is_err(), "{bad}");
    }
}
