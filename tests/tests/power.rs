//! Power cuts of the log's disk and of a witness's, in the middle of a load.
//!
//! After each of the log's: every submission that was acknowledged gets a receipt that verifies, every timestamp that was given out its
//! proof; the log is consistent with every checkpoint that it ever showed; a witness knows at least what it has cosigned;
//! `treering-log check` finds nothing. As a control the same is done to a log, and to a witness, whose syncs do nothing: there
//! it must show within twenty cuts.
//!
//! `make crash` does it a thousand times; here it is a few.

use std::{
    any::Any,
    fmt,
    panic::{self, AssertUnwindSafe},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use treering_tests::{
    counts,
    disk::Disk,
    net::{self, Net, ORIGIN},
    programs, random,
    tsa::{self, Granted},
    view::Seen,
    wait,
};
use treering_tlog::{
    checkpoint::Checkpoint,
    note::Note,
    tree::{TreeHead, TreeSize},
};

use crate::{oracle::Oracle, reader::Reader};

/// How many submissions are acknowledged from one cut to the next, about.
const MORE: usize = 30;
/// A log or witness whose syncs do nothing has to be found out within so many.
const CONTROL: usize = 20;
/// Debian's libeatmydata: fsync, fdatasync and their like return at once.
const NO_SYNC: &str = "/usr/lib/x86_64-linux-gnu/libeatmydata.so";

/// What is said when a log has lost something by a cut: a submission that was acknowledged is unknown, or waits for ever
/// since the log may not sign any more; or its store isn't one, and it doesn't start.
const LOSSES: [&str; 3] =
    ["urn:treering:problem:unknown_root", "waited for this in vain: the receipt", "ended before it said"];

/// How many cuts: a few, or what the environment says.
fn cuts(name: &str) -> usize {
    counts::number(name).unwrap_or(6)
}

fn is_possible(test: &str) -> bool {
    let possible = Disk::is_possible();
    if let Err(why) = &possible {
        programs::skipped(
            test,
            &format!("no power can be cut here (that takes root, loop devices and ext4): {why}"),
        );
    }
    possible.is_ok()
}

#[test]
fn what_was_acknowledged_survives_power_cuts_of_the_log() {
    if is_possible("power") {
        log_survives(cuts("TREERING_LOG_CUTS"), None, || ());
    }
}

#[test]
fn a_log_whose_syncs_do_nothing_is_found_out() {
    if !is_possible("power (control)") || !can_leave_out_syncs("power (control)") {
        return;
    }
    let completed = AtomicUsize::new(0);
    let count = || {
        completed.fetch_add(1, Ordering::SeqCst);
    };
    let survived = panic::catch_unwind(AssertUnwindSafe(|| log_survives(CONTROL, Some(NO_SYNC), count)));
    let Err(panicked) = survived else {
        panic!("{CONTROL} power cuts lost nothing of a log that never syncs: the cuts cut nothing")
    };
    let why = said(&*panicked);
    assert!(completed.load(Ordering::SeqCst) > 0, "it failed before any power was cut: {why}");
    assert!(LOSSES.iter().any(|loss| why.contains(loss)), "it failed, but not by a loss: {why}");
    println!("noticed: {why}");
}

/// What a panic said.
fn said(panicked: &(dyn Any + Send)) -> String {
    let text = panicked.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panicked.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Is there what makes syncs do nothing? Says so if not.
fn can_leave_out_syncs(test: &str) -> bool {
    let can = Path::new(NO_SYNC).exists();
    if !can {
        let why = "libeatmydata is not installed, so nobody has looked whether a cut loses anything at all";
        programs::skipped(test, why);
    }
    can
}

/// Cuts the power of the log's disk so many times; `cut_off` is told of each time that it is back.
fn log_survives(cuts: usize, preload: Option<&str>, cut_off: impl Fn()) {
    let mut disk = None;
    let mut net = net::plan().make_with(|root| disk = Some(Disk::new(root, &root.join("log"))));
    let disk = disk.expect("made before the log");
    net.log.set("min_free_mib", "1");
    if let Some(preload) = preload {
        net.log.set_env("LD_PRELOAD", preload);
    }
    tsa::init(&net.log, "p256");
    disk.sync();
    net.log.start();
    net.log.wait_idle();
    let mut oracle = Oracle::start(&net);
    let mut given = Vec::new();
    for cut in 1..=cuts {
        oracle.more(MORE);
        // None until its clock is looked at, or confirmed.
        let granted = wait::until("a timestamp", || Granted::by(&net.log));
        wait::pace(Duration::from_millis(random::between(0, 60)));
        // A processor without power runs no further. Left to run on after the cut, the log may be told by the kernel that a
        // sync succeeded whose transaction was dropped meanwhile, and acknowledge what is gone.
        net.log.signal("STOP");
        disk.cut();
        net.log.kill();
        disk.power_on();
        cut_off();
        if cut % 10 == 0 {
            net.log.assert_clean();
        }
        net.log.start();
        oracle.look(&net);
        granted.assert_proved(&net);
        given.push(granted);
    }
    oracle.finish(&net);
    given.iter().for_each(|granted| granted.assert_proved(&net));
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

#[test]
fn a_witness_never_forgets_over_a_power_cut_what_it_has_cosigned() {
    if is_possible("power (witness)") {
        witness_survives(cuts("TREERING_WITNESS_CUTS"), None).unwrap_or_else(|loss| panic!("{loss}"));
    }
}

#[test]
fn a_witness_whose_syncs_do_nothing_is_found_out() {
    if !is_possible("power (control of the witness)")
        || !can_leave_out_syncs("power (control of the witness)")
    {
        return;
    }
    // Any panic is one: what is looked for is a head that somebody was shown, and that the witness no longer knows.
    let loss = witness_survives(CONTROL, Some(NO_SYNC)).expect_err("the cuts cut nothing");
    println!("noticed: {loss}");
    if let Loss::Refused { said, .. } = &loss {
        assert!(said.contains("is damaged, or no store at all") || said.contains("is empty"), "{said}");
    }
}

/// What a witness has lost by a cut.
#[derive(Debug)]
enum Loss {
    /// It knows less than what it has cosigned, or another tree.
    Forgotten { cut: usize, shown: TreeHead, known: Option<TreeHead> },
    /// Its store isn't one any more, and it says so.
    Refused { cut: usize, said: String },
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loss::Forgotten { cut, shown, known } => {
                write!(f, "cut {cut}: it has cosigned {shown:?}, and knows {known:?}")
            }
            Loss::Refused { cut, said } => write!(f, "cut {cut}: it doesn't start: {said}"),
        }
    }
}

/// Cuts the power of a witness's disk so many times; the first loss ends it.
fn witness_survives(cuts: usize, preload: Option<&str>) -> Result<(), Loss> {
    let mut disk = None;
    let mut net = net::plan().make_with(|root| disk = Some(Disk::new(root, &root.join("w1"))));
    let disk = disk.expect("made before the witness");
    if let Some(preload) = preload {
        net.witnesses[0].kill();
        net.witnesses[0].set_env("LD_PRELOAD", preload);
        net.witnesses[0].start();
    }
    disk.sync();
    net.log.start();
    net.log.wait_idle();
    let reader = Reader::start(net.log.public(), &net.policy);
    let oracle = Oracle::start(&net);
    let mut known = Seen::default();
    for cut in 1..=cuts {
        if let Err(loss) = cut_witness(cut, &mut net, &disk, (&oracle, &reader), &mut known) {
            oracle.abandon();
            reader.stop();
            return Err(loss);
        }
    }
    oracle.finish(&net);
    let mut shown = reader.stop();
    // What it knew beyond what was shown is of the same history.
    known.heads().for_each(|head| shown.add(head));
    shown.assert_one_history(net.log.public());
    assert!(net.log.stop().success());
    net.log.assert_clean();
    Ok(())
}

/// A cut in the middle of the witness's work, and what it knows after that.
fn cut_witness(
    cut: usize,
    net: &mut Net,
    disk: &Disk,
    (oracle, reader): (&Oracle, &Reader),
    all_known: &mut Seen,
) -> Result<(), Loss> {
    let size = || cosigned(reader).map_or(TreeSize::ZERO, |head| head.size);
    let before = size();
    oracle.more(MORE);
    wait::until("the witness cosigns", || (size() > before).then_some(()));
    wait::pace(Duration::from_millis(random::between(0, 60)));
    net.witnesses[0].signal("STOP");
    disk.cut();
    net.witnesses[0].kill();
    // The log stands still until the witness was looked at: it would prove the newest head to a witness that forgot, and
    // nothing would be seen.
    net.log.signal("STOP");
    disk.power_on();
    let started = net.witnesses[0].try_start();
    // All that anybody has seen of it by now, it gave before the cut.
    let shown = cosigned(reader).expect("it has cosigned");
    let known = started.map(|()| latest(net));
    net.log.signal("CONT");
    let known = known.map_err(|said| Loss::Refused { cut, said })?;
    let remembers = |known: &TreeHead| known.size > shown.size || *known == shown;
    let head = known.filter(remembers).ok_or(Loss::Forgotten { cut, shown, known })?;
    all_known.add(head);
    Ok(())
}

/// The largest head that anybody has seen cosigned by the first witness.
fn cosigned(reader: &Reader) -> Option<TreeHead> {
    reader.shown().cosigned.get(&0).copied()
}

/// The head that the first witness itself shows; `None` if it knows none.
fn latest(net: &Net) -> Option<TreeHead> {
    let answer = net.witnesses[0].latest(ORIGIN);
    if answer.status == 404 {
        return None;
    }
    let note = Note::parse(&answer.expect_status(200).body).expect("a note");
    Some(Checkpoint::parse(note.text()).expect("a checkpoint").head)
}
