//! The log's high-water record, its key and its clock, in the simulation.

use crate::{disk::Disk, executor::Executor, executor::Node, oracle::Oracle};
use futures_util::future::BoxFuture;
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use treering_log::{
    clock::Clock,
    record::{HighMark, HighWater, RecordError},
    signer::{Signer, SignerError},
};
use treering_tlog::{
    checkpoint::Checkpoint,
    note::{Signature, SigningKey, VerifierKey},
    time::UnixMillis,
};

/// The record as one running log has it.
#[derive(Debug)]
pub(crate) struct SimRecord {
    pub(crate) disk: Arc<Disk<Option<HighMark>>>,
    pub(crate) node: Node,
}

impl HighWater for SimRecord {
    fn read(&self) -> Result<Option<HighMark>, RecordError> {
        Ok(self.disk.read(|record| *record))
    }

    fn write(&self, mark: &HighMark) -> Result<(), RecordError> {
        let what = format!("size {}", mark.head.size);
        self.disk.write(self.node, &what, |record| *record = Some(*mark), None).map_err(|_| {
            RecordError::File {
                path: self.place().into(),
                source: std::io::Error::other("of the simulation"),
            }
        })
    }

    fn free_bytes(&self) -> Result<u64, RecordError> {
        Ok(u64::MAX)
    }

    fn place(&self) -> String {
        "the simulated record".to_owned()
    }
}

/// The log's key, under the eyes of the oracle.
#[derive(Debug)]
pub(crate) struct WatchedKey {
    pub(crate) key: SigningKey,
    pub(crate) oracle: Arc<Oracle>,
}

impl Signer for WatchedKey {
    fn sign(&self, text: &str) -> Result<Signature, SignerError> {
        let checkpoint = Checkpoint::parse(text).expect("a log signs checkpoints");
        self.oracle.signs(checkpoint.head);
        Ok(self.key.sign(text))
    }

    fn verifier(&self) -> VerifierKey {
        self.key.verifier()
    }
}

/// A machine's clock: the simulation's time, and how far it is off.
#[derive(Debug)]
pub(crate) struct SimClock {
    executor: Arc<Executor>,
    off: AtomicI64,
}

/// When every simulation begins, in milliseconds.
const BEGIN: i64 = 1_800_000_000_000;

impl SimClock {
    pub(crate) fn new(executor: &Arc<Executor>) -> Arc<SimClock> {
        Arc::new(SimClock { executor: Arc::clone(executor), off: AtomicI64::new(0) })
    }

    /// Sets it so many milliseconds before or after the true time.
    pub(crate) fn set(&self, off: i64) {
        self.off.store(off, Ordering::SeqCst);
    }

    pub(crate) fn off(&self) -> i64 {
        self.off.load(Ordering::SeqCst)
    }

    fn wall(&self) -> UnixMillis {
        let now = BEGIN + self.executor.millis().cast_signed() + self.off();
        UnixMillis::new(now.cast_unsigned()).expect("clocks are off by hours, not by millennia")
    }
}

impl Clock for SimClock {
    fn now(&self) -> UnixMillis {
        self.wall()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.executor.millis())
    }
}

impl treering_witness::clock::Clock for SimClock {
    fn now(&self) -> UnixMillis {
        self.wall()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(self.executor.sleep(duration))
    }
}
