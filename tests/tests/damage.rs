//! Damage at rest: flipped bits, zeroed pages, truncations, files in each other's place.
//!
//! Each time a copy of a stopped log's store, or the record beside it, is damaged at a random place, `treering-log check`
//! judges it, and the log is started on it, whatever was judged. Where `check` finds nothing everything that was published is
//! there as before: each tile, entry bundle, batch, checkpoint, receipt, token and proof of a timestamp. Where it names
//! something the log refuses to start and says why, or each URL gives what it gave before, or a refusal: a wrong byte is
//! never served as valid.
//!
//! The log has some dozen entries, so no tile of it is full, and everything was published when it was stopped. What RocksDB finds
//! damaged in the last record of the WAL it drops, as it must after a power cut: `docs/reliability.md` says what that can cost
//! where the last record isn't published.

mod kinds;
mod shown;

use std::{collections::BTreeMap, fs, path::PathBuf, process::Output};

use treering_tests::{
    counts, files, log,
    net::{self, Net},
    random, tsa, wait,
};

use kinds::Damage;
use shown::Shown;

/// How many damages, unless the environment says.
const DAMAGES: usize = 30;
/// What a log says that doesn't start, or ends, because of what it read.
const REASONS: [&str; 4] = ["store", "record", "RocksDB", "Corruption"];

#[test]
fn damage_is_named_or_nothing_is_lost() {
    let count = counts::number("TREERING_DAMAGES").unwrap_or(DAMAGES);
    let mut net = net::plan().make();
    tsa::init(&net.log, "p256");
    net.log.start();
    net.log.wait_idle();
    let shown = shown::fill(&mut net);
    assert!(net.log.stop().success());
    let whole = Whole::of(&net);
    whole.put_back(&net);
    net.log.assert_clean();
    let mut tally = BTreeMap::new();
    for _ in 0..count {
        let damage = whole.damaged(&net);
        // Shown where the test fails: the last one is it.
        println!("{damage:?}");
        let outcome = judged(&mut net, &whole, &damage, &shown);
        *tally.entry(outcome).or_insert(0) += 1;
    }
    println!("{count} damages, {} URLs:", shown.len());
    tally.iter().for_each(|(outcome, count)| println!("  {count:6} {outcome}"));
    let named: usize =
        tally.iter().filter(|(outcome, _)| **outcome != Outcome::Harmless).map(|(_, n)| n).sum();
    assert!(named * 4 > count, "only {named} of {count} damages were named: too few to show anything");
    // Nothing was signed meanwhile that the log without its damage doesn't know.
    whole.put_back(&net);
    net.log.start();
    net.log.wait_idle();
    shown.assert_all_same(net.log.public(), &net.policy);
    net.log.stamp(&random::commitments(1));
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

/// What came of a damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// `check` finds nothing, and nothing is missing.
    Harmless,
    /// `check` names it, and the log doesn't start, or ends.
    Refused,
    /// `check` names it; the log refuses some of what it showed.
    Partly,
    /// `check` names it; what the log showed it shows still.
    Shown,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Outcome::Harmless => "where nothing was lost",
            Outcome::Refused => "named, and the log refused to start, or ended",
            Outcome::Partly => "named, and some of it was refused",
            Outcome::Shown => "named, and all of it was still right",
        })
    }
}

fn judged(net: &mut Net, whole: &Whole, damage: &Damage, shown: &Shown) -> Outcome {
    let checked = net.log.command("check");
    let is_clean = assert_judged(&checked);
    // Whoever starts it may have asked `check` before, or not: that opens the store, too.
    if random::between(0, 1) == 0 {
        whole.put_back(net);
        damage.make(net.log.dir());
    }
    if is_clean {
        net.log.start();
        net.log.wait_idle();
        shown.assert_all_same(net.log.public(), &net.policy);
        assert!(net.log.stop().success());
        return Outcome::Harmless;
    }
    let served = if net.log.try_start() { shown.judge(net.log.public(), &net.policy) } else { None };
    if served.is_none() {
        wait::until("the log ends", || (!net.log.is_running()).then_some(()));
        let said = net.log.stderr();
        let (status, panicked) = (net.log.end(), said.contains("panicked"));
        let reason = REASONS.iter().any(|reason| said.contains(reason));
        assert!(!status.success() && reason && !panicked, "it ended with {status}, and said {said:?}");
    }
    net.log.kill();
    match served {
        None => Outcome::Refused,
        Some(served) if served.refused > 0 => Outcome::Partly,
        Some(_) => Outcome::Shown,
    }
}

/// Is it clean? If not, it says what is broken, or why the store can't be looked at.
#[track_caller]
fn assert_judged(checked: &Output) -> bool {
    let (out, err) = (String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
    let is_named = match checked.status.code() {
        Some(0) => return true,
        Some(1) => out.contains("\nBROKEN ") || out.starts_with("BROKEN "),
        Some(2) => REASONS.iter().any(|reason| err.contains(reason)) && !err.contains("panicked"),
        _ => false,
    };
    assert!(is_named, "check: {}", log::shown(checked));
    false
}

/// Copies of the store and of the record as they were when the log was stopped.
struct Whole {
    store: PathBuf,
    record: PathBuf,
}

impl Whole {
    fn of(net: &Net) -> Whole {
        let whole = Whole { store: net.dir().join("whole"), record: net.dir().join("whole.record") };
        files::copy(&net.log.store(), &whole.store);
        fs::copy(net.log.record(), &whole.record).expect("a record");
        whole
    }

    fn put_back(&self, net: &Net) {
        files::put_back(&self.store, &net.log.store());
        fs::copy(&self.record, net.log.record()).expect("a record");
    }

    /// Puts them back, and damages one of them.
    fn damaged(&self, net: &Net) -> Damage {
        self.put_back(net);
        let damage = Damage::random(net.log.dir());
        damage.make(net.log.dir());
        damage
    }
}
