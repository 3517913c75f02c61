//! The order of items: from records to submission roots, and to the receipt of each root.

use super::{
    error::BundleError,
    item::Item,
    opener::{Opened, Opener},
    record::Record,
    run::RunHeader,
};
use crate::commitment::Commitment;
use std::collections::HashMap;
use treering_tlog::kernel::RootBuilder;

/// Follows the order of items (header, runs of records, marks and receipts), recomputes submission roots, and hands
/// out each receipt with the root it must be for. Memory grows with the submissions of a run, not with its records, and a
/// run has at most [`Walker::MAX_SUBMISSIONS`].
///
/// An item that is refused changes nothing.
#[derive(Clone, Debug, Default)]
pub struct Walker {
    begun: bool,
    runs: u64,
    run: Option<Run>,
}

/// What an item was, at its place.
#[derive(Clone, Debug)]
pub enum Step {
    /// The bundle's header.
    Header,
    /// A run's header.
    Run {
        /// From 0.
        run: u64,
    },
    /// A record.
    Record {
        /// From 0 in the run.
        submission: u64,
        /// From 0 in the run: what the salts are derived from.
        place: u64,
        /// From 0 in the submission: the leaf's index in its tree.
        index: u64,
        /// Commitment and opening.
        opened: Box<Opened>,
    },
    /// The end of a submission.
    Mark {
        /// From 0 in the run.
        submission: u64,
        /// The submission root: RFC 6962 root over its commitments.
        root: Commitment,
        /// How many records it had.
        records: u64,
    },
    /// A receipt, which must verify for this root: the caller calls [`crate::verify::Verifier::receipt`].
    Receipt {
        /// The submission root.
        root: Commitment,
        /// All submissions of the run that have this root, from 0.
        submissions: Vec<u64>,
    },
}

impl Walker {
    /// Of one run. A million roots take some 200 MB here, and a submission takes 37 bytes in a bundle, which compress to almost
    /// nothing; as many submissions of a million hashes, a log's usual limit, are more files than anybody has.
    pub const MAX_SUBMISSIONS: u64 = 1 << 20;

    /// Before the first item.
    pub fn new() -> Walker {
        Walker::default()
    }

    /// Takes the next item; says what it was.
    ///
    /// # Errors
    /// The item may not come here, or does not fit what came before.
    pub fn step(&mut self, item: &Item) -> Result<Step, BundleError> {
        if !self.begun {
            return self.begin(item);
        }
        match (item, &mut self.run) {
            (Item::Header(_), _) => Err(BundleError::SecondHeader),
            (Item::Run(header), _) => self.begin_run(header),
            (_, None) => Err(BundleError::BeforeFirstRun { item: item.name() }),
            (Item::Record(record), Some(run)) => run.record(record),
            (Item::Mark(records), Some(run)) => run.mark(*records),
            (Item::Receipt(_), Some(run)) => run.receipt(),
        }
    }

    /// At the end of the input: is the bundle whole?
    ///
    /// # Errors
    /// What is missing.
    pub fn finish(self) -> Result<(), BundleError> {
        match (self.begun, &self.run) {
            (false, _) => Err(BundleError::NoHeader),
            (true, None) => Err(BundleError::NoRun),
            (true, Some(run)) => run.is_whole(),
        }
    }

    fn begin(&mut self, item: &Item) -> Result<Step, BundleError> {
        match item {
            Item::Header(_) => {
                self.begun = true;
                Ok(Step::Header)
            }
            _ => Err(BundleError::FirstItem { item: item.name() }),
        }
    }

    fn begin_run(&mut self, header: &RunHeader) -> Result<Step, BundleError> {
        self.run.as_ref().map_or(Ok(()), Run::is_whole)?;
        self.run = Some(Run::new(Opener::new(header.clone())?));
        let run = self.runs;
        self.runs += 1;
        Ok(Step::Run { run })
    }
}

/// One run, as far as it was seen.
#[derive(Clone, Debug)]
struct Run {
    opener: Opener,
    /// Records so far.
    place: u64,
    /// Submissions that are marked.
    submissions: u64,
    /// The submission that is not yet marked, but for its last commitments.
    open: RootBuilder,
    /// Its last commitments, fewer than [`AT_ONCE`]: the kernel hashes many leaves faster than one by one.
    last: Vec<[u8; 32]>,
    /// INVARIANT: distinct roots, in the order of first appearance, each with its submissions; `known` has the place
    /// of each in `roots`.
    roots: Vec<(Commitment, Vec<u64>)>,
    known: HashMap<Commitment, usize>,
    /// Receipts so far: those of the first so many of `roots`.
    receipts: usize,
}

impl Run {
    fn new(opener: Opener) -> Run {
        Run {
            opener,
            place: 0,
            submissions: 0,
            open: RootBuilder::new(),
            last: Vec::new(),
            roots: Vec::new(),
            known: HashMap::new(),
            receipts: 0,
        }
    }

    fn record(&mut self, record: &Record) -> Result<Step, BundleError> {
        self.still_open("a record")?;
        let (place, index) = (self.place, self.unmarked());
        let opened = Box::new(self.opener.open(place, record)?);
        self.last.push(*opened.commitment.0.as_bytes());
        if self.last.len() == AT_ONCE {
            self.open.push(&self.last);
            self.last.clear();
        }
        self.place += 1;
        Ok(Step::Record { submission: self.submissions, place, index, opened })
    }

    fn mark(&mut self, records: u64) -> Result<Step, BundleError> {
        self.still_open("a mark")?;
        match self.unmarked() {
            0 => return Err(BundleError::EmptySubmission),
            counted if counted != records => return Err(BundleError::MarkCount { said: records, counted }),
            _ if self.submissions == Walker::MAX_SUBMISSIONS => return Err(BundleError::TooManySubmissions),
            _ => {}
        }
        self.open.push(&self.last);
        self.last.clear();
        let root = Commitment(std::mem::take(&mut self.open).root());
        let submission = self.submissions;
        self.submissions += 1;
        let known = *self.known.entry(root).or_insert(self.roots.len());
        match self.roots.get_mut(known) {
            Some((_, submissions)) => submissions.push(submission),
            None => self.roots.push((root, vec![submission])),
        }
        Ok(Step::Mark { submission, root, records })
    }

    fn receipt(&mut self) -> Result<Step, BundleError> {
        self.is_marked()?;
        let want = self.roots.len();
        let (root, submissions) =
            self.roots.get_mut(self.receipts).ok_or(BundleError::TooManyReceipts { want })?;
        self.receipts += 1;
        Ok(Step::Receipt { root: *root, submissions: std::mem::take(submissions) })
    }

    /// How many records the submission has so far that is not yet marked.
    fn unmarked(&self) -> u64 {
        self.open.len() + self.last.len() as u64
    }

    fn still_open(&self, item: &'static str) -> Result<(), BundleError> {
        if self.receipts > 0 { Err(BundleError::AfterReceipts { item }) } else { Ok(()) }
    }

    fn is_marked(&self) -> Result<(), BundleError> {
        match self.unmarked() {
            0 if self.roots.is_empty() => Err(BundleError::EmptyRun),
            0 => Ok(()),
            records => Err(BundleError::Unmarked { records }),
        }
    }

    fn is_whole(&self) -> Result<(), BundleError> {
        self.is_marked()?;
        let (have, want) = (self.receipts, self.roots.len());
        if have == want { Ok(()) } else { Err(BundleError::MissingReceipts { have, want }) }
    }
}

/// Leaves that are hashed together: 32 KB, which stay in the first cache.
const AT_ONCE: usize = 1024;
