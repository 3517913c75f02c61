//! A fault at each system call that touches the log's directory: an error of the device, no space, a signal, a kill.
//!
//! One run: the log is started and takes three submissions, a tick each, and is told to end; its n-th call is struck on
//! the way. It is started again, and at a random call of its recovery it is struck for a second time. Then it is left
//! alone, and the oracle judges: everything acknowledged is there, in one history, and each timestamp that was given out is
//! proved. Whatever is struck, a log that goes on publishes, and one that can't ends by itself: it never hangs. One whose sync
//! fails, for want of space too, never goes on: a second sync may succeed over pages that the kernel has dropped.
//!
//! `make chaos` does it at every call with every fault; here it is a sample.

use std::{collections::BTreeMap, env, process::ExitStatus};

use treering_tests::{
    log::{OCTETS, SUBMISSIONS},
    net::{self, Net},
    preload::{Call, Fault, Faults},
    programs,
    random::{self, below},
    tsa::{self, Granted},
    view, wait,
};
use treering_tlog::hash::Hash;

use crate::oracle::Oracle;

/// How many faults, unless the environment says a number or `ALL`; and of which files, by the end of their names
/// (`TREERING_FAULTS_ONLY`).
const FAULTS: usize = 22;
const TICKS: usize = 3;
/// What writes a disk's cache.
const SYNCS: [&str; 2] = ["fsync", "fdatasync"];

#[test]
fn a_fault_at_any_system_call_loses_nothing() {
    let mut net = net::plan().set("min_free_mib", "1").make();
    tsa::init(&net.log, "p256");
    net.log.start();
    net.log.wait_idle();
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
    let only = env::var("TREERING_FAULTS_ONLY").unwrap_or_default();
    let kinds: Vec<(&Call, usize)> = calls
        .iter()
        .filter(|(call, _)| call.what.ends_with(&only) || call.name == only)
        .map(|(call, count)| (call, *count))
        .collect();
    let is_sync = |(call, _): &&(&Call, usize)| SYNCS.contains(&call.name.as_str());
    let syncs: Vec<(&Call, usize)> = kinds.iter().filter(is_sync).copied().collect();
    let asked = env::var("TREERING_FAULTS").unwrap_or_else(|_| FAULTS.to_string());
    if asked == "ALL" {
        run.strike_all(&kinds);
    } else {
        let count: usize = asked.parse().expect("TREERING_FAULTS is a number or ALL");
        // Each kind of call is as likely as another, or it would hardly ever be one that writes.
        for number in 0..count {
            let (call, count) = kinds[below(kinds.len())];
            run.strike(call, below(count) + 1, Fault::ALL[number % 4]);
            // And now and then it is a sync that fails.
            if number % 8 == 0 && !syncs.is_empty() {
                let (call, count) = syncs[below(syncs.len())];
                run.strike(call, below(count) + 1, Fault::Io);
            }
        }
    }
    run.finish();
}

/// How a run ended.
enum End {
    ByItself(ExitStatus),
    /// By SIGTERM.
    Told(ExitStatus),
}

/// A log that is struck again and again, and who watches it.
struct Run<'a> {
    net: &'a mut Net,
    faults: &'a Faults,
    oracle: Oracle,
    /// What is struck with in this run.
    fault: Option<Fault>,
    /// Given out since the last time that all was well.
    granted: Vec<Granted>,
    struck: BTreeMap<(Call, Fault), usize>,
    /// Timestamps that were proved.
    proved: usize,
    second: usize,
    refused: usize,
    /// Logs that ended by themselves because of a sync.
    unsynced: usize,
}

