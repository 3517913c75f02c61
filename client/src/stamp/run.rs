//! One run: records into the partial bundle, commitments into submissions, receipts at the end. It begins with its first
//! record: where nothing is new, there is no run.

use super::{
    Event, StampError, Target, Wish,
    deliver::deliver,
    submit::{Log, Submissions, judge},
};
use crate::{
    bundle_file::Writer,
    journal::{Begin, Journal},
    partial::Partial,
    seen::{self, Entry},
    tag::Tag,
};
use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
};
use treering_tlog::{hash::Hash, kernel::RootBuilder, policy::Policy};
use treering_token::{
    bundle::{Blinding, Header, Item, Opener, Record, Walker},
    commitment::Commitment,
    digest::HashId,
    token::Token,
};

/// Leaves that are hashed together into the submission's tree: the kernel is faster with many.
const AT_ONCE: u64 = 4096;

/// What a run needs from before its first record.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) log: &'a Log,
    pub(super) wish: &'a Wish,
    pub(super) target: &'a Target,
    pub(super) opener: &'a Opener,
    /// Under what name word of the run is kept beside its bundle: by the journal and what was seen of the files a killed run
    /// is gone on with, and a lost bundle made again. `None`: nowhere.
    pub(super) kept_as: Option<[u8; 16]>,
    pub(super) ids: &'a [HashId],
    /// The most records of a submission.
    pub(super) limit: u64,
}

impl Frame<'_> {
    fn journal(&self, name: &[u8; 16]) -> Result<Journal, StampError> {
        let run = self.opener.run();
        let begin = Begin {
            run_id: matches!(run.blinding, Blinding::Secret(_)).then_some(name),
            log: self.log.url(),
            digests: self.ids,
            bundle: self.target.bundle.as_deref(),
            roots: &self.target.given,
        };
        Ok(Journal::begin(name, run, begin)?)
    }
}

/// The state of a run between two records.
pub(super) struct Run<'a> {
    frame: Frame<'a>,
    partial: PathBuf,
    writer: Writer,
    /// If word of it is kept.
    journal: Option<Journal>,
    submissions: Submissions<'a>,
    /// The commitments of the submission that grows, and which files they may be of.
    body: Vec<u8>,
    tags: Vec<Tag>,
    /// Their tree, but for the last ones, fewer than [`AT_ONCE`].
    root: RootBuilder,
    /// INVARIANT: the distinct roots in order of first appearance, as a bundle lists their receipts; `sent` has the same.
    order: Vec<Hash>,
    sent: HashSet<Hash>,
    records: u64,
    /// How many submissions ended.
    marks: u64,
}

