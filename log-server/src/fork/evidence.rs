//! The evidence file: `<store>.evidence`, in the format of Treering's spec/evidence.md, for `treering-witness evidence`.

use minicbor::Encoder;
use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};
use treering_tlog::{hash::Hash, note::Note, time::UnixMillis};

use crate::{beside, record::RecordError};

const MAGIC: &str = "treering.evidence/1";
/// SPEC: evidence.md section 2: a source is at most so long.
const MAX_SOURCE: usize = 2_048;
/// Several witnesses may show the same at once, and the file is made under one name before it has its own.
static WRITING: Mutex<()> = Mutex::new(());

/// Two checkpoints that contradict each other; of two, the one of the smaller tree is first.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// A name of evidence.md section 3 whose parts are notes and hashes alone.
    pub(crate) kind: &'static str,
    pub(crate) observed_at: UnixMillis,
    /// Where it was seen, for people.
    pub(crate) source: String,
    pub(crate) notes: Vec<Note>,
    pub(crate) hashes: Vec<Hash>,
}

impl Evidence {
    /// Does it rest on signatures alone, whatever this log's store says?
    pub(crate) fn is_proof(&self) -> bool {
        self.kind != "unmade_head"
    }

    /// The file that belongs to a store: beside it and not in it, as the record.
    pub(crate) fn path(store: &Path) -> PathBuf {
        beside::path(store, ".evidence")
    }

    /// Writes the file; it is on disk when this returns. The first one stays.
    pub(crate) fn keep(&self, store: &Path) -> Result<PathBuf, RecordError> {
        let path = Evidence::path(store);
        let _one_by_one = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |source| RecordError::File { path: path.clone(), source };
        if !path.try_exists().map_err(failed)? {
            // CRASH: the file is there as a whole or not at all; without it the witness shows the same again.
            beside::replace(&path, &self.encode()).map_err(failed)?;
        }
        Ok(path)
    }

    /// SPEC: evidence.md section 2: every field is always there.
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.put(&mut Encoder::new(&mut bytes)).expect("a vector takes everything");
        bytes
    }

    fn put(&self, out: &mut Encoder<&mut Vec<u8>>) -> Result<(), minicbor::encode::Error<Infallible>> {
        let cut = (0..=MAX_SOURCE.min(self.source.len())).rev().find(|at| self.source.is_char_boundary(*at));
        out.array(9)?.str(MAGIC)?.str(self.kind)?.u64(self.observed_at.get())?;
        out.str(&self.source[..cut.unwrap_or(0)])?.array(self.notes.len() as u64)?;
        for note in &self.notes {
            out.bytes(note.to_string().as_bytes())?;
        }
        let hashes: Vec<u8> = self.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
        out.bytes(&hashes)?.array(0)?.array(0)?.u64(0)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_first_evidence_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store/");
        let evidence = |source: &str| Evidence {
            kind: "split_view",
            observed_at: UnixMillis::new(1).unwrap(),
            source: source.to_owned(),
            notes: Vec::new(),
            hashes: vec![Hash::new([7; 32])],
        };
        let path = evidence("a").keep(&store).unwrap();
        assert_eq!(path, folder.path().join("store.evidence"));
        let first = fs::read(&path).unwrap();
        assert!(first.starts_with(b"\x89\x73treering.evidence/1\x6asplit_view\x01\x61a\x80\x58\x20\x07"));
        assert!(first.ends_with(b"\x07\x80\x80\x00"));
        evidence("b").keep(&store).unwrap();
        assert_eq!(fs::read(&path).unwrap(), first);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn several_at_once_are_kept_as_one() {
        for _ in 0..50 {
            let folder = tempfile::tempdir().unwrap();
            let store = folder.path().join("store");
            std::thread::scope(|scope| {
                for source in ["a", "b", "c"] {
                    let (observed_at, source) = (UnixMillis::new(1).unwrap(), source.to_owned());
                    let store = &store;
                    scope.spawn(move || {
                        let evidence = Evidence {
                            kind: "split_view",
                            observed_at,
                            source,
                            notes: vec![],
                            hashes: vec![],
                        };
                        evidence.keep(store).unwrap()
                    });
                }
            });
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_long_source_is_cut_between_characters() {
        let source = "\u{e4}".repeat(2_000);
        let evidence = Evidence {
            kind: "unmade_head",
            observed_at: UnixMillis::new(1).unwrap(),
            source,
            notes: vec![],
            hashes: vec![],
        };
        let bytes = evidence.encode();
        assert!(bytes.windows(3).any(|head| head == [0x79, 0x08, 0x00]), "2,048 bytes of text");
        assert!(!evidence.is_proof());
    }
}
