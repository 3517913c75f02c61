//! Clients that are silent, slow or hostile, hundreds at once: honest ones are answered all the while, and afterwards the
//! log has as many sockets open as before.

use std::{
    env,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use treering_tests::{
    crowd::{self, Crowd, Manner},
    http::Http,
    net::{self, Net},
    programs, random, wait,
};

/// Connections of each manner, unless the environment says.
const CROWD: usize = 60;
/// HTTP/2 requests that are reset at once, unless the environment says.
const RESETS: u64 = 20_000;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().and_then(|value| value.parse().ok())
}

fn start(name: &str) -> Option<Net> {
    if !cfg!(target_os = "linux") {
        programs::skipped(name, "only Linux tells how many sockets a process has open, so nobody has looked");
        return None;
    }
    let plan = net::plan();
    let net = plan.make();
    // Each stands once in the file, in its table of limits.
    net.log.set("header_seconds", "1");
    net.log.set("body_idle_seconds", "1");
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
    let count = number("TREERING_CROWD").map_or(CROWD, |count| usize::try_from(count).expect("small"));
    let alone = Honest::while_(net.log.public(), || wait::pace(Duration::from_millis(500)));
    for manner in Manner::ALL {
        let before = sockets_at_rest(&net);
        let mut made = 0;
        let honest = Honest::while_(net.log.public(), || {
            let mut crowd = Crowd::new(address(net.log.public()), manner, count);
            made = crowd.len();
            wait::until(&format!("the log closes {manner:?} connections"), || {
                crowd.trickle();
                crowd.is_over().then_some(())
            });
            let open = wait::until("as many sockets are open as before", || {
                let open = net.log.sockets();
                (open <= before + Honest::CONNECTIONS).then_some(open)
            });
            println!("{manner:?}: {made} connections, {before} sockets open before them and {open} after");
        });
        println!("{manner:?}: honest requests took {honest}; alone, {alone}");
        assert!(made >= count / 2, "only {made} connections were made");
    }
    assert!(net.log.stop().success());
}

#[test]
fn resets_and_floods_of_headers_cost_little() {
    let Some(mut net) = start("crowd (resets)") else { return };
    net.log.start();
    net.log.wait_idle();
    let (count, server) = (number("TREERING_RESETS").unwrap_or(RESETS), address(net.log.public()));
    let before = sockets_at_rest(&net);
    let (memory, _) = net.log.memory_mib();
    let mut outcome = (0, 0);
    let honest = Honest::while_(net.log.public(), || outcome = crowd::rapid_reset(server, count));
    let (sent, connections) = outcome;
    let (_, peak) = net.log.memory_mib();
    println!(
        "{sent} resets over {connections} connections: honest requests took {honest}; {memory} MiB before, {peak} at most"
    );
    assert!(sent >= count);
    assert!(peak < memory + 200, "resets cost {} MiB", peak - memory);
    // A megabyte of headers.
    let long = format!("GET /v1/log HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "a".repeat(1 << 20));
    let refused = net.log.public().raw_or_reset(long.as_bytes());
    assert!(refused.is_none_or(|status| status == 431), "{refused:?}");
    let many = format!("GET /v1/log HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(5_000));
    let refused = net.log.public().raw_or_reset(many.as_bytes());
    assert!(refused.is_none_or(|status| status == 431), "{refused:?}");
    wait::until("as many sockets are open as before", || {
        (net.log.sockets() <= before + Honest::CONNECTIONS).then_some(())
    });
    assert!(net.log.stop().success());
}

/// How many sockets are open when nobody asks anything.
fn sockets_at_rest(net: &Net) -> usize {
    let mut last = usize::MAX;
    wait::until("the number of sockets rests", || {
        let open = net.log.sockets();
        let rests = open == last;
        last = open;
        wait::pace(Duration::from_millis(100));
        rests.then_some(open)
    })
}

/// What honest clients were answered in.
#[derive(Debug, Default)]
struct Honest(Vec<Duration>);

impl Honest {
    /// One of its own, and those to witnesses, which come and go.
    const CONNECTIONS: usize = 4;

    /// Asks and submits for as long as something else goes on; every answer must be a good one.
    fn while_(http: &Http, work: impl FnOnce()) -> Honest {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let mut times = Vec::new();
                while !over.load(Ordering::SeqCst) {
                    let begun = Instant::now();
                    http.post(
                        "/v1/submissions",
                        &[("content-type", "application/octet-stream")],
                        random::commitment(),
                    )
                    .expect_status(202);
                    http.get("/checkpoint").expect_status(200);
                    times.push(begun.elapsed());
                    wait::pace(Duration::from_millis(5));
                }
                times
            });
            // Whatever becomes of it, the other one ends.
            let end = End(&over);
            work();
            drop(end);
            let mut times = asking.join().expect("honest clients are always answered");
            times.sort_unstable();
            Honest(times)
        })
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
        let at = |part: usize| {
            self.0.get(self.0.len() * part / 100).or(self.0.last()).copied().unwrap_or_default()
        };
        write!(f, "{:?} (p50), {:?} (p99), {} of them", at(50), at(99), self.0.len())
    }
}
