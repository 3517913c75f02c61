//! The benches that need servers. `make bench` runs them all; `benches/README.md` says what each does.
#![forbid(unsafe_code)]

use clap::Parser;
use treering_benches::{bare::Bare, load::LoadCommand, suite::Suite};

/// How fast Treering is, each figure beside what one would otherwise have.
#[derive(Debug, Parser)]
#[command(name = "treering-bench", version)]
enum Program {
    Run(Suite),
    Load(LoadCommand),
    Bare(Bare),
}

fn main() -> anyhow::Result<()> {
    match Program::parse() {
        Program::Run(suite) => suite.run(),
        Program::Load(load) => load.run(),
        Program::Bare(bare) => bare.run(),
    }
}
