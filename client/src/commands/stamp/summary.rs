//! What was stamped, in words that a person can file: what, when, by whom attested, how many files and bytes, which outputs.

use super::by_log::{self, ByLog};
use crate::{output::OutputError, paths, stamp::Wish};
use indicatif::{HumanBytes, HumanCount};
use std::{
    fmt::Write as _,
    fs::{self, OpenOptions},
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
};
use treering_tlog::{hash::Hash, time::UnixSeconds};
use treering_token::{
    describe,
    digest::{Digester, HashId},
};

/// What it says, and of what.
#[derive(Debug)]
pub(super) struct Summary<'a> {
    pub(super) began: UnixSeconds,
    pub(super) ended: UnixSeconds,
    /// As given.
    pub(super) what: Vec<&'a Path>,
    pub(super) logs: &'a [ByLog],
    pub(super) wish: &'a Wish,
    /// Is something brought up to date?
    pub(super) is_since: bool,
    /// Files that could not be stamped.
    pub(super) failed: u64,
    /// Bundles and tokens.
    pub(super) wrote: &'a [PathBuf],
}

/// So many outputs are named one by one.
const NAMED: usize = 20;

impl Summary<'_> {
    /// Adds it at the end of a file, which may have those of earlier nights.
    pub(super) fn append(&self, to: &Path) -> Result<(), OutputError> {
        let failed = |error| OutputError::Io { path: paths::shown(to), error };
        let text = self.text().map_err(failed)?;
        let mut file = OpenOptions::new().append(true).create(true).open(to).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
    }

    fn text(&self) -> io::Result<String> {
        let mut out = format!(
            "Stamped with Treering, from {} to {}\n",
            describe::seconds(self.began),
            describe::seconds(self.ended)
        );
        let mut line = |name: &str, text: &str| {
            let _ = writeln!(out, "  {name:<10}{text}");
        };
        self.what.iter().for_each(|path| line("what", &paths::shown(&absolute(path))));
        line("files", &self.counts());
        if self.failed > 0 {
            line("not", &format!("{} could not be read, and are not stamped", HumanCount(self.failed)));
        }
        let said = [("holder", &self.wish.holder), ("agent", &self.wish.agent), ("title", &self.wish.title)];
        for (name, text) in said {
            if let Some(text) = text {
                line(name, &treering_token::escape::text(text));
            }
        }
        for log in self.logs.iter().filter(|log| log.is_meant) {
            match (&log.failed, &log.all.waiting, &log.attested) {
                (Some(why), ..) => line("attested", &format!("not: {}", one_line(why))),
                (None, Some(why), _) => {
                    line("attested", &format!("not yet: {}; `treering resume` finishes it", one_line(why)));
                }
                (None, None, Some(attested)) => {
                    line("attested", &describe::attested(attested));
                    for (name, time) in &attested.witnesses {
                        line("witness", &format!("{name} cosigned at {}", describe::seconds(*time)));
                    }
                }
                (None, None, None) => {}
            }
            line("log", &log.url);
            line("policy", &format!("SHA-256 {}", treering_tlog::hash::sha256(log.policy.as_bytes())));
        }
        for path in self.wrote.iter().take(NAMED) {
            let (size, hash) = digest(path)?;
            let path = paths::shown(&absolute(path));
            line("output", &format!("{path} ({}), SHA-256 {hash}", HumanBytes(size)));
        }
        if self.wrote.len() > NAMED {
            line("output", &format!("and {} more", HumanCount((self.wrote.len() - NAMED) as u64)));
        }
        line("check", "treering verify PATH OUTPUT --policy POLICY: it needs no network");
        out.push('\n');
        Ok(out)
    }

    fn counts(&self) -> String {
        let all = &by_log::lead(self.logs).all;
        let mut text = format!("{} ({})", HumanCount(all.records), HumanBytes(all.bytes));
        if self.is_since {
            let _ = write!(
                text,
                ": {} new, {} changed, {} kept; {} gone",
                HumanCount(all.new),
                HumanCount(all.changed),
                HumanCount(all.kept),
                HumanCount(all.gone)
            );
        }
        text
    }
}

fn one_line(text: &impl ToString) -> String {
    text.to_string().replace('\n', " ")
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

fn digest(path: &Path) -> io::Result<(u64, Hash)> {
    let (mut file, mut digester) = (fs::File::open(path)?, Digester::new(&[HashId::SHA_256]));
    let (mut piece, mut size) = (vec![0; 128 * 1024], 0);
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            return Ok((size, Hash::new(*digester.finish().sha256())));
        }
        size += count as u64;
        digester.update(&piece[..count]);
    }
}
