//! A fault at each system call that touches the log's directory: an error of the device, no space, a signal, a kill.
//!
//! One run: the log is started and takes three submissions, a tick each, and is told to end; its n-th call is struck on
//! the way. It is started again, and at a random call of its recovery it is struck for a second time. Then it is left
//! alone, and the oracle judges: everything acknowledged is there, in one history. Whatever is struck, a log that goes on
//! publishes, and one that can't ends by itself: it never hangs.
//!
//! `make chaos` does it at every call with every fault; here it is a sample.

use std::{collections::BTreeMap, env};

use treering_tests::{
    log::{OCTETS, SUBMISSIONS},
    net::{self, Net},
    preload::{Call, Fault, Faults},
    programs, random, view, wait,
};
use treering_tlog::hash::Hash;

use crate::oracle::Oracle;

/// How many faults, unless the environment says a number or `ALL`; and of which files, by the end of their names
/// (`TREERING_FAULTS_ONLY`).
const FAULTS: usize = 24;
const TICKS: usize = 3;

#[test]
fn a_fault_at_any_system_call_loses_nothing() {
    let mut net = net::plan().set("min_free_mib", "1").start();
    let faults = match Faults::build(net.dir()) {
        Ok(faults) => faults,
        Err(why) => {
            return programs::skipped("faults", &format!("no system call can be made to fail: {why}"));
        }
    };
    let mut run = Run::new(&mut net, &faults);
    let calls = run.calls();
    let sum: usize = calls.values().sum();
    assert!(sum > 100, "only {sum} calls touch the log's directory: they are not seen");
    let asked = env::var("TREERING_FAULTS").unwrap_or_else(|_| FAULTS.to_string());
    if asked == "ALL" {
        for (call, count) in &calls {
            // Some of them come more often as the store grows; each is struck as often as it was counted.
            (1..=*count).take_while(|number| run.all_kinds(call, *number)).for_each(drop);
        }
    } else {
        let count: usize = asked.parse().expect("TREERING_FAULTS is a number or ALL");
        // Each kind of call is as likely as another, or it would hardly ever be one that writes.
        let only = env::var("TREERING_FAULTS_ONLY").unwrap_or_default();
        let kinds: Vec<(&Call, &usize)> =
            calls.iter().filter(|(call, _)| call.what.ends_with(&only)).collect();
        for number in 0..count {
            let (call, count) = kinds[below(kinds.len())];
            run.strike(call, below(*count) + 1, Fault::ALL[number % 4]);
        }
    }
    run.finish();
}

fn below(count: usize) -> usize {
    usize::try_from(random::between(0, count as u64 - 1)).expect("small")
}

/// A log that is struck again and again, and who watches it.
struct Run<'a> {
    net: &'a mut Net,
    faults: &'a Faults,
    oracle: Oracle,
    struck: BTreeMap<(Call, Fault), usize>,
    second: usize,
    refused: usize,
}

impl<'a> Run<'a> {
    fn new(net: &'a mut Net, faults: &'a Faults) -> Run<'a> {
        let oracle = Oracle::quiet(net);
        Run { net, faults, oracle, struck: BTreeMap::new(), second: 0, refused: 0 }
    }

    /// The calls of an undisturbed run, and how many there are of each kind.
    fn calls(&mut self) -> BTreeMap<Call, usize> {
        assert!(self.net.log.stop().success());
        self.faults.watch(&mut self.net.log);
        self.ticks();
        let mut calls = BTreeMap::<Call, usize>::new();
        for call in self.faults.calls(&self.net.log) {
            *calls.entry(call).or_default() += 1;
        }
        self.heal();
        calls
    }

    /// Every kind of fault at a call; says if there was such a call.
    fn all_kinds(&mut self, call: &Call, number: usize) -> bool {
        Fault::ALL.into_iter().filter(|fault| self.strike(call, number, *fault)).count() > 0
    }

    /// One run; says if the fault came.
    fn strike(&mut self, call: &Call, number: usize, fault: Fault) -> bool {
        self.faults.arm(&mut self.net.log, Some(call), number, fault);
        self.ticks();
        let struck = self.faults.struck(&self.net.log);
        let came = struck.is_some();
        if let Some(struck) = struck {
            *self.struck.entry((struck, fault)).or_default() += 1;
        }
        // While it recovers: about so many calls it makes until it is at work.
        self.faults.arm(&mut self.net.log, None, below(220) + 1, Fault::ALL[below(4)]);
        if self.net.log.try_start() {
            self.submit();
        }
        self.net.log.kill();
        self.second += usize::from(self.faults.struck(&self.net.log).is_some());
        self.heal();
        came
    }

    /// Starts the log, if it starts, sends a submission a tick, and ends it.
    fn ticks(&mut self) {
        if !self.net.log.try_start() {
            return;
        }
        for _ in 0..TICKS {
            self.submit();
        }
        if self.net.log.is_running() {
            self.net.log.terminate();
            self.net.log.end();
        }
    }

    /// One submission, and its receipt, or the log's end.
    fn submit(&mut self) {
        let commitments = random::commitments(3);
        let root = view::root_of(&commitments);
        let query = if below(2) == 0 { "?tokens=true" } else { "" };
        let path = format!("{SUBMISSIONS}{query}");
        let Some(status) = self.post(&path, &commitments) else { return };
        if status != 202 {
            self.refused += 1;
            return;
        }
        self.oracle.acknowledged(root);
        self.receipt_or_end(&root);
    }

    fn post(&mut self, path: &str, commitments: &[[u8; 32]]) -> Option<u16> {
        let headers = [("content-type", OCTETS)];
        let answer = self.net.log.public().try_post(path, &headers, commitments.concat()).ok()?;
        assert!(matches!(answer.status, 202 | 503 | 507), "{}", answer.shown());
        Some(answer.status)
    }

    fn receipt_or_end(&mut self, root: &Hash) {
        let (path, public) = (format!("/v1/receipts/{root}"), self.net.log.public().clone());
        wait::until("a receipt, or the log's end", || {
            let status = public.try_get(&path).map(|answer| answer.status);
            (status.is_ok_and(|status| status == 200) || !self.net.log.is_running()).then_some(())
        });
    }

    /// Left alone, it starts and has everything; and takes something new.
    fn heal(&mut self) {
        self.net.log.kill();
        self.faults.disarm(&mut self.net.log);
        self.net.log.start();
        self.oracle.look(self.net);
        assert!(self.net.log.stop().success());
        if self.oracle.count().is_multiple_of(16) {
            self.net.log.assert_clean();
        }
    }

    fn finish(self) {
        let faults: usize = self.struck.values().sum();
        println!("{faults} faults, {} of them followed by one in the recovery; by call:", self.second);
        let mut calls = BTreeMap::<&Call, Vec<String>>::new();
        for ((call, fault), count) in &self.struck {
            calls.entry(call).or_default().push(format!("{count} {fault}"));
        }
        for (call, counts) in calls {
            println!("  {:16} {:32} {}", call.name, call.what, counts.join(", "));
        }
        println!("{} submissions were acknowledged, {} refused", self.oracle.count(), self.refused);
        assert!(faults > 0 && self.second > 0 && self.oracle.count() > faults, "nothing was shown");
        self.net.log.start();
        self.oracle.finish(self.net);
        assert!(self.net.log.stop().success());
        self.net.log.assert_clean();
    }
}