impl<'a> Run<'a> {
    fn new(net: &'a mut Net, faults: &'a Faults) -> Run<'a> {
        let oracle = Oracle::quiet(net);
        let (granted, struck) = (Vec::new(), BTreeMap::new());
        Run {
            net,
            faults,
            oracle,
            fault: None,
            granted,
            struck,
            proved: 0,
            second: 0,
            refused: 0,
            unsynced: 0,
        }
    }

    /// The calls of two undisturbed runs, and how many there are of each kind in both.
    fn calls(&mut self) -> BTreeMap<Call, usize> {
        assert!(self.net.log.stop().success());
        let (first, second) = (self.watched(), self.watched());
        let in_both = |(call, count): (Call, usize)| second.get(&call).map(|other| (call, count.min(*other)));
        first.into_iter().filter_map(in_both).collect()
    }

    fn watched(&mut self) -> BTreeMap<Call, usize> {
        self.faults.watch(&mut self.net.log);
        assert!(matches!(self.ticks(), End::Told(status) if status.success()), "an undisturbed run");
        let mut calls = BTreeMap::<Call, usize>::new();
        for call in self.faults.calls(&self.net.log) {
            *calls.entry(call).or_default() += 1;
        }
        self.heal();
        calls
    }

    /// Each call with each fault. Which of some calls comes first is chance, so a few are missed; of no kind may all be.
    fn strike_all(&mut self, kinds: &[(&Call, usize)]) {
        let (mut tried, mut came) = (0, 0);
        for (call, count) in kinds {
            for fault in Fault::ALL {
                let numbers = 1..=*count;
                let struck = numbers.filter(|number| self.strike(call, *number, fault)).count();
                assert!(struck > 0, "{fault} never came at a {} of {}", call.name, call.what);
                (tried, came) = (tried + count, came + struck);
            }
        }
        println!("{came} of {tried} faults came");
        assert!(came * 10 >= tried * 9, "only {came} of {tried} faults came: the others were never tried");
    }

    /// One run; says if the fault came.
    fn strike(&mut self, call: &Call, number: usize, fault: Fault) -> bool {
        self.faults.arm(&mut self.net.log, Some(call), number, fault);
        self.fault = Some(fault);
        let end = self.ticks();
        if self.unsynced_call().is_some() {
            let (End::ByItself(status) | End::Told(status)) = end;
            assert!(!status.success(), "a {} of {} failed, and the log ended well", call.name, call.what);
            self.unsynced += 1;
        }
        self.fault = None;
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
    fn ticks(&mut self) -> End {
        if self.net.log.try_start() {
            (0..TICKS).for_each(|_| self.submit());
        }
        if !self.net.log.is_running() {
            return End::ByItself(self.net.log.end());
        }
        if let Some(call) = self.unsynced_call() {
            // What failed in the background, the next write meets.
            self.submit();
            wait::until(&format!("the log ends after a failed {} of {}", call.name, call.what), || {
                (!self.net.log.is_running()).then_some(())
            });
            return End::ByItself(self.net.log.end());
        }
        self.net.log.terminate();
        End::Told(self.net.log.end())
    }

    /// The sync that has failed in this run.
    fn unsynced_call(&self) -> Option<Call> {
        let struck = self.faults.struck(&self.net.log).filter(|call| SYNCS.contains(&call.name.as_str()));
        struck.filter(|_| matches!(self.fault, Some(Fault::Io | Fault::NoSpace)))
    }

    /// One submission, and its receipt, or the log's end; and a timestamp in the same tick.
    fn submit(&mut self) {
        self.granted.extend(Granted::by(&self.net.log));
        let commitments = random::commitments(3);
        let root = view::root_of(&commitments);
        let query = if below(2) == 0 { "?tokens=true" } else { "" };
        let path = format!("{SUBMISSIONS}{query}");
        let Some(status) = self.post(&path, &commitments) else { return };
        if status != 202 {
            self.refused += 1;
            return;
        }
        match query {
            "" => self.oracle.acknowledged(root),
            _ => self.oracle.acknowledged_with_tokens(&commitments),
        }
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
        for granted in std::mem::take(&mut self.granted) {
            granted.assert_proved(self.net);
            self.proved += 1;
        }
        assert!(self.net.log.stop().success());
        self.net.log.assert_clean();
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
        println!(
            "{} submissions were acknowledged, {} refused; {} timestamps were proved; {} logs ended at a failed sync",
            self.oracle.count(),
            self.refused,
            self.proved,
            self.unsynced
        );
        assert!(faults > 0 && self.second > 0 && self.oracle.count() > faults, "nothing was shown");
        // With the first tick after a start there may be none: until the clock is confirmed no time is given.
        assert!(self.proved * 4 > self.oracle.count(), "hardly any timestamp was given out");
        self.net.log.start();
        self.oracle.finish(self.net);
        assert!(self.net.log.stop().success());
        self.net.log.assert_clean();
    }
}
