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
    /// Goes on with the journal of a run that has these submissions. `None` if it isn't there any more, or has fewer than
    /// `least` of them: then it is another run's. Also how many it has.
    pub(crate) fn go_on(
        name: &[u8; 16],
        submissions: &[(Hash, u64)],
        least: usize,
    ) -> Result<Option<(Journal, usize)>, JournalError> {
        Journal::go_on_at(dir()?.join(format!("{}.jsonl", hex::encode(name))), submissions, least)
    }

    fn go_on_at(
        path: PathBuf,
        submissions: &[(Hash, u64)],
        least: usize,
    ) -> Result<Option<(Journal, usize)>, JournalError> {
        let io = |error| JournalError::Io { path: paths::shown(&path), error };
        let (Some(text), Some(file), Some(records)) = (
            there(fs::read(&path)).map_err(io)?,
            there(append(&path)).map_err(io)?,
            // CRASH: the journal's file is made first.
            there(append(&path.with_extension(records::EXTENSION))).map_err(io)?,
        ) else {
            return Ok(None);
        };
        let told = Told::of(&text, submissions);
        if told.submissions < least {
            return Ok(None);
        }
        file.set_len(told.len as u64).map_err(io)?;
        // CRASH: the entries of a submission whose line was never written come again.
        let count = submissions[..told.submissions].iter().map(|(_, records)| records).sum();
        records::cut(&records, count).map_err(io)?;
        Ok(Some((Journal { file, path, records, lines: Vec::new() }, told.submissions)))
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

/// What a journal tells of a run.
#[derive(Debug)]
struct Told {
    /// Its first so many submissions.
    submissions: usize,
    /// So many bytes of the journal are whole lines, and the run's.
    len: usize,
}

impl Told {
    /// CRASH: a power cut may leave half a line, which never was one; and a submission whose line is on disk, while not all of
    /// its records are: that one isn't the run's any more, and neither is what stands behind it.
    fn of(text: &[u8], submissions: &[(Hash, u64)]) -> Told {
        let (mut told, mut len) = (Told { submissions: 0, len: 0 }, 0);
        for line in text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
            len += line.len();
            match submission(line) {
                Some(said) if submissions.get(told.submissions) == Some(&said) => told.submissions += 1,
                Some(_) => return told,
                None => {}
            }
            told.len = len;
        }
        told
    }
}

/// The submission that a line is about, if it is about one: its root, and how many records it has.
fn submission(line: &[u8]) -> Option<(Hash, u64)> {
    let line: serde_json::Value = serde_json::from_slice(line).ok()?;
    let root = line["root"].as_str().filter(|_| line["type"] == "submission")?;
    Some((Hash::from_hex(root)?, line["records"].as_u64()?))
}

/// A file for writing behind what it has.
fn append(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().append(true).open(path)
}

/// `None`: it isn't there.
fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
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

    fn root(number: u8) -> Hash {
        Hash::new([number; 32])
    }

    fn line(number: u8, records: u64) -> String {
        format!("{{\"type\":\"submission\",\"root\":\"{}\",\"records\":{records}}}\n", root(number))
    }

    #[test]
    fn what_a_journal_tells_ends_where_the_run_is_another() {
        let (one, two) = (line(1, 4), line(2, 3));
        let begin = "{\"type\":\"run\"}\n";
        let whole = format!("{begin}{one}{{\"type\":\"own\"}}\n{two}");
        let told = |submissions: &[(Hash, u64)]| {
            let told = Told::of(format!("{whole}{{\"type\":\"rec").as_bytes(), submissions);
            (told.submissions, told.len)
        };
        assert_eq!(told(&[(root(1), 4), (root(2), 3)]), (2, whole.len()), "but for the half line");
        assert_eq!(told(&[(root(1), 4), (root(2), 3), (root(3), 1)]), (2, whole.len()));
        // A power cut has taken a record of the last submission, or all of them.
        let lost = whole.len() - two.len();
        assert_eq!(told(&[(root(1), 4), (root(9), 2)]), (1, lost));
        assert_eq!(told(&[(root(1), 4)]), (1, lost));
        assert_eq!(told(&[(root(8), 4), (root(2), 3)]), (0, begin.len()));
        assert_eq!(told(&[(root(1), 3)]), (0, begin.len()), "records count as well");
    }

    #[test]
    fn only_a_runs_own_journal_is_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        let (path, records) = (dir.path().join("run.jsonl"), dir.path().join("run.records"));
        let text = format!("{{\"type\":\"run\"}}\n{}{}", line(1, 2), line(2, 1));
        let (run, another) = ([(root(1), 2), (root(3), 1)], [(root(8), 2), (root(9), 1)]);
        let go_on = |submissions: &[(Hash, u64)], least| {
            let gone_on = Journal::go_on_at(path.clone(), submissions, least).unwrap();
            gone_on.map(|(_, told)| told)
        };
        assert_eq!(go_on(&run, 1), None, "it isn't there");
        fs::write(&path, &text).unwrap();
        assert_eq!(go_on(&run, 1), None, "its run never began");
        fs::write(&records, [7; 3 * 40 + 9]).unwrap();
        assert_eq!((go_on(&another, 1), go_on(&run, 2)), (None, None));
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "another's is left as it is");
        assert_eq!(go_on(&run, 1), Some(1));
        assert_eq!(fs::read_to_string(&path).unwrap(), text.replace(&line(2, 1), ""));
        assert_eq!(fs::read(&records).unwrap().len(), 2 * 40);
    }

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
