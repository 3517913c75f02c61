//! What one log may take, and that it takes nothing from another.
#![forbid(unsafe_code)]

mod support;

use std::{
    num::{NonZeroU32, NonZeroU64},
    sync::{Arc, Mutex},
};

use futures_util::future::BoxFuture;
use support::{TestLog, TestWitness, config, directory};
use tokio::sync::mpsc;
use treering_witness::{
    clock::SystemClock,
    serve,
    store::{MemoryStore, Outcome, Record, Store, StoreError, Update},
};

#[tokio::test]
async fn a_log_beyond_its_quota_is_429_and_told_how_long() {
    let (log, other) = (TestLog::new("log.example/a"), TestLog::new("log.example/b"));
    let (dir, vkey) = directory();
    support::add(dir.path(), &other);
    let list = format!("logs/v0\n\nvkey {}\nqpd 24\ncontact ops@log.example\n", log.vkey());
    std::fs::write(dir.path().join("logs/network.logs"), list).unwrap();
    let running = serve::start(config(dir.path())).await.unwrap();
    let witness = TestWitness { dir, vkey, running, http: reqwest::Client::new() };

    // One an hour, but ten may come at once.
    for size in 1..=10 {
        let answer = witness.send(&log.request(size - 1, size)).await;
        answer.cosigned(&witness.vkey, &log.checkpoint(size));
    }
    let refused = witness.send(&log.request(10, 11)).await;
    assert_eq!(refused.problem(429), "quota");
    let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((3_500..=3_600).contains(&wait), "{wait}");
    // What is refused anyway is answered as ever: the log still learns where the witness is.
    assert_eq!(witness.send(&log.request(3, 11)).await.conflict(), 10);
    // Another log has its own, and so has the same tree again, which anybody can send.
    witness.send(&other.request(0, 3)).await.cosigned(&witness.vkey, &other.checkpoint(3));
    for _ in 0..10 {
        witness.send(&log.request(10, 10)).await.cosigned(&witness.vkey, &log.checkpoint(10));
    }
    assert_eq!(witness.send(&log.request(10, 10)).await.problem(429), "quota");
}

#[tokio::test]
async fn a_log_without_a_quota_of_its_own_has_the_configured_one() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start_configured(&[&log], |settings| {
        settings.limits.cosignatures_per_day = NonZeroU64::new(24).unwrap();
    })
    .await;
    // One an hour, but ten may come at once.
    for size in 1..=10 {
        let answer = witness.send(&log.request(size - 1, size)).await;
        answer.cosigned(&witness.vkey, &log.checkpoint(size));
    }
    assert_eq!(witness.send(&log.request(10, 11)).await.problem(429), "quota");
}

/// Never comes back from an update of one log; says when one is there.
#[derive(Debug)]
struct StuckStore {
    inner: MemoryStore,
    stuck: treering_tlog::checkpoint::Origin,
    arrived: mpsc::UnboundedSender<()>,
    kept: Mutex<Vec<Update>>,
}

impl Store for StuckStore {
    fn records(&self) -> Result<Vec<Record>, StoreError> {
        self.inner.records()
    }

    fn update(&self, update: Update) -> BoxFuture<'_, Result<Outcome, StoreError>> {
        Box::pin(async move {
            if *update.record.origin() == self.stuck {
                self.kept.lock().expect("not poisoned").push(update);
                self.arrived.send(()).expect("the test listens");
                std::future::pending::<()>().await;
                unreachable!("it never comes back");
            }
            self.inner.update(update).await
        })
    }
}

#[tokio::test]
async fn a_stuck_log_does_not_hold_up_another() {
    let (stuck, other) = (TestLog::new("log.example/a"), TestLog::new("log.example/b"));
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let store = StuckStore {
        inner: MemoryStore::new(),
        stuck: stuck.origin.clone(),
        arrived,
        kept: Mutex::default(),
    };
    let (dir, vkey) = directory();
    support::add(dir.path(), &stuck);
    support::add(dir.path(), &other);
    let mut config = config(dir.path());
    // Three places in all, and a log may have two of them.
    config.settings.limits.max_in_flight = NonZeroU32::new(3).unwrap();
    config.settings.limits.max_in_flight_per_log = NonZeroU32::new(2).unwrap();
    let running = serve::start_with(config, Arc::new(store), Arc::new(SystemClock)).await.unwrap();
    let witness = Arc::new(TestWitness { dir, vkey, running, http: reqwest::Client::new() });

    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (witness, body) = (Arc::clone(&witness), stuck.request(0, 3).to_string());
        waiting.spawn(async move { witness.post(body).await.status });
        arrivals.recv().await.unwrap();
    }
    // It is turned away at once, as long as its requests are stuck, and does not take the last place.
    for _ in 0..8 {
        let refused = witness.send(&stuck.request(0, 3)).await;
        assert_eq!(refused.problem(429), "crowded");
        assert_eq!(refused.headers["retry-after"], "1");
    }
    for size in 1..=8 {
        let answer = witness.send(&other.request(size - 1, size)).await;
        answer.cosigned(&witness.vkey, &other.checkpoint(size));
    }
    waiting.abort_all();
}
