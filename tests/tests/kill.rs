//! `kill -9` of the log in the middle of a load, 50 times in a row (`make crash`: a thousand).
//!
//! After each restart every acknowledged submission gets a receipt that verifies, the log is consistent with every
//! checkpoint that it ever showed, and `treering-log check` finds nothing.

use std::{env, time::Duration};

use treering_tests::{net, random, view, wait};

use crate::{
    load::{Load, assert_all_have_receipts},
    reader::Reader,
};

/// How often, unless the environment says.
const KILLS: usize = 50;
/// How many submissions are acknowledged from one kill to the next, about: they go on while the log is started again.
const MORE: usize = 40;

#[test]
fn what_was_acknowledged_survives_fifty_kills() {
    let kills = env::var("TREERING_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(KILLS);
    let mut net = net::plan().start();
    let reader = Reader::start(net.log.public(), &net.policy);
    let load = Load::start(net.log.public(), 3);
    let (mut checked, mut places) = (0, Vec::new());
    for kill in 1..=kills {
        // Some more are taken since the last time, and then it may be anywhere in a tick.
        load.allow(MORE);
        let enough =
            load.count() + usize::try_from(random::between(1, MORE as u64 / 2)).expect("a small number");
        wait::until("submissions are taken", || (load.count() >= enough).then_some(()));
        wait::pace(Duration::from_millis(random::between(0, 50)));
        net.log.kill();
        if kill % 20 == 0 {
            net.log.assert_clean();
        }
        // A witness may be killed as well: it never forgets what it cosigned.
        if kill % 5 == 0 {
            let witness = &mut net.witnesses[kill % 3];
            witness.kill();
            witness.start();
        }
        net.log.start();
        // All that was acknowledged before this kill.
        let roots = load.acknowledged();
        places.extend(assert_all_have_receipts(&net.log, &net.policy, &roots[checked..]));
        checked = roots.len();
    }
    let roots = load.stop();
    places.extend(assert_all_have_receipts(&net.log, &net.policy, &roots[checked..]));
    net.log.wait_idle();
    let mut seen = reader.stop();
    let note = net.log.public().get("/checkpoint").expect_status(200);
    seen.add(view::open(&net.policy, &note.body).expect("a checkpoint").checkpoint.head());

    // The same places as at first, in one history.
    assert_eq!(assert_all_have_receipts(&net.log, &net.policy, &roots), places);
    seen.assert_one_history(net.log.public());
    assert!(
        seen.len() > kills / 2,
        "only {} checkpoints were published in all: too few to show anything",
        seen.len()
    );
    assert!(net.log.stop().success());
    net.log.assert_clean();
}
