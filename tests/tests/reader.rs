//! Somebody who reads every checkpoint that is shown, and keeps what each witness has cosigned. What is shown never gets
//! smaller, whatever happens to the log in between.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use treering_tests::{
    http::Http,
    journal::Journal,
    view::{self, Seen},
    wait,
};
use treering_tlog::{
    policy::Policy,
    tree::{TreeHead, TreeSize},
};

/// Reads until it is stopped.
pub(crate) struct Reader {
    stop: Arc<AtomicBool>,
    shared: Arc<Mutex<Shown>>,
    thread: JoinHandle<()>,
}

/// What was shown so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// Every head.
    pub(crate) seen: Seen,
    /// The largest head that each witness of the policy has cosigned, by its index.
    pub(crate) cosigned: HashMap<usize, TreeHead>,
}

impl Reader {
    pub(crate) fn start(http: &Http, policy: &Policy) -> Reader {
        Reader::journaled(http, policy, None)
    }

    /// One that writes into a journal what it was shown.
    pub(crate) fn journaled(http: &Http, policy: &Policy, journal: Option<Arc<Journal>>) -> Reader {
        Reader::of(http, policy, journal, false)
    }

    /// The same, of a log in whose place older copies of it are put: they show what they have.
    pub(crate) fn of_copies(http: &Http, policy: &Policy, journal: Arc<Journal>) -> Reader {
        Reader::of(http, policy, Some(journal), true)
    }

    fn of(http: &Http, policy: &Policy, journal: Option<Arc<Journal>>, goes_back: bool) -> Reader {
        let (stop, shared) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Shown::default())));
        let thread = thread::spawn({
            let (http, policy, stop, shared) =
                (http.clone(), policy.clone(), Arc::clone(&stop), Arc::clone(&shared));
            move || {
                let mut last = TreeSize::ZERO;
                while !stop.load(Ordering::SeqCst) {
                    if let Ok(answer) = http.try_get("/checkpoint")
                        && answer.status == 200
                    {
                        let opened =
                            view::open(&policy, &answer.body).expect("every checkpoint meets the policy");
                        if let Some(journal) = &journal {
                            journal.shown(&answer.body);
                        }
                        let head = opened.checkpoint.head();
                        assert!(
                            goes_back || head.size >= last,
                            "/checkpoint went back from {last} to {}",
                            head.size
                        );
                        last = head.size;
                        let mut shown = shared.lock().unwrap_or_else(PoisonError::into_inner);
                        shown.seen.add(head);
                        for cosigned in &opened.cosigned {
                            let largest = shown.cosigned.entry(cosigned.witness).or_insert(head);
                            if largest.size < head.size {
                                *largest = head;
                            }
                        }
                    }
                    wait::pace(Duration::from_millis(15));
                }
            }
        });
        Reader { stop, shared, thread }
    }

    /// What was shown so far.
    pub(crate) fn shown(&self) -> Shown {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn stop(self) -> Seen {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().expect("no checkpoint contradicts another");
        let shown = self.shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
        assert!(!shown.seen.is_empty());
        shown.seen
    }
}
