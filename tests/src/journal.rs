//! What an oracle was ever given, in a file of its own that is synced at each line: every 202, receipt, checkpoint and
//! cosignature. It lies outside the faults, and is read again from the disk when all is judged.
//!
//! One line a thing: `202 <root>`, `tokens <root> <commitment>` (one of those that are to have a token), `receipt <root> <entry> <path in the batch>`, `checkpoint <note>` and `witnessed <note>`
//! (in hex); a note holds the cosignatures that it was shown with.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use treering_tlog::{hash::Hash, note::Note};
use treering_token::token::Token;

use crate::{random, view};

/// An open journal; written by several threads.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    acknowledged: Vec<Hash>,
    tokens: Vec<Announced>,
    last_note: Vec<u8>,
}

/// A commitment that was acknowledged with `tokens=true`: it has a token of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    /// The submission's root.
    pub root: Hash,
    /// The commitment.
    pub commitment: Hash,
}

/// Where a submission is: its entry, and the path in that entry's batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The entry's index.
    pub entry: u64,
    /// The path of the batch's layer.
    pub path: u64,
}

impl Place {
    /// Of a receipt.
    pub fn of(receipt: &Token) -> Place {
        let path = receipt.layers().as_slice().last().map_or(0, treering_token::layer::Layer::path);
        Place { entry: receipt.index(), path }
    }
}

/// All that stands in a journal.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The roots that were acknowledged.
    pub acknowledged: Vec<Hash>,
    /// The commitments that have tokens.
    pub tokens: Vec<Announced>,
    /// The place that each receipt gave.
    pub places: HashMap<Hash, Place>,
    /// Every checkpoint, as the log showed it.
    pub notes: Vec<Note>,
    /// Every checkpoint that a witness showed as its last: signed by the log, perhaps not published.
    pub witnessed: Vec<Note>,
}

impl Journal {
    /// A new one.
    ///
    /// # Panics
    /// If it can't be made.
    pub fn create(path: &Path) -> Journal {
        let file = File::create_new(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let inner = Inner { file, acknowledged: Vec::new(), tokens: Vec::new(), last_note: Vec::new() };
        Journal { path: path.to_owned(), inner: Mutex::new(inner) }
    }

    /// A 202 for this root.
    pub fn acknowledged(&self, root: Hash) {
        let mut inner = self.lock();
        inner.line(&format!("202 {root}"));
        inner.acknowledged.push(root);
    }

    /// A 202 for these commitments, which were sent with `tokens=true`: one of them is kept.
    pub fn acknowledged_with_tokens(&self, commitments: &[[u8; 32]]) {
        let root = view::root_of(commitments);
        self.acknowledged(root);
        let which = random::between(0, commitments.len() as u64 - 1);
        let commitment = Hash::new(commitments[usize::try_from(which).expect("an index")]);
        let mut inner = self.lock();
        inner.line(&format!("tokens {root} {commitment}"));
        inner.tokens.push(Announced { root, commitment });
    }

    /// A receipt, and the checkpoint in it.
    pub fn receipt(&self, root: &Hash, receipt: &Token) {
        let Place { entry, path } = Place::of(receipt);
        self.lock().line(&format!("receipt {root} {entry} {path}"));
        self.shown(receipt.proof().checkpoint.to_string().as_bytes());
    }

    /// A checkpoint as a witness shows it.
    pub fn witnessed(&self, note: &[u8]) {
        self.lock().line(&format!("witnessed {}", hex::encode(note)));
    }

    /// A checkpoint as the log shows it.
    pub fn shown(&self, note: &[u8]) {
        let mut inner = self.lock();
        if inner.last_note != note {
            inner.line(&format!("checkpoint {}", hex::encode(note)));
            inner.last_note = note.to_vec();
        }
    }

    /// How many submissions were acknowledged.
    pub fn count(&self) -> usize {
        self.lock().acknowledged.len()
    }

    /// The root that was acknowledged as this one, from 0 on.
    pub fn acknowledged_as(&self, number: usize) -> Hash {
        self.lock().acknowledged[number]
    }

    /// The roots that were acknowledged after the first so many.
    pub fn acknowledged_since(&self, first: usize) -> Vec<Hash> {
        self.lock().acknowledged[first..].to_vec()
    }

    /// The commitments with tokens after the first so many.
    pub fn tokens_since(&self, first: usize) -> Vec<Announced> {
        self.lock().tokens[first..].to_vec()
    }

    /// Reads from the disk what was ever written.
    ///
    /// # Panics
    /// If a line is none, or a receipt gave another place than one before it.
    pub fn read(&self) -> Kept {
        let text = fs::read_to_string(&self.path).expect("the journal");
        let mut kept = Kept::default();
        for line in text.lines() {
            kept.add(line).unwrap_or_else(|| panic!("no line of a journal: {line}"));
        }
        kept
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn line(&mut self, line: &str) {
        let written = writeln!(self.file, "{line}").and_then(|()| self.file.sync_data());
        written.expect("the journal lies outside the faults");
    }
}

impl Kept {
    fn add(&mut self, line: &str) -> Option<()> {
        let (kind, rest) = line.split_once(' ')?;
        match kind {
            "202" => self.acknowledged.push(Hash::from_hex(rest)?),
            "tokens" => {
                let (root, commitment) = rest.split_once(' ')?;
                let (root, commitment) = (Hash::from_hex(root)?, Hash::from_hex(commitment)?);
                self.tokens.push(Announced { root, commitment });
            }
            "receipt" => {
                let mut words = rest.split(' ');
                let root = Hash::from_hex(words.next()?)?;
                let place = Place { entry: words.next()?.parse().ok()?, path: words.next()?.parse().ok()? };
                let first = *self.places.entry(root).or_insert(place);
                assert_eq!(first, place, "two places of {root}");
            }
            "checkpoint" => self.notes.push(Note::parse(&hex::decode(rest).ok()?).ok()?),
            "witnessed" => self.witnessed.push(Note::parse(&hex::decode(rest).ok()?).ok()?),
            _ => return None,
        }
        Some(())
    }
}
