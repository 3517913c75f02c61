//! Far more than the machine can take: hundreds of connections that send single hashes, hashes with tokens, and a hundred
//! thousand at once, each as fast as it is answered.
//!
//! The log is in a control group that kills whoever goes beyond its memory: it never does. What is refused is told when to
//! try again; nothing acknowledged is lost; honest clients are answered all the while, and afterwards it is as before.
//!
//! `make overload` does it for ten minutes and holds its figures against what is promised; here it is some seconds, and
//! nothing is said of times.

use std::{
    collections::HashSet,
    env,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use treering_tests::{
    flood::{Flood, Flooded, Kind},
    group::Group,
    net::{self, Net},
    programs, random, wait,
};
use treering_tlog::hash::{self, Hash};

/// How long, unless the environment says.
const SECONDS: u64 = 4;
/// What the log may hold: 64 MiB of cache, and 200 MB of its own (DESIGN's figure), and as little again for the kernel's
/// buffers, which count as the group's.
const MEMORY_MIB: u64 = 320;
/// Connections to witnesses come and go.
const WITNESSES: usize = 3;
/// So many submissions may wait for their tick here: the queue is full at once.
const PENDING: &str = "20000";

#[test]
fn overload_is_refused_and_loses_nothing() {
    let number = |name: &str| env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seconds = number("TREERING_OVERLOAD_SECONDS");
    // With figures to be held against.
    let strict = seconds.is_some();
    let mut net = net::plan().set("tick_ms", "1000").make();
    let group = Group::new("treering-overload", MEMORY_MIB << 20);
    match &group {
        Ok(group) => net.log.set_group(group),
        Err(why) => programs::skipped(
            "overload (memory)",
            &format!(
                "no control group can be made (that takes root and Linux), so nobody limits its memory: {why}"
            ),
        ),
    }
    if !strict {
        net.log.set("max_pending", PENDING);
    }
    net.log.start();
    net.log.wait_idle();
    let server: SocketAddr = net
        .log
        .public()
        .base()
        .strip_prefix("http://")
        .and_then(|address| address.parse().ok())
        .expect("an address");
    let before = net.log.sockets();
    let (over, connections) =
        (AtomicBool::new(false), [(Kind::Single, 240), (Kind::Tokens, 40), (Kind::Bulk, 40)]);
    let (flooded, honest) = thread::scope(|scope| {
        let honest = scope.spawn(|| Honest::until(&net, &over));
        let flood = Flood::start(server, &connections);
        wait::pace(Duration::from_secs(seconds.unwrap_or(SECONDS)));
        let flooded = flood.stop();
        over.store(true, Ordering::SeqCst);
        (flooded, honest.join().expect("honest clients are always answered"))
    });
    let (memory, peak) = net.log.memory_mib();
    let Flooded { acknowledged, refused, lost } = &flooded;
    println!(
        "{} acknowledged, {refused} refused, {lost} connections lost; {memory} MiB, {peak} at most",
        acknowledged.len()
    );
    println!("honest: {honest}");
    let began = Instant::now();
    net.log.wait_idle();
    wait::until("as many sockets are open as before", || {
        (net.log.sockets() <= before + WITNESSES).then_some(())
    });
    let normal = began.elapsed();
    println!("as before after {normal:?}");
    if let Ok(group) = &group {
        assert_eq!(group.killed(), 0, "the kernel killed it for its memory");
    }
    assert!(peak < MEMORY_MIB, "it held {peak} MiB");
    assert!(!acknowledged.is_empty() && honest.acknowledged.len() > 1);
    assert_all_in_batches(&net, acknowledged.iter().chain(&honest.acknowledged));
    if strict {
        assert!(honest.at(99) <= Duration::from_secs(2), "honest clients waited longer than two seconds");
        assert!(normal <= Duration::from_secs(5), "it was as before after {normal:?} only");
    }
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

/// Every root is a leaf of a batch that is published.
#[track_caller]
fn assert_all_in_batches<'a>(net: &Net, roots: impl Iterator<Item = &'a Hash>) {
    let mut leaves = HashSet::new();
    for entry in 0..net.log.published_size().get() {
        let batch = net.log.public().get(&format!("/v1/batches/{entry}")).expect_status(200).body;
        leaves.extend(batch.as_chunks::<32>().0.iter().copied());
    }
    for root in roots {
        let leaf = hash::leaf_hash(root.as_bytes());
        assert!(leaves.contains(leaf.as_bytes()), "{root} was acknowledged, and is in no batch");
    }
}

/// An honest client, who sends a hash now and then, and tries again when told to.
#[derive(Debug, Default)]
struct Honest {
    acknowledged: Vec<Hash>,
    times: Vec<Duration>,
    refused: usize,
}

impl Honest {
    fn until(net: &Net, over: &AtomicBool) -> Honest {
        let mut honest = Honest::default();
        while !over.load(Ordering::SeqCst) {
            let commitment = random::commitment();
            let begun = Instant::now();
            let answer = net.log.submit(&[commitment]);
            match answer.status {
                202 => {
                    honest.times.push(begun.elapsed());
                    honest.acknowledged.push(treering_tests::view::root_of(&[commitment]));
                }
                429 | 503 => honest.refused += 1,
                _ => panic!("{}", answer.shown()),
            }
            wait::pace(Duration::from_millis(50));
        }
        honest.times.sort_unstable();
        honest
    }

    /// So many of a hundred were acknowledged in this time.
    fn at(&self, part: usize) -> Duration {
        let index = (self.times.len() * part / 100).min(self.times.len().saturating_sub(1));
        self.times.get(index).copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Honest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (p50, p99) = (self.at(50), self.at(99));
        write!(
            f,
            "{} acknowledged in {p50:?} (p50), {p99:?} (p99); {} refused",
            self.times.len(),
            self.refused
        )
    }
}
