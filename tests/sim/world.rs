//! One simulated world: a log, its witnesses, their disks and clocks, and the network between them.

use crate::{
    dice::Dice,
    disk::{Disk, Flaw},
    executor::{Executor, Node},
    host::SimHost,
    net::{Net, ToWitnesses},
    oracle::Oracle,
    record::{SimClock, SimRecord, WatchedKey},
    same::Both,
    store::{Held, SimStore, Watch},
    trace::Trace,
    witness::{self, Records, Witness},
};
use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use treering_log::{
    host::Host,
    log::{Log, Parts, Settings},
    record::HighMark,
    store::Store,
};
use treering_tlog::{
    checkpoint::Origin,
    note::{KeyName, SigningKey, VerifierKey},
    policy::Policy,
};

pub(crate) const WITNESSES: usize = 3;
const ORIGIN: &str = "log.example/sim";

pub(crate) struct World {
    pub(crate) flaw: Flaw,
    pub(crate) real: Option<PathBuf>,
    pub(crate) dice: Arc<Dice>,
    pub(crate) trace: Arc<Trace>,
    pub(crate) executor: Arc<Executor>,
    pub(crate) oracle: Arc<Oracle>,
    pub(crate) store: Arc<Disk<Held>>,
    pub(crate) record: Arc<Disk<Option<HighMark>>>,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) witnesses: Vec<Witness>,
    pub(crate) net: Net,
    pub(crate) log_key: VerifierKey,
    pub(crate) witness_timeout: Duration,
    pub(crate) counts: Counts,
    /// How many clients have everything that they wanted.
    pub(crate) content: AtomicU64,
    log: Mutex<Process>,
    this: Weak<World>,
}

/// What happened in a run, so that a test can tell that it was no idle one.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) kills: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) restores: AtomicU64,
    pub(crate) clock_jumps: AtomicU64,
    pub(crate) attacks: AtomicU64,
}

