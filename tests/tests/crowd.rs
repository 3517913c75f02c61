//! Clients that are silent, slow or hostile, hundreds at once: honest ones are answered all the while within two seconds, and
//! lose nothing; the hostile ones are closed in time, and afterwards the log has as many descriptors open as before.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use treering_tests::{
    counts,
    crowd::{Crowd, Large, Manner},
    flood::{Flood, Kind},
    http::Http,
    net::{self, Net},
    programs, random, resets, view, wait,
};
use treering_tlog::hash::Hash;

use crate::overload::assert_all_in_batches;

/// Connections of each manner, unless the environment says.
const CROWD: usize = 60;
/// HTTP/2 requests that are reset at once, unless the environment says.
const RESETS: u64 = 20_000;
/// HTTP/2 requests whose headers never end, of each kind: so many at once, and so often.
const HEADERS: (usize, usize) = (8, 4);
/// MiB that any of these floods may take at once.
const COSTS: u64 = 200;
/// So many at most read nothing: each holds some megabytes of the kernel's memory, and thousands would try the kernel.
const DEAF: usize = 300;
/// What heads and bodies have here, in seconds.
const SECONDS: &str = "2";
/// A log that doesn't heed its settings takes longer: their defaults are ten seconds and thirty. The full counts are held to it,
/// and to what honest clients notice; the short ones run on any machine, beside anything.
const CLOSED_WITHIN: Duration = Duration::from_secs(9);
/// An honest client's submission and reading, with a hundredth of them left out.
const P99: Duration = Duration::from_secs(2);
/// Of fewer requests nothing can be said.
const ENOUGH: usize = 10;

fn start(name: &str) -> Option<Net> {
    if !cfg!(target_os = "linux") {
        programs::skipped(
            name,
            "only Linux tells how many descriptors a process has open, so nobody has looked",
        );
        return None;
    }
    // Each tick has many submissions, so that a batch is large.
    let net = net::plan().set("tick_ms", "500").make();
    // Each stands once in the file, in its table of limits.
    net.log.set("header_seconds", SECONDS);
    net.log.set("body_idle_seconds", SECONDS);
    Some(net)
}

fn address(http: &Http) -> SocketAddr {
    http.base().strip_prefix("http://").and_then(|address| address.parse().ok()).expect("a URL of this test")
}

