//! Threads for work that takes long, hashing bodies above all: the network's own threads never do more of it than a
//! few microseconds' worth.
//!
//! INVARIANT 7: what waits for these threads or is being hashed is bounded in bytes, whatever the number of requests.
//! Whoever would go beyond it waits, and with it, through the window of its connection, the one who sends.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::refusal::Refusal;
use crate::broken::{Promise, is_broken};

/// So many bytes of bodies are with the threads at once, and as many wait for more of their body.
const ROOM: u32 = 16 << 20;

/// As many threads as there are processors; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct WorkPool {
    threads: Arc<rayon::ThreadPool>,
    room: Arc<Semaphore>,
    hold: Arc<Semaphore>,
}

/// Work that was given to the pool.
#[derive(Debug)]
pub(super) struct Pending<T>(oneshot::Receiver<T>);

impl WorkPool {
    /// Starts the threads, whose names begin with `name`.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub(super) fn start(name: &'static str) -> Result<WorkPool, rayon::ThreadPoolBuildError> {
        let threads = rayon::ThreadPoolBuilder::new()
            .thread_name(move |number| format!("{name}-{number}"))
            // Whoever waits for the work learns that it is gone; the thread goes on with the next.
            .panic_handler(move |_| tracing::error!(threads = name, "a piece of work panicked"))
            .build()?;
        let permits = match is_broken(Promise::Bounds) {
            true => Semaphore::MAX_PERMITS,
            false => usize::try_from(ROOM).unwrap_or(usize::MAX),
        };
        let room = || Arc::new(Semaphore::new(permits));
        Ok(WorkPool { threads: Arc::new(threads), room: room(), hold: room() })
    }

    /// Leave to hold back so many bytes until there is more of their body, as long as all bodies together hold no more
    /// than the pool may be given.
    pub(super) fn room_to_hold(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(ROOM);
        Arc::clone(&self.hold).try_acquire_many_owned(bytes).ok()
    }

    /// Gives work over so many bytes to the threads, once there is room for them.
    pub(super) async fn give<T, F>(&self, bytes: usize, work: F) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(ROOM);
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await.expect("never closed");
        let (done, pending) = oneshot::channel();
        self.threads.spawn(move || finish(work, done, room));
        Pending(pending)
    }
}

fn finish<T>(work: impl FnOnce() -> T, done: oneshot::Sender<T>, room: OwnedSemaphorePermit) {
    let result = work();
    drop(room);
    // Whoever asked may have gone away.
    let _ = done.send(result);
}

impl<T> Pending<T> {
    /// The work's result.
    ///
    /// # Errors
    /// The work panicked.
    pub(super) async fn done(self) -> Result<T, Refusal> {
        self.0.await.map_err(|_| Refusal::Internal)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn work_that_panics_is_an_error_and_not_the_end() {
        let pool = WorkPool::start("test").unwrap();
        let panics = pool.give(1, || panic!("a test of what a panic does")).await;
        assert_eq!(panics.done().await, Err::<(), _>(Refusal::Internal));
        assert_eq!(pool.give(1, || 7).await.done().await, Ok(7));
        assert_eq!(pool.room.available_permits(), ROOM as usize);
    }

    #[tokio::test]
    async fn what_has_no_room_waits_until_there_is_some() {
        let pool = WorkPool::start("test").unwrap();
        let (go, gone) = mpsc::channel::<()>();
        // More than there is counts as all of it.
        let all = pool.give(usize::MAX, move || gone.recv().is_err()).await;
        let mut next = std::pin::pin!(pool.give(1, || ()));
        assert!(futures_util::poll!(next.as_mut()).is_pending());
        drop(go);
        assert_eq!(all.done().await, Ok(true));
        assert_eq!(next.await.done().await, Ok(()));
    }
}
