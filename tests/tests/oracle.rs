//! Who stands outside the faults and forgets nothing: a client with a journal of its own, synced, of every 202, receipt,
//! checkpoint and cosignature that it was ever given.
//!
//! After each recovery everything acknowledged since the last one, and some of what was there before, has its receipt with the
//! same root, and what was sent with `tokens=true` a token of a commitment of its. At the end, by what the journal has on disk:
//! each submission is where its first receipt said; each checkpoint that was ever shown, by the log or by a witness,
//! is a prefix of the newest, with one root a size; the cosignatures of each are still kept, or earlier ones of the same
//! witness; the entries' times only grow.

use std::{collections::HashMap, sync::Arc};

use treering_tests::{
    journal::{Announced, Journal, Kept, Place},
    net::Net,
    random,
    view::{self, Seen},
    wait,
};
use treering_tlog::{
    hash::Hash,
    note::Note,
    policy::{Cosigned, Policy},
    time::UnixSeconds,
    tree::TreeSize,
};
use treering_token::token::Token;

use crate::{load::Load, reader::Reader};

/// So many of the submissions that were found once are looked for after each recovery again; at the end all are.
const AGAIN: usize = 8;

/// A reader, perhaps a load, and what they were given so far.
pub(crate) struct Oracle {
    journal: Arc<Journal>,
    reader: Reader,
    load: Option<Load>,
    /// So many acknowledged submissions have been looked for.
    checked: usize,
    /// And tokens.
    checked_tokens: usize,
    /// See [`Oracle::reads_of_another`].
    reads_of_another: bool,
}

impl Oracle {
    /// With three customers at work.
    pub(crate) fn start(net: &Net) -> Oracle {
        let mut oracle = Oracle::quiet(net);
        oracle.load = Some(Load::journaled(net.log.public(), 3, Some(Arc::clone(&oracle.journal))));
        oracle
    }

    /// With nobody but the test to submit anything.
    pub(crate) fn quiet(net: &Net) -> Oracle {
        Oracle::with(net, |journal| Reader::journaled(net.log.public(), &net.policy, Some(journal)))
    }

    /// The same, where older copies are put in the log's place: `/checkpoint` goes back with them.
    pub(crate) fn quiet_beside_copies(net: &Net) -> Oracle {
        Oracle::with(net, |journal| Reader::of_copies(net.log.public(), &net.policy, journal))
    }

    fn with(net: &Net, reader: impl FnOnce(Arc<Journal>) -> Reader) -> Oracle {
        let journal = Arc::new(Journal::create(&net.dir().join("journal")));
        let reader = reader(Arc::clone(&journal));
        Oracle { journal, reader, load: None, checked: 0, checked_tokens: 0, reads_of_another: false }
    }

    /// Not the log that it reads is judged at the end, but another one on a copy of its store. What the former had signed and
    /// sent before the copy was made it may publish later, by answers that were under way; the latter may have passed over
    /// that size, and has no checkpoint of it. It is a prefix all the same.
    pub(crate) fn reads_of_another(&mut self) {
        self.reads_of_another = true;
    }

    /// Waits until some more submissions are taken, at most about so many; then it may be anywhere in a tick.
    pub(crate) fn more(&self, most: usize) {
        let load = self.load.as_ref().expect("a load");
        load.allow(most);
        let some = usize::try_from(random::between(1, most as u64 / 2)).expect("a small number");
        let enough = load.count() + some;
        wait::until("submissions are taken", || (load.count() >= enough).then_some(()));
    }

    /// The test itself was told 202.
    pub(crate) fn acknowledged(&self, root: Hash) {
        self.journal.acknowledged(root);
    }

    /// The test itself was told 202 for these, which are to have tokens.
    pub(crate) fn acknowledged_with_tokens(&self, commitments: &[[u8; 32]]) {
        self.journal.acknowledged_with_tokens(commitments);
    }

    /// How many submissions were acknowledged.
    pub(crate) fn count(&self) -> usize {
        self.journal.count()
    }