impl<'a> Run<'a> {
    /// Begins a run behind what the partial bundle has.
    pub(super) fn begin(frame: Frame<'a>, partial: &Partial) -> Result<Run<'a>, StampError> {
        let run = frame.opener.run();
        let journal = frame.kept_as.map(|id| frame.journal(&id)).transpose()?;
        let file = partial.file().map_err(StampError::Write)?;
        let mut writer = match frame.kept_as {
            Some(id) => seen::create(&id).and_then(|seen| Writer::of_run(file, seen)),
            None => Writer::new(file, false),
        }
        .map_err(StampError::Write)?;
        if !partial.is_begun() {
            writer.write(&header(frame.log.policy())).map_err(StampError::Write)?;
        }
        writer.write(&Item::Run(Box::new(run.clone()))).map_err(StampError::Write)?;
        Ok(Run {
            frame,
            partial: partial.path().to_path_buf(),
            writer,
            journal,
            submissions: frame.log.submissions(frame.wish.wait),
            body: Vec::new(),
            tags: Vec::new(),
            root: RootBuilder::new(),
            order: Vec::new(),
            sent: HashSet::new(),
            records: 0,
            marks: 0,
        })
    }

    /// How many records it has.
    pub(super) fn len(&self) -> u64 {
        self.records
    }

    /// Takes the run's next record, its commitment, and what was seen of its file.
    pub(super) fn push(
        &mut self,
        record: Record,
        commitment: Commitment,
        seen: &Entry,
        observe: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), StampError> {
        self.records += 1;
        if let Record::Path { own, .. } = &record {
            self.tags.push(seen.tag());
            if let Some(journal) = &mut self.journal {
                journal.own(self.records - 1, own)?;
            }
        }
        self.body.extend_from_slice(commitment.0.as_bytes());
        if self.open() - self.root.len() == AT_ONCE {
            self.grow_tree();
        }
        self.writer.seen(seen);
        self.writer.write(&Item::Record(record)).map_err(StampError::Write)?;
        if self.open() == self.frame.limit { self.end_submission(observe) } else { Ok(()) }
    }

    /// How many records the submission has so far.
    fn open(&self) -> u64 {
        (self.body.len() / Hash::LEN) as u64
    }

    fn grow_tree(&mut self) {
        let (commitments, _) = self.body.as_chunks::<{ Hash::LEN }>();
        let hashed = usize::try_from(self.root.len()).expect("the tree is of a part of what is in memory");
        self.root.push(&commitments[hashed..]);
    }

    fn end_submission(&mut self, observe: &mut dyn FnMut(Event<'_>)) -> Result<(), StampError> {
        // Nobody would read such a run.
        if self.marks == Walker::MAX_SUBMISSIONS {
            return Err(StampError::TooManySubmissions { limit: self.frame.limit });
        }
        self.marks += 1;
        self.grow_tree();
        let records = self.root.len();
        let root = std::mem::take(&mut self.root).root();
        let body = std::mem::take(&mut self.body);
        self.writer.write(&Item::Mark(records)).map_err(StampError::Write)?;
        // CRASH: the records are in the file, and the root is in the journal, on disk, before the log has them: whoever goes
        // on asks for this root, and stamps none of its records twice.
        self.writer.settle().map_err(StampError::Write)?;
        let tags = std::mem::take(&mut self.tags);
        if let Some(journal) = &mut self.journal {
            journal.submission(&root, &tags, &body)?;
        }
        observe(Event::Submitted { root: &root, records });
        // Equal files stamped plain can give a whole submission twice: one receipt is for both.
        if self.sent.insert(root) {
            self.order.push(root);
            self.submissions.send(root, body)?;
        }
        Ok(())
    }

    /// No more records come: sends what is left of them.
    pub(super) fn end(&mut self, observe: &mut dyn FnMut(Event<'_>)) -> Result<(), StampError> {
        if self.body.is_empty() { Ok(()) } else { self.end_submission(observe) }
    }

    /// Will [`Run::finish`] not have to wait for the answers to what was sent?
    pub(super) fn is_answered(&mut self) -> bool {
        self.submissions.is_answered()
    }

    /// Has the log not been there?
    pub(super) fn is_away(&self) -> bool {
        self.submissions.is_away()
    }

    /// Ends the run: its receipts are there, or, as an error that may pass, they have to wait.
    pub(super) fn finish(
        mut self,
        observe: &mut dyn FnMut(Event<'_>),
    ) -> Result<Result<HashMap<Commitment, Token>, StampError>, StampError> {
        let collected = self.submissions.collect()?;
        let mut receipts = collected.settled;
        let missing: Vec<Hash> =
            self.order.iter().filter(|root| !receipts.contains_key(root)).copied().collect();
        if !missing.is_empty() {
            if let Some(away @ StampError::NotYet { .. }) = collected.away {
                return Ok(Err(away));
            }
            match deliver(self.frame.log, &self.partial, &missing, self.frame.wish.wait) {
                Ok(late) => receipts.extend(late),
                Err(away) if away.may_pass() => return Ok(Err(away)),
                Err(error) => return Err(error),
            }
        }
        let after = self.frame.opener.run().after.as_deref();
        let Run { mut writer, mut journal, order, .. } = self;
        let kept =
            append(self.frame.log.policy(), &order, receipts, after, &mut writer, journal.as_mut(), observe)?;
        writer.finish().map_err(StampError::Write)?;
        if let Some(journal) = &mut journal {
            journal.finished(self.records)?;
        }
        if let (Some(id), Some(first)) = (self.frame.kept_as, order.first()) {
            seen::settle(&id, first).map_err(StampError::Write)?;
        }
        Ok(Ok(kept))
    }
}

/// Verifies receipts once more, together with the run's lower bound, and writes them in order.
pub(super) fn append(
    policy: &Policy,
    order: &[Hash],
    mut receipts: HashMap<Hash, Token>,
    after: Option<&[u8]>,
    writer: &mut Writer,
    mut journal: Option<&mut Journal>,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<HashMap<Commitment, Token>, StampError> {
    let mut kept = HashMap::new();
    for root in order {
        let receipt = receipts.remove(root).ok_or(StampError::Lost)?;
        let attested = judge(policy, root, &receipt, after)
            .map_err(|error| StampError::Receipt { root: *root, error })?;
        observe(Event::Receipt { root, attested: &attested });
        if let Some(journal) = &mut journal {
            journal.receipt(root, &receipt)?;
        }
        writer.write(&Item::Receipt(Box::new(receipt.clone()))).map_err(StampError::Write)?;
        kept.insert(Commitment(*root), receipt);
    }
    Ok(kept)
}

/// Begins a bundle.
pub(super) fn header(policy: &Policy) -> Item {
    Item::Header(Header { policy: policy.as_bytes().to_vec() })
}
