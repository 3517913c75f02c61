//! Far more than the machine can take: hundreds of connections that send single hashes, hashes with tokens, and a hundred
//! thousand at once, each as fast as it is answered.
//!
//! The log is in a control group that kills whoever goes beyond its memory: it never does. What is refused is told when to
//! try again; no batch has more than the queue may hold; nothing acknowledged is lost; an honest client with a key is
//! answered all the while, and afterwards it is as before.
//!
//! `make overload` does it for ten minutes, with rate limits for strangers, and holds its figures against what is promised.
//! Here it is some seconds with a queue that is full at once, and nothing is said of times.

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
    log::{OCTETS, SUBMISSIONS},
    memory::{self, Memory, WRITE_BUFFER_KIB},
    net::{self, Net},
    programs, random, view, wait,
};
use treering_tlog::hash::{self, Hash};

/// How long, unless the environment says.
const SECONDS: u64 = 4;
/// What the log may hold: 64 MiB of cache, and 200 MB of its own (DESIGN's figure), and as little again for the kernel's
/// buffers, which count as the group's.
const MEMORY_MIB: u64 = 320;
/// Connections to witnesses come and go.
const WITNESSES: usize = 3;
/// So many submissions may wait for their tick here: fewer than there are connections, so that the queue is full at once,
/// however slow the machine is.
const PENDING: usize = 100;
/// In the ten minutes strangers may send so many requests a second, which is far less than they try: their flood is of one
/// address. A client with a key is counted apart.
const STRANGERS: usize = 500;
/// There, too, the queue is bounded: by more than strangers may send in a burst, so that it has room for the honest client.
const PENDING_LONG: usize = 10_000;
const CONNECTIONS: [(Kind, usize); 3] = [(Kind::Single, 240), (Kind::Tokens, 40), (Kind::Bulk, 40)];
/// Between two hashes of the honest client.
const PACE: Duration = Duration::from_millis(50);
/// Between two samples of what the log holds.
const SAMPLE_PACE: Duration = Duration::from_millis(500);
/// What fills up to a bound of its own and stays there: after ten minutes neither is full, and each would look like a leak.
const BOUNDED: [&str; 2] = ["treering_log_write_buffers_bytes", "treering_log_cache_bytes"];

