//! What the journals say of past runs.

use super::{JournalError, dir};
use crate::paths;
use serde::Deserialize;
use std::{
    collections::HashMap,
    fs,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    time::SystemTime,
};
use treering_tlog::hash::Hash;
use treering_token::{
    bundle::{Blinding, Own, RunHeader},
    claim::HolderKey,
    digest::HashId,
    salt::MasterKey,
};

/// A run, as its journal has it.
#[derive(Clone, Debug)]
pub(crate) struct Past {
    /// What its files in the state directory are called by.
    pub(crate) name: String,
    /// `None`: a plain run.
    run_id: Option<[u8; 16]>,
    holder: Option<String>,
    agent: Option<String>,
    title: Option<String>,
    after: Option<String>,
    key: Option<HolderKey>,
    pub(crate) log: String,
    /// All that were taken of each file.
    pub(crate) digests: Vec<HashId>,
    /// Where the bundle was to appear, as it is shown.
    pub(crate) bundle: Option<String>,
    /// Root and number of records, in order.
    pub(crate) submissions: Vec<(Hash, u64)>,
    /// What claims say beside the run's header, by the record's place.
    owns: HashMap<u64, Own>,
    /// The entry of each submission whose receipt was there.
    pub(crate) entries: HashMap<Hash, u64>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    Run {
        format: String,
        run_id: Option<String>,
        log: String,
        holder: Option<String>,
        agent: Option<String>,
        title: Option<String>,
        after: Option<String>,
        key: Option<String>,
        digests: Vec<String>,
        bundle: Option<String>,
    },
    Own {
        place: u64,
        holder: Option<String>,
        agent: Option<String>,
        title: Option<String>,
        signature: Option<String>,
    },
    Submission {
        root: String,
        records: u64,
    },
    Receipt {
        root: String,
        entry: u64,
    },
    /// Of no use here.
    #[serde(other)]
    Other,
}

impl Past {
    /// The runs that this bundle was made of, the oldest first. A journal that can't be read is given to `observe`.
    pub(crate) fn all_of(
        bundle: &Path,
        mut observe: impl FnMut(JournalError),
    ) -> Result<Vec<Past>, JournalError> {
        let dir = dir()?;
        let io = |error| JournalError::Read { path: paths::shown(&dir), error };
        let listing = match fs::read_dir(&dir) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io(error)),
        };
        let mut runs = Vec::new();
        for entry in listing {
            let path = entry.map_err(io)?.path();
            if path.extension().is_none_or(|extension| extension != "jsonl") {
                continue;
            }
            let modified = path.metadata().and_then(|metadata| metadata.modified()).map_err(io)?;
            match Past::read(&path) {
                Ok(past) if past.is_of(bundle) => runs.push((modified, past)),
                Ok(_) => {}
                Err(error) => observe(error),
            }
        }
        Ok(oldest_first(runs))
    }

    /// The journal at this path.
    pub(crate) fn read(path: &Path) -> Result<Past, JournalError> {
        let file =
            fs::File::open(path).map_err(|error| JournalError::Read { path: paths::shown(path), error })?;
        Past::parse(path, BufReader::new(file))
    }

    /// The journal with these lines, at this path.
    pub(crate) fn parse(path: &Path, mut lines: impl BufRead) -> Result<Past, JournalError> {
        let io = |error| JournalError::Read { path: paths::shown(path), error };
        let mut past: Option<Past> = None;
        let mut text = Vec::new();
        for number in 1.. {
            text.clear();
            lines.read_until(b'\n', &mut text).map_err(io)?;
            // CRASH: a power cut may leave half a line, which never was one.
            if !text.ends_with(b"\n") {
                break;
            }
            let wrong =
                |reason: String| JournalError::Form { path: paths::shown(path), line: number, reason };
            let line = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
            match (line, &mut past) {
                (line @ Line::Run { .. }, None) => past = Some(Past::of(path, line).map_err(wrong)?),
                (Line::Submission { root, records }, Some(past)) => {
                    let root = Hash::from_hex(&root).ok_or_else(|| wrong("no root".to_owned()))?;
                    past.submissions.push((root, records));
                }
                (Line::Own { place, holder, agent, title, signature }, Some(past)) => {
                    let signature =
                        signature.map(|hex| bytes(&hex).ok_or_else(|| wrong("no signature".to_owned())));
                    let signature = signature.transpose()?;
                    past.owns.insert(place, Own { holder, agent, title, signature, ..Own::default() });
                }
                (Line::Receipt { root, entry }, Some(past)) => {
                    let root = Hash::from_hex(&root).ok_or_else(|| wrong("no root".to_owned()))?;
                    past.entries.insert(root, entry);
                }
                (Line::Other, Some(_)) => {}
                (Line::Run { .. }, Some(_)) => return Err(wrong("a second run".to_owned())),
                (_, None) => return Err(wrong("it doesn't begin with the run".to_owned())),
            }
        }
        past.ok_or_else(|| JournalError::Form {
            path: paths::shown(path),
            line: 1,
            reason: "it is empty".to_owned(),
        })
    }

    fn of(path: &Path, line: Line) -> Result<Past, String> {
        let Line::Run { format, run_id, log, holder, agent, title, after, key, digests, bundle } = line
        else {
            return Err("it doesn't begin with the run".to_owned());
        };
        if format != "treering.journal/1" {
            return Err(format!("its format is {}", treering_token::escape::text(&format)));
        }
        let id = |text: String| bytes(&text).ok_or_else(|| "no run id".to_owned());
        let holder_key = |text: String| {
            let key = hex::decode(text).ok().and_then(|bytes| HolderKey::decode(&bytes).ok());
            key.ok_or_else(|| "no key".to_owned())
        };
        let digest = |name: &String| {
            HashId::from_name(name)
                .ok_or_else(|| format!("{} is no digest known here", treering_token::escape::text(name)))
        };
        Ok(Past {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            run_id: run_id.map(id).transpose()?,
            holder,
            agent,
            title,
            after,
            key: key.map(holder_key).transpose()?,
            log,
            digests: digests.iter().map(digest).collect::<Result<_, _>>()?,
            bundle,
            submissions: Vec::new(),
            owns: HashMap::new(),
            entries: HashMap::new(),
        })
    }

    /// Is its bundle the one at this path? Earlier journals have the path as it was typed.
    pub(crate) fn is_of(&self, bundle: &Path) -> bool {
        let whole = paths::settled(bundle).map_or_else(|_| paths::shown(bundle), |path| paths::shown(&path));
        self.bundle.as_ref().is_some_and(|recorded| *recorded == whole || *recorded == paths::shown(bundle))
    }

    /// The header of the run in a bundle; `None` without the master key that it needs.
    pub(crate) fn header(&self, master: Option<&MasterKey>) -> Option<RunHeader> {
        let Some(run_id) = &self.run_id else { return Some(RunHeader::new(Blinding::Plain)) };
        Some(RunHeader {
            holder: self.holder.clone(),
            agent: self.agent.clone(),
            title: self.title.clone(),
            after: self.after.as_ref().map(|note| note.clone().into_bytes()),
            key: self.key.clone(),
            ..RunHeader::new(Blinding::Secret(master?.run_secret(run_id)))
        })
    }

    /// What the claim of the record at this place says beside the header.
    pub(crate) fn own(&self, place: u64) -> Own {
        self.owns.get(&place).cloned().unwrap_or_default()
    }

    /// How many records it had.
    pub(crate) fn records(&self) -> u64 {
        // A journal that was damaged may say anything.
        self.submissions.iter().fold(0, |sum, (_, records)| sum.saturating_add(*records))
    }

    /// Where its records' commitments are.
    pub(crate) fn commitments(&self) -> Result<PathBuf, JournalError> {
        Ok(dir()?.join(format!("{}.{}", self.name, super::records::EXTENSION)))
    }
}

