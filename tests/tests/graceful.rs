//! SIGTERM in the middle of a load: nothing that was acknowledged is lost, and the process ends well.

use treering_tests::{net, wait};

use crate::load::{Load, assert_all_have_receipts};

#[test]
fn sigterm_ends_well_and_loses_nothing() {
    let mut net = net::plan().start();
    let load = Load::start(net.log.public(), 3);
    wait::until("submissions are taken", || (load.count() >= 50).then_some(()));
    let status = net.log.stop();
    assert_eq!(status.code(), Some(0));
    let roots = load.stop();
    net.log.assert_clean();

    // The witnesses were there, so all of it was published before the end: nothing is left to be done.
    net.log.start();
    let status = net.log.status();
    assert_eq!(status["pending"], 0, "{status}");
    assert_eq!(status["sealed_size"], status["published_size"], "{status}");
    assert_all_have_receipts(&net.log, &net.policy, &roots);
}

#[test]
fn sigterm_while_witnesses_are_away_keeps_what_is_accepted() {
    let mut net = net::plan().start();
    net.witnesses.iter_mut().for_each(|witness| witness.kill());
    let commitments = treering_tests::random::commitments(3);
    net.log.submit(&commitments).expect_status(202);
    assert_eq!(net.log.stop().code(), Some(0));
    net.log.assert_clean();

    net.witnesses.iter_mut().for_each(|witness| witness.start());
    net.log.start();
    let root = treering_tests::view::root_of(&commitments);
    assert_all_have_receipts(&net.log, &net.policy, &[root]);
}
