//! `evidence`: judges an evidence file, offline.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use treering_tlog::policy::Policy;
use treering_token::{describe::millis, escape};

use crate::evidence::{self, Verdict, verify};

/// Judge an evidence file of a monitor, offline, by your own policy
///
/// Exit codes: 0 confirmed by the signatures of those who are to blame; 1 the file does not show what it says; 2 it
/// cannot be told (an observation that nobody signed, a log that the policy does not list, no such file).
#[derive(Debug, Args)]
pub(super) struct Evidence {
    /// The evidence file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Your policy: a C2SP tlog-policy file with the log and the witnesses
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
}

impl Evidence {
    pub(super) fn run(self) -> ExitCode {
        match self.judge() {
            Ok(code) => code,
            Err(error) => {
                eprintln!("treering-witness: {error:#}");
                ExitCode::from(2)
            }
        }
    }

    fn judge(&self) -> anyhow::Result<ExitCode> {
        let policy = read(&self.policy, Policy::MAX_BYTES)?;
        let policy = Policy::parse(&policy).with_context(|| self.policy.display().to_string())?;
        let file = read(&self.file, evidence::Evidence::MAX_BYTES)?;
        let evidence = match evidence::Evidence::parse(&file) {
            Ok(evidence) => evidence,
            Err(why) => {
                println!("not shown: {}", escape::text(&why.to_string()));
                return Ok(ExitCode::from(1));
            }
        };
        let at = millis(evidence.observed_at);
        let source = escape::text(&evidence.source);
        println!("{}: a monitor says that it saw this at {at}: {source}", evidence.kind);
        Ok(match verify(&evidence, &policy) {
            Verdict::Confirmed(confirmed) => {
                println!("confirmed: {}", escape::text(&confirmed.statement));
                println!("signed by: {}", escape::text(&confirmed.culprits.join(", ")));
                ExitCode::SUCCESS
            }
            Verdict::Refuted(why) => {
                println!("not shown: {}", escape::text(&why.to_string()));
                ExitCode::from(1)
            }
            Verdict::Open(why) => {
                println!("can't be told from this file: {}", escape::text(&why.to_string()));
                ExitCode::from(2)
            }
        })
    }
}

fn read(path: &Path, max: usize) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).with_context(|| path.display().to_string())?;
    // One more than allowed, so that what is too long is refused as such.
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).with_context(|| path.display().to_string())?;
    Ok(bytes)
}