impl Counts {
    pub(crate) fn add(count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// The log's program.
#[derive(Clone)]
pub(crate) enum Process {
    Down,
    Starting(Node),
    Running(Node, Log),
    /// It did not start, and said why.
    Refused(String),
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}

/// The log's key; a thief may have it, too.
pub(crate) fn log_key() -> SigningKey {
    SigningKey::from_seed(KeyName::new(ORIGIN).expect("a name"), &[7; 32])
}

pub(crate) fn origin() -> Origin {
    Origin::new(ORIGIN).expect("an origin")
}

fn policy() -> Policy {
    let line = |i| format!("witness w{i} {} http://w{i}.example\n", witness::key(i).verifier());
    let lines: String = (0..WITNESSES).map(line).collect();
    let text = format!("log {}\n{lines}group g 2 w0 w1 w2\nquorum g\n", log_key().verifier());
    Policy::parse(text.as_bytes()).expect("a policy")
}

impl World {
    /// `real`: where a real store runs beside the simulated one; then the log is killed now and then, and nothing else
    /// goes wrong.
    pub(crate) fn new(seed: u64, flaw: Flaw, real: Option<PathBuf>) -> Arc<World> {
        let (dice, trace) = (Arc::new(Dice::new(seed)), Arc::new(Trace::new()));
        let executor = Executor::new(Arc::clone(&dice), Arc::clone(&trace));
        let parts = (&executor, &dice, &trace);
        let store = Disk::new("store", Held::default(), matches!(flaw, Flaw::LogSync), parts);
        let record = Disk::new("record", None, matches!(flaw, Flaw::RecordSync), parts);
        // Sometimes one of the three lies; two honest ones are a quorum.
        let liar = usize::try_from(dice.below(6)).expect("small");
        let witnesses = (0..WITNESSES).map(|index| {
            let lies = matches!(flaw, Flaw::WitnessSync);
            let disk = Disk::new(&format!("witness {index}"), Records::new(), lies, parts);
            Witness::new(index, disk, SimClock::new(&executor), index == liar)
        });
        let witnesses = witnesses.collect();
        let oracle = Oracle::new(policy(), (&executor, &trace), &store, &record, flaw);
        Arc::new_cyclic(|this| World {
            flaw,
            real,
            oracle,
            store,
            record,
            clock: SimClock::new(&executor),
            witnesses,
            net: Net::default(),
            log_key: log_key().verifier(),
            witness_timeout: Duration::from_secs(2),
            counts: Counts::default(),
            content: AtomicU64::new(0),
            log: Mutex::new(Process::Down),
            this: this.clone(),
            dice,
            trace,
            executor,
        })
    }

    pub(crate) fn tell(&self, what: &str) {
        self.trace.event(format!("{} ms: {what}", self.executor.millis()));
    }

    pub(crate) fn liar(&self) -> bool {
        self.witnesses.iter().any(|witness| witness.lies)
    }

    /// The state of the log's program now.
    pub(crate) fn log(&self) -> Process {
        let mut log = self.log.lock().unwrap();
        if let Process::Starting(node) | Process::Running(node, ..) = &*log
            && !self.executor.is_alive(*node)
        {
            *log = Process::Down;
        }
        log.clone()
    }

    /// The running log, as a client reaches it.
    pub(crate) fn running_log(&self) -> Option<(Node, Log)> {
        if self.oracle.is_rolled_back() {
            return None;
        }
        match self.log() {
            Process::Running(node, log) => Some((node, log)),
            _ => None,
        }
    }

    fn settings(&self) -> Settings {
        Settings {
            origin: origin(),
            policy: self.oracle.policy.clone(),
            store: "simulated".into(),
            tick: Duration::from_secs(1),
            refresh: Duration::from_secs(10),
            clock_step: Duration::from_secs(10),
            token_window: Duration::from_secs(30),
            retention: None,
            commit_wait: Duration::ZERO,
            max_pending: 1_000,
            min_free_bytes: 0,
            witness_timeout: self.witness_timeout,
            scrub_bytes_per_second: 0,
            witness_intervals: BTreeMap::new(),
            cache_bytes: 0,
        }
    }

    /// Starts the log's program.
    pub(crate) fn start_log(&self) {
        let node = self.executor.node();
        self.tell(&format!("the log starts as {node:?}"));
        let watch: Arc<dyn Watch> = self.oracle.clone();
        let store = SimStore::open(&self.store, node, self.flaw, watch);
        let store: Arc<dyn Store> = match &self.real {
            Some(path) => Arc::new(Both::open(store, path)),
            None => Arc::new(store),
        };
        self.record.open(node);
        let simulated = SimHost { executor: Arc::clone(&self.executor), dice: Arc::clone(&self.dice), node };
        let parts = Parts {
            signer: Arc::new(WatchedKey { key: log_key(), oracle: Arc::clone(&self.oracle) }),
            store,
            record: Arc::new(SimRecord { disk: Arc::clone(&self.record), node }),
            clock: self.clock.clone(),
            witnesses: Arc::new(ToWitnesses(self.this.clone())),
            host: Host::Simulated(Arc::new(simulated)),
        };
        *self.log.lock().unwrap() = Process::Starting(node);
        let (this, settings) = (self.this.clone(), self.settings());
        self.executor.spawn(node, async move {
            let started = Log::start_with(settings, parts).await;
            let Some(world) = this.upgrade() else { return };
            let log = match started {
                Ok(log) => log,
                Err(error) => {
                    world.tell(&format!("the log does not start: {error}"));
                    *world.log.lock().unwrap() = Process::Refused(error.to_string());
                    return;
                }
            };
            *world.log.lock().unwrap() = Process::Running(node, log.clone());
            let why = log.failed().await;
            world.tell(&format!("the log ends: {why}"));
            Counts::add(&world.counts.failures);
            world.kill_log();
        });
    }

    /// Ends the log's program, whatever it is doing.
    pub(crate) fn kill_log(&self) {
        let process = std::mem::replace(&mut *self.log.lock().unwrap(), Process::Down);
        if let Process::Starting(node) | Process::Running(node, ..) = &process {
            self.executor.kill(*node);
        }
    }
}
