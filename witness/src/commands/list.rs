//! `list`: the logs, and what was cosigned of each.

use std::{io::Write as _, sync::Arc};

use anyhow::{Context as _, bail};
use clap::Args;

use super::Dir;
use crate::{
    clock::SystemClock,
    config::Config,
    control::{self, Answer},
    cosigner::Cosigner,
    key::WitnessKeys,
    logs::{LogSet, Row},
    store::{MemoryStore, RedbStore, Store},
};

/// List the logs, with the size and the time of what was cosigned last
///
/// A running witness is asked; without one the files are read.
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    dir: Dir,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = Config::load(&self.dir.dir)?;
        let socket = config.control_socket();
        let rows = match control::list(&socket).with_context(|| socket.display().to_string())? {
            Answer::Ok(_, lines) => {
                let rows = lines.iter().map(|line| serde_json::from_str(line)).collect::<Result<_, _>>();
                rows.context("the running witness is of another version")?
            }
            Answer::NotRunning => stored_rows(&config)?,
            Answer::Refused(why) => bail!("the running witness refused: {why}"),
        };
        let mut out = std::io::stdout().lock();
        for row in &rows {
            if self.json {
                writeln!(out, "{}", row.to_json())?;
            } else {
                writeln!(out, "{}", line(row))?;
            }
        }
        Ok(())
    }
}

/// From the files, while no witness runs. Nothing is signed, and no log is asked.
fn stored_rows(config: &Config) -> anyhow::Result<Vec<Row>> {
    let keys = WitnessKeys::load(&config.key_files())?;
    let logs = LogSet::load(&config.logs_dir())?;
    let file = config.store_file();
    let store: Arc<dyn Store> = if file.try_exists().with_context(|| file.display().to_string())? {
        let verifiers: Vec<_> = keys.verifiers().cloned().collect();
        Arc::new(RedbStore::open(&file, &verifiers, |_| {})?)
    } else {
        eprintln!("{} is missing: nothing is known of what was cosigned", file.display());
        Arc::new(MemoryStore::new())
    };
    let allowance = config.settings.limits.allowance();
    let mut rows = Cosigner::open(keys, logs, store, Arc::new(SystemClock), allowance)?.rows();
    for row in &mut rows {
        "unchecked: no witness runs".clone_into(&mut row.record);
    }
    Ok(rows)
}

/// The origin last, as it may hold spaces.
fn line(row: &Row) -> String {
    let size = row.size.map_or("-".to_owned(), |size| size.to_string());
    let time = row.cosigned_at.map_or("-".to_owned(), |time| time.to_string());
    let signed = if row.signed { "signed" } else { "HELD" };
    let record = if row.record == "agrees" { String::new() } else { format!("  ({})", row.record) };
    format!("{signed}  size {size}  time {time}  {}{record}", row.origin)
}
