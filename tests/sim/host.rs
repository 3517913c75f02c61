//! Where the log's tasks run: each is one of the simulation's, of the process that started it.

use crate::{
    dice::Dice,
    executor::{Executor, Node},
};
use futures_util::future::BoxFuture;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::time::Instant;
use treering_log::host::Simulated;

/// The host of one running log.
#[derive(Debug)]
pub(crate) struct SimHost {
    pub(crate) executor: Arc<Executor>,
    pub(crate) dice: Arc<Dice>,
    pub(crate) node: Node,
}

/// Any fixed moment: only differences count.
fn begin() -> Instant {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    *BEGIN.get_or_init(Instant::now)
}

impl Simulated for SimHost {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.executor.spawn(self.node, task);
    }

    fn blocking(&self, work: Box<dyn FnOnce() + Send>) {
        // Most of it is fast; some waits for a disk, and a little for long.
        let millis = match self.dice.below(20) {
            0..12 => 0,
            12..19 => self.dice.between(1, 15),
            _ => self.dice.between(15, 1500),
        };
        let wait = self.executor.sleep(Duration::from_millis(millis));
        self.executor.spawn(self.node, async move {
            wait.await;
            work();
        });
    }

    fn now(&self) -> Instant {
        begin() + Duration::from_millis(self.executor.millis())
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        let since = at.saturating_duration_since(begin());
        let millis = u64::try_from(since.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        Box::pin(self.executor.sleep_until(millis))
    }

    fn chance(&self) -> u8 {
        u8::try_from(self.dice.below(256)).unwrap_or(0)
    }
}
