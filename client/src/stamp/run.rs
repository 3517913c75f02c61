//! One run: records into the bundle's temporary file, commitments into submissions, receipts at the end.

use super::{
    Event, StampError, Stamped, Target, Wish,
    pipeline::{Bench, Guess, Hashed, counted},
    plan::settled_output,
    source::Sources,
    submit::{After, Log, Submissions},
    tokens,
};
use crate::{
    bundle_file::Writer,
    clock, hash,
    journal::{Begin, Journal, Tag},
    keys, ordered,
    output::Output,
    walk::Rules,
};
use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};
use tempfile::NamedTempFile;
use treering_tlog::{hash::Hash, kernel::RootBuilder};
use treering_token::{
    bundle::{Blinding, Header, Item, Opener, Own, Record, RunHeader},
    commitment::Commitment,
    digest::{Digests, HashId},
    token::Token,
    verify::Verifier,
};

/// The most commitments that go into one submission: 32 MB.
const MAX_SUBMISSION: u64 = 1_000_000;
/// With tokens for all files: so much of a submission is held in memory while they are cut.
const MAX_WITH_TOKENS: u64 = 65_536;
/// Leaves that are hashed together into the submission's tree: the kernel is faster with many.
const AT_ONCE: u64 = 4096;

pub(super) fn stamp(
    log: &Log,
    wish: &Wish,
    target: &Target,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<Stamped, StampError> {
    // The lower bound is fetched before the first file is hashed: it could not be known earlier.
    let limit = limit(log, target)?;
    let after = after(log, wish)?;
    let (header, run_id) = header(wish, after, observe)?;
    let opener = Opener::new(header).map_err(StampError::Claim)?;
    let ids = digest_ids(wish);
    let place = Place::begin(target, wish.force)?;
    let journal = Journal::begin(
        &run_id,
        opener.run(),
        Begin {
            run_id: matches!(opener.run().blinding, Blinding::Secret(_)).then_some(&run_id),
            log: log.url(),
            digests: &ids,
            bundle: target.bundle.as_deref(),
            roots: &target.given,
        },
    )?;
    let mut writer =
        Writer::new(place.file()?, wish.zstd && target.bundle.is_some()).map_err(StampError::Write)?;
    begin_bundle(&mut writer, log, &opener)?;
    let bench = Bench {
        target,
        opener: &opener,
        ids: &ids,
        claims: wish.claims.as_deref(),
        signer: wish.signer.as_deref(),
        force: wish.force,
        lost: AtomicU64::new(0),
    };
    let mut run = Run {
        log,
        bench: &bench,
        writer,
        journal,
        submissions: log.submissions(wish.wait),
        limit,
        body: Vec::new(),
        tags: Vec::new(),
        root: RootBuilder::new(),
        sent: HashSet::new(),
        order: Vec::new(),
        stamped: Stamped::default(),
    };
    let rules = Rules { skip: place.own_files()?, links: target.bundle.is_some(), ..wish.rules.clone() };
    let sources = Sources::new(target, rules).map_err(StampError::Here)?;
    ordered::map(
        ordered::workers(),
        counted(sources),
        hash::buffer,
        |buffer, met| bench.look(met, buffer),
        |hashed| run.take(hashed, observe),
    )?;
    let (mut stamped, receipts) = run.finish(observe)?;
    if target.tokens {
        stamped.tokens = tokens::write(place.path(), &receipts, target, wish.force, observe)?;
    }
    place.finish(observe)?;
    Ok(stamped)
}

/// Where the bundle grows: beside its place, or nowhere that lasts if only tokens are wanted.
enum Place {
    Kept(Output, PathBuf),
    Passing(NamedTempFile),
}

impl Place {
    fn begin(target: &Target, force: bool) -> Result<Place, StampError> {
        match &target.bundle {
            Some(path) => Ok(Place::Kept(Output::begin(path, force)?, path.clone())),
            None => NamedTempFile::with_prefix("treering.").map(Place::Passing).map_err(StampError::Write),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Place::Kept(output, _) => output.temporary(),
            Place::Passing(file) => file.path(),
        }
    }

    fn file(&self) -> Result<std::fs::File, StampError> {
        match self {
            Place::Kept(output, _) => Ok(output.file()?),
            Place::Passing(file) => file.reopen().map_err(StampError::Write),
        }
    }

    /// What the walk must not take for the user's data.
    fn own_files(&self) -> Result<Vec<PathBuf>, StampError> {
        let mut own = vec![settled_output(self.path())?];
        if let Place::Kept(_, path) = self {
            own.push(settled_output(path)?);
        }
        Ok(own)
    }

    fn finish(self, observe: &mut dyn FnMut(Event<'_>)) -> Result<(), StampError> {
        if let Place::Kept(output, path) = self {
            output.finish()?;
            observe(Event::Wrote { path: &path });
        }
        Ok(())
    }
}

/// The state of a run between two records.
struct Run<'a> {
    log: &'a Log,
    bench: &'a Bench<'a>,
    writer: Writer,
    journal: Journal,
    submissions: Submissions<'a>,
    limit: u64,
    /// The commitments of the submission that grows.
    body: Vec<u8>,
    /// Which files they may be of.
    tags: Vec<Tag>,
    /// Their tree, but for the last ones, fewer than [`AT_ONCE`].
    root: RootBuilder,
    /// INVARIANT: the distinct roots in order of first appearance, as a bundle lists their receipts; `sent` has the same.
    order: Vec<Hash>,
    sent: HashSet<Hash>,
    stamped: Stamped,
}

impl Run<'_> {
    fn take(&mut self, hashed: Hashed, observe: &mut dyn FnMut(Event<'_>)) -> Result<(), StampError> {
        match hashed {
            Hashed::LeftOut { source, why } => observe(Event::LeftOut { source: &source, why }),
            Hashed::Failed { source, error, counted } => {
                self.bench.lost.fetch_add(u64::from(counted), Ordering::Relaxed);
                observe(Event::Failed { source: &source, error: &error });
            }
            Hashed::Record { kind, path, size, digests, own, guess } => {
                observe(Event::Hashed { kind, path: &path, size, digests: &digests });
                let own = self.commit(&digests, own, guess)?;
                self.tags.push(Tag::of(kind, &path, &digests));
                self.journal.own(self.stamped.records - 1, &own)?;
                self.stamped.bytes += size.unwrap_or(0);
                let record = Record::Path { kind, path, size, digests, own };
                self.writer.write(&Item::Record(record)).map_err(StampError::Write)?;
                if self.records() == self.limit {
                    self.end_submission(observe)?;
                }
            }
        }
        // Once in a while is enough: looking costs an atomic read.
        self.log.check()
    }

    /// Takes the commitment of the next record; what the record says beside its digests.
    fn commit(&mut self, digests: &Digests, own: Own, guess: Option<Guess>) -> Result<Own, StampError> {
        let place = self.stamped.records;
        let (commitment, own) = match guess {
            Some(guess) if guess.place == place => (guess.commitment, guess.own),
            _ => self.bench.commit(place, digests, own)?,
        };
        self.stamped.records += 1;
        self.body.extend_from_slice(commitment.0.as_bytes());
        if self.records() - self.root.len() == AT_ONCE {
            self.grow_tree();
        }
        Ok(own)
    }

    /// How many records the submission has so far.
    fn records(&self) -> u64 {
        (self.body.len() / Hash::LEN) as u64
    }

    fn grow_tree(&mut self) {
        let (commitments, _) = self.body.as_chunks::<{ Hash::LEN }>();
        let hashed = usize::try_from(self.root.len()).expect("the tree is of a part of what is in memory");
        self.root.push(&commitments[hashed..]);
    }

    fn end_submission(&mut self, observe: &mut dyn FnMut(Event<'_>)) -> Result<(), StampError> {
        self.grow_tree();
        let records = self.root.len();
        let root = std::mem::take(&mut self.root).root();
        let body = std::mem::take(&mut self.body);
        self.writer.write(&Item::Mark(records)).map_err(StampError::Write)?;
        self.journal.submission(&root, &std::mem::take(&mut self.tags), &body)?;
        observe(Event::Submitted { root: &root, records });
        // Equal files stamped plain can give a whole submission twice: one receipt is for both.
        if self.sent.insert(root) {
            self.order.push(root);
            self.submissions.send(root, body)?;
        }
        Ok(())
    }

    fn finish(
        mut self,
        observe: &mut dyn FnMut(Event<'_>),
    ) -> Result<(Stamped, HashMap<Commitment, Token>), StampError> {
        if self.stamped.records == 0 {
            return Err(StampError::Nothing);
        }
        if !self.body.is_empty() {
            self.end_submission(observe)?;
        }
        // While the log works, the disk does too.
        self.writer.settle().map_err(StampError::Write)?;
        observe(Event::Waiting);
        let mut receipts: HashMap<Hash, Token> = self.submissions.collect()?.into_iter().collect();
        let mut kept = HashMap::new();
        for root in &self.order {
            let receipt = receipts.remove(root).ok_or(StampError::Lost)?;
            let verifier = Verifier { policy: self.log.policy(), now: clock::now() };
            let attested = verifier
                .receipt(&receipt, &Commitment(*root))
                .map_err(|error| StampError::Receipt { root: *root, error })?;
            // A witness's clock that is ahead can make the two bounds contradict each other: no verifier would take that.
            if let Some(note) = &self.bench.opener.run().after {
                verifier
                    .after(note, &attested)
                    .map_err(|error| StampError::Receipt { root: *root, error })?;
            }
            observe(Event::Receipt { root, attested: &attested });
            self.journal.receipt(root, &receipt)?;
            self.writer.write(&Item::Receipt(Box::new(receipt.clone()))).map_err(StampError::Write)?;
            kept.insert(Commitment(*root), receipt);
        }
        self.writer.finish().map_err(StampError::Write)?;
        self.journal.finished(self.stamped.records)?;
        Ok((self.stamped, kept))
    }
}

fn begin_bundle(writer: &mut Writer, log: &Log, opener: &Opener) -> Result<(), StampError> {
    let header = Header { policy: log.policy().as_bytes().to_vec() };
    let run = Box::new(opener.run().clone());
    writer
        .write(&Item::Header(header))
        .and_then(|()| writer.write(&Item::Run(run)))
        .map_err(StampError::Write)
}

fn limit(log: &Log, target: &Target) -> Result<u64, StampError> {
    let most = if target.tokens { MAX_WITH_TOKENS } else { MAX_SUBMISSION };
    Ok(log.max_hashes()?.map_or(most, |limit| limit.clamp(1, most)))
}

/// The checkpoint is fetched in any case: a wrong log or policy is told before the work, not after it.
fn after(log: &Log, wish: &Wish) -> Result<Option<Vec<u8>>, StampError> {
    match log.after()? {
        After::Kept(note) if wish.after && !wish.plain => Ok(Some(note)),
        After::Unmet { cosigned, witnesses } if wish.after && !wish.plain => {
            Err(StampError::NoAfter { cosigned, witnesses })
        }
        _ => Ok(None),
    }
}

fn header(
    wish: &Wish,
    after: Option<Vec<u8>>,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<(RunHeader, [u8; 16]), StampError> {
    let run_id = keys::run_id()?;
    if wish.plain {
        return Ok((RunHeader::new(Blinding::Plain), run_id));
    }
    let (master, made) = keys::master()?;
    if let Some(path) = &made {
        observe(Event::KeyMade(path));
    }
    let header = RunHeader {
        holder: wish.holder.clone(),
        agent: wish.agent.clone(),
        title: wish.title.clone(),
        after,
        key: wish.signer.as_ref().map(|signer| signer.public().clone()),
        ..RunHeader::new(Blinding::Secret(master.run_secret(&run_id)))
    };
    Ok((header, run_id))
}

fn digest_ids(wish: &Wish) -> Vec<HashId> {
    let mut ids = vec![HashId::SHA_256];
    ids.extend(&wish.digests);
    ids.sort_unstable();
    ids.dedup();
    ids
}
