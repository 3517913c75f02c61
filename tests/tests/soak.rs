//! A long run on the tick of a real log, with three witnesses, one of them with an ML-DSA-44 key, each killed with -9 and
//! started again at random, so that now and then no quorum is left.
//!
//! Customers submit all the while. Not one published checkpoint is without quorum: somebody reads `/checkpoint` many times
//! a tick, and verifies each under the policy. Not one receipt is lost: everything that was acknowledged gets its receipt,
//! and still has it at the end, at the same place. And the memory of each program is flat.
//!
//! `make soak MINUTES=30 TICK_MS=1000` runs it with a tick of a second; in `make test` the tick is short, and it ends when each witness was killed.

use std::time::{Duration, Instant};

use treering_tests::{
    counts,
    memory::{Memory, WRITE_BUFFER_KIB, resident},
    net::{self, Net},
    random, wait,
    witness::WitnessServer,
};

use crate::oracle::Oracle;

/// About so many submissions a tick.
const SUBMISSIONS: usize = 24;
/// Of so many ticks, a witness that runs is killed in one,
const LIFE: u64 = 20;
/// and in the short form in one of so many.
const SHORT_LIFE: u64 = 6;
/// Of so many ticks, a witness that was killed is started again in one.
const DEATH: u64 = 4;

#[test]
fn a_soak_with_witnesses_killed_at_random() {
    let (tick, life, length) =
        match (counts::number("TREERING_SOAK_SECONDS"), counts::number("TREERING_SOAK_TICK_MS")) {
            (Some(length), tick) => {
                (Duration::from_millis(tick.unwrap_or(1000)), LIFE, Duration::from_secs(length))
            }
            (None, _) => (Duration::from_millis(50), SHORT_LIFE, Duration::ZERO),
        };
    let mut net = net::plan().ml_dsa(3).set("tick_ms", &tick.as_millis().to_string()).start();
    let mut oracle = Oracle::start(&net);
    let mut soak = Soak::new(&net, life);
    let begin = Instant::now();
    while begin.elapsed() < length || soak.kills.contains(&0) {
        soak.round(&mut net, &mut oracle);
        wait::pace(tick);
    }
    let took = begin.elapsed();
    net.witnesses.iter_mut().filter(|witness| witness.pid().is_none()).for_each(WitnessServer::start);
    let submissions = oracle.count();
    let seen = oracle.finish(&net);
    assert!(net.log.stop().success());
    net.log.assert_clean();

    let kills: Vec<_> = soak.kills.iter().map(u64::to_string).collect();
    println!("| what | figure |\n|---|---|");
    println!("| length, tick | {} s, {} ms |", took.as_secs(), tick.as_millis());
    println!("| published sizes seen, all with a quorum | {} |", seen.len());
    println!("| submissions acknowledged, all with their receipts | {submissions} |");
    println!(
        "| rounds of the test, of these without a quorum running | {}, {} |",
        soak.rounds, soak.without_quorum
    );
    println!("| kills of each witness | {} |\n", kills.join(", "));
    println!(
        "| resident memory | samples | median, middle third | median, last third | most |\n|---|---|---|---|---|"
    );
    for (name, memory) in &soak.memory {
        println!("| {name} | {memory} |");
    }
    for (name, memory) in &soak.memory {
        assert_ne!(memory.is_flat(), Some(false), "the memory of {name} is not flat: {memory}");
    }
}

/// What was done, and what was measured.
struct Soak {
    life: u64,
    rounds: u64,
    without_quorum: u64,
    kills: Vec<u64>,
    /// Of the log, and then of each witness.
    memory: Vec<(String, Memory)>,
}

impl Soak {
    fn new(net: &Net, life: u64) -> Soak {
        let witnesses = net.witnesses.iter().map(WitnessServer::name);
        let witnesses = witnesses.map(|name| (name.to_owned(), Memory::new(0)));
        let log = ("log".to_owned(), Memory::new(WRITE_BUFFER_KIB));
        let memory = [log].into_iter().chain(witnesses).collect();
        Soak { life, rounds: 0, without_quorum: 0, kills: vec![0; net.witnesses.len()], memory }
    }

    fn round(&mut self, net: &mut Net, oracle: &mut Oracle) {
        self.rounds += 1;
        oracle.more(SUBMISSIONS);
        let pids = [net.log.pid()].into_iter().chain(net.witnesses.iter().map(WitnessServer::pid));
        for ((_, memory), pid) in self.memory.iter_mut().zip(pids) {
            memory.add(pid.and_then(resident));
        }
        for (witness, kills) in net.witnesses.iter_mut().zip(&mut self.kills) {
            match witness.pid() {
                Some(_) if random::between(1, self.life) == 1 => {
                    witness.kill();
                    *kills += 1;
                }
                None if random::between(1, DEATH) == 1 => witness.start(),
                _ => {}
            }
        }
        // Nothing is published until two are back: nobody may wait for it then.
        if net.witnesses.iter().filter(|witness| witness.pid().is_some()).count() < 2 {
            self.without_quorum += 1;
        } else if random::between(1, self.life) == 1 {
            oracle.look(net);
        }
    }
}
