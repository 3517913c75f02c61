//! A log, its witnesses and a policy on loopback, in a temporary directory that goes with them.

use std::{
    collections::HashSet,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use tempfile::TempDir;
use treering_tlog::policy::Policy;

use crate::{client::Client, log::LogServer, random, wait, witness::WitnessServer};

/// The origin of the log, where none is given.
pub const ORIGIN: &str = "log.test/2026";

/// What a net is to be.
#[derive(Debug)]
pub struct Plan {
    witnesses: usize,
    ml_dsa: Option<usize>,
    quorum: usize,
    two_keys: bool,
    others: Vec<(String, String)>,
    origin: String,
    settings: Vec<(String, String)>,
    appended: String,
}

/// A log and its witnesses, running.
#[derive(Debug)]
pub struct Net {
    /// The log.
    pub log: LogServer,
    /// Its witnesses `w1`, `w2`…, in this order.
    pub witnesses: Vec<WitnessServer>,
    /// What verifiers trust.
    pub policy: Policy,
    // Last, so that the directory goes after the processes that live in it.
    root: TempDir,
}

/// Three witnesses, two of them a quorum, and a tick of 50 ms.
pub fn plan() -> Plan {
    Plan {
        witnesses: 3,
        ml_dsa: None,
        quorum: 2,
        two_keys: false,
        others: Vec::new(),
        origin: ORIGIN.to_owned(),
        settings: vec![("tick_ms".to_owned(), "50".to_owned())],
        appended: String::new(),
    }
}

impl Plan {
    /// The log's origin.
    pub fn origin(mut self, origin: &str) -> Plan {
        self.origin = origin.to_owned();
        self
    }

    /// So many of the witnesses are a quorum.
    pub fn quorum(mut self, quorum: usize) -> Plan {
        self.quorum = quorum;
        self
    }

    /// Each real witness has an ML-DSA-44 key beside its Ed25519 one, and counts only with both.
    pub fn two_keys(mut self) -> Plan {
        self.two_keys = true;
        self
    }

    /// So many real witnesses.
    pub fn witnesses(mut self, witnesses: usize) -> Plan {
        self.witnesses = witnesses;
        self
    }

    /// The nth of the real witnesses, from 1, has an ML-DSA-44 key, the others Ed25519 keys.
    pub fn ml_dsa(mut self, n: usize) -> Plan {
        self.ml_dsa = Some(n);
        self
    }

    /// One more witness, which is no process: its name and its policy line.
    pub fn other(mut self, name: &str, line: String) -> Plan {
        self.others.push((name.to_owned(), line));
        self
    }

    /// A setting of the log.
    pub fn set(mut self, key: &str, value: &str) -> Plan {
        self.settings.push((key.to_owned(), value.to_owned()));
        self
    }

    /// More tables for the end of the log's settings.
    pub fn append(mut self, tables: &str) -> Plan {
        self.appended.push_str(tables);
        self
    }

    /// Makes and starts everything, and waits until the log publishes.
    pub fn start(self) -> Net {
        let mut net = self.make();
        net.log.start();
        net.log.wait_idle();
        net
    }

    /// Makes everything and starts the witnesses; the log is not started yet.
    ///
    /// # Panics
    /// If a program refuses.
    pub fn make(self) -> Net {
        self.make_with(|_| ())
    }

    /// The same, after `prepare` has had the directory in which all of it will be.
    ///
    /// # Panics
    /// If a program refuses.
    pub fn make_with(self, prepare: impl FnOnce(&Path)) -> Net {
        let root =
            tempfile::Builder::new().prefix("treering-test-").tempdir().expect("a temporary directory");
        let output = root.path().join("output");
        fs::create_dir(&output).expect("a new directory");
        prepare(root.path());
        let witnesses: Vec<_> = (1..=self.witnesses)
            .map(|n| {
                let mut witness = WitnessServer::init(root.path(), &output, &format!("w{n}"), free_port());
                if self.ml_dsa == Some(n) {
                    witness = witness.ml_dsa();
                }
                if self.two_keys {
                    witness = witness.with_two_keys();
                }
                witness.start();
                witness
            })
            .collect();
        let lines = self.lines(&witnesses);
        let file = root.path().join("witnesses");
        fs::write(&file, &lines).expect("a new file");
        let ports = (free_port(), free_port());
        let log = LogServer::init(&root.path().join("log"), &output, &self.origin, &file, ports);
        self.settings.iter().for_each(|(key, value)| log.set(key, value));
        log.append(&self.appended);
        let vkey = log.vkey();
        witnesses.iter().for_each(|witness| witness.add_log(&vkey));
        let policy = format!("log {vkey} {}\n{lines}", log.public().base());
        fs::write(root.path().join("policy"), &policy).expect("a new file");
        let policy = Policy::parse(policy.as_bytes()).expect("a policy");
        Net { log, witnesses, policy, root }
    }

    /// The witnesses' part of the policy.
    fn lines(&self, witnesses: &[WitnessServer]) -> String {
        let mut lines: String = witnesses.iter().map(WitnessServer::policy_line).collect();
        let mut names: Vec<&str> = witnesses.iter().map(WitnessServer::name).collect();
        for (name, line) in &self.others {
            lines.push_str(line);
            names.push(name);
        }
        lines + &format!("group all {} {}\nquorum all\n", self.quorum, names.join(" "))
    }
}

impl Net {
    /// The temporary directory of all of it.
    pub fn dir(&self) -> &Path {
        self.root.path()
    }

    /// The file of the policy.
    pub fn policy_file(&self) -> PathBuf {
        self.root.path().join("policy")
    }

    /// The file of the policy's part without the log.
    pub fn witnesses_file(&self) -> PathBuf {
        self.root.path().join("witnesses")
    }

    /// A person who trusts this net's policy.
    pub fn client(&self) -> Client {
        Client::new(&self.root.path().join("home"), self.log.public().base(), &self.policy_file())
    }

    /// The size in the log's record.
    pub fn log_recorded(&self) -> u64 {
        crate::log::recorded_size(&self.log.record()).get()
    }

    /// Ends every server with `kill -9`.
    pub fn kill_all(&mut self) {
        self.log.kill();
        self.witnesses.iter_mut().for_each(WitnessServer::kill);
    }

    /// What every witness that answers shows as the log's last checkpoint.
    pub fn witnessed(&self) -> Vec<Vec<u8>> {
        let notes = self.witnesses.iter().filter_map(|witness| witness.try_latest(ORIGIN));
        notes.map(|answer| answer.body).collect()
    }

    /// The head that each witness cosigned last, whenever that was.
    pub fn heads(&self) -> Vec<String> {
        let head = |note: Vec<u8>| {
            let note = String::from_utf8(note).expect("text");
            note.split("\n\n").next().unwrap_or_default().to_owned()
        };
        self.witnessed().into_iter().map(head).collect()
    }

    /// The same, once all of them know the newest: a quorum needs only some, and the others come later, even after the log's end.
    pub fn settled(&self) -> Vec<String> {
        wait::until("every witness knows the newest head", || {
            let heads = self.heads();
            let all = heads.len() == self.witnesses.len();
            (all && heads.windows(2).all(|pair| pair[0] == pair[1])).then_some(heads)
        })
    }

    /// A new directory below the net's own, for files.
    ///
    /// # Panics
    /// If it is there already.
    pub fn new_dir(&self, name: &str) -> PathBuf {
        let dir = self.root.path().join(name);
        fs::create_dir(&dir).expect("a new directory");
        dir
    }
}

/// A port that nobody listens on, and that the system does not hand out to outgoing connections: what is restarted
/// finds it free again.
///
/// # Panics
/// If there is none.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let given = given.get_or_insert_default();
    // Below the usual ranges of ephemeral ports, which begin at 32768.
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let port = (0..10_000)
        .filter_map(|_| u16::try_from(random::between(12_000, 32_000)).ok())
        .find(|port| !given.contains(port) && free(port))
        .expect("a free port");
    given.insert(port);
    port
}
