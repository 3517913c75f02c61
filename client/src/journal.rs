//! The client's own record of each run, outside the bundle: one file a run under `~/.local/state/treering/runs`, one JSON
//! object a line, mode 0600 (it holds the names that claims blind).
//!
//! With the master key, the journal and the files, a lost bundle can be made again from public receipts: the run's id gives
//! its secret, the header's fields give the claims, and each submission root names its receipt.

mod read;
mod records;

pub(crate) use read::Past;
pub(crate) use records::read as read_records;

use crate::{paths, places, tag::Tag};
use serde::Serialize;
use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};
use treering_tlog::hash::Hash;
use treering_token::{
    bundle::{Own, RunHeader},
    digest::HashId,
    token::Token,
};

/// Why the journal could not be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    #[error(transparent)]
    NoPlace(#[from] places::NoPlace),
    #[error("the journal {path} can't be written: {error}")]
    Io { path: String, error: io::Error },
    #[error("the journal {path} can't be read: {error}")]
    Read { path: String, error: io::Error },
    #[error("line {line} of the journal {path} is not understood: {reason}")]
    Form { path: String, line: u64, reason: String },
}

/// One run's journal, open.
#[derive(Debug)]
pub(crate) struct Journal {
    file: fs::File,
    path: PathBuf,
    /// The commitments of its records.
    records: fs::File,
    /// Lines that are not written yet.
    lines: Vec<u8>,
}

/// A line of the journal.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line<'a> {
    /// First: what every record of the run shares.
    Run {
        format: &'static str,
        /// Hex; with the master key it gives the run's secret. Absent from a plain run.
        run_id: Option<String>,
        log: &'a str,
        holder: Option<&'a str>,
        agent: Option<&'a str>,
        title: Option<&'a str>,
        /// The `after` note, whole.
        after: Option<&'a str>,
        /// The holder's COSE_Key in hex, if claims are signed.
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// Algorithms of the digests.
        digests: Vec<String>,
        /// Where the bundle is to appear.
        bundle: Option<String>,
        roots: Vec<String>,
    },
    /// What the claim of the record at this place says beside the run's header.
    Own {
        place: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        holder: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        agent: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a str>,
        /// Hex.
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
    },
    /// A submission is about to be sent.
    Submission { root: String, records: u64 },
    /// A receipt was verified.
    Receipt { root: String, entry: u64, position: u64, submissions: u64 },
    /// The run is whole.
    Finished { records: u64 },
}

/// What the first line says beside the run's header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begin<'a> {
    pub(crate) run_id: Option<&'a [u8; 16]>,
    pub(crate) log: &'a str,
    pub(crate) digests: &'a [HashId],
    pub(crate) bundle: Option<&'a Path>,
    pub(crate) roots: &'a [PathBuf],
}

/// Where the journals are.
pub(crate) fn dir() -> Result<PathBuf, places::NoPlace> {
    Ok(places::state_dir()?.join("runs"))
}

/// The journal of this name.
pub(crate) fn path_of(name: &str) -> Result<PathBuf, places::NoPlace> {
    Ok(dir()?.join(format!("{}.jsonl", name.trim_end_matches(".jsonl"))))
}

impl Journal {
    /// Goes on with a run's journal, behind its last whole line; `None` if it isn't there any more. Also how many submissions
    /// it has.
    pub(crate) fn go_on(name: &[u8; 16]) -> Result<Option<(Journal, usize)>, JournalError> {
        let path = dir()?.join(format!("{}.jsonl", hex::encode(name)));
        let io = |error| JournalError::Io { path: paths::shown(&path), error };
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        let mut append = fs::OpenOptions::new();
        append.append(true);
        let file = append.open(&path).map_err(io)?;
        // CRASH: a power cut may leave half a line, which never was one.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        file.set_len(whole as u64).map_err(io)?;
        let lines = text[..whole].split(|byte| *byte == b'\n');
        let said: Vec<u64> = lines.filter_map(submission_records).collect();
        let records = append.open(path.with_extension(records::EXTENSION)).map_err(io)?;
        // CRASH: the entries of a submission whose line was never written come again.
        let count = said.iter().fold(0, |sum: u64, records| sum.saturating_add(*records));
        records::cut(&records, count).map_err(io)?;
        Ok(Some((Journal { file, path, records, lines: Vec::new() }, said.len())))
    }

