//! A load of customers who post random submissions and keep each root that was acknowledged.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use treering_tests::{
    http::Http,
    journal::Journal,
    log::{OCTETS, SUBMISSIONS},
    random, view, wait,
};
use treering_tlog::{hash::Hash, policy::Policy};

const PAUSE: Duration = Duration::from_millis(10);

/// Customers at work; they end when this is dropped or stopped.
#[derive(Debug)]
pub(crate) struct Load {
    shared: Arc<Shared>,
    customers: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    /// Beyond so many acknowledgements the customers rest.
    allowed: AtomicUsize,
    acknowledged: Mutex<Vec<Hash>>,
    journal: Option<Arc<Journal>>,
}

impl Load {
    /// So many customers.
    pub(crate) fn start(http: &Http, customers: usize) -> Load {
        Load::journaled(http, customers, None)
    }

    /// So many customers, who write into a journal what was acknowledged to them.
    pub(crate) fn journaled(http: &Http, customers: usize, journal: Option<Arc<Journal>>) -> Load {
        let allowed = AtomicUsize::new(usize::MAX);
        let shared = Arc::new(Shared {
            stop: AtomicBool::default(),
            allowed,
            acknowledged: Mutex::default(),
            journal,
        });
        let start = |_| {
            let (http, shared) = (http.clone(), Arc::clone(&shared));
            thread::spawn(move || shared.post_until_stopped(&http))
        };
        Load { customers: (0..customers).map(start).collect(), shared }
    }

    /// They rest when so many more are acknowledged than now.
    pub(crate) fn allow(&self, more: usize) {
        self.shared.allowed.store(self.count() + more, Ordering::SeqCst);
    }

    /// How many submissions were acknowledged so far.
    pub(crate) fn count(&self) -> usize {
        self.shared.count()
    }

    /// The roots acknowledged so far.
    pub(crate) fn acknowledged(&self) -> Vec<Hash> {
        self.shared.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends it: all roots that were acknowledged.
    pub(crate) fn stop(mut self) -> Vec<Hash> {
        self.shared.stop.store(true, Ordering::SeqCst);
        for customer in std::mem::take(&mut self.customers) {
            customer.join().expect("a customer never gets an answer that it doesn't expect");
        }
        self.acknowledged()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
    }
}

impl Shared {
    fn post_until_stopped(&self, http: &Http) {
        while !self.stop.load(Ordering::SeqCst) {
            if self.count() < self.allowed.load(Ordering::SeqCst) {
                self.post(http);
            }
            wait::pace(PAUSE);
        }
    }

    fn count(&self) -> usize {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// One submission; without an answer nothing was promised.
    fn post(&self, http: &Http) {
        let count = usize::try_from(random::between(1, 20)).expect("a small number");
        let commitments = random::commitments(count);
        let tokens = random::between(0, 3) == 0;
        let path = if tokens { "/v1/submissions?tokens=true" } else { SUBMISSIONS };
        let Ok(answer) = http.try_post(path, &[("content-type", OCTETS)], commitments.concat()) else {
            return;
        };
        match answer.status {
            202 => {
                let root = view::root_of(&commitments);
                match &self.journal {
                    Some(journal) if tokens => journal.acknowledged_with_tokens(&commitments),
                    Some(journal) => journal.acknowledged(root),
                    None => {}
                }
                self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).push(root);
            }
            // The log is stopping, or its queue is full: it says so, and promises nothing.
            429 | 503 => {}
            _ => panic!("{}", answer.shown()),
        }
    }
}

/// Demands a receipt that verifies for each root, and gives their places: entry and batch path.
#[track_caller]
pub(crate) fn assert_all_have_receipts(
    log: &treering_tests::log::LogServer,
    policy: &Policy,
    roots: &[Hash],
) -> Vec<u64> {
    let place = |root| {
        let receipt = log.receipt(root);
        view::verify(policy, &receipt, root);
        receipt.index()
    };
    roots.iter().map(place).collect()
}
