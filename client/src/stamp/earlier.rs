//! Reads what there is already: a bundle that is to be brought up to date, or the beginning of one that a run left when it was
//! killed. Submission roots are recomputed, and every receipt is verified under the user's policy: nothing is believed because
//! it lies there.

use super::{
    StampError,
    index::{Index, TooMany},
    submit::judge,
};
use crate::{
    bundle_file::{BundleFileError, Reader},
    seen::{self, Entry},
    tag::{Key, Tag},
};
use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::Path,
};
use treering_tlog::{hash::Hash, policy::Policy};
use treering_token::{
    bundle::{Item, Own, Record, Step, Walker},
    commitment::Commitment,
    token::Token,
};

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    pub(super) runs: Vec<Run>,
    /// By submission root.
    pub(super) receipts: HashMap<Commitment, Token>,
}

/// One of its runs.
#[derive(Debug)]
pub(super) struct Run {
    /// The number of its first record; those of the others follow.
    pub(super) first: u32,
    pub(super) submissions: Vec<Submission>,
    /// The after note, if it has one.
    pub(super) after: Option<Vec<u8>>,
    /// How many receipts it has.
    pub(super) receipts: usize,
    /// Its distinct roots, in the order of first appearance.
    pub(super) roots: Vec<Hash>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Submission {
    pub(super) records: u32,
    pub(super) root: Hash,
}

/// The beginning of a bundle.
#[derive(Debug, Default)]
pub(super) struct Begun {
    pub(super) earlier: Earlier,
    /// So many bytes of it are good.
    pub(super) end: u64,
    /// The last submission lacks its mark, which is this.
    pub(super) mark: Option<u64>,
    pub(super) last: Last,
}

/// What the journal has to know of the last submission's records.
#[derive(Debug, Default)]
pub(super) struct Last {
    pub(super) tags: Vec<Tag>,
    pub(super) commitments: Vec<u8>,
    /// Those that differ from the run's header, by their places.
    pub(super) owns: Vec<(u64, Own)>,
}

impl Run {
    /// The root by which what was seen of its files is found.
    pub(super) fn name(&self) -> Option<&Hash> {
        self.submissions.first().map(|submission| &submission.root)
    }
}

impl Earlier {
    /// The run that has the record with this number.
    pub(super) fn run_of(&self, number: u32) -> Option<&Run> {
        let after = self.runs.partition_point(|run| run.first <= number);
        self.runs.get(after.checked_sub(1)?)
    }
}

/// Reads a whole bundle into the index.
pub(super) fn bundle(path: &Path, policy: &Policy, index: &mut Index) -> Result<Earlier, StampError> {
    let mut reader = Reader::open(path)?;
    let mut taken = Taking::new(policy, index, None);
    while let Some((item, step)) = reader.step()? {
        taken.take(item, step)?;
    }
    Ok(taken.earlier)
}

/// Reads what a run left, up to its last whole item. `run_id` is the run that was under way.
pub(super) fn partial(
    path: &Path,
    run_id: Option<[u8; 16]>,
    policy: &Policy,
    index: &mut Index,
) -> Result<Begun, StampError> {
    let mut reader = Reader::open(path)?;
    let mut walker = Walker::new();
    let mut taken = Taking::new(policy, index, run_id);
    let (mut end, mut open, mut last_run) = (0, 0, None);
    loop {
        let item = match reader.item() {
            Ok(Some(item)) => item,
            Ok(None) => {
                end = std::fs::metadata(path).map_err(StampError::Write)?.len();
                break;
            }
            // CRASH: a kill cuts off in the middle of an item; a power cut may leave zeros there.
            Err(BundleFileError::CutOff { error, .. } | BundleFileError::Refused { error, .. }) => {
                end = end.max(error.offset);
                break;
            }
            Err(error) => return Err(error.into()),
        };
        end = reader.begin_of_last();
        let Ok(step) = walker.step(&item) else { break };
        match &step {
            Step::Run { .. } => last_run = Some(end),
            Step::Record { .. } => {
                open += 1;
                last_run = None;
            }
            Step::Mark { .. } => open = 0,
            _ => {}
        }
        taken.take(item, step)?;
    }
    // A run without records is none, and neither is a header without runs.
    if let Some(begin) = last_run {
        end = begin;
        taken.earlier.runs.pop();
    }
    if open > 0 {
        let item = Item::Mark(open);
        let step = walker.step(&item).expect("a mark with the right count may always come behind records");
        taken.take(item, step)?;
    }
    if taken.earlier.runs.is_empty() {
        end = 0;
    }
    Ok(Begun { earlier: taken.earlier, end, mark: (open > 0).then_some(open), last: taken.last })
}

/// Goes through items, and takes over what they say.
struct Taking<'a> {
    policy: &'a Policy,
    index: &'a mut Index,
    run_id: Option<[u8; 16]>,
    earlier: Earlier,
    /// The distinct roots of the current run.
    known: HashSet<Hash>,
    /// Records since the last mark.
    open: u32,
    /// Of the submission, where somebody wants it.
    last: Last,
    seen: Seen,
}