/// Runs, with the times when their journals were last written to. If all are by one log, its order counts, which no copying of
/// files changes. Those without a receipt were never finished: any other may cover them. Entries of different logs can't be
/// compared.
fn oldest_first(mut runs: Vec<(SystemTime, Past)>) -> Vec<Past> {
    let by_entry = runs.windows(2).all(|two| two[0].1.log == two[1].1.log);
    runs.sort_by_key(|(modified, past)| {
        let entry = past.entries.values().min().filter(|_| by_entry);
        (entry.copied(), *modified)
    });
    runs.into_iter().map(|(_, past)| past).collect()
}

/// So many bytes in hex.
fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(hex, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// A run of this log, with the entry of a receipt, and when its journal was written to.
    fn run(name: &str, log: &str, entry: Option<u64>, modified: u64) -> (SystemTime, Past) {
        let mut text = format!(
            "{{\"type\":\"run\",\"format\":\"treering.journal/1\",\"log\":\"{log}\",\"digests\":[]}}\n"
        );
        if let Some(entry) = entry {
            let root = "00".repeat(32);
            text.push_str(&format!("{{\"type\":\"receipt\",\"root\":\"{root}\",\"entry\":{entry}}}\n"));
        }
        let past = Past::parse(Path::new(name), text.as_bytes()).unwrap();
        (SystemTime::UNIX_EPOCH + Duration::from_secs(modified), past)
    }

    fn order(runs: &[(SystemTime, Past)]) -> String {
        oldest_first(runs.to_vec()).into_iter().map(|past| past.name).collect()
    }

    /// With an order that goes in circles, it would depend on the order in which the directory lists them.
    #[test]
    fn runs_have_one_order() {
        let mut runs = [
            run("a", "one", Some(5), 30),
            run("b", "one", None, 20),
            run("c", "one", Some(9), 10),
            run("d", "one", Some(9), 11),
        ];
        for _ in 0..4 {
            assert_eq!(order(&runs), "bacd");
            runs.rotate_left(1);
        }
        runs[0].1.log = "another".to_owned();
        for _ in 0..4 {
            assert_eq!(order(&runs), "cdba", "entries of two logs say nothing");
            runs.rotate_left(1);
        }
    }
}
