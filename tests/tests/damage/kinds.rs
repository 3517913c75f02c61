//! What may happen to one file at rest.

use std::{
    fs,
    path::{Path, PathBuf},
};

use treering_tests::{files, random::below};

/// RocksDB's page, and the disk's.
const PAGE: usize = 4096;

/// What is done to one file of a log.
#[derive(Debug)]
pub(super) struct Damage {
    /// Its name below the log's directory.
    file: PathBuf,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Flip {
        at: usize,
        bit: u8,
    },
    Zero {
        page: usize,
    },
    Truncate {
        to: usize,
    },
    /// The bytes of another file.
    Swap {
        with: PathBuf,
    },
}

impl Damage {
    /// Somewhere in the store or in the record beside it: tables, WAL, manifest, RocksDB's small files. Its own lock holds
    /// nothing, and what it tells people (`LOG`) is read by nobody else.
    pub(super) fn random(dir: &Path) -> Damage {
        let holds = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            !name.starts_with("LOG") && fs::metadata(path).is_ok_and(|file| file.len() > 0)
        };
        let mut all: Vec<PathBuf> = files::below(&dir.join("store")).into_iter().filter(holds).collect();
        all.push(dir.join("store.record"));
        all.sort();
        let name = |path: &PathBuf| path.strip_prefix(dir).expect("below").to_owned();
        let file = name(&all[below(all.len())]);
        let length = fs::metadata(dir.join(&file)).expect("a file").len();
        let length = usize::try_from(length).expect("a small file");
        let kind = match below(6) {
            0 => Kind::Zero { page: below(length.div_ceil(PAGE)) },
            1 => Kind::Truncate { to: below(length) },
            2 => Kind::Swap { with: name(&all[below(all.len())]) },
            _ => Kind::Flip { at: below(length), bit: 1 << below(8) },
        };
        Damage { file, kind }
    }

    /// Does it.
    pub(super) fn make(&self, dir: &Path) {
        let path = dir.join(&self.file);
        let mut bytes = fs::read(&path).expect("a file");
        match &self.kind {
            Kind::Flip { at, bit } => bytes[*at] ^= bit,
            Kind::Zero { page } => {
                let end = bytes.len().min((page + 1) * PAGE);
                bytes[page * PAGE..end].fill(0);
            }
            Kind::Truncate { to } => bytes.truncate(*to),
            Kind::Swap { with } => {
                let other = fs::read(dir.join(with)).expect("a file");
                fs::write(dir.join(with), &bytes).expect("a file");
                bytes = other;
            }
        }
        fs::write(&path, bytes).expect("a file");
    }
}