#[test]
fn overload_is_refused_and_loses_nothing() {
    let seconds = env::var("TREERING_OVERLOAD_SECONDS").ok().and_then(|value| value.parse::<u64>().ok());
    // With figures to be held against.
    let strict = seconds.is_some();
    let pending = if strict { PENDING_LONG } else { PENDING };
    let mut plan = net::plan().set("tick_ms", "1000").set("max_pending", &pending.to_string());
    if strict {
        // Under [rate_limits], the last table.
        plan = plan.set("window_seconds", "10").append(&format!("address_requests = {}\n", STRANGERS * 10));
    }
    let mut net = plan.make();
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
    // Before the start: a running log takes a new key within seconds, and not at once.
    let honest = Honest::with_key(&net);
    net.log.start();
    net.log.wait_idle();
    let before = net.log.sockets();
    let over = AtomicBool::new(false);
    let begun = Instant::now();
    let (flooded, honest, memory) = thread::scope(|scope| {
        let honest = scope.spawn(|| honest.until(&net, &over));
        let memory = scope.spawn(|| sampled(&net, &over));
        let flood = Flood::start(address(&net), &CONNECTIONS);
        wait::pace(Duration::from_secs(seconds.unwrap_or(SECONDS)));
        let flooded = flood.stop();
        over.store(true, Ordering::SeqCst);
        let honest = honest.join().expect("honest clients are always answered");
        (flooded, honest, memory.join().expect("the log runs"))
    });
    let flooded_for = begun.elapsed();
    let began = Instant::now();
    net.log.wait_idle();
    net.log.stamp(&random::commitments(1));
    wait::until("as many sockets are open as before", || {
        (net.log.sockets() <= before + WITNESSES).then_some(())
    });
    let normal = began.elapsed();
    let (_, peak) = net.log.memory_mib();
    let Flooded { acknowledged, refused, lost } = &flooded;
    println!("overload: {flooded_for:?}, the queue holds {pending} submissions");
    println!("  acknowledged       {}", acknowledged.len());
    println!("  refused            {refused}");
    println!("  connections lost   {lost}");
    println!("  honest client      {honest}");
    println!(
        "  memory             {memory} (samples without write buffers and cache, medians of the middle and last third, most); {peak} MiB at most"
    );
    println!("  as before after    {normal:?}");
    if let Ok(group) = &group {
        assert_eq!(group.killed(), 0, "the kernel killed it for its memory");
    }
    assert!(peak < MEMORY_MIB, "it held {peak} MiB");
    assert!(*refused > 0, "more was sent than the queue may hold, and nothing was refused");
    assert!(!acknowledged.is_empty() && !honest.acknowledged.is_empty());
    assert_all_in_batches(&net, acknowledged.iter().chain(&honest.acknowledged), pending);
    if strict {
        assert!(honest.at(99) <= Duration::from_secs(2), "the honest client waited longer than two seconds");
        assert!(normal <= Duration::from_secs(5), "it was as before after {normal:?} only");
        assert_ne!(memory.is_flat(), Some(false), "what it holds grows: {memory}");
    }
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

fn address(net: &Net) -> SocketAddr {
    let address = net.log.public().base().strip_prefix("http://").and_then(|address| address.parse().ok());
    address.expect("an address")
}

/// What the log holds, from time to time, without its store's write buffers and cache.
fn sampled(net: &Net, over: &AtomicBool) -> Memory {
    // What was in a buffer that has just been emptied stays with the allocator for a while.
    let mut memory = Memory::new(WRITE_BUFFER_KIB);
    while !over.load(Ordering::SeqCst) {
        let metrics = net.log.metrics();
        let bounded: f64 = BOUNDED.iter().map(|name| metrics.number(name).expect("it tells")).sum();
        let resident = memory::resident(net.log.pid().expect("it runs"));
        memory.add(resident.map(|kib| kib.saturating_sub(kib_of(bounded))));
        wait::pace(SAMPLE_PACE);
    }
    memory
}

#[expect(clippy::cast_possible_truncation, reason = "bytes of a machine's memory")]
fn kib_of(bytes: f64) -> u64 {
    (bytes / 1024.0) as u64
}

/// Every root is a leaf of a batch that is published; INVARIANT 7: no batch has more than the queue may hold.
#[track_caller]
fn assert_all_in_batches<'a>(net: &Net, roots: impl Iterator<Item = &'a Hash>, pending: usize) {
    let mut leaves = HashSet::new();
    for entry in 0..net.log.published_size().get() {
        let batch = net.log.public().get(&format!("/v1/batches/{entry}")).expect_status(200).body;
        let count = batch.len() / Hash::LEN;
        assert!(count <= pending, "batch {entry} has {count} submissions: more than the queue may hold");
        leaves.extend(batch.as_chunks::<32>().0.iter().copied());
    }
    for root in roots {
        let leaf = hash::leaf_hash(root.as_bytes());
        assert!(leaves.contains(leaf.as_bytes()), "{root} was acknowledged, and is in no batch");
    }
}

/// An honest client with a key of its own, who sends a hash now and then, and tries again when told to.
#[derive(Debug)]
struct Honest {
    authorization: String,
    acknowledged: Vec<Hash>,
    /// From the first try to the 202.
    times: Vec<Duration>,
    refused: usize,
}

impl Honest {
    fn with_key(net: &Net) -> Honest {
        let made = net.log.command_with("key add", &["--name", "honest"]);
        assert!(made.status.success(), "{}", treering_tests::log::shown(&made));
        let key = String::from_utf8(made.stdout).expect("text");
        let authorization = format!("Bearer {}", key.trim_end());
        Honest { authorization, acknowledged: Vec::new(), times: Vec::new(), refused: 0 }
    }

    fn until(mut self, net: &Net, over: &AtomicBool) -> Honest {
        while !over.load(Ordering::SeqCst) {
            self.stamp(net);
            wait::pace(PACE);
        }
        self.times.sort_unstable();
        self
    }

    /// One hash, until it is taken.
    fn stamp(&mut self, net: &Net) {
        let commitment = random::commitment();
        let headers = [("content-type", OCTETS), ("authorization", self.authorization.as_str())];
        let begun = Instant::now();
        wait::until("an honest client's hash is taken", || {
            let answer = net.log.public().post(SUBMISSIONS, &headers, commitment);
            match answer.status {
                202 => return Some(()),
                429 | 503 => self.refused += 1,
                _ => panic!("{}", answer.shown()),
            }
            assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
            wait::pace(PACE);
            None
        });
        self.times.push(begun.elapsed());
        self.acknowledged.push(view::root_of(&[commitment]));
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
