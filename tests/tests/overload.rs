//! As many requests as the machine can take or refuse: hundreds of connections that send single hashes, hashes with tokens, and a hundred
//! thousand at once, each as fast as it is answered.
//!
//! The log is in a control group that kills whoever goes beyond its memory: it never does. What is refused is told when to
//! try again; no batch has more than the queue may hold; nothing acknowledged is lost; an honest client with a key is
//! answered all the while, and afterwards it is as before.
//!
//! `make overload` does it for ten minutes, with rate limits for strangers, and holds its figures against what is promised; and then
//! for two with as many connections as a log takes by default, and nothing set but the rate limit: then for its memory, and for
//! what was acknowledged. Here it is some seconds with
//! a queue that is full at once, and nothing is said of times.
//!
//! The flood is as large as it gets answers: whoever sends waits for one, and then sends at once. So what it offers is what the machine
//! takes or refuses with both its processors, of which the log has a half.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use treering_tests::{
    counts,
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
/// The same with the default queue and cache, and 4,096 connections: the sum of all bounds (docs/operating.md, section 14).
const DEFAULTS_MIB: u64 = 512;
/// A log's default.
const PENDING_DEFAULT: usize = 500_000;
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
/// There the cache is full early: what the allocator adds to each of its blocks, up to a fifth, would grow with it.
const CACHE_MIB: usize = 8;
const CONNECTIONS: [(Kind, usize); 3] = [(Kind::Single, 240), (Kind::Tokens, 40), (Kind::Bulk, 40)];
/// Of fewer honest requests nothing can be said.
const ENOUGH: usize = 10;
/// One connection in so many answers may end without one: on a busy machine the flood's own bodies come too slowly.
const LOST: u64 = 20;
/// Between two hashes of the honest client.
const PACE: Duration = Duration::from_millis(50);
/// Between two samples of what the log holds.
const SAMPLE_PACE: Duration = Duration::from_millis(500);
/// What fills up to a bound of its own and stays there: after ten minutes none is full, and each would look like a leak.
const BOUNDED: [&str; 4] = [
    "treering_log_write_buffers_bytes",
    "treering_log_cache_bytes",
    "treering_log_open_tables_bytes",
    "treering_log_recent_trees_bytes",
];
/// So much more may be allocated after the flood than before: queues and tables that have grown to their bounds, and what the
/// allocator keeps for each thread, which counts as allocated (6 MiB of 9 after some minutes). A hundred bytes of each of the
/// 300,000 submissions of ten minutes would be more.
const KEPT_KIB: u64 = 20 << 10;
const ALLOCATED: &str = "treering_log_heap_allocated_bytes";

