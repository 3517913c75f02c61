//! All benches in one run, in this order, and which of them to run.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

#[cfg(feature = "growth")]
use crate::growth;
use crate::{
    bulk, kernel_table, large_tick, latency, machine, memory, scale::Scale, single, table::Table, timestamps,
    trees, witness,
};

/// A bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The root of 2^20 leaves
    Kernel,
    /// Submissions of thousands of hashes
    Bulk,
    /// One hash a request
    Single,
    /// From submitting to a verified receipt
    Latency,
    /// Receipts of a tick with very many submissions
    Receipts,
    /// Timestamps (RFC 3161)
    Timestamps,
    /// Cosignatures of a witness
    Witness,
    /// Memory, disk and syncs of the server
    Memory,
    /// Stamping and verifying trees of files
    Trees,
    /// The cost of a tick by the size of the log
    #[cfg(feature = "growth")]
    Growth,
}

/// Run the benches and print their tables
#[derive(Debug, Args)]
pub struct Suite {
    /// Only these, separated by commas
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Make the trees of files here and leave them for the next run (default: in a temporary directory)
    #[arg(long, value_name = "DIR")]
    trees: Option<PathBuf>,
    #[command(flatten)]
    scale: Scale,
}

impl Suite {
    /// Runs them; each table is printed when it is done.
    ///
    /// # Errors
    /// A bench failed: its name and why.
    pub fn run(&self) -> anyhow::Result<()> {
        println!("{}\n", machine::describe());
        println!("log: {}\n", machine::programs());
        let parts = if self.only.is_empty() { Part::value_variants() } else { &self.only };
        for part in parts {
            let tables = part.run(self).with_context(|| format!("{part:?}"))?;
            tables.iter().for_each(|table| println!("{table}"));
        }
        Ok(())
    }
}

impl Part {
    fn run(self, Suite { scale, trees: dir, .. }: &Suite) -> anyhow::Result<Vec<Table>> {
        match self {
            Part::Kernel => Ok(vec![kernel_table::run(scale)]),
            Part::Bulk => bulk::run(scale),
            Part::Single => single::run(scale),
            Part::Latency => latency::run(scale),
            Part::Receipts => large_tick::run(scale),
            Part::Timestamps => timestamps::run(scale),
            Part::Witness => witness::run(scale),
            Part::Memory => memory::run(scale),
            Part::Trees => trees::run(scale, dir.as_deref()),
            #[cfg(feature = "growth")]
            Part::Growth => growth::run(scale),
        }
    }
}
