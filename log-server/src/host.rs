//! Where the log's work runs, how it waits, and where its chance comes from; injected, so that a simulation can decide
//! all three.
//!
//! Whatever the pipeline starts is started here, and it waits for a time only here; what time it is by the wall is
//! [`crate::clock`]'s. Where several events of a `select!` are ready the first one is taken (`biased;`). So nothing of
//! what the pipeline does is left to a chance that a seed can't repeat.

use futures_util::future::BoxFuture;
use std::{fmt::Debug, sync::Arc, time::Duration};
use tokio::{sync::oneshot, task::JoinError, time::Instant};

/// Where the log's work runs.
#[derive(Clone, Debug, Default)]
pub enum Host {
    /// On tokio's runtime, and blocking work on its threads.
    #[default]
    Runtime,
    /// Where a simulation wants it.
    Simulated(Arc<dyn Simulated>),
}

/// A place for the log's work where one seed decides what runs when. A panic in what it runs must end the simulation.
pub trait Simulated: Send + Sync + Debug + 'static {
    /// Runs a task at the same time as all others.
    fn spawn(&self, task: BoxFuture<'static, ()>);
    /// Runs blocking work at some later moment. Work that is dropped instead is never answered: its process is dead.
    fn blocking(&self, work: Box<dyn FnOnce() + Send>);
    /// The simulation's time, which never steps.
    fn now(&self) -> Instant;
    /// Waits for that time.
    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()>;
    /// A byte that nobody can foresee.
    fn chance(&self) -> u8;
}

impl Host {
    /// Runs a part of the log; `ended` hears of it if the part panics.
    pub(crate) fn spawn<F>(&self, part: F, ended: impl FnOnce(JoinError) + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        match self {
            Host::Runtime => drop(tokio::spawn(async move {
                if let Err(error) = tokio::spawn(part).await {
                    ended(error);
                }
            })),
            Host::Simulated(simulated) => simulated.spawn(Box::pin(part)),
        }
    }

    /// Runs blocking work (the store, the record) away from the network's threads.
    pub(crate) async fn blocking<T>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError>
    where
        T: Send + 'static,
    {
        let simulated = match self {
            Host::Runtime => return tokio::task::spawn_blocking(work).await,
            Host::Simulated(simulated) => simulated,
        };
        let (reply, answer) = oneshot::channel();
        simulated.blocking(Box::new(move || drop(reply.send(work()))));
        match answer.await {
            Ok(value) => Ok(value),
            Err(_) => std::future::pending().await,
        }
    }

    /// The time to wait by: it never steps.
    pub(crate) fn now(&self) -> Instant {
        match self {
            Host::Runtime => Instant::now(),
            Host::Simulated(simulated) => simulated.now(),
        }
    }

    /// Waits for a time.
    pub(crate) async fn sleep_until(&self, at: Instant) {
        match self {
            Host::Runtime => tokio::time::sleep_until(at).await,
            Host::Simulated(simulated) => simulated.sleep_until(at).await,
        }
    }

    /// Waits for so long.
    pub(crate) async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.now() + duration).await;
    }

    /// A byte of chance. Without randomness it is always the same, and pauses are merely regular.
    pub(crate) fn chance(&self) -> u8 {
        match self {
            Host::Runtime => {
                let mut byte = [0; 1];
                let _ = getrandom::fill(&mut byte);
                byte[0]
            }
            Host::Simulated(simulated) => simulated.chance(),
        }
    }
}
