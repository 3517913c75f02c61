//! Starting a log: what the store says, held against the record, and then the parts, each a task.

use super::{Log, MAX_WITNESSES, OpenError, Parts, READERS, Settings};
use crate::{
    batch::Edge,
    clock::Clock,
    fork, former_policy,
    grants::Grants,
    host::Host,
    intake::Intake,
    publish,
    receipts::Fresh,
    record::Record,
    recover::{self, StartError},
    scrub, sequencer,
    signer::Signer,
    space,
    state::{Core, Published, Sealed, Start},
    store::{Loaded, RocksStore, Store},
    window,
    witness_client::WitnessClient,
    witnesses::Witnesses,
};
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::Semaphore;
use treering_tlog::{checkpoint::Checkpoint, note::Note};

/// Where a log goes on.
struct Found {
    loaded: Loaded,
    edge: Edge,
    shown: Option<Published>,
}

impl Log {
    /// Starts a log on its store with the machine's network.
    ///
    /// # Errors
    /// Every reason for which a log must not start: see [`StartError`].
    pub async fn open(
        settings: Settings,
        signer: impl Signer,
        clock: Arc<dyn Clock>,
    ) -> Result<Log, OpenError> {
        let witnesses = Arc::new(WitnessClient::new(settings.witness_timeout)?);
        let (path, origin, cache) = (settings.store.clone(), settings.origin.clone(), settings.cache_bytes);
        let store = tokio::task::spawn_blocking(move || {
            recover::may_open(&path, &Record::beside(&path))?;
            let store = RocksStore::open_or_migrate(&path, &origin, cache)?;
            store.join_small_tables()?;
            Ok::<_, StartError>(store)
        });
        let store = store.await??;
        let store = Arc::new(store);
        let log = Log::start(settings, Arc::new(signer), (Arc::clone(&store) as _, clock), witnesses).await?;
        log.core.start(scrub::run(Arc::clone(&log.core), store));
        Ok(log)
    }

    /// Starts a log on any store, clock, signer and network.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub async fn start(
        settings: Settings,
        signer: Arc<dyn Signer>,
        (store, clock): (Arc<dyn Store>, Arc<dyn Clock>),
        witnesses: Arc<dyn Witnesses>,
    ) -> Result<Log, OpenError> {
        let record = Arc::new(Record::beside(&settings.store));
        let parts = Parts { signer, store, record, clock, witnesses, host: Host::Runtime };
        let found = Log::load(&settings, &parts).await?;
        let (path, policy) = (settings.store.clone(), settings.policy.clone());
        // Before anything is signed under it, and of a log that starts: one that is refused has no new policy yet.
        parts.host.blocking(move || former_policy::tell(&path, &policy).map_err(StartError::from)).await??;
        Ok(Log::spawn(settings, parts, found))
    }

    /// Starts a log on any parts: the record and the host as well. Which policy it had before isn't asked.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub async fn start_with(settings: Settings, parts: Parts) -> Result<Log, OpenError> {
        let found = Log::load(&settings, &parts).await?;
        Ok(Log::spawn(settings, parts, found))
    }

    /// What the store says, held against the record.
    async fn load(settings: &Settings, parts: &Parts) -> Result<Found, OpenError> {
        let count = settings.policy.witnesses().len();
        if count > MAX_WITNESSES {
            return Err(OpenError::TooManyWitnesses(count));
        }
        let policy = &settings.policy;
        let askable = (0..count).filter(|&line| policy.witnesses()[line].url.is_some()).collect::<Vec<_>>();
        if !policy.needs_no_witness() && !policy.is_blocking(&askable) {
            return Err(OpenError::OutOfReach);
        }
        for key in parts.signer.verifiers() {
            if key.name().as_str() != settings.origin.as_str() {
                let (key, origin) = (key.name().to_string(), settings.origin.to_string());
                return Err(OpenError::Key { key, origin });
            }
        }
        let (store, record) = (Arc::clone(&parts.store), Arc::clone(&parts.record));
        let load = move || {
            let (loaded, edge) = recover::load(store.as_ref(), record.as_ref())?;
            recover::keep_end(store.as_ref(), record.as_ref(), &loaded)?;
            let shown = last_published(store.as_ref(), &loaded)?;
            Ok::<_, StartError>(Found { loaded, edge, shown })
        };
        Ok(parts.host.blocking(load).await??)
    }

    fn spawn(settings: Settings, parts: Parts, found: Found) -> Log {
        let Found { loaded, edge, shown: published } = found;
        let (next, signed) = (loaded.next_sequence, loaded.signed);
        tracing::info!(size = %loaded.head.size, waiting = loaded.waiting.len(), "the store is loaded");
        let start = Start {
            sealed: Sealed { head: loaded.head, sealed_at: loaded.sealed_at },
            published,
            waiting: loaded.waiting,
            grants: loaded.grants,
            window_closed: loaded.window_closed,
            retained_from: loaded.retained_from,
            frozen: loaded.frozen,
        };
        let (sealed, shown) = (start.sealed.head.size, start.published.as_ref().map(|shown| shown.size));
        let core = Arc::new(Core::new(settings, parts, start));
        core.metrics.begin(sealed, shown, core.began);
        let fresh = Fresh::default();
        // Before anything is taken.
        if let Some(reason) = fork::kept(&core) {
            core.end_signing(reason);
        }
        // An error is met again by the task that looks from time to time.
        let _ = space::look(&core);
        let intake = Intake::start(Arc::clone(&core), next);
        let grants = Grants::start(Arc::clone(&core));
        core.start(sequencer::run(Arc::clone(&core), edge, fresh.clone()));
        match core.frozen {
            Some(size) => tracing::info!(%size, "this log has ended: it is read-only"),
            None => core.start(publish::run(Arc::clone(&core), signed)),
        }
        core.start(window::run(Arc::clone(&core)));
        core.start(space::run(Arc::clone(&core)));
        Log { core, intake, grants, fresh, readers: Arc::new(Semaphore::new(READERS)) }
    }
}

/// What `/checkpoint` shows after a restart: the newest published head, with its refresh if there was one.
fn last_published(store: &dyn Store, loaded: &Loaded) -> Result<Option<Published>, StartError> {
    let Some(size) = loaded.published else { return Ok(None) };
    let kept = store.checkpoint(size)?;
    // One of an older head would let `/checkpoint` go back.
    let is_of_it = |note: &Note| Checkpoint::parse(note.text()).is_ok_and(|shown| shown.head.size == size);
    let note = loaded.refreshed.clone().filter(is_of_it).or(kept);
    Ok(note.map(|note| Published { size, note: Bytes::from(note.to_string()) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Sample, size};

    #[test]
    fn the_refresh_of_an_older_head_is_not_shown() {
        let sample = Sample::new(3);
        let store = sample.open();
        let shown = || last_published(&store, &store.load().unwrap()).unwrap().unwrap();
        let refreshed = sample.note(&sample.checkpoint(3), 1_000);
        assert_eq!((shown().size, shown().note), (size(3), Bytes::from(refreshed.to_string())));
        store.keep_refreshed(&sample.note(&sample.checkpoint(2), 2_000)).unwrap();
        let kept = store.checkpoint(size(3)).unwrap().unwrap();
        assert_ne!(kept, refreshed);
        assert_eq!((shown().size, shown().note), (size(3), Bytes::from(kept.to_string())));
    }
}