#[test]
fn clients_that_are_slow_or_silent_are_closed_and_honest_ones_hardly_notice() {
    let Some(mut net) = start("crowd") else { return };
    net.log.start();
    net.log.wait_idle();
    let count = counts::number("TREERING_CROWD").unwrap_or(CROWD);
    let large = large(&net);
    let mut taken = Vec::new();
    let alone = Honest::while_(net.log.public(), || wait::pace(Duration::from_millis(500)));
    for manner in Manner::ALL {
        let count = if manner == Manner::Deaf { count.min(DEAF) } else { count };
        let before = descriptors_at_rest(&net);
        let honest = Honest::while_(net.log.public(), || is_closed(&net, manner, count, &large, before));
        println!("{manner:?}: honest requests took {honest}; alone, {alone}: {}", honest.beside(&alone));
        honest.assert_hardly_noticed();
        taken.extend(honest.taken);
    }
    net.log.wait_idle();
    assert_all_in_batches(&net, taken.iter().chain(&alone.taken), usize::MAX);
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

/// Opens connections of a manner, and waits until the log has closed them.
fn is_closed(net: &Net, manner: Manner, count: usize, large: &Large, before: usize) {
    let mut crowd = Crowd::new(address(net.log.public()), manner, count, large);
    let (made, begun) = (crowd.len(), Instant::now());
    assert!(made * 10 >= count * 9, "{manner:?}: only {made} of {count} connections were made");
    if manner == Manner::Deaf {
        wait::until("the log has accepted most of them", || {
            (net.log.descriptors() >= before + made / 2).then_some(())
        });
    }
    wait::until(&format!("the log closes {manner:?} connections"), || {
        crowd.trickle();
        crowd.is_over().then_some(())
    });
    let open = wait::until("as many descriptors are open as before", || {
        let open = net.log.descriptors();
        (open <= before + Honest::CONNECTIONS).then_some(open)
    });
    let took = begun.elapsed();
    println!(
        "{manner:?}: {made} connections, closed after {took:?}, {before} descriptors open before them and {open} after"
    );
    if manner == Manner::Deaf {
        // As many as the honest ones may have open might be theirs, and be served now that they read.
        let served = crowd.served_in_full();
        assert!(
            served <= Honest::CONNECTIONS,
            "{served} of {made} had to wait for nothing: the kernel took all"
        );
    } else {
        assert!(
            !is_full() || took <= CLOSED_WITHIN,
            "{manner:?} connections were closed after {took:?} only"
        );
    }
}

/// Is this more than the short form?
fn is_full() -> bool {
    ["TREERING_CROWD", "TREERING_RESETS"].iter().any(|name| counts::number::<u64>(name).is_some())
}

/// The largest batch after a flood of a second.
fn large(net: &Net) -> Large {
    let flood = Flood::start(address(net.log.public()), &[(Kind::Single, 64)]);
    wait::pace(Duration::from_secs(1));
    flood.stop();
    net.log.wait_idle();
    let batches = (0..net.log.published_size().get()).map(|entry| {
        let path = format!("/v1/batches/{entry}");
        let length = net.log.public().get(&path).expect_status(200).body.len();
        Large { path, length }
    });
    batches.max_by_key(|batch| batch.length).expect("a batch")
}

#[test]
fn resets_and_floods_of_headers_cost_little() {
    let Some(mut net) = start("crowd (resets)") else { return };
    net.log.start();
    net.log.wait_idle();
    let (count, server) = (counts::number("TREERING_RESETS").unwrap_or(RESETS), address(net.log.public()));
    // What is reset below is a good request.
    let before = answered(&net);
    let asked = (0..10).find_map(|_| resets::asked_over_http2(server).ok());
    assert!(asked.expect("an answer"), "a request that isn't reset has a 200");
    assert!(answered(&net) > before, "a good request isn't counted");
    let before = descriptors_at_rest(&net);
    let (memory, _) = net.log.memory_mib();
    let mut outcome = resets::Resets::default();
    let honest = Honest::while_(net.log.public(), || outcome = resets::rapid_reset(server, count));
    let resets::Resets { handled, connections } = outcome;
    let (_, peak) = net.log.memory_mib();
    println!(
        "{handled} resets over {connections} connections: honest requests took {honest}; {memory} MiB before, {peak} at most"
    );
    assert!(handled >= count, "only {handled} of {count} resets were read");
    assert!(peak < memory + COSTS, "resets cost {} MiB", peak - memory);
    honest.assert_hardly_noticed();
    // A megabyte of headers.
    let long = format!("GET /v1/log HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "a".repeat(1 << 20));
    assert_refused(net.log.public(), &long);
    let many = format!("GET /v1/log HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(5_000));
    assert_refused(net.log.public(), &many);
    wait::until("as many descriptors are open as before", || {
        (net.log.descriptors() <= before + Honest::CONNECTIONS).then_some(())
    });
    net.log.wait_idle();
    assert_all_in_batches(&net, honest.taken.iter(), usize::MAX);
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

#[test]
fn headers_without_an_end_end_their_connection() {
    let Some(mut net) = start("crowd (headers)") else { return };
    net.log.start();
    net.log.wait_idle();
    let server = address(net.log.public());
    let before = descriptors_at_rest(&net);
    let (memory, _) = net.log.memory_mib();
    let mut taken = Vec::new();
    for headers in resets::Headers::ALL {
        let (at_once, times) = HEADERS;
        // One that didn't come to ask in time, on a busy machine, is closed for that.
        let is_ended = || (0..10).find_map(|_| resets::is_ended_by(server, headers).ok()).expect("an answer");
        let flood = || (0..times).filter(|_| is_ended()).count();
        let mut ended = 0;
        let honest = Honest::while_(net.log.public(), || {
            ended = thread::scope(|scope| {
                let floods: Vec<_> = (0..at_once).map(|_| scope.spawn(flood)).collect();
                floods.into_iter().map(|flood| flood.join().expect("a flood")).sum()
            });
        });
        let (_, peak) = net.log.memory_mib();
        println!("{headers:?}: honest requests took {honest}; {memory} MiB before, {peak} at most");
        assert_eq!(ended, at_once * times, "{headers:?}: so many connections were ended");
        assert!(peak < memory + COSTS, "{headers:?}: they cost {} MiB", peak - memory);
        honest.assert_hardly_noticed();
        taken.extend(honest.taken);
    }
    wait::until("as many descriptors are open as before", || {
        (net.log.descriptors() <= before + Honest::CONNECTIONS).then_some(())
    });
    net.log.wait_idle();
    assert_all_in_batches(&net, taken.iter(), usize::MAX);
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

/// How many requests of the kind that is reset were answered well.
fn answered(net: &Net) -> f64 {
    let series = "treering_log_http_requests_total{route=\"/v1/log\",status=\"200\"}";
    net.log.metrics().number(series).unwrap_or_default()
}

/// 431, or the connection is closed on whoever is still sending: then the answer may be lost, but not each time.
#[track_caller]
fn assert_refused(http: &Http, request: &str) {
    wait::until("a 431", || match http.raw_or_reset(request.as_bytes()) {
        Some(status) => {
            assert_eq!(status, 431);
            Some(())
        }
        None => None,
    });
    http.get("/v1/log").expect_status(200);
}

/// How many descriptors are open when nobody asks anything.
fn descriptors_at_rest(net: &Net) -> usize {
    let mut last = usize::MAX;
    wait::until("the number of descriptors rests", || {
        let open = net.log.descriptors();
        let rests = open == last;
        last = open;
        wait::pace(Duration::from_millis(100));
        rests.then_some(open)
    })
}

/// What honest clients were answered in, and what was acknowledged to them.
#[derive(Debug, Default)]
struct Honest {
    times: Vec<Duration>,
    taken: Vec<Hash>,
}

impl Honest {
    /// One of its own, and those to witnesses, which come and go.
    const CONNECTIONS: usize = 4;

    /// Asks and submits for as long as something else goes on; every answer must be a good one.
    fn while_(http: &Http, work: impl FnOnce()) -> Honest {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let mut honest = Honest::default();
                // What is over at once has something to be compared with, too.
                while !over.load(Ordering::SeqCst) || honest.times.len() < ENOUGH {
                    honest.ask(http);
                    wait::pace(Duration::from_millis(5));
                }
                honest
            });
            // Whatever becomes of it, the other one ends.
            let end = End(&over);
            work();
            drop(end);
            let mut honest = asking.join().expect("honest clients are always answered");
            honest.times.sort_unstable();
            honest
        })
    }

    /// One submission, and one reading.
    fn ask(&mut self, http: &Http) {
        let (begun, commitment) = (Instant::now(), random::commitment());
        let headers = [("content-type", treering_tests::log::OCTETS)];
        http.post(treering_tests::log::SUBMISSIONS, &headers, commitment).expect_status(202);
        http.get("/checkpoint").expect_status(200);
        self.times.push(begun.elapsed());
        self.taken.push(view::root_of(&[commitment]));
    }

    #[track_caller]
    fn assert_hardly_noticed(&self) {
        assert!(!is_full() || self.at(99) <= P99, "honest requests took {self}");
    }

    /// How much longer it took than others, in words: a figure to be read, since a busy machine makes it what it likes.
    fn beside(&self, others: &Honest) -> String {
        let [p50, p99] =
            [50, 99].map(|part| self.at(part).as_secs_f64() / others.at(part).as_secs_f64().max(1e-6));
        format!("{p50:.1} times as long (p50), {p99:.1} times (p99)")
    }

    /// So many of a hundred were answered in this time.
    fn at(&self, part: usize) -> Duration {
        self.times.get(self.times.len() * part / 100).or(self.times.last()).copied().unwrap_or_default()
    }
}

/// Sets its flag when it goes.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl std::fmt::Display for Honest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} (p50), {:?} (p99), {} of them", self.at(50), self.at(99), self.times.len())
    }
}