    /// Begins a run's journal in its own file, on disk before anything is sent.
    pub(crate) fn begin(
        name: &[u8; 16],
        header: &RunHeader,
        begin: Begin<'_>,
    ) -> Result<Journal, JournalError> {
        let dir = dir()?;
        let path = dir.join(format!("{}.jsonl", hex::encode(name)));
        let io = |error| JournalError::Io { path: paths::shown(&path), error };
        places::make_private_dir(&dir).map_err(io)?;
        let file = places::private_file().open(&path).map_err(io)?;
        let records = places::private_file().open(path.with_extension(records::EXTENSION)).map_err(io)?;
        let mut journal = Journal { file, path: path.clone(), records, lines: Vec::new() };
        journal.line(&Line::Run {
            format: "treering.journal/1",
            run_id: begin.run_id.map(hex::encode),
            log: begin.log,
            holder: header.holder.as_deref(),
            agent: header.agent.as_deref(),
            title: header.title.as_deref(),
            after: header.after.as_deref().and_then(|note| std::str::from_utf8(note).ok()),
            key: header.key.as_ref().map(|key| hex::encode(key.encode())),
            digests: begin.digests.iter().map(ToString::to_string).collect(),
            // Whole: whoever looks for it may stand elsewhere.
            bundle: begin.bundle.map(|path| {
                paths::settled(path).map_or_else(|_| paths::shown(path), |path| paths::shown(&path))
            }),
            roots: begin.roots.iter().map(|root| paths::shown(root)).collect(),
        })?;
        places::sync_dir(&dir).map_err(io)?;
        Ok(journal)
    }

    /// What the claim of the record at this place of the run says beside the run's header, if anything. Signatures, too: of some
    /// keys another one would be made the next time.
    pub(crate) fn own(&mut self, place: u64, own: &Own) -> Result<(), JournalError> {
        if own.is_empty() {
            return Ok(());
        }
        self.add(&Line::Own {
            place,
            holder: own.holder.as_deref(),
            agent: own.agent.as_deref(),
            title: own.title.as_deref(),
            signature: own.signature.map(hex::encode),
        });
        // On disk it is with the submission's line.
        if self.lines.len() < PIECE { Ok(()) } else { self.write(false) }
    }

    /// A submission with this root, of records with these tags and commitments.
    pub(crate) fn submission(
        &mut self,
        root: &Hash,
        tags: &[Tag],
        commitments: &[u8],
    ) -> Result<(), JournalError> {
        let records = tags.len() as u64;
        records::append(&mut self.records, tags, commitments)
            .map_err(|error| JournalError::Io { path: paths::shown(&self.path), error })?;
        self.line(&Line::Submission { root: root.to_string(), records })
    }

    pub(crate) fn receipt(&mut self, root: &Hash, receipt: &Token) -> Result<(), JournalError> {
        let submissions = receipt.entry().submissions();
        let layer = receipt.layers().as_slice().last();
        let position = layer.map_or(0, |layer| position(submissions, layer.path(), layer.siblings().len()));
        self.line(&Line::Receipt { root: root.to_string(), entry: receipt.index(), position, submissions })
    }

    pub(crate) fn finished(&mut self, records: u64) -> Result<(), JournalError> {
        self.line(&Line::Finished { records })
    }

    fn line(&mut self, line: &Line<'_>) -> Result<(), JournalError> {
        self.add(line);
        self.write(true)
    }

    fn add(&mut self, line: &Line<'_>) {
        let text = serde_json::to_vec(line).expect("a line has only strings and numbers");
        self.lines.extend_from_slice(&text);
        self.lines.push(b'\n');
    }

    fn write(&mut self, sync: bool) -> Result<(), JournalError> {
        let written = self.file.write_all(&self.lines);
        self.lines.clear();
        let synced = written.and_then(|()| if sync { self.file.sync_data() } else { Ok(()) });
        synced.map_err(|error| JournalError::Io { path: paths::shown(&self.path), error })
    }
}

/// Bytes of lines that are held at most.
const PIECE: usize = 256 * 1024;

/// How many records a line says that a submission has, if it is about one.
fn submission_records(line: &[u8]) -> Option<u64> {
    let line: serde_json::Value = serde_json::from_slice(line).ok()?;
    if line["type"] == "submission" { line["records"].as_u64() } else { None }
}

/// The leaf's index in a tree of `size` leaves, from its path: bit i of `lefts` says that sibling i (from the leaf upward)
/// stands on the left (RFC 6962 section 2.1: the left part has the largest power of two below the size).
fn position(size: u64, lefts: u64, siblings: usize) -> u64 {
    let (mut size, mut position) = (size, 0);
    for level in (0..siblings).rev() {
        if size < 2 {
            break;
        }
        let left = 1u64 << (size - 1).ilog2();
        if lefts >> level & 1 == 1 {
            position += left;
            size -= left;
        } else {
            size = left;
        }
    }
    position
}

#[cfg(test)]
mod tests {
    use super::*;
    use treering_tlog::{hash::leaf_hash, tree::MemoryTree};

    #[test]
    fn positions_are_the_leaves_indexes() {
        for size in 1..40u64 {
            let tree = MemoryTree::new((0..size).map(|i| leaf_hash(&i.to_be_bytes())).collect());
            for index in 0..size {
                let path = tree.path(index).unwrap();
                assert_eq!(position(size, path.lefts, path.siblings.len()), index, "{index} of {size}");
            }
        }
        assert_eq!(position(0, u64::MAX, 63), 0, "nonsense gives a number, not a panic");
    }
}
