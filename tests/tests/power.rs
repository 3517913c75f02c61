//! Power cuts of the log's disk and of a witness's, in the middle of a load.
//!
//! After each: every submission that was acknowledged gets a receipt that verifies, every timestamp that was given out its
//! proof; the log is consistent with every checkpoint that it ever showed; a witness knows at least what it has cosigned;
//! `treering-log check` finds nothing. As a control the same is done to a log whose syncs do nothing: there it must show
//! within twenty cuts.
//!
//! `make crash` does it a thousand times; here it is a few.

use std::{
    env,
    panic::{self, AssertUnwindSafe},
    path::Path,
    time::Duration,
};

use treering_tests::{
    disk::Disk,
    net::{self, Net, ORIGIN},
    programs, random, tsa, wait,
};
use treering_tlog::{checkpoint::Checkpoint, hash::Hash, note::Note, time::UnixSeconds, tree::TreeSize};
use treering_token::{commitment::Commitment, verify::Verifier};
use treering_tsa::{
    commitment::commitment_of,
    imprint::{Imprint, ImprintAlgorithm},
    query::Query,
};

use crate::{load::Load, oracle::Oracle, reader::Reader};

/// How many submissions are acknowledged from one cut to the next, about.
const MORE: usize = 30;
/// A log whose syncs do nothing has to be found out within so many.
const CONTROL: usize = 20;
/// Debian's libeatmydata: fsync, fdatasync and their like return at once.
const NO_SYNC: &str = "/usr/lib/x86_64-linux-gnu/libeatmydata.so";

/// How many cuts: a few, or what the environment says.
fn cuts(name: &str) -> usize {
    env::var(name).ok().and_then(|count| count.parse().ok()).unwrap_or(6)
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
        log_survives(cuts("TREERING_LOG_CUTS"), None);
    }
}

#[test]
fn a_log_whose_syncs_do_nothing_is_found_out() {
    if !is_possible("power (control)") {
        return;
    }
    if !Path::new(NO_SYNC).exists() {
        programs::skipped(
            "power (control)",
            "libeatmydata is not installed, so nobody has looked whether a cut loses anything at all",
        );
        return;
    }
    let survived = panic::catch_unwind(AssertUnwindSafe(|| log_survives(CONTROL, Some(NO_SYNC))));
    assert!(
        survived.is_err(),
        "{CONTROL} power cuts lost nothing of a log that never syncs: the cuts cut nothing"
    );
}

/// A timestamp that was given out: where its proof will be, and what of.
struct Given {
    path: String,
    commitment: Commitment,
}

fn log_survives(cuts: usize, preload: Option<&str>) {
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
        given.push(timestamp(&net));
        wait::pace(Duration::from_millis(random::between(0, 60)));
        // A processor without power runs no further. Left to run on after the cut, the log may be told by the kernel that a
        // sync succeeded whose transaction was dropped meanwhile, and acknowledge what is gone.
        net.log.signal("STOP");
        disk.cut();
        net.log.kill();
        disk.power_on();
        if cut % 10 == 0 {
            net.log.assert_clean();
        }
        net.log.start();
        oracle.look(&net);
        assert_proved(&net, &given[given.len() - 1..]);
    }
    oracle.finish(&net);
    assert_proved(&net, &given);
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

fn timestamp(net: &Net) -> Given {
    let imprint = Imprint::new(ImprintAlgorithm::Sha256, random::commitment().to_vec()).expect("a digest");
    let query = Query::new(imprint, None, None, false).encode();
    let answer = net.log.public().post("/tsa", &[("content-type", tsa::QUERY)], query).expect_status(200);
    let commitment = commitment_of(&answer.body).expect("a token");
    Given { path: tsa::proof_path(&answer), commitment: Commitment(Hash::new(commitment)) }
}

#[track_caller]
fn assert_proved(net: &Net, given: &[Given]) {
    let verifier = Verifier { policy: &net.policy, now: UnixSeconds::MAX };
    for Given { path, commitment } in given {
        let proof = tsa::proof(&net.log, path);
        verifier.receipt(&proof, commitment).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
}

#[test]
fn a_witness_never_forgets_over_a_power_cut_what_it_has_cosigned() {
    if !is_possible("power (witness)") {
        return;
    }
    let mut disk = None;
    let mut net = net::plan().make_with(|root| disk = Some(Disk::new(root, &root.join("w1"))));
    let disk = disk.expect("made before the witness");
    disk.sync();
    net.log.start();
    net.log.wait_idle();
    let reader = Reader::start(net.log.public(), &net.policy);
    let load = Load::start(net.log.public(), 3);
    for _ in 0..cuts("TREERING_WITNESS_CUTS") {
        let before = cosigned(&reader);
        wait::until("the witness cosigns", || (cosigned(&reader) > before).then_some(()));
        wait::pace(Duration::from_millis(random::between(0, 60)));
        net.witnesses[0].signal("STOP");
        disk.cut();
        net.witnesses[0].kill();
        disk.power_on();
        net.witnesses[0].start();
        // All that anybody has seen of it by now, it gave before the cut or knows after it.
        let shown = cosigned(&reader);
        let known = latest(&net);
        assert!(known >= shown, "it has cosigned size {shown}, and knows size {known} after the cut");
    }
    load.stop();
    net.log.wait_idle();
    reader.stop().assert_one_history(net.log.public());
}

/// The largest size that anybody has seen cosigned by the first witness.
fn cosigned(reader: &Reader) -> TreeSize {
    reader.shown().cosigned.get(&0).copied().unwrap_or(TreeSize::ZERO)
}

/// The size that the first witness itself shows.
fn latest(net: &Net) -> TreeSize {
    let note = net.witnesses[0].latest(ORIGIN).expect_status(200);
    let note = Note::parse(&note.body).expect("a note");
    Checkpoint::parse(note.text()).expect("a checkpoint").head.size
}