#[test]
fn overload_is_refused_and_loses_nothing() {
    let seconds = counts::number::<u64>("TREERING_OVERLOAD_SECONDS");
    // With figures to be held against.
    let strict = seconds.is_some();
    let crowd = counts::number::<usize>("TREERING_OVERLOAD_CONNECTIONS");
    let mut plan = net::plan().set("tick_ms", "1000");
    let (pending, limit) = match crowd {
        Some(_) => (PENDING_DEFAULT, DEFAULTS_MIB),
        None => (if strict { PENDING_LONG } else { PENDING }, MEMORY_MIB),
    };
    if crowd.is_none() {
        plan = plan.set("max_pending", &pending.to_string());
        if strict {
            plan = plan.set("cache_mib", &CACHE_MIB.to_string());
        }
    }
    if strict {
        // Under [rate_limits], the last table.
        plan = plan.set("window_seconds", "10").append(&format!("address_requests = {}\n", STRANGERS * 10));
    }
    let connections = crowd.map_or(CONNECTIONS, |all| {
        let part = all / 8;
        [(Kind::Single, all - 2 * part), (Kind::Tokens, part), (Kind::Bulk, part)]
    });
    let mut net = plan.make();
    let group = Group::new("treering-overload", limit << 20);
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
    net.log.stamp(&random::commitments(1));
    let held_before =
        wait::until("it has looked at its memory", || Some(now(&net).1).filter(|held| *held > 0));
    let before = net.log.descriptors();
    let over = AtomicBool::new(false);
    let begun = Instant::now();
    let (flooded, honest, memory, ended) = thread::scope(|scope| {
        let honest = scope.spawn(|| honest.until(&net, &over));
        let memory = scope.spawn(|| sampled(&net, &over));
        let flood = Flood::start(address(&net), &connections);
        wait::pace(Duration::from_secs(seconds.unwrap_or(SECONDS)));
        // Afterwards begins here: what is under way now is part of what the log has to get over.
        let ended = Instant::now();
        let flooded = flood.stop();
        over.store(true, Ordering::SeqCst);
        let honest = honest.join().expect("honest clients are always answered");
        (flooded, honest, memory.join().expect("the log runs"), ended)
    });
    let flooded_for = begun.elapsed();
    net.log.wait_idle();
    net.log.stamp(&random::commitments(1));
    wait::until("as many descriptors are open as before", || {
        (net.log.descriptors() <= before + WITNESSES).then_some(())
    });
    let normal = ended.elapsed();
    // What connections held is given back with them; what stays of each submission would be more than this.
    let held_after = wait::until("as much is allocated as before", || {
        Some(now(&net).1).filter(|held| *held <= held_before + KEPT_KIB)
    });
    let (_, peak) = net.log.memory_mib();
    let Flooded { acknowledged, refused, hashes, lost } = &flooded;
    println!("overload: {flooded_for:?}, the queue holds {pending} submissions");
    println!("  acknowledged       {}", acknowledged.len());
    println!("  refused            {refused}");
    println!("  hashes asked for   {} million a second", hashes / 1_000_000 / flooded_for.as_secs().max(1));
    println!("  connections lost   {lost}");
    println!("  honest client      {honest}");
    println!(
        "  without write buffers, cache, open tables and recent trees: samples, medians of the middle and last third, most"
    );
    println!("    allocated        {}", memory.allocated);
    println!("    resident         {}", memory.resident);
    println!("    allocated before {held_before} KiB, and afterwards {held_after} KiB");
    println!("  memory             {peak} MiB at most");
    println!("  as before after    {normal:?}");
    if let Ok(group) = &group {
        assert_eq!(group.killed(), 0, "the kernel killed it for its memory");
        match group.without_memory() {
            Some(count) => assert_eq!(count, 0, "there was no memory for it"),
            None => programs::skipped(
                "overload (memory that was refused)",
                "control groups of version 1 count only kills, so nobody has looked whether the kernel refused memory",
            ),
        }
    }
    assert!(peak < limit, "it held {peak} MiB");
    assert!(*refused > 0, "more was sent than the queue may hold, and nothing was refused");
    assert!(!acknowledged.is_empty() && !honest.acknowledged.is_empty());
    let answered = acknowledged.len() as u64 + refused;
    assert!(*lost <= answered / LOST, "{lost} connections were lost, beside {answered} answers");
    assert_all_in_batches(&net, acknowledged.iter().chain(&honest.acknowledged), pending);
    if strict {
        assert!(honest.times.len() >= ENOUGH, "hardly any honest request was taken");
        // Beside a thread for each of thousands of connections the honest client waits for a processor of its own.
        let waits = honest.at(99);
        assert!(crowd.is_some() || waits <= Duration::from_secs(2), "the honest client waited for {waits:?}");
        assert!(normal <= Duration::from_secs(5), "it was as before after {normal:?} only");
        // None: too short a run to tell.
        let resident = &memory.resident;
        assert_eq!(
            resident.is_flat(),
            Some(true),
            "what is resident grows, or there are too few samples: {resident}"
        );
    }
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

pub(crate) fn address(net: &Net) -> SocketAddr {
    let address = net.log.public().base().strip_prefix("http://").and_then(|address| address.parse().ok());
    address.expect("an address")
}

/// What the log holds, from time to time, without what is [`BOUNDED`].
struct Held {
    /// What it has asked the allocator for. Connections are in it: each is given more room as it makes use of it, up to a bound.
    allocated: Memory,
    /// What is resident: with the program's file, and the room between blocks that come and go.
    resident: Memory,
}

fn sampled(net: &Net, over: &AtomicBool) -> Held {
    // What was in a buffer that has just been emptied stays with the allocator for a while.
    let mut held = Held { allocated: Memory::new(0), resident: Memory::new(WRITE_BUFFER_KIB) };
    while !over.load(Ordering::SeqCst) {
        let (bounded, allocated) = now(net);
        let resident = memory::resident(net.log.pid().expect("it runs"));
        held.resident.add(resident.map(|kib| kib.saturating_sub(bounded)));
        held.allocated.add(Some(allocated));
        wait::pace(SAMPLE_PACE);
    }
    held
}

/// KiB of what is [`BOUNDED`], and of all else that is allocated.
fn now(net: &Net) -> (u64, u64) {
    let metrics = net.log.metrics();
    let number = |name| metrics.number(name).expect("it tells");
    let bounded = kib_of(BOUNDED.iter().map(|name| number(name)).sum());
    (bounded, kib_of(number(ALLOCATED)).saturating_sub(bounded))
}

#[expect(clippy::cast_possible_truncation, reason = "bytes of a machine's memory")]
fn kib_of(bytes: f64) -> u64 {
    (bytes / 1024.0) as u64
}

/// Every root is a leaf of a batch that is published; INVARIANT 7: no batch has more than the queue may hold.
#[track_caller]
pub(crate) fn assert_all_in_batches<'a>(net: &Net, roots: impl Iterator<Item = &'a Hash>, pending: usize) {
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
