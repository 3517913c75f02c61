//! Everything that a log shows, by its URL, and what it may show there once its disk is damaged.

use treering_tests::{
    http::{Answer, Http},
    net::Net,
    random, tsa, view, wait,
};
use treering_tlog::{hash::Hash, note::Note, policy::Policy, tile, time::UnixSeconds, tree::TreeHead};
use treering_token::{commitment::Commitment, token::Token, verify::Verifier};

const NEWEST: &str = "/checkpoint";

/// All that was shown before any damage.
pub(super) struct Shown(Vec<Item>);

struct Item {
    path: String,
    body: Vec<u8>,
    kind: Kind,
}

/// What must be the same.
#[derive(Clone, Copy)]
enum Kind {
    /// Each byte: tiles, bundles of entries, batches.
    Bytes,
    /// The head, with a quorum: a checkpoint. Late cosignatures may come and go.
    Checkpoint,
    /// The place, under the policy: a receipt, a token, the proof of a timestamp. The checkpoint in it may be another.
    Proof(Commitment),
}

/// How much of it a log shows now.
#[derive(Clone, Copy, Default)]
pub(super) struct Served {
    /// As before.
    pub(super) same: usize,
    /// Refused with a reason.
    pub(super) refused: usize,
}

/// Takes some submissions and timestamps, each in a tick of its own; entries end up in tables and in the WAL.
pub(super) fn fill(net: &mut Net) -> Shown {
    let mut wanted = Vec::new();
    for round in 0..12 {
        let commitments = random::commitments(round % 5 + 1);
        let root = view::root_of(&commitments);
        if round % 3 == 0 {
            let path = format!("{}?tokens=true", treering_tests::log::SUBMISSIONS);
            let headers = [("content-type", treering_tests::log::OCTETS), ("prefer", "wait=30")];
            net.log.public().post(&path, &headers, commitments.concat()).expect_status(200);
            let last = Hash::new(*commitments.last().expect("one"));
            wanted.push((format!("/v1/receipts/{root}/tokens/{last}"), Kind::Proof(Commitment(last))));
        } else {
            net.log.stamp(&commitments);
        }
        wanted.push((format!("/v1/receipts/{root}"), Kind::Proof(Commitment(root))));
        wanted.push(timestamp(net));
        // What was in the WAL goes into tables when the store is opened again.
        if round == 8 {
            net.log.kill();
            net.log.start();
            net.log.wait_idle();
        }
    }
    net.log.wait_idle();
    let size = net.log.published_size();
    wanted.extend(tile::all_tiles(size).map(|path| (format!("/{path}"), Kind::Bytes)));
    wanted.push((NEWEST.to_owned(), Kind::Checkpoint));
    for entry in 0..size.get() {
        wanted.push((format!("/v1/batches/{entry}"), Kind::Bytes));
        wanted.push((format!("/v1/checkpoints/{}", entry + 1), Kind::Checkpoint));
    }
    let shown = wanted.into_iter().map(|(path, kind)| {
        let body = net.log.public().get(&path).expect_status(200).body;
        Item { path, body, kind }
    });
    Shown(shown.collect())
}

/// One timestamp: where its proof is, and what of.
fn timestamp(net: &Net) -> (String, Kind) {
    let granted = tsa::Granted::by(&net.log).expect("a timestamp");
    granted.assert_proved(net);
    (granted.path, Kind::Proof(granted.commitment))
}

impl Shown {
    /// How many URLs.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whatever a log with a damaged disk shows is what it showed before, or a refusal; `None` if it ends meanwhile.
    ///
    /// # Panics
    /// If anything else is served as valid.
    pub(super) fn judge(&self, http: &Http, policy: &Policy) -> Option<Served> {
        let mut served = Served::default();
        for item in &self.0 {
            let Ok(answer) = http.try_get(&item.path) else {
                // A log that fails ends; one that only breaks off an answer (its status was sent already) refuses it.
                http.try_get("/v1/log").ok()?;
                served.refused += 1;
                continue;
            };
            if answer.status == 200 {
                match item.kind {
                    // The log may have to publish its last head again, and shows one that came before until then.
                    Kind::Checkpoint if item.path == NEWEST => self.assert_shown_before(&answer, policy),
                    _ => item.assert_same(&answer, policy),
                }
                served.same += 1;
            } else {
                item.assert_refused(&answer);
                served.refused += 1;
            }
        }
        Some(served)
    }

    fn assert_shown_before(&self, answer: &Answer, policy: &Policy) {
        let now = view::open(policy, &answer.body).unwrap_or_else(|error| panic!("{NEWEST}: {error}"));
        let checkpoints = self.0.iter().filter(|item| matches!(item.kind, Kind::Checkpoint));
        let mut heads = checkpoints.map(|item| head_of(&item.body, policy));
        assert!(heads.any(|head| head == now.checkpoint.head()), "{NEWEST} was never shown before");
    }

    /// Everything, as before.
    ///
    /// # Panics
    /// If anything is missing or another.
    pub(super) fn assert_all_same(&self, http: &Http, policy: &Policy) {
        for item in &self.0 {
            // A receipt waits where the log publishes its last head again.
            let answer = wait::until(&format!("{} is shown again", item.path), || {
                let answer = http.get(&item.path);
                (answer.status != 202).then_some(answer)
            });
            item.assert_same(&answer.expect_status(200), policy);
        }
    }
}

impl Item {
    fn assert_same(&self, answer: &Answer, policy: &Policy) {
        let path = &self.path;
        match self.kind {
            Kind::Bytes => assert!(answer.body == self.body, "{path} has other bytes"),
            Kind::Checkpoint => {
                let now = view::open(policy, &answer.body).unwrap_or_else(|error| panic!("{path}: {error}"));
                assert_eq!(now.checkpoint.head(), head_of(&self.body, policy), "{path} has another head");
            }
            Kind::Proof(commitment) => {
                let parsed = |bytes| Token::parse(bytes).unwrap_or_else(|error| panic!("{path}: {error}"));
                let (now, before) = (parsed(&answer.body), parsed(&self.body));
                let verifier = Verifier { policy, now: UnixSeconds::MAX };
                let verified = verifier.receipt(&now, &commitment);
                verified.unwrap_or_else(|error| panic!("{path} doesn't verify: {error}"));
                assert_eq!((now.index(), now.layers()), (before.index(), before.layers()), "{path} moved");
            }
        }
    }

    /// 202 says that it isn't published (again) yet.
    fn assert_refused(&self, answer: &Answer) {
        let path = &self.path;
        let named = answer.header("content-type") == "application/problem+json";
        let refused = matches!(answer.status, 404 | 410 | 500..) && named;
        let waits = answer.status == 202 && matches!(self.kind, Kind::Proof(_));
        assert!(refused || waits, "{path}: {}", answer.shown());
    }
}

fn head_of(note: &[u8], policy: &Policy) -> TreeHead {
    let note = Note::parse(note).expect("a note");
    policy.open(note).expect("a checkpoint").checkpoint.head()
}
