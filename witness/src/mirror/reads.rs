//! What strangers ask of the copies' files: so many of their questions are read for at once, and all others wait.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::copy::{MirrorFault, blocking};

/// So many at once: more would not make a disk faster, and each has a thread and what it reads, a bundle of 256 entries of 64 KiB
/// at most. An answer that its client is slow to take is the connection's.
const AT_ONCE: usize = 32;

/// The places for them.
#[derive(Clone, Debug)]
pub(super) struct Reads(Arc<Semaphore>);

impl Reads {
    pub(super) fn new() -> Reads {
        Reads(Arc::new(Semaphore::new(AT_ONCE)))
    }

    /// Reads away from the asynchronous world, once there is a place.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> Result<T, MirrorFault> + Send + 'static,
    ) -> Result<T, MirrorFault> {
        let place = Arc::clone(&self.0).acquire_owned().await;
        blocking(move || {
            // INVARIANT: the read's own, and not its asker's, who may go away while it goes on.
            let _place = place;
            read()
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_place_is_the_reads_until_it_is_over() {
        let reads = Reads::new();
        let mut ends = Vec::new();
        for _ in 0..AT_ONCE {
            let ((begun, begins), (end, ended)) = (tokio::sync::oneshot::channel(), mpsc::channel::<()>());
            let (reads, read) = (reads.clone(), move || {
                let _ = begun.send(());
                let _ = ended.recv();
                Ok(())
            });
            let asker = tokio::spawn(async move { reads.run(read).await });
            begins.await.unwrap();
            // He goes away, and what is read for him goes on.
            asker.abort();
            assert!(asker.await.unwrap_err().is_cancelled());
            ends.push(end);
        }
        let another = reads.run(|| Ok(7));
        tokio::pin!(another);
        assert!(futures_util::poll!(&mut another).is_pending(), "more at once than there are places");
        assert_eq!(reads.0.available_permits(), 0);
        ends.pop();
        assert_eq!(another.await.unwrap(), 7);
    }
}
