//! A network of witnesses in memory: real keys, real checks of the old size, and moods.

use futures_util::future::BoxFuture;
use std::sync::Mutex;
use tokio::sync::watch;
use treering_log::{witness_client::WitnessError, witnesses::Witnesses};
use treering_tlog::{
    checkpoint::Checkpoint,
    cosignature::CosignerKey,
    note::{KeyName, Signature, VerifierKey},
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
    WrongSignature,
    ConflictForEver,
    Nonsense,
}

#[derive(Debug)]
struct Witness {
    key: CosignerKey,
    mood: Mood,
    head: TreeHead,
}

#[derive(Debug)]
pub(crate) struct Net {
    witnesses: Mutex<Vec<Witness>>,
    largest: Mutex<u64>,
    released: watch::Sender<bool>,
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
        };
        Net {
            witnesses: Mutex::new((0..count).map(witness).collect()),
            largest: Mutex::new(0),
            released: watch::Sender::new(false),
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

    pub(crate) fn release(&self) {
        self.released.send_replace(true);
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
        let mut witnesses = self.witnesses.lock().unwrap();
        let witness = &mut witnesses[index];
        match witness.mood {
            Mood::Good | Mood::Slow | Mood::WrongSignature => {}
            Mood::Away => return Err(WitnessError::Unavailable("away".into())),
            Mood::UnknownLog => return Err(WitnessError::Unknown),
            Mood::KnowsMore => return Err(WitnessError::Conflict { size: TreeSize::new(1_000).unwrap() }),
            Mood::ConflictForEver => return Err(WitnessError::Conflict { size: message.old }),
            Mood::Nonsense => return Err(WitnessError::Malformed),
        }
        if message.old != witness.head.size {
            return Err(WitnessError::Conflict { size: witness.head.size });
        }
        tree::verify_consistency(&witness.head, &checkpoint.head, &message.proof)
            .map_err(|_| WitnessError::Unprocessable)?;
        let now = UnixSeconds::new(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
        if witness.mood == Mood::WrongSignature {
            let good = witness.key.cosign(&checkpoint, now).unwrap();
            let mut bytes = good.bytes().to_vec();
            *bytes.last_mut().unwrap() ^= 1;
            return Ok(vec![Signature::new(good.name().clone(), good.id(), bytes)]);
        }
        witness.head = checkpoint.head;
        Ok(vec![witness.key.cosign(&checkpoint, now).unwrap()])
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
}