/// What was seen of the files of the current run.
enum Seen {
    /// Its name isn't known yet: those that wait for it.
    NotYet(Vec<Waiting>),
    Open(BufReader<File>),
    None,
}

/// A record that waits for what was seen of its file. A million of them may wait, so the index has the rest.
struct Waiting {
    place: u64,
    /// Among those with a path.
    at: usize,
    size: Option<u64>,
}

impl<'a> Taking<'a> {
    fn new(policy: &'a Policy, index: &'a mut Index, run_id: Option<[u8; 16]>) -> Taking<'a> {
        Taking {
            policy,
            index,
            run_id,
            earlier: Earlier::default(),
            known: HashSet::new(),
            open: 0,
            last: Last::default(),
            seen: Seen::None,
        }
    }

    fn take(&mut self, item: Item, step: Step) -> Result<(), StampError> {
        match (item, step) {
            (Item::Run(header), _) => {
                let first = self.index.records();
                let run = Run {
                    first,
                    submissions: Vec::new(),
                    after: header.after,
                    receipts: 0,
                    roots: Vec::new(),
                };
                self.earlier.runs.push(run);
                self.known.clear();
                self.seen = Seen::NotYet(Vec::new());
            }
            (Item::Record(record), Step::Record { place, opened, .. }) => {
                self.record(place, &record, &opened.commitment)?;
            }
            (_, Step::Mark { root, .. }) => self.mark(root.0),
            (Item::Receipt(receipt), Step::Receipt { root, .. }) => self.receipt(*receipt, root)?,
            _ => {}
        }
        Ok(())
    }

    fn record(&mut self, place: u64, record: &Record, commitment: &Commitment) -> Result<(), TooMany> {
        if self.open == 0 {
            self.last = Last::default();
        }
        self.open += 1;
        let Record::Path { kind, path, size, digests, own } = record else {
            self.index.push_bare()?;
            // Its place in the other file is passed over.
            if let Seen::Open(from) = &mut self.seen {
                next(from);
            }
            return Ok(());
        };
        let key = Key::of(*kind, path);
        if self.run_id.is_some() {
            self.last.tags.push(key.tag(digests));
            self.last.commitments.extend_from_slice(commitment.0.as_bytes());
            if !own.is_empty() {
                self.last.owns.push((place, own.clone()));
            }
        }
        let at = self.index.push(key, digests)?;
        match &mut self.seen {
            Seen::None => {}
            Seen::NotYet(waiting) => {
                waiting.push(Waiting { place, at, size: *size });
            }
            Seen::Open(from) => {
                let stamp = next(from).and_then(|entry| entry.of(key, digests));
                if let (Some(size), Some(stamp)) = (size, stamp) {
                    self.index.see(at, *size, &stamp);
                }
            }
        }
        Ok(())
    }

    fn mark(&mut self, root: Hash) {
        let run = self.earlier.runs.last_mut().expect("the walker lets no mark pass before a run's header");
        run.submissions.push(Submission { records: std::mem::take(&mut self.open), root });
        if self.known.insert(root) {
            run.roots.push(root);
        }
        let waiting = match &mut self.seen {
            Seen::NotYet(waiting) => std::mem::take(waiting),
            Seen::Open(_) | Seen::None => return,
        };
        self.seen = Seen::None;
        if let Some(mut from) = open(&root, self.run_id) {
            let mut at = 0;
            for wait in waiting {
                // Bare records lie between.
                while at < wait.place {
                    next(&mut from);
                    at += 1;
                }
                let (key, digests) = self.index.get(wait.at);
                let stamp = next(&mut from).and_then(|entry| entry.of(key, &digests));
                if let (Some(size), Some(stamp)) = (wait.size, stamp) {
                    self.index.see(wait.at, size, &stamp);
                }
                at += 1;
            }
            let behind = run.submissions[0].records;
            while at < u64::from(behind) {
                next(&mut from);
                at += 1;
            }
            self.seen = Seen::Open(from);
        }
    }

    fn receipt(&mut self, receipt: Token, root: Commitment) -> Result<(), StampError> {
        let run =
            self.earlier.runs.last_mut().expect("the walker lets no receipt pass before a run's header");
        judge(self.policy, &root.0, &receipt, run.after.as_deref())
            .map_err(|error| StampError::Earlier { root: root.0, error })?;
        run.receipts += 1;
        self.earlier.receipts.insert(root, receipt);
        Ok(())
    }
}

/// What was seen, under the name that it has by now, or still has.
fn open(root: &Hash, run_id: Option<[u8; 16]>) -> Option<BufReader<File>> {
    let settled = seen::of_root(root).ok().and_then(|path| File::open(path).ok());
    let file = settled.or_else(|| File::open(seen::of_run(&run_id?).ok()?).ok())?;
    Some(BufReader::with_capacity(64 * 1024, file))
}

fn next(from: &mut BufReader<File>) -> Option<Entry> {
    let mut bytes = [0; seen::ENTRY];
    if from.read_exact(&mut bytes).is_err() {
        // Cut off: what follows would stand at wrong places.
        let _ = from.seek(SeekFrom::End(0));
        return None;
    }
    Some(Entry::decode(&bytes))
}
