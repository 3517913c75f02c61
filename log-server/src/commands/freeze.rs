//! `freeze`: ends a log's life.
//!
//! On a stopped log, since only one process may write a history: what it has accepted is sealed and published, its last
//! head is offered to every witness once more, and then the store says that nothing is added any more. `serve` goes on
//! showing it.

use std::{sync::Arc, time::Duration};

use clap::Args;

use super::{Outcome, Place, logging::Logging};
use crate::{
    clock::SystemClock,
    keys::LogKeys,
    log::{FreezeError, Frozen, Log},
};

/// End a log's life.
#[derive(Debug, Args)]
pub(super) struct Freeze {
    #[command(flatten)]
    place: Place,
    /// How many seconds all of it may take; the last head waits for every witness that long
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    wait: u64,
    #[command(flatten)]
    logging: Logging,
}

impl Freeze {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        self.logging.start()?;
        let config = self.place.load()?;
        let key = LogKeys::load(&config)?;
        let settings = config.settings(&key)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let outcome = runtime.block_on(async {
            let log = Log::open(settings, key, Arc::new(SystemClock::new())).await?;
            anyhow::Ok(log.freeze(Duration::from_secs(self.wait)).await)
        })?;
        runtime.shutdown_timeout(Duration::from_secs(5));
        Ok(tell(outcome))
    }
}

fn tell(outcome: Result<Frozen, FreezeError>) -> Outcome {
    match outcome {
        Ok(frozen) => {
            print!("{}", report(&frozen));
            Outcome::Well
        }
        Err(error) => {
            eprintln!("treering-log: {error}");
            Outcome::NotWell
        }
    }
}

fn report(frozen: &Frozen) -> String {
    let Frozen { size, cosigned, missing } = frozen;
    let listed = |names: &[String]| if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
    let mut text =
        format!("frozen at size {size}, for ever; its last head is cosigned by {}\n", listed(cosigned));
    if !missing.is_empty() {
        text += &format!("without a cosignature by {}\n", listed(missing));
    }
    text + "`serve` goes on showing it. Tell your users, witnesses and monitors, and which log follows\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use treering_tlog::tree::TreeSize;

    #[test]
    fn who_cosigned_the_last_head_is_told() {
        let size = TreeSize::new(7).unwrap();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let frozen = Frozen { size, cosigned: names(&["w1", "w2"]), missing: names(&["w3"]) };
        assert!(report(&frozen).starts_with(
            "frozen at size 7, for ever; its last head is cosigned by w1, w2\nwithout a cosignature by w3\n`serve`"
        ));
        let alone = Frozen { size, cosigned: vec![], missing: vec![] };
        assert!(
            report(&alone)
                .starts_with("frozen at size 7, for ever; its last head is cosigned by nobody\n`serve`")
        );
    }
}
