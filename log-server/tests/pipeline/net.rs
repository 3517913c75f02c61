//! A network of witnesses in memory: real keys, real checks of the old size, and moods.

use futures_util::future::BoxFuture;
use std::sync::Mutex;
use tokio::sync::watch;
use treering_log::{witness_client::WitnessError, witnesses::Witnesses};
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    cosignature::CosignerKey,
    note::{KeyName, Note, Signature, VerifierKey},
    time::UnixSeconds,
    tree::{self, TreeHead, TreeSize},
    witness::AddCheckpoint,
};

/// How a witness answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Good,
    Away,
    /// Answers when it is released.
    Slow,
    UnknownLog,
    KnowsMore,
    /// The same of all that is new; whoever asks where it stands, as a log does that has stood still, gets no answer.
    SaysMore,
    WrongSignature,
    /// 409 to all that is new, in the same way.
    ConflictForEver,
    Nonsense,
    /// The next witness is this one's second key, and cosigns as well.
    WithNext,
}

#[derive(Debug)]
struct Witness {
    key: CosignerKey,
    mood: Mood,
    head: TreeHead,
    /// By so many seconds its clock is ahead.
    ahead: u64,
}

#[derive(Debug)]
pub(crate) struct Net {
    witnesses: Mutex<Vec<Witness>>,
    largest: Mutex<u64>,
    /// Of each request, the size that it was proved from, and the one that it was for.
    asked: Mutex<Vec<(u64, u64)>>,
    released: watch::Sender<bool>,
    /// What each witness shows as the checkpoint that it cosigned last.
    shown: Mutex<Option<Note>>,
}

impl Net {
    pub(crate) fn new(count: u8, _origin: &str, _log: &VerifierKey) -> Net {
        let witness = |i: u8| Witness {
            key: CosignerKey::ed25519(
                KeyName::new(&format!("witness.example/w{i}")).unwrap(),
                &[100 + i; 32],
            ),
            mood: Mood::Good,
            head: TreeHead::EMPTY,
            ahead: 0,
        };
        Net {
            witnesses: Mutex::new((0..count).map(witness).collect()),
            largest: Mutex::new(0),
            asked: Mutex::default(),
            released: watch::Sender::new(false),
            shown: Mutex::default(),
        }
    }

    pub(crate) fn policy_lines(&self) -> String {
        let witnesses = self.witnesses.lock().unwrap();
        let line =
            |(i, w): (usize, &Witness)| format!("witness w{i} {} http://{i}.example\n", w.key.verifier());
        witnesses.iter().enumerate().map(line).collect()
    }

    pub(crate) fn set(&self, witness: usize, mood: Mood) {
        self.witnesses.lock().unwrap()[witness].mood = mood;
    }

    pub(crate) fn all(&self, mood: Mood) {
        self.witnesses.lock().unwrap().iter_mut().for_each(|w| w.mood = mood);
    }

    /// Sets a witness's clock so many seconds ahead.
    pub(crate) fn set_clock(&self, witness: usize, ahead: u64) {
        self.witnesses.lock().unwrap()[witness].ahead = ahead;
    }

    /// The head that a witness has cosigned last.
    pub(crate) fn head(&self, witness: usize) -> TreeHead {
        self.witnesses.lock().unwrap()[witness].head
    }

    /// Puts a witness back to a head of before.
    pub(crate) fn set_head(&self, witness: usize, head: TreeHead) {
        self.witnesses.lock().unwrap()[witness].head = head;
    }

    /// How often the witnesses were asked for this size by a proof from that one.
    pub(crate) fn asked(&self, old: u64, size: u64) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| **asked == (old, size)).count()
    }

    pub(crate) fn release(&self) {
        self.released.send_replace(true);
    }

    /// How many wait for the next release.
    pub(crate) fn waiting(&self) -> usize {
        self.released.receiver_count()
    }

    /// Whoever is slow doesn't answer until the next release.
    pub(crate) fn hold(&self) {
        self.released.send_replace(false);
    }

    /// From now on this is what each witness shows.
    pub(crate) fn show(&self, note: Note) {
        *self.shown.lock().unwrap() = Some(note);
    }

    /// The largest size that any witness was ever shown.
    pub(crate) fn largest_seen(&self) -> u64 {
        *self.largest.lock().unwrap()
    }

    fn answer(&self, index: usize, message: &AddCheckpoint) -> Result<Vec<Signature>, WitnessError> {
        let checkpoint = Checkpoint::parse(message.checkpoint.text()).unwrap();
        let mut largest = self.largest.lock().unwrap();
        *largest = (*largest).max(checkpoint.head.size.get());
        drop(largest);
        self.asked.lock().unwrap().push((message.old.get(), checkpoint.head.size.get()));
        let mut witnesses = self.witnesses.lock().unwrap();
        let witness = &mut witnesses[index];
        let is_new = message.old < checkpoint.head.size;
        match witness.mood {
            Mood::SaysMore | Mood::ConflictForEver if !is_new => {
                return Err(WitnessError::Unavailable("away".into()));
            }
            Mood::Good | Mood::Slow | Mood::WrongSignature | Mood::WithNext => {}
            Mood::Away => return Err(WitnessError::Unavailable("away".into())),
            Mood::UnknownLog => return Err(WitnessError::Unknown),
            Mood::KnowsMore | Mood::SaysMore => {
                return Err(WitnessError::Conflict { size: TreeSize::new(1_000).unwrap() });
            }
            Mood::ConflictForEver => return Err(WitnessError::Conflict { size: message.old }),
            Mood::Nonsense => return Err(WitnessError::Malformed),
        }
        if message.old != witness.head.size {
            return Err(WitnessError::Conflict { size: witness.head.size });
        }
        tree::verify_consistency(&witness.head, &checkpoint.head, &message.proof)
            .map_err(|_| WitnessError::Unprocessable)?;
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() + witness.ahead;
        let now = UnixSeconds::new(now).unwrap();
        if witness.mood == Mood::WrongSignature {
            let good = witness.key.cosign(&checkpoint, now).unwrap();
            let mut bytes = good.bytes().to_vec();
            *bytes.last_mut().unwrap() ^= 1;
            return Ok(vec![Signature::new(good.name().clone(), good.id(), bytes)]);
        }
        witness.head = checkpoint.head;
        let both = if witness.mood == Mood::WithNext { index..=index + 1 } else { index..=index };
        Ok(both.map(|index| witnesses[index].key.cosign(&checkpoint, now).unwrap()).collect())
    }
}

impl Witnesses for Net {
    fn add_checkpoint<'a>(
        &'a self,
        url: &'a str,
        message: &'a AddCheckpoint,
    ) -> BoxFuture<'a, Result<Vec<Signature>, WitnessError>> {
        let index: usize = url.trim_start_matches("http://").trim_end_matches(".example").parse().unwrap();
        Box::pin(async move {
            if self.witnesses.lock().unwrap()[index].mood == Mood::Slow {
                let _ = self.released.subscribe().wait_for(|released| *released).await;
            }
            self.answer(index, message)
        })
    }

    fn latest<'a>(&'a self, _url: &'a str, _origin: &'a Origin) -> BoxFuture<'a, Result<Note, WitnessError>> {
        let shown = self.shown.lock().unwrap().clone();
        Box::pin(async { shown.ok_or(WitnessError::Unknown) })
    }
}