    /// After a recovery: looks for everything that was acknowledged since the last time and some of what was there before, and at
    /// the witnesses' heads.
    #[track_caller]
    pub(crate) fn look(&mut self, net: &Net) {
        let new = self.journal.acknowledged_since(self.checked);
        let again = 0..AGAIN.min(self.checked);
        let again = again.map(|_| self.journal.acknowledged_as(random::below(self.checked)));
        for root in new.iter().copied().chain(again) {
            let receipt = net.log.receipt(&root);
            view::verify(&net.policy, &receipt, &root);
            // Of one that has two places nothing is read at the end.
            self.journal.receipt(&root, &receipt);
        }
        self.checked += new.len();
        let tokens = self.journal.tokens_since(self.checked_tokens);
        for announced in &tokens {
            // Once the receipt is there, the token is, too.
            let entry = net.log.receipt(&announced.root).index();
            assert_has_token(net, announced, Some(entry));
        }
        self.checked_tokens += tokens.len();
        net.witnessed().iter().for_each(|note| self.journal.witnessed(note));
    }

    /// Ends it without a word: something else was found.
    pub(crate) fn abandon(mut self) {
        if let Some(load) = self.load.take() {
            load.stop();
        }
        self.reader.stop();
    }

    /// Ends it, and judges by the journal. What was seen of the log.
    #[track_caller]
    pub(crate) fn finish(mut self, net: &Net) -> Seen {
        if let Some(load) = self.load.take() {
            load.stop();
        }
        self.look(net);
        net.log.wait_idle();
        self.reader.stop();
        let kept = self.journal.read();
        assert_all_where_they_were(net, &kept);
        for announced in &kept.tokens {
            assert_has_token(net, announced, kept.places.get(&announced.root).map(|place| place.entry));
        }
        let seen = seen(net, &kept);
        seen.assert_one_history(net.log.public());
        assert_cosignatures_kept(net, &kept.notes, self.reads_of_another);
        seen
    }
}

#[track_caller]
fn assert_all_where_they_were(net: &Net, kept: &Kept) {
    for root in &kept.acknowledged {
        let receipt = net.log.receipt(root);
        view::verify(&net.policy, &receipt, root);
        assert_eq!(kept.places.get(root), Some(&Place::of(&receipt)), "{root} is at another place");
    }
}

/// The log keeps the commitments that it needs for this beside the submission.
#[track_caller]
fn assert_has_token(net: &Net, Announced { root, commitment }: &Announced, entry: Option<u64>) {
    let path = format!("/v1/receipts/{root}/tokens/{commitment}");
    let answer = net.log.public().get(&path).expect_status(200);
    let token = Token::parse(&answer.body).expect("a token");
    view::verify(&net.policy, &token, commitment);
    assert_eq!(Some(token.index()), entry, "{path} is of another entry than its receipt");
}

/// Every head that the log or a witness ever showed.
#[track_caller]
fn seen(net: &Net, kept: &Kept) -> Seen {
    let mut seen = Seen::default();
    let newest = net.log.public().get("/checkpoint").expect_status(200).body;
    seen.add(view::open(&net.policy, &newest).expect("a checkpoint").checkpoint.head());
    for note in &kept.notes {
        let opened = view::open(&net.policy, note.to_string().as_bytes());
        seen.add(opened.expect("every checkpoint meets the policy").checkpoint.head());
    }
    // What one witness knows has the log's signature, and perhaps no quorum.
    for note in &kept.witnessed {
        seen.add(net.policy.open(note.clone()).expect("a checkpoint of the log").checkpoint.head());
    }
    seen
}

/// INVARIANT 9: what was shown of a size is kept: a witness's line, or one of its that came before (a refresh).
#[track_caller]
fn assert_cosignatures_kept(net: &Net, notes: &[Note], may_be_missing: bool) {
    let mut shown = HashMap::<TreeSize, HashMap<usize, UnixSeconds>>::new();
    for note in notes {
        let (size, cosigned) = cosigned(&net.policy, note.clone());
        for Cosigned { witness, time } in cosigned {
            let first = shown.entry(size).or_default().entry(witness).or_insert(time);
            *first = time.min(*first);
        }
    }
    for (size, witnesses) in shown {
        let answer = net.log.public().get(&format!("/v1/checkpoints/{size}"));
        if may_be_missing && answer.status == 404 {
            continue;
        }
        let answer = answer.expect_status(200);
        let (_, kept) = cosigned(&net.policy, Note::parse(&answer.body).expect("a note"));
        for (witness, time) in witnesses {
            let line = kept.iter().find(|line| line.witness == witness);
            assert!(
                line.is_some_and(|line| line.time <= time),
                "size {size} lost a line of witness {witness}"
            );
        }
    }
}

fn cosigned(policy: &Policy, note: Note) -> (TreeSize, Vec<Cosigned>) {
    let opened = policy.open(note).expect("a checkpoint");
    (opened.checkpoint.head().size, opened.cosigned)
}
