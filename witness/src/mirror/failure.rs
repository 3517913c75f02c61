//! The end of a mirror: the first failure of one of its stores.
//!
//! After a failed write or sync nobody knows what is on the disk, and redb gives nothing any more until the file is opened
//! anew. So the process ends, as a witness's does, and whoever runs it starts it again.

use tokio::sync::watch;

use crate::store::StoreError;

/// Where the stores tell of their first failure.
#[derive(Debug)]
pub(super) struct Failure(watch::Sender<Option<StoreError>>);

impl Failure {
    pub(super) fn none_yet() -> Failure {
        Failure(watch::Sender::new(None))
    }

    /// Hands on what a store has given, and remembers it if it is a failure.
    pub(super) fn note<T>(&self, given: Result<T, StoreError>) -> Result<T, StoreError> {
        given.inspect_err(|error| {
            self.0.send_if_modified(|first| {
                let is_first = first.is_none();
                first.get_or_insert_with(|| error.clone());
                is_first
            });
        })
    }

    /// Waits for it.
    pub(super) async fn happened(&self) -> StoreError {
        let mut told = self.0.subscribe();
        let failure = told.wait_for(Option::is_some).await.ok().and_then(|failure| (*failure).clone());
        // The sender is `self`'s, and the value was waited for.
        failure.unwrap_or(StoreError::Stopped)
    }
}
