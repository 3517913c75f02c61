//! Who stands outside the faults and forgets nothing: every submission that was acknowledged with its place, every
//! checkpoint ever shown.

use treering_tests::{
    net::Net,
    random,
    view::{self, Seen},
    wait,
};

use crate::{
    load::{Load, assert_all_have_receipts},
    reader::Reader,
};

/// A load, a reader, and what they were given so far.
pub(crate) struct Oracle {
    reader: Reader,
    load: Load,
    /// So many acknowledged submissions have been looked for.
    checked: usize,
    places: Vec<u64>,
}

impl Oracle {
    pub(crate) fn start(net: &Net) -> Oracle {
        let reader = Reader::start(net.log.public(), &net.policy);
        let load = Load::start(net.log.public(), 3);
        Oracle { reader, load, checked: 0, places: Vec::new() }
    }

    /// Waits until some more submissions are taken, at most about so many; then it may be anywhere in a tick.
    pub(crate) fn more(&self, most: usize) {
        self.load.allow(most);
        let some = usize::try_from(random::between(1, most as u64 / 2)).expect("a small number");
        let enough = self.load.count() + some;
        wait::until("submissions are taken", || (self.load.count() >= enough).then_some(()));
    }

    /// How many submissions were acknowledged.
    pub(crate) fn count(&self) -> usize {
        self.load.count()
    }

    /// Looks for everything that was acknowledged since the last time.
    pub(crate) fn look(&mut self, net: &Net) {
        let roots = self.load.acknowledged();
        self.places.extend(assert_all_have_receipts(&net.log, &net.policy, &roots[self.checked..]));
        self.checked = roots.len();
    }

    /// Ends the load: everything has the same place as at first, in one history. What was seen of it.
    pub(crate) fn finish(mut self, net: &Net) -> Seen {
        let roots = self.load.stop();
        self.places.extend(assert_all_have_receipts(&net.log, &net.policy, &roots[self.checked..]));
        net.log.wait_idle();
        let mut seen = self.reader.stop();
        let note = net.log.public().get("/checkpoint").expect_status(200);
        seen.add(view::open(&net.policy, &note.body).expect("a checkpoint").checkpoint.head());
        assert_eq!(assert_all_have_receipts(&net.log, &net.policy, &roots), self.places);
        seen.assert_one_history(net.log.public());
        seen
    }
}
